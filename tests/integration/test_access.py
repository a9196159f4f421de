# SPDX-License-Identifier: MIT
"""--auth-file: who gets in, and who sees what."""

from __future__ import annotations

import pathlib
import re
from typing import Any

import pytest
from testlib.build import ROOT
from testlib.http import exchange, get_request, receive_exactly, receive_head
from testlib.login import (
    ALICE,
    BOB,
    LIMITED_PASSWORD,
    LIMITED_TOKEN,
    PASSWORD,
    TOKEN,
    basic,
    bearer,
    token_line,
    with_token,
    write_auth_file,
)
from testlib.metrics import Scrape
from testlib.pictures import STILL
from testlib.waiting import wait_until

CHALLENGE = 'Basic realm="headcam", charset="UTF-8"'

# ---- in and out ----

PATHS = ["/", "/viewer.js", "/icon.svg", "/status", "/metrics", "/readyz", "/stream/front",
         "/stream", "/snapshot/front?max_age=3600000", "/?action=snapshot&max_age=3600000",
         "/?action=stream"]  # fmt: skip
WAYS_IN = [
    (ALICE, ""),
    (BOB, ""),
    (bearer(TOKEN), ""),
    (bearer(LIMITED_TOKEN), ""),
    ({}, TOKEN),
    ({}, LIMITED_TOKEN),
    (basic("proxy", "for the proxy in front"), TOKEN),
]
WAYS_OUT = [
    ({}, "", CHALLENGE),
    (basic("alice", "wrong"), "", CHALLENGE),
    (basic("alice", ""), "", CHALLENGE),
    (basic("alice", LIMITED_PASSWORD), "", CHALLENGE),
    (basic("nobody", PASSWORD), "", CHALLENGE),
    (basic("all", TOKEN), "", CHALLENGE),
    ({"authorization": "Negotiate abc"}, "", CHALLENGE),
    ({"authorization": "Basic ???"}, "", CHALLENGE),
    (bearer("wrong"), "", 'Bearer realm="headcam", error="invalid_token"'),
    ({}, "wrong", 'Bearer realm="headcam", error="invalid_token"'),
    (ALICE, "wrong", 'Bearer realm="headcam", error="invalid_token"'),
]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_every_way_in(guarded: Any, cameras: Any, method: str) -> None:
    """A user, a token as a header, a token in the URL: the front camera is theirs."""
    for headers, token in WAYS_IN:
        for path in PATHS:
            response = guarded.get(with_token(path, token), method, **headers)
            assert response.status == 200, (path, headers, token)
            if "snapshot" in path and method == "GET":
                assert response.body == STILL


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_every_way_out(start_guarded: Any, publish: Any, method: str) -> None:
    """401 for all else, with a challenge that makes browsers ask where asking helps."""
    server = start_guarded("--login-failures", "1000")
    publish(server, "front")
    for headers, token, challenge in WAYS_OUT:
        for path in [*PATHS, "/nothing", "/stream/a/b"]:
            response = server.get(with_token(path, token), method, **headers)
            assert response.status == 401, (path, headers, token)
            assert response.headers["www-authenticate"] == challenge
            assert response.headers["cache-control"] == "no-store"
            assert "etag" not in response.headers
            if method == "GET":
                assert response.body.count(b"\n") == 1
    wait_until(lambda: server.status()["viewers"] == 0, what="nobody watches")


def test_known_etags_do_not_open_the_door(guarded: Any) -> None:
    """Not even 304."""
    etag = guarded.get("/viewer.js", **ALICE).headers["etag"]
    assert guarded.get("/viewer.js", if_none_match=etag).status == 401
    assert guarded.get("/viewer.js", if_none_match=etag, **ALICE).status == 304


def test_what_needs_no_login(guarded: Any) -> None:
    """The process's health, and which methods there are: a browser asks that with empty hands."""
    assert guarded.get("/healthz").text == "ok"
    assert guarded.get("/healthz", **basic("alice", "wrong")).text == "ok"
    for path in ("/", "/status", "/metrics", "/stream/front", "/viewer.js"):
        assert guarded.get(path, "OPTIONS").status == 204
        assert guarded.get(path, "POST").status == 405


