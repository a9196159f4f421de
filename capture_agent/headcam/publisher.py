# SPDX-License-Identifier: MIT
"""A camera, as the program that owns the pixels sees it.

A Publisher may be called from any thread. No call waits for the server, and none raises because
of it: a server that is missing, slow or restarted costs frames, never the caller. What raises is
a wrong argument, and an endpoint that cannot be one.
"""

from __future__ import annotations

import atexit
import contextlib
import dataclasses
import logging
import math
import secrets
import threading
from typing import Any

from headcam import endpoint as endpoints
from headcam import pixels as _pixels
from headcam import rings, wire
from headcam._version import __version__
from headcam.link import Link
from headcam.transport import Space, Stats, Transport
from headcam.wire import PixelFormat, Stamps, State

log = logging.getLogger("headcam")

# In bytes of UTF-8; together they fit an announcement.
_REASON_MAX = 255
_AGENT_MAX = 80
_FPS_MAX = 10000.0


class Publisher:
    """Publishes one stream of frames to the headcam server.

    name: the stream's, 1 to 64 characters of A-Z a-z 0-9 . _ -
    endpoint: the server's; by default $HEADCAM_INGEST, else ipc:///run/headcam/ingest.sock
    agent, version: the program that publishes, for the server's status page
    fps: the nominal frame rate, for the status page; None where there is none

    Raises ValueError for a name, rate or endpoint that cannot be one. A server that is not there
    is no error: the publisher connects when it comes, and again when it comes back.
    """

    def __init__(
        self,
        name: str,
        endpoint: str | None = None,
        *,
        agent: str = "headcam",
        version: str = __version__,
        fps: float | None = None,
    ) -> None:
        self.name = wire.check_name(name)
        self.endpoint = endpoints.resolve(endpoint)
        # Guards what is below. Taken before the link's lock.
        self._lock = threading.Lock()
        self._logged = ""
        self._announcement = wire.Announcement(
            instance=secrets.randbelow(2**64 - 1) + 1,
            state=State.STARTING,
            reason="no frame yet",
            fps=_check_fps(fps),
            agent=_text(agent, _AGENT_MAX),
            version=_text(version, _AGENT_MAX),
        )
        self._closed = False
        with self._lock:  # the link's thread waits for all of it
            self._link = Link(
                self.name,
                self.instance,
                self.endpoint,
                wire.pack_announcement(self._announcement),
                self._attend,
            )
            self._demand = self._link.demand
            self._transport = Transport(self._link, self.endpoint, self.instance)
        atexit.register(self.close)

    @property
    def wanted(self) -> bool:
        """Whether somebody watches. Costs an attribute read."""
        return self._demand.wanted

    @property
    def wanted_fps(self) -> float:
        """The frame rate wanted: 0.0 while nobody watches, math.inf for every frame."""
        return self._demand.wanted_fps

    @property
    def connected(self) -> bool:
        """Whether a server listens."""
        return self._demand.connected

    @property
    def refusal(self) -> str:
        """Why the server does not take the stream, as where another program has its name; else "".

        Nobody watches a stream that is refused.
        """
        return self._demand.refusal

    @property
    def instance(self) -> int:
        """This publisher's random number, by which the server tells it from a restarted one."""
        return self._announcement.instance

    @property
    def transport(self) -> str:
        """How frames go to the server: "ring" (through shared memory) or "inline"."""
        return "inline" if self.transport_reason else "ring"

    @property
    def transport_reason(self) -> str:
        """Why frames go inline; "" when they go by the ring. A JPEG always goes inline."""
        with self._lock:
            return self._transport.rings.reason

    @property
    def stats(self) -> Stats:
        """A copy of the counters."""
        with self._lock:
            return dataclasses.replace(
                self._transport.stats,
                announcements_published=self._link.announcements_published,
                connects=self._link.connects,
            )

    def wait_wanted(self, timeout: float | None = None) -> bool:
        """Blocks until somebody watches, without using the CPU.

        Returns False after `timeout` seconds, or when the publisher is closed.
        """
        return self._link.wait_wanted(timeout)

    def due(self, at_most_fps: float = math.inf) -> bool:
        """Whether to capture a frame now: somebody watches, and the wanted rate allows it.

        True counts the frame as taken. The rate is held without drift, whatever the rhythm of the
        calls. For one capturing thread.
        """
        return self._demand.wanted and self._link.take_due(at_most_fps)

    def wait_due(self, timeout: float, at_most_fps: float = math.inf) -> bool:
        """due(), but blocks until there is a frame to capture, for at most `timeout` seconds."""
        return self._link.wait_due(timeout, at_most_fps)

    def publish(
        self,
        pixels: Any,
        *,
        width: int | None = None,
        height: int | None = None,
        stride: int | None = None,
        format: PixelFormat | str | None = None,
        capture_time_ns: int | None = None,
        sim_time_ns: int | None = None,
        update: int | None = None,
        copy: bool = True,
    ) -> bool:
        """Publishes a frame if somebody watches; says whether it was sent.

        pixels: rows from top to bottom, 8 bits a channel, contiguous. Either an array or buffer of
            shape (height, width) for GRAY8, or (height, width, channels), where 4 channels are RGBA
            and 3 are RGB unless `format` says BGRA or BGR; or a flat buffer (bytes, bytearray,
            memoryview, mmap, ctypes) with `width`, `height` and `format`; or a JPEG, with
            format="JPEG".
        stride: bytes from one row to the next of a flat buffer; by default rows are not padded.
        capture_time_ns: CLOCK_REALTIME at capture, in ns; by default now.
        sim_time_ns: simulation time in ns, if there is any.
        update: the number of the simulator's update (its app frame) in which the picture was
            taken, if there is any; 0 counts as none. The same in all streams, it tells which
            pictures belong together.
        copy: False saves copying the pixels where there is no ring. They must then stay unchanged
            while pending(pixels).

        Returns False at once when nobody watches, the server is behind, or this is closed. Raises
        TypeError or ValueError for arguments that make no frame, nothing else.
        """
        picture = _pixels.inspect(pixels, width, height, stride, format)
        stamps = _stamps(capture_time_ns, sim_time_ns, update)
        if self._closed:
            return False
        with self._lock:
            self._go_live(picture)
            if not self._demand.wanted:
                self._transport.stats.frames_skipped_unwanted += 1
                return False
            return self._transport.send(pixels, picture, stamps, copy)

    def frame(
        self,
        height: int,
        width: int,
        format: PixelFormat | str = PixelFormat.RGBA,
        *,
        stride: int | None = None,
        capture_time_ns: int | None = None,
        sim_time_ns: int | None = None,
        update: int | None = None,
    ) -> Frame:
        """A frame to draw in place, and published at the end of its `with` block:

            with camera.frame(1080, 1920) as pixels:
                numpy.asarray(pixels)[:] = ...

        height, width: in pixels, in an array's order.
        stride: bytes from one row to the next, where rows are padded.
        capture_time_ns, sim_time_ns, update: as in publish(); they may also be set on the Frame
            later.

        What it gives is a writable memoryview of shape (height, width, channels), or
        (height, width) for GRAY8, or flat with `stride * height` bytes if a stride is given. It
        is the server's shared memory where there is a ring, and holds an old frame at first: draw
        all of it, and read from it as little as from a screen. It ends with the block: no view or
        array of it may be used afterwards. An exception inside the block passes on, and nothing
        is published.

        While nobody watches there is memory to draw in as well, and nothing is sent: ask due()
        before, to save the drawing. Raises TypeError or ValueError as publish() does.
        """
        shape = _pixels.describe(height, width, stride, format)
        stamps = _stamps(capture_time_ns, sim_time_ns, update)
        return Frame(self, shape, stride is not None, stamps)

    def announce(
        self,
        state: State | str | None = None,
        reason: str | None = None,
        *,
        width: int | None = None,
        height: int | None = None,
        format: PixelFormat | str | None = None,
    ) -> None:
        """Tells the server how the stream is; what is not given stays as it is.

        A new `state` without a `reason` clears the reason. Only a change is sent, so it may be
        called as often as is handy. publish() announces "live" and the frame's size by itself,
        and so ends the reason why there was no frame. What is said of a stream that is live, as
        in announce("live", "the picture is black: add a light"), is shown beside the picture; it
        stays, frame after frame, until announce(reason="") or another state ends it. Raises
        ValueError for a state or format that does not exist.
        """
        new_state = None if state is None else State(state)
        new_format = None if format is None else _pixels.parse_format(format)
        with self._lock:
            old = self._announcement
            if reason is None:
                reason = old.reason if new_state in (None, old.state) else ""
            self._change(
                new_state or old.state,
                _text(reason, _REASON_MAX),
                width or old.width,
                height or old.height,
                new_format or old.format,
            )

    def pending(self, pixels: Any) -> bool:
        """Whether the socket still reads a buffer that was published with copy=False."""
        with self._lock:
            return self._transport.is_pending(pixels)

    def close(self) -> None:
        """Says goodbye and closes. Takes less than half a second; a second call does nothing."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            ended = dataclasses.replace(
                self._announcement, state=State.ENDED, reason="", ring=None, ring_reason=""
            )
        atexit.unregister(self.close)
        self._link.close(wire.pack_announcement(ended))
        with self._lock:
            self._transport.close()

    def __enter__(self) -> Publisher:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<headcam.Publisher {self.name} at {self.endpoint}>"

    def _go_live(self, shape: _pixels.Shape | _pixels.Picture) -> None:
        """Announces what a frame tells: that the stream is live, and its size. Under _lock."""
        old = self._announcement
        reason = old.reason if old.state is State.LIVE else ""
        self._change(State.LIVE, reason, shape.width, shape.height, shape.format)

    def _change(
        self,
        state: State,
        reason: str,
        width: int | None,
        height: int | None,
        format: PixelFormat | None,
    ) -> None:
        """Announces what is new, if anything is. Under _lock."""
        old = self._announcement
        if (state, reason, width, height, format) == (
            old.state, old.reason, old.width, old.height, old.format,
        ):  # fmt: skip
            return
        self._announcement = dataclasses.replace(
            old, state=state, reason=reason, width=width, height=height, format=format
        )
        self._link.announce(wire.pack_announcement(self._announcement))

    def _begin(self, frame_bytes: int) -> Space:
        with self._lock:
            return self._transport.begin(frame_bytes, self.wanted and not self._closed)

    def _end(self, space: Space, shape: _pixels.Shape, stamps: Stamps | None) -> bool:
        """Publishes what was drawn if somebody watches; None for `stamps` discards it."""
        with self._lock:
            slot_sequence = self._transport.end(space)
            if self._closed or stamps is None:
                return False
            self._go_live(shape)
            if not self._demand.wanted:
                self._transport.stats.frames_skipped_unwanted += 1
                return False
            return self._transport.send_drawn(space, slot_sequence, shape, stamps)

    def _attend(self) -> None:
        """The link's thread calls this, as link.py says."""
        with self._lock:  # until __init__ has made it
            its_rings = self._transport.rings
        rings.attend(its_rings, self._lock, self._announce_ring)
        self._log_transport()

    def _announce_ring(self) -> bool:
        """Announces what is new of the ring, if anything is; False once closed. Under _lock."""
        if self._closed:
            return False
        offer = self._transport.rings.offer
        reason = _text(self._transport.rings.refusal, _REASON_MAX)
        old = self._announcement
        if (offer, reason) != (old.ring, old.ring_reason):
            self._announcement = dataclasses.replace(old, ring=offer, ring_reason=reason)
            self._link.announce(wire.pack_announcement(self._announcement))
        return True

    def _log_transport(self) -> None:
        """Logs how frames go, once each time that it changes."""
        with self._lock:
            now = self._transport.rings
            path = now.ring.path if now.ring and not now.reason else ""
            news = now.refusal or path
            if not news or news == self._logged:
                return
            self._logged = news
        if path:
            log.info("stream %s: frames go through %s", self.name, path)
        else:
            level = logging.WARNING if now.is_possible else logging.INFO
            log.log(level, "stream %s: frames go inline, which costs CPU: %s", self.name, news)


