# SPDX-License-Identifier: MIT
"""ZMTP 3.0 as an XPUB speaks it to one subscriber: greeting, NULL handshake, frames, commands.

Pure: bytes in, messages and replies out; no socket, no clock. rfc.zeromq.org/spec/23 is the
protocol, and 37 its version 3.1, whose subscriptions are understood as well. A peer may send
anything: what is not the protocol, or too much of it, raises ProtocolError, and then the
connection is of no more use.
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Callable

#: What a peer may send in one message or command. headcam's are below 400 bytes.
UPSTREAM_MAX = 64 * 1024

_SIGNATURE = b"\xff" + bytes(8) + b"\x7f"
_MECHANISM = b"NULL".ljust(20, b"\0")
#: What a connection begins with, to be sent at once: version 3.0, NULL, not as a server, filler.
GREETING = _SIGNATURE + b"\x03\x00" + _MECHANISM + bytes(32)

# Where things are in a greeting.
_AT_SIGNATURE_END = 9
_AT_MAJOR = 10
_AT_MECHANISM = slice(12, 32)

_SHORT_MAX = 255
_LONG_HEAD = struct.Struct(">BQ")
_SUBSCRIBERS = (b"SUB", b"XSUB")
# After PING: the time to live, two bytes; then what PONG repeats.
_PING_TTL_BYTES = 2
_PING_CONTEXT_MAX = 16


class Flag(enum.IntFlag):
    """A frame's first byte."""

    MORE = 1  #: another frame of the same message follows
    LONG = 2  #: the size has eight bytes, not one
    COMMAND = 4  #: for the protocol itself, not for the application


_MORE, _LONG, _COMMAND = int(Flag.MORE), int(Flag.LONG), int(Flag.COMMAND)


class ProtocolError(Exception):
    """The peer does not keep to the protocol; the text says how."""


class NotZmtp(ProtocolError):
    """The peer speaks something else."""


class UnsupportedPeer(ProtocolError):
    """The peer speaks ZMTP, but in a version, mechanism or role that is no subscriber's."""


class BadFrame(ProtocolError):
    """A frame that cannot be, or cannot be at that point."""


class TooLarge(ProtocolError):
    """The peer sends more than it may."""


class PeerRefused(ProtocolError):
    """The peer ended the handshake, and said why."""


def frame_head(count: int, has_more: bool = False, is_command: bool = False) -> bytes:
    """What a frame of `count` bytes begins with."""
    flags = (_MORE if has_more else 0) | (_COMMAND if is_command else 0)
    if count <= _SHORT_MAX:
        return bytes((flags, count))
    return _LONG_HEAD.pack(flags | _LONG, count)


def command(name: bytes, body: bytes = b"") -> bytes:
    """A command's frame."""
    content = bytes([len(name)]) + name + body
    return frame_head(len(content), is_command=True) + content


def ready(socket_type: bytes) -> bytes:
    """The READY command of a socket of that type."""
    return command(b"READY", _property(b"Socket-Type", socket_type))


def _property(name: bytes, value: bytes) -> bytes:
    return bytes([len(name)]) + name + struct.pack(">I", len(value)) + value


