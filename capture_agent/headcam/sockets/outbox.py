# SPDX-License-Identifier: MIT
"""What waits to be written to one connection: few messages, each sent whole and in its order.

It owns the bytes from send() to the kernel, and knows exactly how many of them the kernel took,
also after an exception in the middle of everything; so a message goes on where it stopped. What
the kernel takes at once is never copied.
"""

from __future__ import annotations

import pickle
import socket
from collections import deque
from collections.abc import Callable
from typing import Any

from headcam.sockets import Part, zmtp

# Never wait, and never kill with SIGPIPE: an embedding program may not ignore it, as Python does.
_FLAGS = (socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL,)
_NO_ANCILLARY: tuple[tuple[()]] = ((),)
# A last part up to this size is copied: that costs less than a buffer of its own.
_JOINED_MAX = 4096


class Message:
    """A message on its way: `done` once it has left, or never will. A Tracker.

    `is_lent`: its last part may be read where it is until then.
    """

    __slots__ = ("buffers", "end", "is_lent", "done")

    def __init__(self, buffers: list[Part], start: int) -> None:
        self.buffers = buffers  #: its bytes, or the last of them
        self.end = start + sum(map(len, buffers))  #: in bytes from the connection's beginning
        self.is_lent = False
        self.done = False

    def finish(self) -> None:
        """Lets go of its bytes, for good."""
        self.done = True
        self.buffers.clear()


class Outbox:
    """The outgoing side of one connection; `most` messages may wait."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._waiting: deque[Message] = deque()
        # Their sum is what the kernel took since the connection's beginning.
        self._taken = [0]

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def is_full(self) -> bool:
        """Whether no message may be added."""
        return len(self._waiting) >= self._most

    @property
    def is_sound(self) -> bool:
        """Whether all that waits is unchanged: false where keep_last() had to come and did not."""
        newest = self._waiting[-1] if self._waiting else None
        return newest is None or newest.is_lent or not _is_borrowed(newest)

    def add_bytes(self, data: bytes) -> None:
        """Adds what is framed already."""
        self._add([data])

    def add(self, parts: tuple[Part, ...]) -> Message:
        """Adds a message. A large last part is not copied: it has to be lent, or kept."""
        *first, last = parts
        framed: list[Part] = []
        for part in first:
            framed += zmtp.frame_head(len(part), has_more=True), part
        flat = pickle.PickleBuffer(last).raw()  # whatever its shape and format
        framed.append(zmtp.frame_head(len(flat)))
        if len(flat) <= _JOINED_MAX:
            return self._add([b"".join([*framed, flat])])
        return self._add([b"".join(framed), flat])

    def write(self, sendmsg: Callable[..., int]) -> None:
        """Hands the kernel what it takes now, by a socket's sendmsg(), which may raise OSError."""
        buffers = self._unwritten()
        if not buffers:
            return
        try:
            # From the system call to the note of what it took no line of Python is run, and so no
            # KeyboardInterrupt gets between them.
            self._taken.extend(map(sendmsg, (buffers,), _NO_ANCILLARY, _FLAGS))
        except BlockingIOError:
            return
        self._settle()

    def keep_last(self) -> None:
        """Copies what is left of the newest message; its memory is the caller's again."""
        if not self._waiting or not _is_borrowed(self._waiting[-1]):
            return
        message = self._waiting[-1]
        left = self._rest(message, len(message.buffers) - 1)
        # In one step, as in write(): an interruption finds the old buffer or the new one.
        message.buffers[-1:] = map(bytes, (left,))

    def clear(self) -> None:
        """Forgets what waits; the connection must be of no more use."""
        for message in self._waiting:
            message.finish()
        self._waiting.clear()

    def _add(self, buffers: list[Part]) -> Message:
        start = self._waiting[-1].end if self._waiting else self._position()
        message = Message(buffers, start)
        self._waiting.append(message)
        return message

    def _position(self) -> int:
        self._taken[:] = [sum(self._taken)]
        return self._taken[0]

    def _settle(self) -> None:
        """Lets go of what was written. May be interrupted, and done again."""
        position = self._position()
        while self._waiting and self._waiting[0].end <= position:
            self._waiting[0].finish()
            self._waiting.popleft()

    def _unwritten(self) -> list[Any]:
        self._settle()
        return [
            rest
            for message in self._waiting
            for index in range(len(message.buffers))
            if len(rest := self._rest(message, index))
        ]

    def _rest(self, message: Message, index: int) -> Part:
        """What the kernel has not taken yet of one of a message's buffers."""
        buffer = message.buffers[index]
        end = message.end - sum(map(len, message.buffers[index + 1:]))
        left = min(len(buffer), max(0, end - self._position()))
        return buffer if left == len(buffer) else memoryview(buffer)[len(buffer) - left:]


def _is_borrowed(message: Message) -> bool:
    return bool(message.buffers) and isinstance(message.buffers[-1], memoryview)
