# SPDX-License-Identifier: MIT
"""A fake Kit with headcam in it, under a clock that its updates move: what takes Kit a minute takes
the test a moment.
"""

import contextlib
import time

import fakekit
from fake_server import FakeServer

from headcam.isaac import settings
from headcam.isaac.kit import Kit
from headcam.isaac.session import Session
from headcam.wire import Location, State

UPDATES_PER_SECOND = 60
DEADLINE_S = 20.0
# Faster than any test's updates: what a frame waits for is the renderer, not the pace.
_FPS = 1000
_SMALL = (320, 180)
_SLOW_UPDATE_S = 0.25

FRONT, REAR, OVERVIEW = "/World/robot/front", "/World/robot/rear", "/World/overview"
PERSP = "/OmniverseKit_Persp"


class Sim:
    """One fake Kit, its session, and the server that it publishes to. Ends with its `with` block,
    at which nothing may be left in Kit, and nothing have been done that Kit punishes."""

    def __init__(self, endpoint, profile, options, prims=None):
        self.fake = fakekit.Kit(profile, fakekit.Options(**options), prims)
        self.settings_before = dict(_touched(self.fake))
        self.server = FakeServer(endpoint)
        self.endpoint = endpoint
        self.updates = 0
        self._passed_s = 0.0
        self.session = None
        self.expected_violations = []
        self._stack = contextlib.ExitStack()

    def __enter__(self):
        self._stack.enter_context(fakekit.install(self.fake))
        return self

    def __exit__(self, kind, *others):
        try:
            if self.session:
                self.session.stop()
            if kind is None:
                assert self.fake.journal.violations == self.expected_violations
                census = self.fake.census()
                assert (census.annotators, census.subscriptions) == (0, 0)
                assert dict(_touched(self.fake)) == self.settings_before
        finally:
            self._stack.close()
            self.server.close()

    def start(self, streams="viewport", **arguments):
        """Begins to capture."""
        defaults = {"endpoint": self.endpoint, "fps": _FPS, "resolution": _SMALL}
        arguments = defaults | {"streams": streams} | arguments
        kit = Kit()
        resolved = settings.resolve(kit.setting, arguments, {})
        self.session = Session(kit, resolved, self.now_s)
        return self.session

    def now_s(self):
        return self._passed_s + self.updates / UPDATES_PER_SECOND

    def update(self, count=1):
        """Updates, without the time that they would take."""
        for _ in range(count):
            self.updates += 1
            self.fake.update()

    def pass_seconds(self, seconds):
        """Time passes, with few updates: an application that is slow."""
        end_s = self.now_s() + seconds
        while self.now_s() < end_s:
            self._passed_s += _SLOW_UPDATE_S
            self.update()

    def update_until(self, condition, what="the condition"):
        """Updates until it is so, and gives the other threads time."""
        deadline_s = time.monotonic() + DEADLINE_S
        while not condition():
            assert time.monotonic() < deadline_s, f"updated in vain for {what}: {self.news()}"
            self.update()
            time.sleep(0.001)

    def watch(self, *names):
        """Viewers come; returns when the agent knows."""
        for name in names:
            self.server.watch(name)
        self.wait_wanted(True, names)

    def leave(self, *names):
        """The last viewers leave; returns when the agent knows."""
        for name in names:
            self.server.leave(name)
        self.wait_wanted(False, names)

    def wait_wanted(self, wanted, names):
        feeds = [feed for feed in self.session.feeds if feed.name in names]
        assert len(feeds) == len(names)
        self._wait(lambda: all(feed.publisher.wanted is wanted for feed in feeds))

    def frame(self, name, skip=0):
        """The next frame of a stream, from now on, after `skip` others."""
        seen = len(self.frames(name))
        self.update_until(lambda: len(self.frames(name)) > seen + skip, f"a frame of {name}")
        return self.frames(name)[seen + skip]

    def frames(self, name):
        return [frame for frame in self.server.frames if frame.topic == f"{name}/".encode()]

    def said(self, name):
        """(state, reason) as the server heard last of a stream."""
        feed = next(feed for feed in self.session.feeds if feed.name == name)
        said = [one for one in self.server.announcements if one.instance == feed.publisher.instance]
        return (said[-1].state, said[-1].reason) if said else (None, "")

    def wait_heard(self, *names):
        """Returns when the server knows of these streams: from then on it is owed a goodbye."""
        self._wait(lambda: all(self.said(name)[0] for name in names))

    def ended(self):
        """The producers that said goodbye."""
        return {one.instance for one in self.server.announcements if one.state is State.ENDED}

    def update_until_said(self, name, words, state=None):
        """Updates until a stream's reason has these words in it."""

        def is_said():
            now, reason = self.said(name)
            is_reason = words in reason if words else reason == ""
            return is_reason and (state is None or now is state)

        self.update_until(is_said, f"{name} says {words!r}")

    def logged(self, words):
        """The lines of Kit's log that have these words."""
        return [line.text for line in self.fake.journal.log if words in line.text]

    def reads(self):
        return self.fake.journal.calls["Annotator.get_data"]

    def news(self):
        """For failures: what was said and logged last."""
        names = self.session.names if self.session else []
        return [(name, self.said(name)) for name in names] + self.fake.journal.log[-3:]

    def _wait(self, condition):
        deadline_s = time.monotonic() + DEADLINE_S
        while not condition():
            assert time.monotonic() < deadline_s, "waited in vain"
            time.sleep(0.002)


def code_of(frame):
    """The test code in a frame's picture: its `frame` is the update that it shows."""
    header = frame.header
    assert header.location is Location.INLINE
    rows = memoryview(frame.payload).cast("B", (header.height, header.width, 4))
    luma = bytearray(header.width * header.height)
    luma[:] = rows.cast("B")[1::4]
    return fakekit.testcode.decode(bytes(luma), header.width, header.height)


def color_of(frame):
    """The colours of its left and right half, at the top."""
    width = frame.header.width
    left, right = frame.payload[:3], frame.payload[4 * (width - 1):4 * width - 1]
    return tuple(left), tuple(right)


def _touched(fake):
    for path in (
        "/omni/replicator/captureOnPlay",
        "/persistent/omni/replicator/captureOnPlay",
        "/app/asyncRendering",
        "/app/renderer/enabled",
        "/app/viewport/grid/enabled",
    ):
        yield path, fake.settings.load(path)