class Session:
    """The protocol on one connection, from behind the GREETING, which its owner sends."""

    def __init__(self) -> None:
        self.is_ready = False  #: the handshake is done: messages may be sent
        self._is_greeted = False
        self._unread = bytearray()
        self._replies = bytearray()

    def receive(self, data: bytes) -> list[bytes]:
        """Takes what the peer sent, cut anywhere; returns the messages that are whole by now.

        A subscription and its end are messages of 1 or 0 and the topic, as in ZMTP 3.0, however
        the peer says it. Raises ProtocolError.
        """
        self._unread += data
        if not self._is_greeted:
            self._greet()
        messages: list[bytes] = []
        while self._is_greeted:
            frame = self._take_frame()
            if frame is None:
                break
            is_command, body = frame
            if is_command:
                messages += self._obey(body)
            elif self.is_ready:
                messages.append(body)
            else:
                raise BadFrame("it sent a message before its READY")
        return messages

    def take_replies(self) -> bytes:
        """What has to be sent to the peer next, once."""
        replies = bytes(self._replies)
        self._replies.clear()
        return replies

    def _greet(self) -> None:
        """Checks as much of the greeting as there is, so that nobody is waited for in vain."""
        greeting = self._unread
        is_odd = len(greeting) > _AT_SIGNATURE_END and not greeting[_AT_SIGNATURE_END] & 1
        if greeting[:1] not in (b"", _SIGNATURE[:1]) or is_odd:
            raise NotZmtp(f"it does not speak ZeroMQ's protocol: it says {_excerpt(greeting)}")
        if len(greeting) > _AT_MAJOR and greeting[_AT_MAJOR] < 3:
            raise UnsupportedPeer(
                "it speaks a ZeroMQ protocol older than ZMTP 3.0, from before libzmq 4.0"
            )
        if len(greeting) < len(GREETING):
            return
        mechanism = bytes(greeting[_AT_MECHANISM])
        if mechanism != _MECHANISM:
            raise UnsupportedPeer(f"it asks for the mechanism {_excerpt(mechanism)}, not for NULL")
        del greeting[:len(GREETING)]
        self._is_greeted = True
        self._replies += ready(b"XPUB")

    def _take_frame(self) -> tuple[bool, bytes] | None:
        """Whether the next frame is a command, and its body; None while it is not all there."""
        unread = self._unread
        if not unread:
            return None
        flags = unread[0]
        is_command = bool(flags & _COMMAND)
        if flags > _MORE | _LONG | _COMMAND or (is_command and flags & _MORE):
            raise BadFrame(f"a frame of its has the flags {flags:#04x}")
        head_bytes = _LONG_HEAD.size if flags & _LONG else 2
        if len(unread) < head_bytes:
            return None
        size = _LONG_HEAD.unpack_from(unread)[1] if flags & _LONG else unread[1]
        if size > UPSTREAM_MAX:
            raise TooLarge(f"it sent a message of {size} bytes; at most {UPSTREAM_MAX} are taken")
        end = head_bytes + size
        if len(unread) < end:
            return None
        body = bytes(unread[head_bytes:end])
        del unread[:end]
        return is_command, body

    def _obey(self, content: bytes) -> list[bytes]:
        """Carries out a command; returns the message that it stands for, if it does."""
        name_end = 1 + content[0] if content else 0
        if not 1 < name_end <= len(content):
            raise BadFrame("a command of its has no name")
        name, body = content[1:name_end], content[name_end:]
        if name == b"ERROR":
            raise PeerRefused(f"it refused the connection: {_excerpt(body[1:])}")
        if not self.is_ready:
            if name != b"READY":
                raise BadFrame(f"it sent the command {_excerpt(name)} before its READY")
            _check_subscriber(body)
            self.is_ready = True
            return []
        translate = _AS_MESSAGE.get(name)
        if translate is not None:
            return [translate(body)]
        if name == b"PING":
            self._pong(body)
        return []  # one that this version does not know

    def _pong(self, body: bytes) -> None:
        context = body[_PING_TTL_BYTES:]
        if len(body) < _PING_TTL_BYTES or len(context) > _PING_CONTEXT_MAX:
            raise BadFrame(f"it sent a PING of {len(body)} bytes")
        self._replies += command(b"PONG", context)


_AS_MESSAGE: dict[bytes, Callable[[bytes], bytes]] = {
    b"SUBSCRIBE": lambda topic: b"\x01" + topic,
    b"CANCEL": lambda topic: b"\x00" + topic,
}


def _check_subscriber(metadata: bytes) -> None:
    """Whether a READY's properties are a subscriber's. Raises ProtocolError."""
    socket_type = b""
    at = 0
    while at < len(metadata):
        value_at = at + 1 + metadata[at] + 4
        name, count = metadata[at + 1:value_at - 4], metadata[value_at - 4:value_at]
        end = value_at + int.from_bytes(count, "big")
        if end > len(metadata):
            raise BadFrame("its READY has a property without an end")
        if name.lower() == b"socket-type":
            socket_type = metadata[value_at:end]
        at = end
    if socket_type not in _SUBSCRIBERS:
        raise UnsupportedPeer(f"its socket is of type {_excerpt(socket_type)}, not XSUB or SUB")


def _excerpt(text: bytes | bytearray) -> str:
    """The beginning of what a peer sent, fit for a log."""
    return repr(bytes(text[:32]).rstrip(b"\0"))[1:]
