# SPDX-License-Identifier: MIT
"""Which ring a publisher's frames go by, if any: when one is made, offered, used and replaced.

The first frame that somebody wants asks for a ring that holds it. The link's thread makes the
ring, the announcement offers it, and once the server has said that it reads it, frames go by it.
Until then, and where it cannot be, they go inline. A ring is replaced by a larger one for larger
frames; by one in the next place where the server cannot read it; and where its file is cut off
or gone. What cannot be is tried again for smaller frames, and for the next server.

Everything but attend() and make() is called under the publisher's lock, and costs a system call
at most.
"""

from __future__ import annotations

import dataclasses
import sys
import threading
from collections.abc import Callable

from headcam import ring as _ring
from headcam import wire
from headcam.demand import Demand
from headcam.ring import Ring, RingError, Site

_NOT_ASKED = "no frame has asked for a ring yet"
_NOT_MADE = "the ring is being made"
_NOT_CONFIRMED = "the server has not confirmed the ring yet"
_NOT_IPC = "a ring needs an ipc:// endpoint"


@dataclasses.dataclass(frozen=True)
class Order:
    """A ring to be made."""

    instance: int
    number: int
    slot_bytes: int
    sites: tuple[tuple[Site, str], ...]  #: in order; and why the server refused it, or ""


