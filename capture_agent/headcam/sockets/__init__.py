# SPDX-License-Identifier: MIT
"""The agent's end of ZeroMQ: what Link needs of a socket, and which socket it gets.

libzmq.py where pyzmq can be imported; else unix.py, which needs nothing but Python. To the server
both are an XPUB socket. Link is the only caller.
"""

from __future__ import annotations

import functools
import importlib
import logging
from collections.abc import Callable
from typing import Protocol, Union

log = logging.getLogger("headcam")

#: Messages, frames and announcements together: what waits longer is too old to be worth sending.
#: As many as a first frame may meet: the greeting of a new server, "live", and the frame itself.
HIGH_WATER_MARK = 3
#: From one attempt to connect to the next: at first, and at most.
RECONNECT_S = 0.1
RECONNECT_MAX_S = 1.0

Part = Union[bytes, bytearray, memoryview]


class Tracker(Protocol):
    """What becomes of memory that a socket was lent."""

    @property
    def done(self) -> bool:
        """Whether the socket has read it for the last time."""


class Socket(Protocol):
    """An XPUB socket that connects to one endpoint, as often as it takes.

    Any thread may call it, one at a time, and no call but close() waits. What it has to do it does
    in its calls. So its owner calls receive() until that gives None: after each send(), whenever
    fileno() is readable, and by `wake_at_s`, which any call may change.

    Any call may end with an exception, a KeyboardInterrupt among them: that costs a message, or
    the connection, but the peer never sees two messages mixed. No call raises because of the
    peer. After a fork it belongs to the parent.
    """

    @property
    def wake_at_s(self) -> float:
        """When receive() has to be called at the latest, on time.monotonic(); else math.inf."""

    @property
    def trouble(self) -> str:
        """What is wrong with the peer, for people; "" for nothing, or nothing known."""

    def fileno(self) -> int:
        """A descriptor to poll for reading; the same one to the end."""

    def send(self, parts: tuple[Part, ...], copy: bool = True) -> Tracker | bool:
        """Sends a message whole, or not at all: False. What nobody subscribed to counts as sent.

        `copy` is about its last part: False lends it to the socket. It must stay unchanged then
        until the tracker that is returned says done; True stands for one that is done already.
        """

    def receive(self) -> bytes | None:
        """The next message from the peer: 1 or 0 and a topic, or the peer's own; None for none.

        When the connection ends, the subscriptions end, as messages from the peer.
        """

    def close(self, linger_s: float) -> None:
        """Closes it. What was sent before has so many seconds to leave."""


def connect(endpoint: str) -> Socket:
    """A socket that connects to `endpoint`. Raises ValueError where it never can."""
    return _choose()[0](endpoint)


def describe() -> str:
    """Which sockets are in use, and why, for people."""
    return _choose()[1]


@functools.lru_cache(maxsize=None)
def _choose() -> tuple[Callable[[str], Socket], str]:
    """What makes sockets, and its description. Imports pyzmq with the first socket, not before."""
    try:
        libzmq = importlib.import_module("headcam.sockets.libzmq")
        return libzmq.LibzmqSocket, libzmq.describe()
    except Exception as error:  # whatever the import of a broken package may raise
        from headcam.sockets.unix import UnixSocket

        if isinstance(error, ModuleNotFoundError) and error.name == "zmq":
            return UnixSocket, "built-in ZMTP, no pyzmq"
        log.warning("pyzmq is installed and cannot be used, going on without it: %s", error)
        return UnixSocket, f"built-in ZMTP, for pyzmq cannot be used: {error}"