class Frame:
    """A frame that is drawn in place; Publisher.frame() tells how.

    `capture_time_ns`, `sim_time_ns` and `update` may be set until the block ends. `is_sent` says
    afterwards whether the frame was sent. Serves one `with` block.
    """

    def __init__(
        self, publisher: Publisher, shape: _pixels.Shape, is_flat: bool, stamps: Stamps
    ) -> None:
        self.capture_time_ns = stamps.capture_time_ns
        self.sim_time_ns = stamps.sim_time_ns
        self.update = stamps.update
        self.is_sent = False
        self._publisher = publisher
        self._shape = shape
        self._is_flat = is_flat
        self._is_discarded = False
        self._space: Space | None = None
        self._pixels: memoryview | None = None

    def discard(self) -> None:
        """Publishes nothing at the end of the block."""
        self._is_discarded = True

    def __enter__(self) -> memoryview:
        if self._space is not None:
            raise ValueError("a frame serves one with block: ask frame() for the next")
        self._space = self._publisher._begin(self._shape.frame_bytes)
        view = self._space.view
        self._pixels = view if self._is_flat else view.cast("B", self._shape.array_shape)
        return self._pixels

    def __exit__(self, exception: object, *others: object) -> None:
        assert self._space is not None and self._pixels is not None
        for view in (self._pixels, self._space.view):
            # An array may still be looking at it, as is usual; it must not be used any more.
            with contextlib.suppress(BufferError):
                view.release()
        stamps = None
        try:
            if exception is None and not self._is_discarded:
                stamps = _stamps(self.capture_time_ns, self.sim_time_ns, self.update)
        finally:
            self.is_sent = self._publisher._end(self._space, self._shape, stamps)


def _check_fps(fps: float | None) -> float | None:
    if fps is not None and not 0.0 < fps <= _FPS_MAX:
        raise ValueError(f"fps is {fps}: give a rate up to {_FPS_MAX:g}, or None for none")
    return fps


def _text(text: str, most: int) -> str:
    """One line of at most `most` bytes; the server would refuse a control character."""
    line = "".join([c if c.isprintable() else " " for c in text])
    return line.encode("utf-8", errors="replace")[:most].decode("utf-8", errors="ignore")


def _stamps(capture_time_ns: int | None, sim_time_ns: int | None, update: int | None) -> Stamps:
    """Checks what the caller gave. Raises TypeError or ValueError."""
    return Stamps(
        _within("capture_time_ns", capture_time_ns, 0, 2**64 - 1),
        _within("sim_time_ns", sim_time_ns, wire.NO_SIM_TIME + 1, 2**63 - 1),
        _within("update", update, wire.NO_UPDATE, 2**64 - 1),
    )


def _within(what: str, value: int | None, least: int, most: int) -> int | None:
    if value is None:
        return None
    number = _pixels.integer(what, value)
    if not least <= number <= most:
        raise ValueError(f"{what} {number} is outside {least} to {most}")
    return number
