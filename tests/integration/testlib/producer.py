# SPDX-License-Identifier: MIT
"""The wire protocol, spoken from docs/api.md and nothing else: a producer as a user would write it.

It is independent of the capture agent on purpose, and also says what no honest producer would.
"""

from __future__ import annotations

import itertools
import json
import secrets
import struct
import threading
import time
from collections.abc import Callable
from typing import Any

import zmq

from testlib.build import SLOWNESS
from testlib.waiting import SOON_S, wait_until

NO_SIM_TIME = -(2**63)

#: By name: the number on the wire, and bytes a pixel.
FORMATS = {
    "RGBA": (1, 4),
    "BGRA": (2, 4),
    "RGB": (3, 3),
    "BGR": (4, 3),
    "GRAY8": (5, 1),
    "JPEG": (16, 0),
}

_TURN_S = 0.003
_ANNOUNCE_EVERY_S = 0.5


def header(
    instance: int = 1,
    sequence: int = 1,
    capture_ns: int | None = None,
    sim_ns: int = NO_SIM_TIME,
    width: int = 16,
    height: int = 16,
    stride: int | None = None,
    pixel_format: int = 3,
    pixel_bytes: int = 3,
    location: int = 0,
    flags: int = 0,
    slot: int = 0,
    reserved: int = 0,
    slot_sequence: int = 0,
    payload: int | None = None,
    magic: bytes = b"HCAM",
    version: int = 1,
    header_bytes: int | None = None,
    update: int | None = None,
) -> bytes:
    """A frame's header; without arguments, of a good 16x16 RGB frame.

    It has 80 bytes, as the first producers sent it, or 88 where there is an update.
    """
    stride = width * pixel_bytes if stride is None else stride
    end = b"" if update is None else struct.pack("<Q", update)
    start = struct.pack(
        "<4sHHQQQqIIIBBHIIQQ",
        magic,
        version,
        80 + len(end) if header_bytes is None else header_bytes,
        instance,
        sequence,
        time.time_ns() if capture_ns is None else capture_ns,
        sim_ns,
        width,
        height,
        stride,
        pixel_format,
        location,
        flags,
        slot,
        reserved,
        slot_sequence,
        stride * height if payload is None else payload,
    )
    return start + end


class Link:
    """An XPUB socket, and what the server said on it. Any thread may send.

    With `is_open` everything is sent, subscribed to or not. What a test sends waits for room; what
    this one's own thread sends is lost where there is none.
    """

    def __init__(self, endpoint: str, is_open: bool = False) -> None:
        self.upstream: list[bytes] = []
        self._is_open = is_open
        self._is_over = False
        self._lock = threading.RLock()  # the socket's
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.XPUB)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.RECONNECT_IVL, 20)
        self._socket.setsockopt(zmq.SNDHWM, 0 if is_open else 4)
        self._socket.setsockopt(zmq.XPUB_NODROP, 1)
        self._socket.setsockopt(zmq.SNDTIMEO, round(SOON_S * SLOWNESS * 1000))
        if is_open:
            self._socket.setsockopt(zmq.XPUB_MANUAL, 1)
        self._socket.connect(endpoint)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def close(self) -> None:
        """Goes away without a word, as a killed process does; a second call does nothing."""
        if self._is_over:
            return
        self._is_over = True
        self._thread.join()
        self._socket.close()
        self._context.term()

    def send(self, *parts: bytes) -> None:
        """One message."""
        is_own = threading.current_thread() is self._thread
        with self._lock:
            try:
                self._socket.send_multipart(parts, zmq.NOBLOCK if is_own else 0)
            except zmq.Again:
                assert is_own, f"no room for a message within {SOON_S * SLOWNESS:g} s"

    def wait_connected(self) -> None:
        """Until the server subscribed to announcements."""
        wait_until(lambda: b"\x01@" in self.upstream, what="a subscription to announcements")

    def _run(self) -> None:
        while not self._is_over:
            with self._lock:
                self._read()
                self._turn()
            time.sleep(_TURN_S)

    def _read(self) -> None:
        try:
            while True:
                message = self._socket.recv(zmq.NOBLOCK)
                if self._is_open and message[:1] == b"\x01":
                    self._socket.setsockopt(zmq.SUBSCRIBE, b"")
                self.upstream.append(message)
                self._heed(message)
        except zmq.Again:
            return

    def _heed(self, message: bytes) -> None:
        """For what a message from the server brings about."""

    def _turn(self) -> None:
        """For more to do in the thread."""


