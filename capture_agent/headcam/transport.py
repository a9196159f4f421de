# SPDX-License-Identifier: MIT
"""How a publisher's frames get to the server: through a ring if there is one, else inline.

Everything is called under the publisher's lock, which orders the frames; nothing waits for the
server.
"""

from __future__ import annotations

import dataclasses
import time
from typing import Any

from headcam import pixels as _pixels
from headcam import wire
from headcam.link import Link
from headcam.ring import Ring
from headcam.rings import Rings
from headcam.sockets import Tracker
from headcam.wire import Location, PixelFormat, Stamps


@dataclasses.dataclass
class Stats:
    """Counters since the publisher was made."""

    frames_published: int = 0  #: handed to the socket; the sum of the next two
    frames_ring: int = 0  #: left in the ring, so that only a header was sent
    frames_inline: int = 0  #: sent with their pixels
    frames_skipped_unwanted: int = 0  #: not sent, because nobody watched
    frames_dropped: int = 0  #: not sent, because the server had not taken the ones before
    bytes_published: int = 0  #: of pixels
    announcements_published: int = 0
    connects: int = 0  #: how often a server began to listen


@dataclasses.dataclass(frozen=True)
class Space:
    """Memory for a frame that is being drawn: `view` is flat."""

    view: memoryview
    ring: Ring | None = None
    slot: int = 0
    buffer: bytearray | None = None


class Transport:
    """One publisher's transport. `stats` has the counters of frames and bytes."""

    def __init__(self, link: Link, endpoint: str, instance: int) -> None:
        self.stats = Stats()
        self.rings = Rings(endpoint, instance, link.demand)
        self._link = link
        self._instance = instance
        self._sequence = 0
        self._header = bytearray(wire.HEADER_BYTES)
        self._trackers: list[tuple[Any, Tracker]] = []
        # What frames are drawn in where there is no ring; the socket may still read some.
        self._buffers: list[bytearray] = []

    def send(self, pixels: Any, picture: _pixels.Picture, stamps: Stamps, copy: bool) -> bool:
        """Sends a frame; without `copy` it may be pending. False where the server is behind."""
        view = picture.view
        ring = None if picture.format is PixelFormat.JPEG else self._find_ring(view.nbytes)
        slot = None if ring is None else ring.begin()
        if ring is None or slot is None:
            self._describe(picture, view.nbytes, stamps)
            return self._send_inline(pixels, view, copy)
        try:
            ring.write(slot, view)
        finally:
            slot_sequence = ring.end(slot)
        self._describe(picture, view.nbytes, stamps, ring, slot, slot_sequence)
        return self._send_slot(ring, slot, view.nbytes)

    def begin(self, frame_bytes: int, is_wanted: bool) -> Space:
        """Memory to draw a frame in, for end(). What is in it is an old frame, or zeros."""
        ring = self._find_ring(frame_bytes) if is_wanted else self.rings.find_scratch(frame_bytes)
        slot = None if ring is None else ring.begin()
        if ring is not None and slot is not None:
            return Space(ring.view(slot, frame_bytes), ring, slot)
        buffer = self._take_buffer(frame_bytes)
        return Space(memoryview(buffer), buffer=buffer)

    def end(self, space: Space) -> int:
        """Ends the drawing; returns the slot's sequence, if it is in the ring that is in use."""
        if space.buffer is not None:
            self._buffers.append(space.buffer)
        if space.ring is None or space.ring is not self.rings.ring:
            return 0  # a ring that was replaced meanwhile is closed already
        return space.ring.end(space.slot)

    def send_drawn(
        self, space: Space, slot_sequence: int, shape: _pixels.Shape, stamps: Stamps
    ) -> bool:
        """Sends what was drawn, after end(), without copying it."""
        count = shape.frame_bytes
        if space.buffer is not None:
            self._describe(shape, count, stamps)
            return self._send_inline(space.buffer, memoryview(space.buffer), copy=False)
        if space.ring is None or not self.rings.is_usable(space.ring):
            self.stats.frames_dropped += 1  # begun for another server, or the file was cut off
            return False
        self._describe(shape, count, stamps, space.ring, space.slot, slot_sequence)
        return self._send_slot(space.ring, space.slot, count)

    def is_pending(self, pixels: Any) -> bool:
        """Whether the socket still reads a buffer that was sent without a copy."""
        self._forget_sent()
        return any(owner is pixels for owner, _ in self._trackers)

    def close(self) -> None:
        """Removes the ring. After the link's thread has ended."""
        self._trackers.clear()
        self._buffers.clear()
        self.rings.forget()
        for ring in self.rings.take_discarded():
            ring.close()

    def _find_ring(self, frame_bytes: int) -> Ring | None:
        ring = self.rings.find(frame_bytes)
        if self.rings.is_waiting:
            self._link.wake()
        return ring

    def _describe(
        self,
        shape: _pixels.Shape | _pixels.Picture,
        frame_bytes: int,
        stamps: Stamps,
        ring: Ring | None = None,
        slot: int = 0,
        slot_sequence: int = 0,
    ) -> None:
        """Packs the next frame's header into _header."""
        self._sequence += 1
        capture_time_ns = stamps.capture_time_ns
        header = wire.FrameHeader(
            instance=self._instance,
            sequence=self._sequence,
            capture_time_ns=time.time_ns() if capture_time_ns is None else capture_time_ns,
            width=shape.width,
            height=shape.height,
            stride=shape.stride,
            format=shape.format,
            payload_bytes=frame_bytes,
            sim_time_ns=stamps.sim_time_ns,
            location=Location.INLINE if ring is None else Location.RING,
            ring=0 if ring is None else ring.number,
            slot=slot,
            slot_sequence=slot_sequence,
            update=stamps.update,
        )
        wire.pack_header_into(self._header, header)

    def _send_slot(self, ring: Ring, slot: int, frame_bytes: int) -> bool:
        """Sends _header alone."""
        if not self._link.send_frame(self._header):
            self.stats.frames_dropped += 1
            return False
        ring.sent(slot)
        self._buffers.clear()
        self.stats.frames_ring += 1
        self._count(frame_bytes)
        return True

    def _send_inline(self, owner: Any, view: memoryview, copy: bool) -> bool:
        """Sends _header and pixels; without `copy`, `owner` is pending until they are sent."""
        sent = self._link.send_frame(self._header, view, copy)
        if sent is False:
            self.stats.frames_dropped += 1
            return False
        if not isinstance(sent, bool):
            self._forget_sent()
            self._trackers.append((owner, sent))
        self.stats.frames_inline += 1
        self._count(view.nbytes)
        return True

    def _count(self, frame_bytes: int) -> None:
        self.stats.frames_published += 1
        self.stats.bytes_published += frame_bytes

    def _take_buffer(self, frame_bytes: int) -> bytearray:
        """One that nobody uses. There will be few: the socket keeps no more than its mark."""
        self._buffers = [buffer for buffer in self._buffers if len(buffer) == frame_bytes]
        for index, buffer in enumerate(self._buffers):
            if not self.is_pending(buffer):
                return self._buffers.pop(index)
        return bytearray(frame_bytes)

    def _forget_sent(self) -> None:
        self._trackers = [entry for entry in self._trackers if not entry[1].done]
