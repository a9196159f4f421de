# SPDX-License-Identifier: MIT
"""A socket without pyzmq: ZMTP over a Unix-domain socket, and nothing but Python.

Here is the I/O: connecting, again and again, reading, writing, and what to wait for. It has no
thread: a frame that the kernel does not take at once goes on in the receive() that its owner
calls when fileno() is readable. sockets/__init__.py tells what a Socket promises, zmtp.py what
the bytes mean.
"""

from __future__ import annotations

import contextlib
import math
import os
import select
import socket
import time
from collections import deque

from headcam import endpoint as endpoints
from headcam.sockets import HIGH_WATER_MARK, RECONNECT_MAX_S, RECONNECT_S, Part, Tracker
from headcam.sockets.outbox import Outbox
from headcam.sockets.subscriptions import Subscriptions
from headcam.sockets.zmtp import GREETING, ProtocolError, Session

#: A server that is well answers within milliseconds.
HANDSHAKE_S = 5.0

_IPC = "ipc://"
_ADDRESS_MAX = 107  # sun_path's bytes, without the NUL
_READ_BYTES = 16 * 1024
_SILENT = "it accepts connections and does not answer: is it stopped?"
_NEEDS_PYZMQ = (
    "without pyzmq only ipc:// endpoints can be used; install it"
    " (inside Isaac Sim: ./python.sh -m pip install pyzmq --no-deps)"
)


class UnixSocket:
    """A Socket for ipc:// endpoints, abstract ones (ipc://@name) among them.

    Raises ValueError for another endpoint.
    """

    def __init__(self, endpoint: str) -> None:
        self._address = _address(endpoint)
        self.trouble = ""
        self.wake_at_s = 0.0  # to connect; while connected, for the handshake's end
        self._retry_s = RECONNECT_S
        self._connection: _Connection | None = None
        # Set while an exception would leave something half done; writing needs no such care, for
        # the outbox knows at any moment what is left.
        self._is_half_done = False
        self._messages: deque[bytes] = deque()
        # Its descriptor stays the same from one connection to the next, and tells when to write.
        self._epoll = select.epoll()
        self._owner_pid = os.getpid()

    def fileno(self) -> int:
        """As in Socket; level-triggered."""
        return self._epoll.fileno()

    def send(self, parts: tuple[Part, ...], copy: bool = True) -> Tracker | bool:
        """As in Socket."""
        connection = self._connection
        if self._is_in_doubt() or os.getpid() != self._owner_pid:
            return False
        if connection is None or not connection.subscriptions.match(bytes(parts[0])):
            return True
        outbox = connection.outbox
        if outbox.is_full:
            self._write(connection)
            if outbox.is_full or self._connection is None:
                return False
        message = None
        try:
            message = outbox.add(parts)
            self._write(connection)
            message.is_lent = not copy
        finally:
            if message is None or not message.is_lent:
                outbox.keep_last()
        if self._connection is None:
            return False
        return True if copy or message.done else message

    def receive(self) -> bytes | None:
        """As in Socket."""
        if not self._messages and os.getpid() == self._owner_pid:
            self._work()
        return self._messages.popleft() if self._messages else None

    def close(self, linger_s: float) -> None:
        """As in Socket."""
        if os.getpid() != self._owner_pid:
            return
        deadline_s = time.monotonic() + linger_s
        while self._connection is not None and not self._is_in_doubt():
            self._write(self._connection)
            left_s = deadline_s - time.monotonic()
            if self._connection is None or not self._connection.outbox or left_s <= 0.0:
                break
            self._connection.watch(self._epoll, for_reading=False)
            self._epoll.poll(left_s)
        self._lose("")
        self._epoll.close()

    def _work(self) -> None:
        """Does what there is to do now, a step of it."""
        if self._is_in_doubt():
            self._lose("")
            return
        self._is_half_done = True
        if self._connection is None:
            self._connect()
        if self._connection is not None:
            self._attend(self._connection)
        self._is_half_done = False

    def _is_in_doubt(self) -> bool:
        """Whether an exception has broken off a call where that cannot be made good."""
        connection = self._connection
        return self._is_half_done or (connection is not None and not connection.outbox.is_sound)

    def _connect(self) -> None:
        """Tries to connect, if it is time to."""
        if time.monotonic() < self.wake_at_s:
            return
        try:
            unix = _open(self._address)
        except BlockingIOError:
            self._retry("it accepts no connections: is it stopped?")
        except OSError:
            self._retry("")  # a look at the file will tell
        else:
            self._connection = _Connection(unix)
            self.trouble = self.trouble or _SILENT
            self.wake_at_s = time.monotonic() + HANDSHAKE_S

    def _attend(self, connection: _Connection) -> None:
        """Writes and reads what can be; ends a connection that is of no more use."""
        self._write(connection)
        if self._connection is None:
            return
        try:
            self._read(connection)
        except BlockingIOError:
            pass
        except (OSError, ProtocolError) as error:
            self._lose(connection.explain(error))
        if self._connection is None:
            return
        if time.monotonic() >= self.wake_at_s:
            self._lose(_SILENT)
        else:
            connection.watch(self._epoll)

    def _read(self, connection: _Connection) -> None:
        """Takes what the peer has sent. Raises OSError or ProtocolError."""
        data = connection.unix.recv(_READ_BYTES)
        if not data:
            raise ConnectionResetError
        session = connection.session
        for message in session.receive(data):
            if connection.subscriptions.feed(message):
                self._messages.append(message)
        if session.is_ready:
            self.trouble = ""
            self.wake_at_s = math.inf
            self._retry_s = RECONNECT_S
        replies = session.take_replies()
        # Who asks for answers and does not read them gets none. The first, READY, finds room.
        if replies and not connection.outbox.is_full:
            connection.outbox.add_bytes(replies)
            self._write(connection)

    def _write(self, connection: _Connection) -> None:
        """Hands the kernel what it takes now; ends a connection that takes nothing any more."""
        try:
            connection.outbox.write(connection.unix.sendmsg)
        except OSError as error:
            self._lose(connection.explain(error))

    def _lose(self, trouble: str) -> None:
        """Ends the connection, and the subscriptions with it. May be interrupted, and repeated."""
        self._is_half_done = True
        connection = self._connection
        if connection is not None:
            self._messages.extend(connection.subscriptions.endings())
            connection.close(self._epoll)
            self._connection = None
        self._retry(trouble)
        self._is_half_done = False

    def _retry(self, trouble: str) -> None:
        """Sets the time of the next attempt to connect."""
        self.trouble = trouble
        self.wake_at_s = time.monotonic() + self._retry_s
        self._retry_s = min(2 * self._retry_s, RECONNECT_MAX_S)


