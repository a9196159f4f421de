# SPDX-License-Identifier: MIT
"""Through a link too slow for the stream, frames are few, whole and young; with TLS, too."""

from __future__ import annotations

import pathlib
import statistics
from typing import Any

import pytest
from testlib import pictures
from testlib.build import SLOWNESS
from testlib.certificates import Authority
from testlib.http import Address, TlsAddress
from testlib.link import FarAddress, slow_link
from testlib.mjpeg import Viewer
from testlib.server import address_of
from testlib.waiting import SOON_S

WIDTH, HEIGHT, FPS = 480, 360, 30.0


@pytest.mark.parametrize("mbit", [10.0, 2.0])
@pytest.mark.parametrize("has_tls", [False, True], ids=["plain", "tls"])
def test_frames_stay_young(
    start_server: Any,
    connect: Any,
    directory: pathlib.Path,
    authority: Authority,
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
        far = Viewer(FarAddress.of(link, address))
        server.viewers.append(far)

        far.wait_more(5, timeout_s=SOON_S)
        parts = far.wait_more(15, timeout_s=SOON_S)

        assert all(after.sequence > part.sequence for part, after in zip(parts, parts[1:]))
        frame_s = max(map(len, jpegs)) * 8 / link.bits_per_s
        ages = [part.age_s for part in parts]
        # Twice is what it is to be; the rest is for a machine that does other things meanwhile.
        assert statistics.median(ages) < 2 * frame_s + 0.1 * SLOWNESS, (frame_s, ages)
        seconds = parts[-1].arrived_s - parts[0].arrived_s
        beside = [part for part in near.parts if part.arrived_s > parts[0].arrived_s]
        assert len(beside) > 0.5 * FPS * seconds / SLOWNESS
        assert statistics.median(part.age_s for part in beside) < 0.1 * SLOWNESS
