# SPDX-License-Identifier: MIT
"""Who came and who left: one line each in the log, and nothing in it that should not be there."""

from __future__ import annotations

import re
import socket
import struct
import time
from typing import Any

import pytest
from testlib.http import get_request, receive_all, receive_head
from testlib.waiting import wait_until

FPS = 20.0
SECRET = "tr0ub4dor"
CAME = re.compile(r"^\S+Z info  viewer (\S+) of (\S+) came(?: \(and (\d+) more\))?$", re.MULTILINE)
LEFT = re.compile(
    r"^\S+Z info  viewer (?P<peer>\S+) of (?P<path>\S+) left after (?P<seconds>[0-9.]+) s: "
    r"(?P<reason>.+?); (?P<frames>\d+) frames(?:, mean age (?P<age>[0-9.]+) ms)?, "
    r"(?P<skipped>\d+) skipped, (?P<bytes>\d+) bytes(?: \(and (?P<more>\d+) more\))?$",
    re.MULTILINE,
)
PER_SECOND = 20


def came(server: Any) -> list[tuple[str, str]]:
    """Who came: address and path."""
    return [(match[1], match[2]) for match in CAME.finditer(server.log())]


def left(server: Any, count: int = 1) -> list[re.Match[str]]:
    """The lines on those who left, when there are so many."""

    def find() -> list[re.Match[str]]:
        found = list(LEFT.finditer(server.log()))
        return found if len(found) >= count else []

    return wait_until(find, what=f"{count} that left")


def test_a_viewer_is_told_of_when_it_comes_and_when_it_leaves(server: Any, connect: Any) -> None:
    """With what it got: to the frame."""
    producer = connect(server, "front").play(FPS)
    server.wait_state("front")
    viewer = server.watch("/stream/front?fps=12.5")
    viewer.wait_more(10)
    address = f"127.0.0.1:{viewer.port}"
    assert came(server) == [(address, "/stream/front?fps=12.5")]
    producer.pause()
    viewer.next("repeat")
    viewer.close()

    line = left(server)[0]
    assert (line["peer"], line["path"]) == (address, "/stream/front?fps=12.5")
    assert line["reason"] == "its client closed"
    assert int(line["frames"]) == sum(part.state == "live" for part in viewer.parts)
    assert int(line["bytes"]) == viewer.stream_bytes
    assert float(line["seconds"]) <= time.monotonic() - viewer.began_s + 0.1
    assert float(line["age"]) < float(line["seconds"]) * 1000
    skipped = server.scrape().value("headcam_frames_skipped_total", reason="slow")
    assert int(line["skipped"]) == skipped


def test_the_settings_are_told_as_they_were_understood(server: Any) -> None:
    """In one order, without what means nothing."""
    server.watch("/stream?quality=050&color=red&width=640&fps=5.0").next("no-signal")
    assert [path for _, path in came(server)] == ["/stream?fps=5&width=640&quality=50"]


def test_who_saw_no_frame_has_no_age(server: Any) -> None:
    """No-signal pictures are bytes, but no frames."""
    with server.watch("/stream") as viewer:
        viewer.next("no-signal")
    line = left(server)[0]
    assert (line["frames"], line["age"], line["path"]) == ("0", None, "/stream")
    assert int(line["bytes"]) > 0


def test_a_reset_is_a_client_that_closed(server: Any) -> None:
    """As a browser's tab does that is closed with data on its way."""
    connection = server.address.connect()
    connection.sendall(get_request("/stream"))
    receive_head(connection)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
    assert left(server)[0]["reason"] == "its client closed"


def test_those_who_stay_to_the_end_are_told_of(server: Any) -> None:
    """And that it was not they who ended it."""
    server.watch("/stream").next()
    server.end()
    assert {line["reason"] for line in left(server)} == {"the server ends"}


def test_an_ipv6_address_has_brackets(start_server: Any) -> None:
    """As in a URL."""
    server = start_server(listen="[::1]:0")
    viewer = server.watch("/stream")
    viewer.next()
    assert came(server) == [(f"[::1]:{viewer.port}", "/stream")]


def test_ipv4_looks_like_ipv4_on_a_socket_for_both(start_server: Any) -> None:
    """Not like ::ffff:127.0.0.1."""
    server = start_server(listen="[::]:0")
    viewer = server.watch("/stream")
    viewer.next()
    assert came(server) == [(f"127.0.0.1:{viewer.port}", "/stream")]


@pytest.mark.parametrize(
    "target",
    [
        f"/stream/front?token={SECRET}",
        f"/stream/front?TOKEN={SECRET}&fps=5",
        f"/stream/front?fps=5&%74oken={SECRET}",
        f"/stream?password={SECRET}&x=%0aforged%1b[31m",
        f"/?action=stream?token={SECRET}",
        f"/?action=stream&token={SECRET}",
        f"/stream/front?{SECRET}",
        f"/stream/front%0a{SECRET}",
        f"/{SECRET}%0d%0a",
        f"/snapshot/front?timeout=0&token={SECRET}",
        f"/stream/front?fps={SECRET}",
    ],
)
def test_nothing_of_a_request_gets_into_the_log(start_server: Any, target: str) -> None:
    """Neither secrets nor control characters, wherever they are, at any level."""
    server = start_server("--log-level", "debug")
    request = get_request(
        target,
        f"User-Agent: {SECRET}",
        "X-Forwarded-For: 203.0.113.9",
        f"Authorization: Bearer {SECRET}",
        f"Referer: http://headcam/?token={SECRET}",
    )
    with server.address.connect() as connection:
        connection.sendall(request)
        head = receive_head(connection)
        if not head.startswith(b"HTTP/1.1 200"):
            connection.shutdown(socket.SHUT_WR)
            receive_all(connection)
    if head.startswith(b"HTTP/1.1 200"):
        left(server)
    server.end()
    log = server.log()
    assert SECRET not in log and "203.0.113.9" not in log and "forged" not in log
    assert all(character >= " " or character == "\n" for character in log), log


def test_a_flood_of_viewers_is_no_flood_of_lines(server: Any) -> None:
    """Those that were left out are counted in the next line."""
    began_s = time.monotonic()
    count = 200
    for _ in range(count):
        with server.address.connect() as connection:
            connection.sendall(get_request("/stream"))
            receive_head(connection)
    wait_until(
        lambda: server.scrape().sum("headcam_viewers_left_total") == count, what="all have left"
    )
    seconds = time.monotonic() - began_s

    def told(pattern: re.Pattern[str], group: int | str) -> int:
        lines = list(pattern.finditer(server.log()))
        return len(lines) + sum(int(line[group] or 0) for line in lines)

    for pattern in (CAME, LEFT):
        assert len(pattern.findall(server.log())) <= PER_SECOND * (seconds + 2)

    def one_more() -> bool:
        nonlocal count
        with server.watch("/stream") as viewer:
            viewer.wait_status()
        count += 1
        wait_until(
            lambda: server.scrape().sum("headcam_viewers_left_total") == count, what="it has left"
        )
        return told(CAME, 3) == count and told(LEFT, "more") == count

    wait_until(one_more, what="a line that tells of those left out")