class _Connection:
    """What lives as long as one connection."""

    def __init__(self, unix: socket.socket) -> None:
        self.unix = unix
        self.session = Session()
        self.subscriptions = Subscriptions()
        self.outbox = Outbox(HIGH_WATER_MARK)
        self.outbox.add_bytes(GREETING)
        self._events = 0

    def watch(self, epoll: select.epoll, for_reading: bool = True) -> None:
        """Has `epoll` tell when there is something to read, and when what waits can be written."""
        events = select.EPOLLIN if for_reading else 0
        if self.outbox:
            events |= select.EPOLLOUT
        if events == self._events:
            return
        if self._events:
            epoll.modify(self.unix, events)
        else:
            epoll.register(self.unix, events)
        self._events = events

    def explain(self, error: OSError | ProtocolError) -> str:
        """What an error says of the peer. A server may go; it does not hang up on who comes."""
        if isinstance(error, ProtocolError):
            return str(error)
        return "" if self.session.is_ready else "it hangs up at once: is it headcam?"

    def close(self, epoll: select.epoll) -> None:
        """A second call does no harm."""
        self.outbox.clear()
        # A forked child may have the socket open; then closing does not end the registration.
        with contextlib.suppress(OSError, ValueError):
            epoll.unregister(self.unix)
        self.unix.close()


def _open(address: bytes) -> socket.socket:
    """A socket that is connected; a Unix-domain one is at once or never. Raises OSError."""
    unix = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        unix.setblocking(False)
        unix.connect(address)
    except BaseException:
        unix.close()
        raise
    return unix


def _address(endpoint: str) -> bytes:
    """What an endpoint is to the kernel. Raises ValueError."""
    if not isinstance(endpoint, str) or "://" not in endpoint:
        raise ValueError(f"endpoint {endpoint!r}: it should look like {endpoints.DEFAULT}")
    if not endpoint.startswith(_IPC):
        raise ValueError(f"endpoint {endpoint!r}: {_NEEDS_PYZMQ}")
    name = os.fsencode(endpoint[len(_IPC):])
    if name in (b"", b"@") or b"\0" in name:
        raise ValueError(f"endpoint {endpoint!r}: it should look like {endpoints.DEFAULT}")
    if len(name) > _ADDRESS_MAX:
        raise ValueError(
            f"endpoint {endpoint!r}: the path of a socket has at most {_ADDRESS_MAX} bytes,"
            f" this one {len(name)}"
        )
    return b"\0" + name[1:] if name.startswith(b"@") else name
