# SPDX-License-Identifier: MIT
"""What keeps frames from reaching the server: each thing that has to be right, in its order.

examine() is for a person who asks, and asks the server, too; summary() is one line for a log, and
returns at once. Neither changes anything: no stream is announced, no file stays behind. Neither
needs pyzmq or a simulator.
"""

from __future__ import annotations

import dataclasses
import enum
import selectors
import sys
import time
from collections.abc import Iterator

from headcam import endpoint as endpoints
from headcam import ring, sockets, wire
from headcam._version import __version__
from headcam.demand import Demand
from headcam.ring import RingError, Site
from headcam.sockets import Socket
from headcam.wire import Place

_PYTHON_LEAST = (3, 10)
_FRAME_BYTES = 1920 * 1080 * 4
_RING_BYTES = wire.RING_PAGE + ring.SLOTS * ring.slot_bytes_for(_FRAME_BYTES)
# With room for fewer, cameras and agents that come later may find none.
_RINGS_ENOUGH = 4


class Verdict(enum.Enum):
    """How it is."""

    OK = "ok"
    NOTE = "note"  #: frames come all the same
    FAIL = "FAIL"


@dataclasses.dataclass(frozen=True)
class Finding:
    """One thing that was looked at. `advice` says what to do; a FAIL always has some."""

    verdict: Verdict
    subject: str
    found: str
    advice: str = ""

    def __str__(self) -> str:
        """A line, and one more for the advice."""
        line = f"{self.verdict.value:<6}{self.subject:<11}{self.found}"
        return f"{line}\n{'':17}{self.advice}" if self.advice else line


def examine(endpoint: str, origin: str, timeout_s: float) -> Iterator[Finding]:
    """Looks at one thing after the other, as far as it makes sense.

    origin: where the endpoint comes from, for people
    timeout_s: how long the server may take to answer
    """
    yield _check_python(tuple(sys.version_info[:3]))
    yield Finding(Verdict.OK, "zmq", sockets.describe())
    try:
        socket = sockets.connect(endpoint)
    except ValueError as error:
        yield Finding(Verdict.FAIL, "endpoint", f"{endpoint!r} (from {origin})", str(error))
        return
    try:
        yield Finding(Verdict.OK, "endpoint", f"{endpoint} (from {origin})")
        way = endpoints.steps(endpoint)
        for subject, step in zip(("directory", "socket"), way):
            yield _check_step(subject, step)
        yield _check_ring(_find_ring_place(endpoint))
        if any(step.trouble for step in way):
            yield Finding(Verdict.NOTE, "server", "not asked: there is no way to it")
        else:
            yield _ask_server(socket, endpoint, timeout_s)
    finally:
        socket.close(0.0)


def summary(endpoint: str) -> str:
    """One line for the log of a simulator that starts. Returns at once, and never raises."""
    try:
        python = ".".join(map(str, sys.version_info[:3]))
        way = endpoints.steps(endpoint)
        is_open = way and not way[-1].trouble
        where = ", whose socket is there" if is_open else f": {endpoints.diagnose(endpoint)}"
        return (
            f"Python {python}; {sockets.describe()}; {_find_ring_place(endpoint).found};"
            f" the server at {endpoint}{where}"
        )
    except Exception as error:  # a log line is not worth a simulator's start
        return f"the server at {endpoint}; more cannot be said: {error}"


def _check_python(version: tuple[int, ...]) -> Finding:
    found = f"{'.'.join(map(str, version))}, {sys.executable}; headcam {__version__}"
    if version < _PYTHON_LEAST:
        least = ".".join(map(str, _PYTHON_LEAST))
        advice = f"run headcam with Python {least} or later; Isaac Sim's own is python.sh"
        return Finding(Verdict.FAIL, "python", found, advice)
    return Finding(Verdict.OK, "python", found)


def _check_step(subject: str, step: endpoints.Step) -> Finding:
    access = f" ({step.access})" if step.access else ""
    if step.trouble:
        return Finding(Verdict.FAIL, subject, step.trouble + access, step.remedy)
    return Finding(Verdict.OK, subject, step.path + access)


@dataclasses.dataclass(frozen=True)
class _RingPlace:
    """Where a ring for 1080p frames would go; `site` is None where nowhere.

    `why_not` has the reasons against the places that would be better.
    """

    site: Site | None
    room_bytes: int
    why_not: tuple[str, ...]

    @property
    def found(self) -> str:
        """In a few words."""
        if self.site is not None:
            return f"rings go to {self.site.directory}"
        return "no ring: " + ("; ".join(self.why_not) or "it needs an ipc:// endpoint")


def _find_ring_place(endpoint: str) -> _RingPlace:
    why_not: list[str] = []
    for site in ring.sites(endpoint):
        try:
            room_bytes = ring.room(site)
        except RingError as error:
            why_not.append(str(error))
            continue
        if room_bytes >= _RING_BYTES:
            return _RingPlace(site, room_bytes, tuple(why_not))
        free = f"{site.directory} has {_megabytes(room_bytes)} free"
        why_not.append(f"{free}, a 1080p camera takes {_megabytes(_RING_BYTES)}")
    return _RingPlace(None, 0, tuple(why_not))


def _check_ring(place: _RingPlace) -> Finding:
    if place.site is None:
        advice = "frames are sent inline: the same picture, at two to three times the CPU"
        return Finding(Verdict.NOTE, "ring", place.found, advice)
    found = f"{place.found}, a tmpfs with {_megabytes(place.room_bytes)} free"
    if place.why_not:
        found += f" ({'; '.join(place.why_not)})"
    is_shm = place.site.place is Place.SHM
    if place.room_bytes < _RINGS_ENOUGH * _RING_BYTES:
        size = "docker run --shm-size=1g" if is_shm else "mount -o remount,size=1g"
        advice = f"each 1080p camera takes {_megabytes(_RING_BYTES)}; for more of them: {size}"
        return Finding(Verdict.NOTE, "ring", found, advice)
    if is_shm and endpoints.is_in_container():
        advice = (
            "of use only if the server sees the same /dev/shm (--ipc=host for both); or put its"
            " socket on a tmpfs"
        )
        return Finding(Verdict.NOTE, "ring", found, advice)
    return Finding(Verdict.OK, "ring", found)


def _megabytes(count: int) -> str:
    return "any number of MB" if count == sys.maxsize else f"{count / 1e6:.0f} MB"


def _ask_server(socket: Socket, endpoint: str, timeout_s: float) -> Finding:
    """Whether somebody subscribes to announcements, as the server does with whoever connects."""
    demand = Demand("doctor", 0)  # only listens: a stream begins with an announcement
    began_s = time.monotonic()
    with selectors.DefaultSelector() as selector:
        selector.register(socket, selectors.EVENT_READ)
        while True:
            while (message := socket.receive()) is not None:
                demand.feed(message)
            now_s = time.monotonic()
            if demand.connected:
                waited_ms = (now_s - began_s) * 1000
                return Finding(Verdict.OK, "server", f"answers, after {waited_ms:.0f} ms")
            left_s = began_s + timeout_s - now_s
            if left_s <= 0.0:
                break
            selector.select(max(0.0, min(left_s, socket.wake_at_s - now_s)))
    found = f"no headcam answered within {timeout_s:g} s"
    return Finding(Verdict.FAIL, "server", found, socket.trouble or endpoints.diagnose(endpoint))
