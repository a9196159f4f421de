# SPDX-License-Identifier: MIT
"""Raw frames from a pipe: any program that can write pixels is a camera.

The pipe is read all the time, so that its writer never stalls; a frame that nobody wants is read
over. Each is read to where it will be published from, so that no pixel is ever copied.
"""

from __future__ import annotations

import dataclasses
import fcntl
import io
import logging
import select
import time
from collections.abc import Callable

from headcam.publisher import Publisher
from headcam.wire import PixelFormat, State

log = logging.getLogger("headcam")

_POLL_MS = 250
_STALLED_AFTER_S = 2.0
_PIPE_BYTES = 1 << 20


class TruncatedFrame(Exception):
    """The input ended inside a frame."""


@dataclasses.dataclass(frozen=True)
class FrameShape:
    """What each frame looks like: sizes in pixels, `stride` in bytes."""

    width: int
    height: int
    format: PixelFormat
    stride: int

    @property
    def frame_bytes(self) -> int:
        """Bytes from one frame to the next."""
        return self.stride * self.height

    def __str__(self) -> str:
        return f"{self.width}x{self.height} {self.format.name}, stride {self.stride}"


def run(
    publisher: Publisher,
    source: io.FileIO,
    shape: FrameShape,
    is_ended: Callable[[], bool],
) -> int:
    """Publishes frames from `source` until it ends or `is_ended()`; returns how many it read.

    `source` is unbuffered. Raises TruncatedFrame where it ends inside a frame.
    """
    publisher.announce(
        State.STARTING,
        "no frame on stdin yet",
        width=shape.width,
        height=shape.height,
        format=shape.format,
    )
    _enlarge_pipe(source)
    reader = _Reader(publisher, source, is_ended)
    frames = 0
    while True:
        frame = publisher.frame(shape.height, shape.width, shape.format, stride=shape.stride)
        with frame as pixels:
            if not reader.read_frame(pixels):
                frame.discard()
                return frames
            frames += 1
            frame.capture_time_ns = reader.frame_began_ns
            if not publisher.due():
                frame.discard()
                publisher.announce(State.LIVE)


class _Reader:
    """Reads whole frames, and announces it when nothing comes."""

    def __init__(
        self, publisher: Publisher, source: io.FileIO, is_ended: Callable[[], bool]
    ) -> None:
        self.frame_began_ns = 0  # CLOCK_REALTIME
        self._publisher = publisher
        self._source = source
        self._is_ended = is_ended
        # poll(), not epoll: stdin may be a plain file.
        self._poll = select.poll()
        self._poll.register(source, select.POLLIN)
        self._frames = 0
        self._heard_s = time.monotonic()
        self._heard_at = time.time()

    def read_frame(self, buffer: memoryview) -> bool:
        """Fills `buffer` with the next frame; False when there is none any more."""
        filled = 0
        while filled < len(buffer):
            if not self._wait_readable():
                return False
            with buffer[filled:] as rest:
                count = self._source.readinto(rest)
            if count is None:
                continue
            if count == 0:
                self._check_end(filled, len(buffer))
                return False
            if filled == 0:
                self.frame_began_ns = time.time_ns()
            filled += count
            self._heard_s = time.monotonic()
            self._heard_at = time.time()
        self._frames += 1
        return True

    def _check_end(self, filled: int, frame_bytes: int) -> None:
        if filled:
            raise TruncatedFrame(
                f"stdin ended inside frame {self._frames + 1}, after {filled} of {frame_bytes}"
                " bytes: check --size, --format and --stride"
            )

    def _wait_readable(self) -> bool:
        """Waits for input; False when the program is to end."""
        while not self._is_ended():
            if self._poll.poll(_POLL_MS):
                return True
            self._announce_silence()
        return False

    def _announce_silence(self) -> None:
        if self._frames and time.monotonic() - self._heard_s >= _STALLED_AFTER_S:
            since = time.strftime("%H:%M:%S %Z", time.localtime(self._heard_at))
            self._publisher.announce(State.STALLED, f"nothing on stdin since {since}")


def _enlarge_pipe(source: io.FileIO) -> None:
    """Room for more of a frame at once: fewer turns between writer and reader."""
    try:
        fcntl.fcntl(source, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    except (OSError, AttributeError):
        log.debug("stdin stays as it is: no pipe, or not allowed to grow")
