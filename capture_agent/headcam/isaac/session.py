# SPDX-License-Identifier: MIT
"""The capture inside a Kit application: its events, its streams, and what they are told.

Everything runs on Kit's main thread, in its events; the watchdog alone has a thread of its own. No
event raises, and none waits for the server. An update in which nobody watches costs a look at the
clock and one comparison a stream.
"""

from __future__ import annotations

import dataclasses
import logging
import math
import threading
import time
from collections.abc import Callable, Iterable

from headcam import doctor
from headcam._version import __version__
from headcam.isaac import reasons, streams
from headcam.isaac.feed import Feed, Moment
from headcam.isaac.kit import Kit, StageEvent, Subscription
from headcam.isaac.logbridge import LogBridge
from headcam.isaac.scan import CameraScan
from headcam.isaac.settings import PREFIX, Settings
from headcam.isaac.sources import CameraSource, Retired, Source, ViewportSource
from headcam.isaac.streams import StreamSpec
from headcam.isaac.watchdog import Watchdog
from headcam.publisher import Publisher
from headcam.wire import State

log = logging.getLogger("headcam")

_LOOK_EVERY_S = 1.0
# A stage that has just been opened is not touched for so many updates.
_UPDATES_AFTER_OPENED = 10
# So long after a stage was closed, one that is there counts as opened, whatever was missed.
_OPENED_AFTER_S = 5.0
# Auto streams of the last stage stay so long, for their cameras may only be loading.
_PRUNE_AFTER_S = 5.0
_GOODBYE_S = 1.0


