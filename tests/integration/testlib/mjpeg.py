# SPDX-License-Identifier: MIT
"""An MJPEG client that parses strictly: what it accepts, the fussiest player accepts."""

from __future__ import annotations

import dataclasses
import os
import re
import select
import ssl
import threading
import time
from collections.abc import Callable

from testlib.build import SLOWNESS
from testlib.http import Address, get_request
from testlib.waiting import SOON_S

BOUNDARY_LINE = b"--frame\r\n"
ADVANCE_HEAD = b"Content-Type: image/jpeg\r\n\r\n"
USER_AGENT_OF_CHROME = "User-Agent: Mozilla/5.0 (X11; Linux x86_64) Chrome/120.0.0.0 Safari/537.36"

_SOI, _EOI = b"\xff\xd8", b"\xff\xd9"
_HEAD_MOST = 1024
_HEADERS = (
    ("Content-Type", r"image/jpeg"),
    ("Content-Length", r"[1-9][0-9]*"),
    ("X-Timestamp", r"[0-9]+\.[0-9]{6}"),
    ("X-Headcam-Sequence", r"[0-9]+"),
    ("X-Headcam-State", r"live|repeat|no-signal"),
    ("X-Headcam-Sim-Time", r"-?[0-9]+\.[0-9]{9}"),
    ("X-Headcam-Update", r"[1-9][0-9]*"),
)
_OPTIONAL = ("X-Headcam-Sim-Time", "X-Headcam-Update")


class FramingError(AssertionError):
    """Bytes that a strict MJPEG client does not understand."""


@dataclasses.dataclass(frozen=True)
class Part:
    """One part of a stream. With advance headers only the first header is there."""

    arrived_s: float  #: monotonic; when the boundary behind it had come
    arrived_at: float  #: the same moment, in seconds since the epoch
    headers: dict[str, str]
    jpeg: bytes

    @property
    def state(self) -> str:
        """live, repeat or no-signal."""
        return self.headers["X-Headcam-State"]

    @property
    def sequence(self) -> int:
        """The producer's frame number."""
        return int(self.headers["X-Headcam-Sequence"])

    @property
    def age_s(self) -> float:
        """From the capture to the arrival here."""
        return self.arrived_at - float(self.headers["X-Timestamp"])