class Rings:
    """The rings of one publisher, one at a time."""

    def __init__(self, endpoint: str, instance: int, demand: Demand) -> None:
        self._sites = _ring.sites(endpoint)
        self._instance = instance
        self._demand = demand
        self._ring: Ring | None = None
        self._number = 0
        self._wanted_bytes = 0  # a slot of the ring to be made; 0 for none
        self._is_making = False
        # As far as the present server is concerned:
        self._server = demand.servers
        self._refusals: dict[Site, str] = {}
        self._vanished: set[Site] = set()
        self._hopeless_bytes = sys.maxsize if self._sites else 0  # no ring for this or more
        self._reason = "" if self._sites else _NOT_IPC
        self._discarded: list[Ring] = []

    @property
    def ring(self) -> Ring | None:
        """The ring there is, confirmed or not."""
        return self._ring

    @property
    def is_possible(self) -> bool:
        """Whether the endpoint is one that has rings at all."""
        return bool(self._sites)

    @property
    def offer(self) -> wire.RingOffer | None:
        """What is to be announced."""
        if self._ring is None:
            return None
        return wire.RingOffer(
            self._ring.number, self._ring.site.place, self._is_confirmed(self._ring)
        )

    @property
    def refusal(self) -> str:
        """Why there is no ring and will be none; to be announced."""
        return self._reason if self._ring is None and not self.has_work else ""

    @property
    def reason(self) -> str:
        """Why frames do not go by a ring; "" where they do."""
        if self.has_work:
            return _NOT_MADE
        if self._ring is not None:
            return "" if self._is_confirmed(self._ring) else _NOT_CONFIRMED
        return self._reason or _NOT_ASKED

    @property
    def has_work(self) -> bool:
        """Whether a ring is to be made, or being made."""
        return self._wanted_bytes > 0 or self._is_making

    @property
    def is_waiting(self) -> bool:
        """Whether take_order() has something to give."""
        return self._wanted_bytes > 0 and not self._is_making and self._demand.connected

    def find(self, frame_bytes: int) -> Ring | None:
        """The ring by which a frame of that size can go now; asks for one if there is none."""
        ring = self._ring
        if ring is None or frame_bytes > ring.slot_bytes:
            slot_bytes = _ring.slot_bytes_for(frame_bytes)
            if slot_bytes < self._hopeless_bytes:
                self._wanted_bytes = slot_bytes
            return None
        if not self._is_confirmed(ring):
            return None
        if not ring.is_whole():
            self._replace(ring)
            return None
        return ring

    def find_scratch(self, frame_bytes: int) -> Ring | None:
        """The ring, if such a frame can be drawn in it at all; asks for none."""
        ring = self._ring
        return ring if ring and frame_bytes <= ring.slot_bytes and ring.is_whole() else None

    def is_usable(self, ring: Ring) -> bool:
        """Whether a frame that was begun in that ring can still go by it."""
        return ring is self._ring and self._is_confirmed(ring) and ring.is_whole()

    def follow(self) -> None:
        """Does what the server's newest messages ask for."""
        if self._demand.servers != self._server:
            self._meet_server()
        ring, verdict = self._ring, self._demand.ring
        if ring is None or verdict is None or verdict.number != ring.number or verdict.is_read:
            return
        if ring.is_in_place() or ring.site in self._vanished:
            reason = verdict.reason or "the server does not read it"
            self._refusals[ring.site] = f"{ring.site.directory}: {reason}"
        else:
            self._vanished.add(ring.site)  # no fault of the place, this once
        self._replace(ring)

    def take_order(self) -> Order | None:
        """The ring that is to be made, if any; what make() gives is for install()."""
        if not self.is_waiting:
            return None
        if self._ring is not None:
            self._discard(self._ring)
        self._is_making = True
        self._number += 1
        order = Order(
            self._instance,
            self._number,
            self._wanted_bytes,
            tuple([(site, self._refusals.get(site, "")) for site in self._sites]),
        )
        self._wanted_bytes = 0
        return order

    def install(self, order: Order, made: Ring | str) -> None:
        """What came of an order."""
        self._is_making = False
        if isinstance(made, Ring):
            self._ring = made
            self._reason = ""
        else:
            self._hopeless_bytes = order.slot_bytes
            self._reason = made
        if self._wanted_bytes >= self._hopeless_bytes or (
            self._ring is not None and self._wanted_bytes <= self._ring.slot_bytes
        ):
            self._wanted_bytes = 0

    def take_discarded(self) -> list[Ring]:
        """Rings that are no longer needed, to be closed outside the lock."""
        discarded, self._discarded = self._discarded, []
        return discarded

    def forget(self) -> None:
        """Discards the ring; there will be no other."""
        self._wanted_bytes = self._hopeless_bytes = 0
        if self._ring is not None:
            self._discard(self._ring)

    def _is_confirmed(self, ring: Ring) -> bool:
        verdict = self._demand.ring
        return verdict is not None and verdict.is_read and verdict.number == ring.number

    def _meet_server(self) -> None:
        """Another server: it may read what the last one could not."""
        self._server = self._demand.servers
        self._refusals.clear()
        self._vanished.clear()
        self._hopeless_bytes = sys.maxsize if self._sites else 0
        if self._ring is not None and not self._ring.is_in_place():
            # As where the service's directory goes with the service.
            self._replace(self._ring)

    def _replace(self, ring: Ring) -> None:
        self._wanted_bytes = max(self._wanted_bytes, ring.slot_bytes)
        self._discard(ring)

    def _discard(self, ring: Ring) -> None:
        self._ring = None
        self._discarded.append(ring)


def attend(rings: Rings, lock: threading.Lock, announce: Callable[[], bool]) -> None:
    """Follows the server's messages and makes the rings that are asked for. The link's thread.

    `lock` is the publisher's; it is not held while a ring is made or removed. `announce` is
    called under it, to tell the server what is new of the ring; False ends this.
    """
    order: Order | None = None
    while True:
        made = None if order is None else make(order)
        with lock:
            if order is not None and made is not None:
                rings.install(order, made)
            rings.follow()
            order = rings.take_order()
            discarded = rings.take_discarded()
            goes_on = announce()
        for ring in discarded:
            ring.close()
        if order is None or not goes_on:
            return


def make(order: Order) -> Ring | str:
    """Makes the ring in the first place that takes it, or says why there is none."""
    reasons = []
    for site, refusal in order.sites:
        if refusal:
            reasons.append(refusal)
            continue
        try:
            return _ring.create(site, order.instance, order.number, order.slot_bytes)
        except RingError as error:
            reasons.append(str(error))
    return "; ".join(reasons)