def test_a_connection_is_asked_anew_for_each_request(guarded: Any, cameras: Any) -> None:
    """What was let in once is no pass for the next request on the same connection."""
    header = f"Authorization: {ALICE['authorization']}"
    with guarded.address.connect() as connection:
        for path, headers, status in (
            ("/status", [], 401),
            ("/status", [header], 200),
            ("/snapshot/front?max_age=3600000", [header], 200),
            ("/snapshot/front?max_age=3600000", [], 401),
            ("/healthz", [], 200),
            (f"/snapshot/rear?max_age=3600000&token={TOKEN}", [], 200),
            ("/status", [], 401),
            (f"/snapshot/rear?max_age=3600000&token={LIMITED_TOKEN}", [], 403),
        ):
            connection.sendall(get_request(path, *headers))
            head = receive_head(connection)
            assert head.startswith(b"HTTP/1.1 %d " % status), (path, head)
            length = re.search(rb"\r\nContent-Length: (\d+)\r\n", head)
            assert length
            receive_exactly(connection, int(length[1]))


def test_a_body_waits_for_the_check_too(guarded: Any) -> None:
    """A request that brings one, and a password that must be checked first."""
    request = get_request(
        "/status",
        f"Authorization: {ALICE['authorization']}",
        "Connection: close",
        "Content-Length: 9",
    )
    assert exchange(guarded.address, request + b"no matter").startswith(b"HTTP/1.1 200 ")


# ---- limits ----


@pytest.mark.parametrize(("headers", "who"), [(BOB, "bob"), (bearer(LIMITED_TOKEN), "few")])
def test_a_stream_that_is_not_covered(guarded: Any, cameras: Any, headers: Any, who: str) -> None:
    """403 that says what may be seen; the same whether the stream is there or not."""
    for path in ("/stream/rear", "/snapshot/rear", "/stream/nowhere", "/snapshot/nowhere"):
        for method in ("GET", "HEAD"):
            response = guarded.get(path, method, **headers)
            assert response.status == 403
        name = path.rpartition("/")[2]
        text = guarded.get(path, **headers).text
        assert text == f"{who} may not see the stream {name}, only: front,left"


def test_what_is_not_covered_is_not_listed(guarded: Any, cameras: Any) -> None:
    """Not in /status, nor in the reasons of /readyz."""
    everything = guarded.get("/status", **ALICE).json()
    assert [stream["name"] for stream in everything["streams"]] == ["rear", "front"]
    assert everything["default"] == "rear"
    response = guarded.get("/status", **BOB)
    assert [stream["name"] for stream in response.json()["streams"]] == ["front"]
    assert response.json()["default"] == "front"
    assert b"rear" not in response.body
    assert guarded.get("/readyz", **ALICE).text == "ready: 2 of 2 streams live"
    assert guarded.get("/readyz", **BOB).text == "ready: 1 of 1 streams live"


def test_metrics_of_other_streams_are_not_told(guarded: Any, cameras: Any) -> None:
    """Who may see a part sees its series, and what is counted over all."""
    everything, part = guarded.scrape(), Scrape(guarded.get("/metrics", **BOB))
    part.check()
    assert everything.streams() == {"front", "rear"} and part.streams() == {"front"}
    assert "rear" not in part.text
    assert part.names() == everything.names()
    assert everything.value("headcam_streams", state="live") == 2
    assert part.value("headcam_streams", state="live") == part.value("headcam_agents") == 1
    assert part.value("headcam_frames_received_total") == 2


def test_edges_are_told_to_who_may_see_everything(start_guarded: Any) -> None:
    """Neither /status nor /metrics tells the others where frames are forwarded."""
    server = start_guarded("--forward", "tcp://127.0.0.1:9", "--curve-key", "none")
    for headers, is_told in ((ALICE, True), (BOB, False)):
        for path in ("/status", "/metrics"):
            response = server.get(path, **headers)
            assert response.status == 200
            assert ("tcp://127.0.0.1:9" in response.text) == is_told, (path, headers)
        assert bool(server.get("/status", **headers).json()["edges"]) == is_told