class Producer(Link):
    """One stream: announces it twice a second, sends frames when told to, or plays them."""

    def __init__(
        self,
        endpoint: str,
        name: str = "front",
        width: int = 64,
        height: int = 48,
        pixel_format: str = "RGB",
        stride: int | None = None,
        is_open: bool = False,
        **announced: Any,
    ) -> None:
        self.name = name
        self.width, self.height = width, height
        self.format_code, self.pixel_bytes = FORMATS[pixel_format]
        self.stride = width * self.pixel_bytes if stride is None else stride
        self.instance = secrets.randbelow(2**64 - 1) + 1
        self.sent = 0  #: frames; also the last one's sequence
        self._announced = {
            "headcam": 1,
            "instance": f"{self.instance:016x}",
            "state": "live",
            "width": width,
            "height": height,
            "format": pixel_format,
            **announced,
        }
        self._next_announcement_s = 0.0
        self._pictures: Callable[[], bytes] | None = None
        self._every_s = self._next_frame_s = 0.0
        super().__init__(endpoint, is_open)

    @property
    def is_wanted(self) -> bool:
        """Whether the server subscribes to the frames."""
        topic = self.name.encode() + b"/"
        told = [message[0] for message in self.upstream if message[1:] == topic]
        return bool(told) and told[-1] == 1

    @property
    def wanted_rates(self) -> list[float]:
        """The rates asked for so far, in frames per second; 0 for every frame."""
        start = bytes([2, len(self.name)]) + self.name.encode()
        return [
            int.from_bytes(message[len(start):], "little") / 1000
            for message in self.upstream
            if message.startswith(start) and len(message) == len(start) + 4
        ]

    def wait_wanted(self, timeout_s: float = SOON_S) -> Producer:
        """Until somebody watches."""
        wait_until(lambda: self.is_wanted, timeout_s, f"a subscription to {self.name}")
        return self

    def announce(self, **changes: Any) -> None:
        """Announces at once, and from now on so."""
        with self._lock:
            self._announced.update(changes)
            self._next_announcement_s = 0.0
            self._turn()

    def send_frame(self, pixels: bytes, **fields: Any) -> int:
        """Sends a frame, whether it is wanted or not; returns its sequence."""
        return self._send_frame(pixels, pixels, **fields)

    def _send_frame(self, pixels: bytes, *inline: bytes, **fields: Any) -> int:
        """A frame of these pixels, which are in the message only if they are given again."""
        with self._lock:
            self.sent += 1
            fields = {
                "instance": self.instance,
                "sequence": self.sent,
                "width": self.width,
                "height": self.height,
                "stride": self.stride,
                "pixel_format": self.format_code,
                "payload": len(pixels),
                **fields,
            }
            self.send(self.name.encode() + b"/", header(**fields), *inline)
            return self.sent

    def play(self, fps: float, *pictures: bytes) -> Producer:
        """From now on sends these in turn, again and again, while somebody watches.

        By default they are of one shade after the other: a picture that stays the same is not sent
        to viewers anew.
        """
        frame_bytes = self.stride * self.height
        shades = [bytes([shade]) * frame_bytes for shade in range(40, 240, 20)]
        with self._lock:
            self._pictures = itertools.cycle(pictures or shades).__next__
            self._every_s = 1 / fps
        return self

    def pause(self) -> None:
        """From now on sends no frames; goes on to announce."""
        with self._lock:
            self._pictures = None

    def _heed(self, message: bytes) -> None:
        if message == b"\x01@":  # the server is there, perhaps anew
            self._next_announcement_s = 0.0

    def _turn(self) -> None:
        now_s = time.monotonic()
        if now_s >= self._next_announcement_s:
            self._next_announcement_s = now_s + _ANNOUNCE_EVERY_S
            self.send(b"@" + self.name.encode() + b"/", json.dumps(self._announced).encode())
        if self._pictures and self.is_wanted and now_s >= self._next_frame_s:
            self._next_frame_s = max(self._next_frame_s + self._every_s, now_s)
            self.send_frame(self._pictures())
