# SPDX-License-Identifier: MIT
"""A socket by pyzmq: libzmq does the work, in a thread of its own.

Importing this imports pyzmq; sockets/__init__.py does so, and tells what a Socket promises.
"""

from __future__ import annotations

import logging
import math
from typing import Any

import zmq

from headcam import endpoint as endpoints
from headcam.sockets import HIGH_WATER_MARK, RECONNECT_MAX_S, RECONNECT_S, Part, Tracker

log = logging.getLogger("headcam")

# As plain numbers: to combine enumerations for each part takes longer than to send it.
_NOW, _NOW_MORE = int(zmq.NOBLOCK), int(zmq.NOBLOCK) | int(zmq.SNDMORE)


def describe() -> str:
    """The versions in use."""
    return f"pyzmq {zmq.__version__}, libzmq {zmq.zmq_version()}"


class LibzmqSocket:
    """A Socket for every endpoint that libzmq knows.

    fileno() is ZMQ_FD, which is edge-triggered: a send reads the socket's command queue, and so
    may use up the edge that the owner waits for. Hence the receive() after every send.
    """

    wake_at_s = math.inf
    trouble = ""

    def __init__(self, endpoint: str) -> None:
        self._context: zmq.Context[Any] = zmq.Context()
        xpub: zmq.Socket[Any] = self._context.socket(zmq.XPUB)
        xpub.setsockopt(zmq.LINGER, 0)
        xpub.setsockopt(zmq.SNDHWM, HIGH_WATER_MARK)
        xpub.setsockopt(zmq.RECONNECT_IVL, round(RECONNECT_S * 1000))
        xpub.setsockopt(zmq.RECONNECT_IVL_MAX, round(RECONNECT_MAX_S * 1000))
        # Full means EAGAIN, so that it can be counted; otherwise XPUB drops without a word.
        xpub.setsockopt(zmq.XPUB_NODROP, 1)
        # Without this a dead server's subscriptions stay, and frames go on into nowhere.
        xpub.setsockopt(zmq.IMMEDIATE, 1)
        try:
            xpub.connect(endpoint)
        except (zmq.ZMQError, TypeError, ValueError) as error:
            xpub.close()
            self._context.term()
            reason = getattr(error, "strerror", None) or error
            raise ValueError(
                f"endpoint {endpoint!r}: {reason}; it should look like {endpoints.DEFAULT}"
            ) from None
        self._xpub = xpub

    def fileno(self) -> int:
        """ZMQ_FD."""
        return self._option(zmq.FD)

    def send(self, parts: tuple[Part, ...], copy: bool = True) -> Tracker | bool:
        """As in Socket."""
        try:
            for part in parts[:-1]:
                self._xpub.send(part, _NOW_MORE)
            if copy:
                self._xpub.send(parts[-1], _NOW)
                return True
            return self._xpub.send(parts[-1], _NOW, copy=False, track=True) or True
        except zmq.Again:
            return False  # only the first part meets this
        except zmq.ZMQError as error:
            log.debug("message not sent: %s", error)
            self._end_message()
            return False
        except BaseException:
            self._end_message()
            raise

    def receive(self) -> bytes | None:
        """As in Socket."""
        if not self._option(zmq.EVENTS) & zmq.POLLIN:
            return None
        try:
            return self._xpub.recv(zmq.NOBLOCK)
        except zmq.Again:
            return None

    def close(self, linger_s: float) -> None:
        """As in Socket."""
        self._xpub.close(linger=round(linger_s * 1000))
        self._context.term()

    def _option(self, option: int) -> int:
        value = self._xpub.getsockopt(option)
        assert isinstance(value, int)
        return value

    def _end_message(self) -> None:
        """Ends a message that an error or a KeyboardInterrupt left without its last part.

        The next message would be glued to it; this way the server sees one that is too short, and
        drops it.
        """
        try:
            self._xpub.send(b"", zmq.NOBLOCK)
        except zmq.ZMQError:
            pass