class MultipartParser:
    """Takes a body's bytes as they come, gives whole parts; FramingError for anything unusual."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._is_open = False
        self._headers: dict[str, str] | None = None
        self._searched = 0

    def feed(self, data: bytes) -> list[Part]:
        """The parts that these bytes complete."""
        self._buffer += data
        parts = []
        while (jpeg := self._take_jpeg()) is not None:
            assert self._headers is not None
            parts.append(Part(time.monotonic(), time.time(), self._headers, jpeg))
            self._headers = None
        return parts

    def _take_jpeg(self) -> bytes | None:
        if not self._is_open:
            if len(self._buffer) < len(BOUNDARY_LINE):
                return None
            _check(self._take(len(BOUNDARY_LINE)) == BOUNDARY_LINE, "no boundary at the start")
            self._is_open = True
        if self._headers is None and not self._take_headers():
            return None
        assert self._headers is not None
        if "Content-Length" in self._headers:
            end = int(self._headers["Content-Length"])
        else:
            end = self._find_end()
        tail = b"\r\n" + BOUNDARY_LINE
        if end < 0 or len(self._buffer) < end + len(tail):
            return None
        jpeg = self._take(end)
        _check(self._take(len(tail)) == tail, "no boundary behind the image")
        _check(jpeg.startswith(_SOI) and jpeg.endswith(_EOI), "no whole JPEG")
        return jpeg

    def _take_headers(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n")
        _check(end >= 0 or len(self._buffer) <= _HEAD_MOST, "a head without an end")
        if end < 0:
            return False
        head = self._take(end + 4)
        if head == ADVANCE_HEAD:
            self._headers = {"Content-Type": "image/jpeg"}
        else:
            self._headers = parse_part_head(head)
        self._searched = 0
        return True

    def _find_end(self) -> int:
        at = self._buffer.find(_EOI + b"\r\n" + BOUNDARY_LINE, self._searched)
        self._searched = max(0, len(self._buffer) - 16)
        return at if at < 0 else at + len(_EOI)

    def _take(self, count: int) -> bytes:
        data = bytes(self._buffer[:count])
        del self._buffer[:count]
        return data


def parse_part_head(head: bytes) -> dict[str, str]:
    """The headers of a part with a Content-Length: these, in this order, and no others."""
    lines = head.decode("ascii").split("\r\n")
    _check(lines[-2:] == ["", ""], "a head without an empty line")
    headers = {}
    names = [line.partition(": ")[0] for line in lines]
    expected = [entry for entry in _HEADERS if entry[0] not in _OPTIONAL or entry[0] in names]
    _check(len(lines) - 2 == len(expected), f"unusual headers: {lines}")
    for line, (name, pattern) in zip(lines, expected):
        _check(re.fullmatch(f"{name}: (?:{pattern})", line), f"unusual header: {line!r}")
        headers[name] = line.partition(": ")[2]
    return headers


def _check(condition: object, flaw: str) -> None:
    if not condition:
        raise FramingError(flaw)


class Viewer:
    """Watches a stream in a thread of its own; `parts` is all that it saw.

    A part is looked at once: next() and wait_more() look at what came after the last one that
    they returned. `receive_buffer` is the size of the kernel's buffer on this side, in bytes.
    """

    def __init__(
        self,
        address: Address,
        path: str = "/stream",
        *headers: str,
        receive_buffer: int | None = None,
        is_reading: bool = True,
    ) -> None:
        self.path = path
        self.parts: list[Part] = []
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = b""  #: of an answer that is no stream
        self.stream_bytes = 0  #: of one that is
        self.is_closed = False  #: by the server
        self.flaw: Exception | None = None
        self._cursor = 0
        self._parser = MultipartParser()
        self._changed = threading.Condition()
        self._is_over = False
        self._may_read = threading.Event()
        if is_reading:
            self._may_read.set()
        self._chunk_bytes, self._chunk_pause_s = 1 << 18, 0.0
        self.began_s = time.monotonic()
        self._socket = address.connect(receive_buffer)
        name = self._socket.getsockname()
        self.port: int = name[1] if isinstance(name, tuple) else 0  #: of this side, over TCP
        self.inode = os.fstat(self._socket.fileno()).st_ino  #: of this side's socket
        self._socket.sendall(get_request(path, *headers))
        self._thread = threading.Thread(target=self._run, name=f"viewer of {path}")
        self._thread.start()

    def __enter__(self) -> Viewer:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Leaves."""
        self._is_over = True
        self._may_read.set()
        self._thread.join()
        self._socket.close()

    def stop_reading(self) -> None:
        """From now on nothing is taken from the socket."""
        self._may_read.clear()

    def go_on_reading(self) -> None:
        """The end of stop_reading()."""
        self._may_read.set()

    def read_slowly(self, chunk_bytes: int, every_s: float) -> None:
        """From now on takes so many bytes at a time."""
        self._chunk_bytes, self._chunk_pause_s = chunk_bytes, every_s

    def next(
        self,
        state: str | None = None,
        where: Callable[[Part], object] | None = None,
        timeout_s: float = SOON_S,
    ) -> Part:
        """The next part, or the next in that state or of that kind, passing over others."""
        deadline_s = time.monotonic() + timeout_s * SLOWNESS
        with self._changed:
            while True:
                while self._cursor < len(self.parts):
                    part = self.parts[self._cursor]
                    self._cursor += 1
                    if (state is None or part.state == state) and (not where or where(part)):
                        return part
                self._wait(deadline_s, f"a part ({state or where or 'any'})")

    def skip(self) -> Viewer:
        """What came so far is not looked at any more."""
        self._cursor = len(self.parts)
        return self

    def wait_more(self, count: int, timeout_s: float = SOON_S) -> list[Part]:
        """The next so many parts."""
        return [self.next(timeout_s=timeout_s) for _ in range(count)]

    def wait_status(self) -> int:
        """The answer's status, as soon as it is there."""
        deadline_s = time.monotonic() + SOON_S * SLOWNESS
        with self._changed:
            while not self.status:
                self._wait(deadline_s, "an answer")
        return self.status

    def wait_closed(self, timeout_s: float = SOON_S) -> Viewer:
        """Until the server has closed."""
        deadline_s = time.monotonic() + timeout_s * SLOWNESS
        with self._changed:
            while not self.is_closed:
                assert self._changed.wait(deadline_s - time.monotonic()), "never closed"
        return self

    def seen(self) -> tuple[list[Part], int]:
        """What had come at one moment: the parts, and the bytes of the stream."""
        with self._changed:
            return list(self.parts), self.stream_bytes

    def check(self) -> None:
        """Fails if it was sent anything that it does not understand, or was cut off."""
        if self.flaw:
            raise self.flaw
        assert not self.is_closed, f"{self.path}: the server closed"

    def _wait(self, deadline_s: float, what: str) -> None:
        self.check()
        if not self._changed.wait(max(0.0, deadline_s - time.monotonic())):
            assert time.monotonic() < deadline_s, f"{self.path}: never came: {what}"

    def _run(self) -> None:
        try:
            while not self._is_over:
                self._may_read.wait()
                if not self._has_bytes(0.05):
                    continue
                if self._may_read.is_set() and not self._is_over and not self._read():
                    return
        except (OSError, FramingError, UnicodeDecodeError) as error:
            with self._changed:
                self.is_closed = isinstance(error, ConnectionError)
                self.flaw = None if self.is_closed else error
                self._changed.notify_all()

    def _has_bytes(self, timeout_s: float) -> bool:
        if isinstance(self._socket, ssl.SSLSocket) and self._socket.pending():
            return True  # the rest of a record, of which select() knows nothing
        return bool(select.select([self._socket], [], [], timeout_s)[0])

    def _read(self) -> bool:
        data = self._socket.recv(self._chunk_bytes)
        with self._changed:
            self.is_closed = not data
            if self.status == 200:
                self._take_stream(data)
            else:
                self.body += data
                self._take_head()
            self._changed.notify_all()
        if self._chunk_pause_s:
            time.sleep(self._chunk_pause_s)
        return bool(data)

    def _take_head(self) -> None:
        head, end, body = self.body.partition(b"\r\n\r\n")
        if self.status or not end:
            return
        first, *lines = head.decode("latin-1").split("\r\n")
        self.status = int(first.split()[1])
        self.headers = {
            name.lower(): value for name, _, value in (line.partition(": ") for line in lines)
        }
        self.body = body
        if self.status == 200:
            self._take_stream(body)

    def _take_stream(self, data: bytes) -> None:
        self.stream_bytes += len(data)
        self.parts += self._parser.feed(data)