class Session:
    """Streams what the settings name, until stop().

    clock: seconds that never go back, for what is done once a second and for all patience.

    Raises ValueError for an endpoint that cannot be one. What it raises leaves nothing behind.
    """

    def __init__(
        self, kit: Kit, settings: Settings, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._kit = kit
        self._settings = settings
        self._clock = clock
        self._agent = f"headcam in {kit.description}"
        self._feeds: list[Feed] = []
        self._auto: dict[str, Feed] = {}  # by prim path
        self._is_auto_full = False
        self._retired = Retired()
        self._scan = CameraScan(kit)
        self._look_at_s = 0.0
        # None while there is a stage; when headcam is started before one, that was long ago.
        self._closing_since_s: float | None = None if kit.has_stage else -math.inf
        self._updates_to_wait = 0
        self._prune_at_s = 0.0
        self._has_complained = False
        self._is_stopped = False
        self._log = LogBridge(kit)
        self._watchdog = Watchdog(self._tell_silence)
        self._subscriptions: list[Subscription] = []
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    @property
    def feeds(self) -> tuple[Feed, ...]:
        """The streams."""
        return tuple(self._feeds)

    @property
    def names(self) -> list[str]:
        """The streams' names."""
        return [feed.name for feed in self._feeds]

    def stop(self, is_quitting: bool = False) -> None:
        """Says goodbye and leaves Kit as it was. A second call does nothing.

        `is_quitting`: the application ends, so that render products may be destroyed.
        """
        if self._is_stopped:
            return
        self._is_stopped = True
        for subscription in self._subscriptions:
            subscription.end()
        self._watchdog.end()
        for feed in self._feeds:
            feed.close()
        if is_quitting:
            self._retired.destroy()
        _close(feed.publisher for feed in self._feeds)
        self._log.close()

    def _start(self) -> None:
        for spec in self._settings.streams.specs:
            self._add(spec)
        self._log.open()
        kit, keep, guarded = self._kit, self._subscriptions.append, self._guarded
        keep(kit.on_update(guarded(self._on_update)))
        keep(kit.on_stage(StageEvent.CLOSING, guarded(self._on_stage_closing)))
        keep(kit.on_stage(StageEvent.OPENED, guarded(self._on_stage_opened)))
        keep(kit.on_quit(guarded(lambda: self.stop(is_quitting=True))))
        self._watchdog.start()
        kit.print(f"headcam {__version__}: {self._summary()}")

    # ---- events ----

    def _guarded(self, call: Callable[[], None]) -> Callable[[], None]:
        """What Kit may call: nothing is raised into it."""

        def guarded() -> None:
            try:
                call()
            except Exception as error:
                self._complain(error)

        return guarded

    def _complain(self, error: Exception) -> None:
        """Once: it may come with each update."""
        if not self._has_complained:
            self._has_complained = True
            log.error("a failure that should not be; please report it", exc_info=error)

    def _on_update(self) -> None:
        now_s = self._clock()
        self._watchdog.beat()
        if self._updates_to_wait:
            self._updates_to_wait -= 1
        elif self._closing_since_s is None:
            for feed in self._feeds:
                if feed.publisher.wanted:
                    feed.capture(now_s, self._moment)
        if now_s >= self._look_at_s:
            self._look_at_s = now_s + _LOOK_EVERY_S
            try:
                self._look(now_s)
            finally:
                self._log.write()

    def _on_stage_closing(self) -> None:
        self._closing_since_s = self._clock()
        for feed in self._feeds:
            feed.drop()
            feed.publisher.announce(State.STALLED, reasons.CLOSING)
        self._retired.forget()
        self._scan.forget()

    def _on_stage_opened(self) -> None:
        self._closing_since_s = None
        self._updates_to_wait = _UPDATES_AFTER_OPENED
        self._prune_at_s = self._clock() + _PRUNE_AFTER_S
        self._scan.forget()

    def _moment(self) -> Moment:
        return Moment(self._kit.update_number, self._clock(), self._kit.sim_time_ns)

    # ---- about once a second ----

    def _look(self, now_s: float) -> None:
        if self._closing_since_s is not None:
            if now_s - self._closing_since_s < _OPENED_AFTER_S:
                return
            if not self._kit.has_stage:
                self._tell_no_stage()
                return
            self._on_stage_opened()
        try:
            if self._settings.streams.auto:
                self._follow_cameras(now_s)
            app = self._facts(now_s)
        except Exception as error:
            self._complain(error)
            app = reasons.Facts(failure=reasons.explain_no_answer(error))
        for feed in self._feeds:
            feed.look(now_s, app)

    def _tell_no_stage(self) -> None:
        """Without a look at the streams: their sources would touch what is not there."""
        facts = reasons.Facts(has_stage=False, loading=self._kit.stage_loading)
        for feed in self._feeds:
            feed.tell(reasons.explain(facts))

    def _facts(self, now_s: float) -> reasons.Facts:
        facts = reasons.Facts(
            is_renderer_enabled=self._kit.is_renderer_enabled,
            has_stage=self._kit.has_stage,
            loading=self._kit.stage_loading,
            missing_extensions=tuple(self._kit.missing_extensions),
        )
        missing = any(feed.source and not feed.source.facts().has_camera for feed in self._feeds)
        return dataclasses.replace(facts, cameras=self._scan.paths(now_s)) if missing else facts

    def _follow_cameras(self, now_s: float) -> None:
        """Makes streams of the cameras that are on the stage."""
        paths = self._scan.paths(now_s)
        if self._prune_at_s and now_s >= self._prune_at_s and not self._kit.stage_loading:
            self._prune_at_s = 0.0
            self._prune(set(paths))
        named = {spec.camera for spec in self._settings.streams.specs}
        for path in paths:
            if path in self._auto or path in named:
                continue
            if len(self._auto) >= self._settings.max_streams:
                self._complain_of_auto(len(paths))
                return
            name = streams.name_of(path, self.names)
            spec = StreamSpec(name, path, None, self._settings.streams.auto_size)
            self._auto[path] = self._add(spec)
            log.info("stream %s: camera %s", name, path)

    def _complain_of_auto(self, count: int) -> None:
        if not self._is_auto_full:
            self._is_auto_full = True
            log.warning(
                "the stage has %d cameras, and %d are streamed: raise --%smaxStreams",
                count, self._settings.max_streams, PREFIX,
            )  # fmt: skip

    def _prune(self, paths: set[str]) -> None:
        """Ends the streams of cameras that were on another stage."""
        gone = [self._auto.pop(path) for path in list(self._auto) if path not in paths]
        self._is_auto_full = False
        for feed in gone:
            feed.close()
            self._feeds.remove(feed)
            # Not here: a goodbye may take a moment.
            threading.Thread(target=feed.publisher.close, daemon=True).start()

    # ---- streams ----

    def _add(self, spec: StreamSpec) -> Feed:
        publisher = Publisher(
            spec.name,
            self._settings.endpoint,
            agent=self._agent,
            version=__version__,
            fps=self._settings.fps,
        )
        publisher.announce(State.STARTING, reasons.NO_UPDATE_YET)
        feed = Feed(spec.name, publisher, self._settings.fps, self._settings.rest_after)
        feed.source = self._make_source(spec, feed)
        self._feeds.append(feed)
        return feed

    def _make_source(self, spec: StreamSpec, feed: Feed) -> Source:
        if spec.camera is not None:
            size = self._settings.camera_size
            return CameraSource(self._kit, spec, size, self._retired, self._is_warm)
        if spec.size is None:
            spec = dataclasses.replace(spec, size=self._settings.resolution)
        return ViewportSource(self._kit, spec, feed.deliver)

    def _is_warm(self) -> bool:
        """Whether the renderer has brought a frame on this stage: shaders are compiled then."""
        return any(
            feed.has_picture or (feed.source is not None and feed.source.has_rendered)
            for feed in self._feeds
        )

    # ---- words ----

    def _summary(self) -> str:
        names = ", ".join(self.names + ["auto"] * self._settings.streams.auto) or "no stream"
        return f"{names} in {self._kit.description}; {doctor.summary(self._settings.endpoint)}"

    def _tell_silence(self, since: float) -> None:
        """From the watchdog's thread."""
        at = time.strftime("%H:%M:%S %Z", time.localtime(since))
        for feed in tuple(self._feeds):
            feed.publisher.announce(State.STALLED, reasons.explain_silence(at))


def _close(publishers: Iterable[Publisher]) -> None:
    """All at once: each may take a moment."""
    threads = [threading.Thread(target=publisher.close, daemon=True) for publisher in publishers]
    for thread in threads:
        thread.start()
    deadline_s = time.monotonic() + _GOODBYE_S
    for thread in threads:
        thread.join(max(0.0, deadline_s - time.monotonic()))
