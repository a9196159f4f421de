# SPDX-License-Identifier: MIT
"""Streams that are fed by hand, out of a program's own loop; no Kit needed.

For one thread. Nothing here raises: a picture that cannot be shown is told to the viewers and to
the log, and the training goes on.
"""

from __future__ import annotations

import logging
from typing import Any

from headcam.isaac.tensors import to_host
from headcam.publisher import Publisher
from headcam.wire import State

log = logging.getLogger("headcam")


class Pusher:
    """Publishers by name, each made with its first picture."""

    def __init__(self) -> None:
        self._publishers: dict[str, Publisher | None] = {}
        self._complaints: dict[str, str] = {}

    def push(
        self, name: str, image: Any, env: int, sim_time_s: float | None, endpoint: str | None
    ) -> bool:
        """Publishes one picture if somebody watches; says whether it was sent."""
        if name not in self._publishers:
            self._publishers[name] = self._open(name, endpoint)
        publisher = self._publishers[name]
        if publisher is None or not publisher.due():
            return False
        try:
            sim_time_ns = None if sim_time_s is None else round(float(sim_time_s) * 1e9)
            sent = publisher.publish(to_host(image, env), sim_time_ns=sim_time_ns)
        except Exception as error:
            self._complain(name, f"{type(error).__name__}: {error}")
            publisher.announce(State.STALLED, f"push(): {error}")
            return False
        self._complaints.pop(name, None)
        return sent

    def close(self) -> None:
        """Says goodbye for all streams."""
        for publisher in self._publishers.values():
            if publisher is not None:
                publisher.close()
        self._publishers.clear()
        self._complaints.clear()

    def _open(self, name: str, endpoint: str | None) -> Publisher | None:
        try:
            publisher = Publisher(name, endpoint, agent="headcam push")
        except Exception as error:  # a name or endpoint that is none; no thread, no descriptor
            self._complain(name, str(error))
            return None
        publisher.announce(State.LIVE)
        return publisher

    def _complain(self, name: str, complaint: str) -> None:
        """Once each."""
        if self._complaints.get(name) != complaint:
            self._complaints[name] = complaint
            log.warning("stream %s: push(): %s", name, complaint)
