# SPDX-License-Identifier: MIT
"""What one subscriber wants, as XPUB keeps it: a set of topics, each of which is a prefix. Pure."""

from __future__ import annotations

from headcam import wire
from headcam.sockets.zmtp import TooLarge

#: Bytes that a peer's topics may take. A server asks for some 70 bytes a stream.
TOPICS_MAX_BYTES = 16 * 1024 * 1024
# Of a set's entry and its bytes object, roughly; so the limit is one of memory.
_TOPIC_OVERHEAD_BYTES = 100


class Subscriptions:
    """The subscriptions of one connection."""

    def __init__(self) -> None:
        self._topics: set[bytes] = set()
        self._bytes = 0

    def feed(self, message: bytes) -> bool:
        """Takes a message from the peer; whether it is news, which the socket's owner gets.

        Raises TooLarge for more topics than can be meant.
        """
        kind, topic = message[:1], message[1:]
        if kind == b"\x01":
            if topic in self._topics:
                return False
            self._bytes += len(topic) + _TOPIC_OVERHEAD_BYTES
            if self._bytes > TOPICS_MAX_BYTES:
                raise TooLarge(f"it subscribed to over {TOPICS_MAX_BYTES} bytes of topics")
            self._topics.add(topic)
        elif kind == b"\x00":
            if topic not in self._topics:
                return False
            self._bytes -= len(topic) + _TOPIC_OVERHEAD_BYTES
            self._topics.remove(topic)
        return True

    def match(self, topic: bytes) -> bool:
        """Whether the subscriber wants messages that begin with `topic`."""
        return wire.is_subscribed(self._topics, topic)

    def endings(self) -> list[bytes]:
        """The messages that would end them all."""
        return [b"\x00" + topic for topic in self._topics]
