# SPDX-License-Identifier: MIT
"""Through a link too slow for the stream, frames are few, whole and young; with TLS, too."""

from __future__ import annotations

import pathlib
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from testlib import pictures
from testlib.certificates import Authority
from testlib.http import Address, TlsAddress
from testlib.link import FarAddress, slow_link
from testlib.mjpeg import Viewer
from testlib.server import address_of
from testlib.waiting import SOON_S
from testlib.websocket import Client

WIDTH, HEIGHT, FPS = 480, 360, 30.0

#: Of each its sequence, when it arrived (monotonic), and its age then.
Pictures = list[tuple[int, float, float]]


def by_stream(server: Any, address: Address) -> Pictures:
    """As /stream sends them: 5 pass, 15 are returned."""
    viewer = Viewer(address)
    server.viewers.append(viewer)
    viewer.wait_more(5, timeout_s=SOON_S)
    parts = viewer.wait_more(15, timeout_s=SOON_S)
    return [(part.sequence, part.arrived_s, part.age_s) for part in parts]


def by_websocket(server: Any, address: Address) -> Pictures:
    """As /ws sends them, likewise."""
    with Client(address, "/ws") as client:
        seen = [client.picture() for _ in range(20)][5:]
    since = time.monotonic() - time.time()
    return [(each.sequence, each.arrived_at + since, each.age_s) for each in seen]


def lower_quartile(ages: Sequence[float]) -> float:
    """What a queue would make of all of them shows in it; what a busy machine does to a few not."""
    return statistics.quantiles(ages, n=4)[0]


@pytest.mark.once
@pytest.mark.parametrize("mbit", [10.0, 2.0])
@pytest.mark.parametrize("has_tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("look", [by_stream, by_websocket])
def test_frames_stay_young(
    start_server: Any,
    connect: Any,
    directory: pathlib.Path,
    authority: Authority,
    look: Callable[[Any, Address], Pictures],
    has_tls: bool,
    mbit: float,
) -> None:
    """A frame's age is little more than what its own bytes need; those beside do not notice."""
    jpegs = [pictures.encode(pictures.grain(WIDTH, HEIGHT, seed), 80) for seed in range(4)]
    certificate = authority.issue("camera") if has_tls else None
    with slow_link(mbit) as link:
        server = start_server(
            "--listen",
            f"{link.address}:0",
            listen=f"unix:{directory}/http.sock",
            tls=certificate,
            wrapper=link.server_in,
        )
        port = address_of(server.urls()[1]).port
        address = Address(link.address, port)
        if certificate:
            address = TlsAddress(link.address, port, certificate.context())
        connect(server, "front", WIDTH, HEIGHT, "JPEG", stride=0).play(FPS, *jpegs)
        server.wait_state("front")
        near = server.watch()
        sequences, arrivals_s, ages = zip(*look(server, FarAddress.of(link, address)))

        assert all(after > before for before, after in zip(sequences, sequences[1:]))
        frame_s = max(map(len, jpegs)) * 8 / link.bits_per_s
        # Twice is what it is to be; the rest is for a machine that does other things meanwhile.
        assert lower_quartile(ages) < 2 * frame_s + 0.1, (frame_s, ages)
        beside = [part for part in near.parts if part.arrived_s > arrivals_s[0]]
        came = beside[-1].sequence - beside[0].sequence + 1
        assert len({part.sequence for part in beside}) > 0.5 * came
        assert lower_quartile([part.age_s for part in beside]) < 0.1