def test_readyz_tells_nothing_of_others(guarded: Any, connect: Any) -> None:
    """Its reason names a stream only to those who may see it."""
    connect(guarded, "rear", state="starting", reason="warming up")
    guarded.wait_state("rear", "starting")
    assert "rear" in guarded.get("/readyz", **ALICE).text
    unready = guarded.get("/readyz", **BOB)
    assert (unready.status, unready.text) == (503, "no agent is connected")


def test_no_name_means_a_stream_that_is_covered(
    guarded: Any, connect: Any, publish: Any
) -> None:
    """Who waits for the first stream, and may not see it, goes on waiting for an own one."""
    viewers = [
        guarded.watch(path, f"Authorization: {BOB['authorization']}")
        for path in ("/stream", "/?action=stream")
    ]
    for viewer in viewers:
        viewer.next("no-signal")
    everything = guarded.watch("/stream", f"Authorization: {ALICE['authorization']}")
    everything.next("no-signal")
    publish(guarded, "rear")
    everything.next("repeat")  # the first frame of rear has just been
    assert all(part.state == "no-signal" for viewer in viewers for part in viewer.parts)
    producer = connect(guarded, "front", 64, 48, "JPEG", stride=0)
    producer.wait_wanted()
    producer.send_frame(STILL, sequence=4711)
    for viewer in viewers:
        assert viewer.next("live").sequence == 4711
    assert guarded.get("/snapshot?max_age=3600000", **BOB).headers["x-headcam-sequence"] == "4711"
    assert guarded.get("/snapshot?max_age=3600000", **ALICE).headers["x-headcam-sequence"] == "1"


def test_the_default_stream_where_it_is_covered(start_guarded: Any, publish: Any) -> None:
    """The server's own one comes before the first of the line."""
    server = start_guarded("--default", "left")
    publish(server, "front")
    publish(server, "left")
    assert server.get("/status", **BOB).json()["default"] == "left"


# ---- the page ----


@pytest.mark.parametrize("token", [TOKEN, LIMITED_TOKEN])
def test_the_page_asks_with_its_token(guarded: Any, token: str) -> None:
    """All that it links is there; without a token it is the file that it is."""
    page = guarded.get(f"/?token={token}").body.decode()
    links = re.findall(r'(?:href|src)="([^"]*)"', page)
    assert len(links) >= 4 and all(link.endswith(f"?token={token}") for link in links)
    for link in links:
        if "snapshot" not in link:
            assert guarded.get(f"/{link}").status == 200, link
    assert page.replace(f"?token={token}", "") == (ROOT / "web/index.html").read_text()
    assert guarded.get("/", **ALICE).body == (ROOT / "web/index.html").read_bytes()
    assert token not in guarded.get("/", **bearer(token)).body.decode()


def test_a_token_of_any_characters_breaks_out_of_nothing(
    start_server: Any, directory: pathlib.Path
) -> None:
    """One that was thought up by hand, to the worst."""
    token = "\"><script>alert(1)</script>'&%20"
    file = write_auth_file(directory / "auth", [token_line("odd", token)])
    server = start_server("--auth-file", str(file))
    escaped = "".join(f"%{byte:02X}" for byte in token.encode())
    page = server.get(f"/?token={escaped}").body.decode()
    assert "alert(1)" not in page and page.count("<script") == 1
    link = re.search(r'src="(viewer\.js[^"]*)"', page)
    assert link and server.get(f"/{link[1]}").status == 200


def test_without_a_file_a_token_is_any_parameter(server: Any) -> None:
    """Ignored, as all that are not listed."""
    assert server.get("/?token=abc").body == (ROOT / "web/index.html").read_bytes()
    assert server.get("/status?token=abc").status == 200
