# SPDX-License-Identifier: MIT
"""What the server wants of one stream, told from its upstream messages. Pure: no socket here.

One thread at a time feeds it (the link's lock sees to that); any thread reads its attributes.
"""

from __future__ import annotations

import math

from headcam import wire


class Demand:
    """The server's wishes for the stream `name` of the producer `instance`.

    `wanted`: somebody watches. `wanted_fps`: 0.0 when nobody does, math.inf for every frame,
    else frames per second. `connected`: a server listens to the announcements. `servers`: how
    many have done so, one after the other. `ring`: what the present one said last of a ring of
    this instance, None if nothing. `refusal`: why it does not take this instance's stream, "" if
    it does; then nobody watches that either.
    """

    def __init__(self, name: str, instance: int) -> None:
        self.wanted = False
        self.wanted_fps = 0.0
        self.connected = False
        self.servers = 0
        self.ring: wire.RingVerdict | None = None
        self.refusal = ""
        self._name = name
        self._instance = instance
        self._frames = wire.frame_topic(name)
        self._announcements = wire.announcement_topic(name)
        self._topics: set[bytes] = set()
        self._rate_fps = math.inf

    def feed(self, message: bytes) -> bool:
        """Takes one upstream message; ignores what it does not know.

        Returns whether it was a refusal, which the server repeats for as long as it holds.
        """
        is_refusal = False
        said = wire.unpack_upstream(message)
        if isinstance(said, wire.Subscription):
            self._subscribe(said)
        elif isinstance(said, wire.RateRequest) and said.name == self._name:
            self._rate_fps = said.fps
        elif isinstance(said, wire.RingVerdict):
            if (said.name, said.instance) == (self._name, self._instance):
                self.ring = said
        elif isinstance(said, wire.Verdict):
            if (said.name, said.instance) == (self._name, self._instance):
                is_refusal = not said.is_taken
                self.refusal = said.reason or "no reason was given" if is_refusal else ""
        self._conclude()
        return is_refusal

    def forgive(self) -> None:
        """The server has not repeated its refusal: it takes the stream."""
        self.refusal = ""
        self._conclude()

    def forget(self) -> None:
        """Nobody wants anything any more."""
        self._topics.clear()
        self.refusal = ""
        self._conclude()

    def _conclude(self) -> None:
        was_connected = self.connected
        self.wanted = self._is_subscribed(self._frames) and not self.refusal
        self.wanted_fps = self._rate_fps if self.wanted else 0.0
        self.connected = self._is_subscribed(self._announcements)
        if self.connected and not was_connected:
            self.servers += 1

    def _subscribe(self, subscription: wire.Subscription) -> None:
        if subscription.wanted:
            self._topics.add(subscription.topic)
            return
        self._topics.discard(subscription.topic)
        if not self._topics:
            # The server is gone; the next one has its own wishes.
            self._rate_fps = math.inf
            self.ring = None

    def _is_subscribed(self, topic: bytes) -> bool:
        return wire.is_subscribed(self._topics, topic)
