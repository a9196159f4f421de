# SPDX-License-Identifier: MIT
"""Sixty-four cameras on one server, and the one that was too many."""

from __future__ import annotations

import json
import time
from typing import Any

import numpy
from testlib import pictures
from testlib.build import SLOWNESS
from testlib.producer import Link, header
from testlib.waiting import hold, wait_until

LIMIT = 64
SIDE = 16


class Rig(Link):
    """Many cameras in one program. Each plays two shades of its own while it is watched."""

    def __init__(self, endpoint: str, names: list[str]) -> None:
        self.names = names
        self._wanted: set[str] = set()
        self._tick = 0
        self._next_tick_s = 0.0
        super().__init__(endpoint, is_open=True)

    def announce(self, name: str, state: str = "live") -> None:
        """One announcement."""
        members = {"headcam": 1, "instance": self._instance(name), "state": state}
        self.send(f"@{name}/".encode(), json.dumps(members).encode())

    def _instance(self, name: str) -> str:
        return f"{id(self) % 2**32:08x}{name.encode().hex()[-8:]:0>8}"

    def _heed(self, message: bytes) -> None:
        name = message[1:].decode("latin-1").rstrip("/")
        if message[:1] == b"\x01":
            self._wanted.add(name)
        elif message[:1] == b"\x00":
            self._wanted.discard(name)

    def _turn(self) -> None:
        if time.monotonic() < self._next_tick_s or b"\x01@" not in self.upstream:
            return
        self._next_tick_s = time.monotonic() + 0.1
        self._tick += 1
        for number, name in enumerate(self.names):
            if self._tick % 5 == 1:
                self.announce(name)
            if name in self._wanted:
                pixels = bytes([shade_of(number) + self._tick % 2]) * (SIDE * SIDE * 3)
                head = header(instance=int(self._instance(name), 16), sequence=self._tick)
                self.send(f"{name}/".encode(), head, pixels)


def shade_of(number: int) -> int:
    """What the camera of that number looks at."""
    return 20 + 3 * number


def listed(server: Any) -> list[str]:
    """The names in /status, in its order."""
    return [stream["name"] for stream in server.status()["streams"]]


def test_sixty_four_at_once_and_no_more(server: Any, connect: Any) -> None:
    """Each shows its own picture; the 65th is refused, and told why in the log."""
    names = [f"camera-{number}" for number in range(LIMIT)]
    rig = connect(server, names, kind=Rig)
    wait_until(lambda: len(listed(server)) == LIMIT, what="64 streams")
    assert listed(server) == names
    assert server.get("/readyz").text == f"ready: {LIMIT} of {LIMIT} streams live"

    viewers = [server.watch(f"/stream/{name}") for name in names]
    for number, viewer in enumerate(viewers):
        shade = numpy.median(pictures.decode(viewer.next("live").jpeg))
        assert abs(shade - shade_of(number)) <= 2, f"{viewer.path} shows another's picture"
    assert all(stream["viewers"] == 1 for stream in server.status()["streams"])

    surplus = connect(server, ["one-too-many"], kind=Rig)
    wait_until(lambda: server.rejected("limit") > 0, what="it is counted")
    server.wait_log("as many streams are announced as --max-streams allows")
    assert listed(server) == names
    rejected = server.status()["ingest"]["rejected"]
    assert rejected["limit"] == rejected["total"]
    for viewer in viewers:
        viewer.skip().next("live")

    # The first that says goodbye, and that nobody watches, makes room.
    viewers[7].close()
    wait_until(lambda: not server.stream(names[7])["wanted"], what="nobody watches it")
    rig.names = [name for name in names if name != names[7]]
    rig.announce(names[7], "ended")
    wait_until(lambda: surplus.names[0] in listed(server), what="the 65th takes the place")
    assert len(listed(server)) == LIMIT and names[7] not in listed(server)


def test_the_limit_is_a_flag(start_server: Any, connect: Any) -> None:
    """--max-streams 1: one camera and no other."""
    server = start_server("--max-streams", "1")
    connect(server, "only")
    server.wait_state("only")
    connect(server, "other")
    wait_until(lambda: server.rejected("limit") > 0, what="it is counted")
    assert listed(server) == ["only"]


def test_a_stream_that_is_gone_leaves_the_list(start_server: Any, connect: Any) -> None:
    """--forget-after: whether it ended or was lost; its viewers stay, and see it come back."""
    forget_after_s = 2 * SLOWNESS
    server = start_server("--forget-after", f"{forget_after_s:g}")
    ended, lost = connect(server, "ended"), connect(server, "lost", 32, 32)
    connect(server, "live")
    lost.play(20)
    for name in ("ended", "lost", "live"):
        server.wait_state(name)
    viewer = server.watch("/stream/lost")
    viewer.next("live")

    began_s = time.monotonic()
    ended.announce(state="ended")
    server.wait_state("ended", "ended")
    ended.close()
    lost.close()
    server.wait_state("lost", "lost")
    wait_until(lambda: listed(server) == ["live"], what="both are forgotten")
    assert time.monotonic() - began_s >= forget_after_s

    viewer.skip().next("no-signal")
    connect(server, "lost", 32, 32).play(20)
    viewer.skip().next("live")
    assert sorted(listed(server)) == ["live", "lost"]


def test_a_stream_that_nobody_announced_is_on_no_list(server: Any) -> None:
    """Looking for it does not make it so."""
    server.watch("/stream/ghost").next("no-signal")
    assert server.get("/snapshot/phantom?timeout=100").status == 503
    hold(lambda: listed(server) == [], 0.3, "a name that was only asked for is listed")
    assert server.status()["default"] is None
