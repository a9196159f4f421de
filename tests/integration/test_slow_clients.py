# SPDX-License-Identifier: MIT
"""Clients that are slow to ask, or to read their answer: what they hold ends."""

from __future__ import annotations

import contextlib
import socket
import time
from typing import Any

import pytest
from testlib.build import SLOWNESS
from testlib.http import get_request, receive_all, receive_exactly, receive_head
from testlib.waiting import SOON_S, wait_until

pytestmark = pytest.mark.no_tsan

#: A picture that no socket's buffers hold.
WIDTH, HEIGHT = 2560, 1440
PICTURE_BYTES = WIDTH * HEIGHT * 3


def drip(connection: socket.socket) -> bytes:
    """Sends a byte ten times a second; returns what came until the server closed."""
    connection.settimeout(0.1)
    answer, until_s = b"", time.monotonic() + SOON_S * SLOWNESS
    with contextlib.suppress(ConnectionError):
        while time.monotonic() < until_s:
            try:
                more = connection.recv(4096)
            except TimeoutError:
                connection.send(b"x")
                continue
            if not more:
                return answer
            answer += more
        raise AssertionError(f"still open after {SOON_S * SLOWNESS:g} s")
    return answer


@pytest.fixture(params=["plain", "tls"])
def impatient(request: Any, start_server: Any, authority: Any) -> Any:
    """A server that gives each connection a second to ask."""
    tls = authority.issue("camera") if request.param == "tls" else None
    return start_server("--idle-after", "1", tls=tls)


class TestWhoDripsARequest:
    """It has as long as one that sends nothing."""

    @pytest.mark.parametrize(
        "begin",
        [
            b"",
            get_request("/healthz", "X-Filler: ")[:-4],
            get_request("/healthz", "Content-Length: 1000000000"),
        ],
        ids=["method", "header", "body"],
    )
    def test_is_closed(self, impatient: Any, begin: bytes) -> None:
        """Without an answer."""
        with impatient.address.connect() as connection:
            connection.sendall(begin)
            assert drip(connection) == b""

    def test_is_closed_after_an_answer(self, impatient: Any) -> None:
        """Whose request was whole."""
        with impatient.address.connect() as connection:
            connection.sendall(get_request("/healthz"))
            receive_head(connection)
            assert receive_exactly(connection, 3) == b"ok\n"
            assert drip(connection) == b""


def test_who_goes_on_asking_stays(impatient: Any) -> None:
    """Each answer gives it as long again."""
    until_s = time.monotonic() + 2.5
    with impatient.address.connect() as connection:
        while time.monotonic() < until_s:
            connection.sendall(get_request("/healthz"))
            receive_head(connection)
            assert receive_exactly(connection, 3) == b"ok\n"


class TestSnapshots:
    """Of --max-snapshots, for as long as their client takes to read them."""

    @pytest.fixture
    def server(self, start_server: Any, connect: Any) -> Any:
        """A server that sends one large snapshot at a time."""
        server = start_server("--stuck-after", "2", "--idle-after", "1", "--max-snapshots", "1")
        connect(server, "front", WIDTH, HEIGHT).play(5)
        server.wait_state("front")
        return server

    def test_one_that_is_not_read_is_closed(self, server: Any) -> None:
        """After --stuck-after; its place is free then."""
        with server.address.connect(receive_buffer=4096) as connection:
            connection.sendall(get_request("/snapshot/front?format=raw"))
            receive_head(connection)
            refusal = server.get("/snapshot/front?format=raw").text
            assert refusal == (
                "1 snapshot requests wait or are being read, as many as --max-snapshots allows"
            )
            wait_until(lambda: server.status()["snapshots"] == 0, what="its place is free")
            assert len(receive_all(connection)) < PICTURE_BYTES
        assert server.scrape().value("headcam_snapshots_total", outcome="closed") == 1

    def test_one_that_is_read_slowly_is_not(self, server: Any) -> None:
        """A bad link is not a dead one: 100 KB/s, far beyond --stuck-after."""
        until_s = time.monotonic() + 6
        with server.address.connect(receive_buffer=4096) as connection:
            connection.sendall(get_request("/snapshot/front?format=raw"))
            receive_head(connection)
            received = 0
            while time.monotonic() < until_s:
                received += len(receive_exactly(connection, 5000))
                time.sleep(0.05)
            assert received < PICTURE_BYTES / 2, "it was read so fast that this shows nothing"
            receive_exactly(connection, PICTURE_BYTES - received)
