# SPDX-License-Identifier: MIT
"""A WebSocket client on a raw socket, from RFC 6455 and docs/api.md and nothing else.

It reads strictly, and sends whatever it is told to, however wrong.
"""

from __future__ import annotations

import dataclasses
import json
import socket
import struct
import time
from collections.abc import Callable
from typing import Any

from testlib.build import SLOWNESS
from testlib.http import Address, get_request, receive_exactly, receive_head
from testlib.waiting import SOON_S

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
UPGRADE = (
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    f"Sec-WebSocket-Key: {KEY}",
)
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
HEADER = struct.Struct("<4sHHQQQqIIB7s")
STATES = {1: "live", 2: "repeat", 3: "no-signal"}


@dataclasses.dataclass(frozen=True)
class Picture:
    """One binary message."""

    arrived_at: float
    update: int
    sequence: int
    capture_ns: int
    sim_ns: int
    width: int
    height: int
    state: str
    jpeg: bytes

    @property
    def age_s(self) -> float:
        """From the capture to the arrival here."""
        return self.arrived_at - self.capture_ns / 1e9


def parse_picture(message: bytes) -> Picture:
    """A message's header, every byte of it checked, and its JPEG."""
    magic, version, header_bytes, *numbers, state, reserved = HEADER.unpack_from(message)
    assert (magic, version, header_bytes) == (b"HCWS", 1, HEADER.size)
    assert reserved == bytes(7)
    jpeg = message[HEADER.size:]
    assert jpeg.startswith(b"\xff\xd8") and jpeg.endswith(b"\xff\xd9"), "no whole JPEG"
    return Picture(time.time(), *numbers, STATES[state], jpeg)


def frame(first: int, payload: bytes = b"", is_masked: bool = True) -> bytes:
    """A client's frame; `first` is its first byte."""
    mask = b"\x37\xfa\x21\x3d" if is_masked else b""
    length = len(payload)
    marker, extended = length, b""
    if length >= 126:
        marker = 126 if length < 65536 else 127
        extended = struct.pack(">H" if length < 65536 else ">Q", length)
    if is_masked:
        payload = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
    return bytes([first, marker | (0x80 if is_masked else 0)]) + extended + mask + payload


class Client:
    """An open WebSocket, or the answer that there was instead."""

    def __init__(
        self, address: Address, path: str, *headers: str, receive_buffer: int | None = None
    ) -> None:
        self.socket = address.connect(receive_buffer)
        self.port: int = self.socket.getsockname()[1] if self.socket.family != socket.AF_UNIX else 0
        self.socket.sendall(get_request(path, *UPGRADE, *headers))
        self.head = receive_head(self.socket).decode("latin-1")
        assert self.head.startswith("HTTP/1.1 101 "), self.head
        assert f"Sec-WebSocket-Accept: {ACCEPT}\r\n" in self.head
        assert "Sec-WebSocket-Extensions" not in self.head

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *exception: object) -> None:
        self.socket.close()

    def send(self, message: str | dict[str, Any]) -> None:
        """A text message; a dictionary becomes JSON."""
        text = message if isinstance(message, str) else json.dumps(message)
        self.socket.sendall(frame(0x80 | TEXT, text.encode()))

    def read_frame(self) -> tuple[int, bytes]:
        """The next frame: its opcode and payload."""
        first, length = receive_exactly(self.socket, 2)
        assert first & 0xF0 == 0x80, "fragmented, or with reserved bits"
        assert length < 128, "a server masks nothing"
        if length >= 126:
            size = 2 if length == 126 else 8
            floor = 126 if length == 126 else 65536
            length = int.from_bytes(receive_exactly(self.socket, size), "big")
            assert length >= floor, "a length longer than it need be"
        return first & 0x0F, receive_exactly(self.socket, length)

    def next(self, opcode: int, timeout_s: float = SOON_S) -> bytes:
        """The next frame of a kind, passing over others; pings among these are answered."""
        deadline_s = time.monotonic() + timeout_s * SLOWNESS
        while time.monotonic() < deadline_s:
            found, payload = self.read_frame()
            if found == opcode:
                return payload
            assert found != CLOSE, payload
            if found == PING:
                self.socket.sendall(frame(0x80 | PONG, payload))
        raise AssertionError(f"no frame with opcode {opcode}")

    def picture(self, where: Callable[[Picture], object] | None = None) -> Picture:
        """The next picture of some kind, passing over others."""
        deadline_s = time.monotonic() + SOON_S * SLOWNESS
        while time.monotonic() < deadline_s:
            picture = parse_picture(self.next(BINARY))
            if not where or where(picture):
                return picture
        raise AssertionError("no such picture")

    def text(self) -> Any:
        """The next text message, parsed."""
        return json.loads(self.next(TEXT))

    def wait_closed(self) -> tuple[int, str]:
        """The server's close frame, which is the last; answers it and sees the connection end."""
        payload = self.next(CLOSE)
        try:
            self.socket.sendall(frame(0x80 | CLOSE, payload[:2]))
        except ConnectionError:
            pass
        self.wait_end()
        return int.from_bytes(payload[:2], "big"), payload[2:].decode()

    def wait_end(self) -> None:
        """Nothing more comes."""
        try:
            assert self.socket.recv(1) == b"", "something came after the close frame"
        except ConnectionError:
            pass

    def shut(self) -> None:
        """Closes one direction: no more is sent from here."""
        self.socket.shutdown(socket.SHUT_WR)
