# SPDX-License-Identifier: MIT
"""The bytes on the wire, which players, browsers, scripts and proxies rely on."""

from __future__ import annotations

import re
import socket
import time
from typing import Any

import pytest
from testlib import pictures
from testlib.build import ROOT, SLOWNESS
from testlib.http import exchange, get_request, receive_all, receive_exactly, receive_head
from testlib.mjpeg import ADVANCE_HEAD, BOUNDARY_LINE, USER_AGENT_OF_CHROME
from testlib.waiting import wait_until

pytestmark = pytest.mark.no_tsan

CAPTURE_NS = 1_764_158_400_123_456_789
JPEG = pictures.encode(pictures.scene(64, 48))
STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\n"
    b"Date: [^\r\n]+ GMT\r\n"
    b"Connection: close\r\n"
    b"Content-Type: multipart/x-mixed-replace; boundary=frame\r\n"
    b"X-Accel-Buffering: no\r\n"
    b"Cache-Control: no-store\r\n"
    b"X-Content-Type-Options: nosniff\r\n"
    b"\r\n"
)
METHODS_TEXT = b"this method is not supported; use one of GET, HEAD, OPTIONS\n"


@pytest.fixture
def server(start_server: Any) -> Any:
    """A server that shows a last frame for longer than any of these tests takes."""
    return start_server("--no-signal-after", "3600")


@pytest.fixture
def camera(server: Any, connect: Any) -> Any:
    """A stream "front" with one frame, a JPEG of known bytes and stamps."""
    producer = connect(server, "front", 64, 48, "JPEG", stride=0)
    server.wait_state("front")
    with server.watch("/stream/front") as viewer:
        viewer.wait_status()
        producer.wait_wanted()
        send(producer, 1)
        viewer.next("live")
    wait_until(lambda: server.status()["viewers"] == 0, what="the viewer has left")
    return producer


def send(producer: Any, sequence: int, **stamps: int) -> None:
    """Sends the JPEG."""
    producer.send_frame(JPEG, sequence=sequence, **{"capture_ns": CAPTURE_NS, **stamps})


def part_head(sequence: int, state: bytes, stamps: bytes = b"") -> bytes:
    """A part's head, as documented."""
    return (
        b"Content-Type: image/jpeg\r\n"
        b"Content-Length: %d\r\n"
        b"X-Timestamp: 1764158400.123456\r\n"
        b"X-Headcam-Sequence: %d\r\n"
        b"X-Headcam-State: %s\r\n%s\r\n"
    ) % (len(JPEG), sequence, state, stamps)


def open_stream(server: Any, path: str, *headers: str) -> socket.socket:
    """A connection, behind the head of its answer."""
    connection: socket.socket = server.address.connect()
    connection.sendall(get_request(path, *headers))
    head = receive_head(connection)
    assert re.fullmatch(STREAM_HEAD, head), head
    return connection


# ---- MJPEG ----


def test_the_bytes_of_a_stream(server: Any, camera: Any) -> None:
    """Every header in its place; the next boundary comes with its image, not with the next one."""
    with open_stream(server, "/stream/front") as connection:
        first = BOUNDARY_LINE + part_head(1, b"repeat") + JPEG + b"\r\n" + BOUNDARY_LINE
        assert receive_exactly(connection, len(first)) == first

        camera.wait_wanted()
        send(camera, 4711, sim_ns=12_500_000_000, update=3021)
        stamps = b"X-Headcam-Sim-Time: 12.500000000\r\nX-Headcam-Update: 3021\r\n"
        second = part_head(4711, b"live", stamps) + JPEG + b"\r\n" + BOUNDARY_LINE
        data = receive_exactly(connection, len(second))
        while data.startswith(part_head(1, b"repeat")):  # sent while nothing new was there
            data = data[len(part_head(1, b"repeat") + JPEG + b"\r\n" + BOUNDARY_LINE):]
            data += receive_exactly(connection, len(second) - len(data))
        assert data == second


ADVANCE_QUERIES = [
    ("/stream/front?advance_headers=1", ""),
    ("/stream/front?advance_headers=1&fps=30", "User-Agent: curl/8"),
    ("/stream/front", USER_AGENT_OF_CHROME),
    ("/?action=stream", USER_AGENT_OF_CHROME),
]


@pytest.mark.parametrize(("path", "header"), ADVANCE_QUERIES)
def test_the_bytes_of_a_stream_with_advance_headers(
    server: Any, camera: Any, path: str, header: str
) -> None:
    """The next part's whole head comes at once with each image: Chromium waits for it."""
    with open_stream(server, path, *filter(None, [header])) as connection:
        opening = BOUNDARY_LINE + ADVANCE_HEAD + JPEG
        assert receive_exactly(connection, len(opening)) == opening
        began_s = time.monotonic()
        tail = b"\r\n" + BOUNDARY_LINE + ADVANCE_HEAD
        assert receive_exactly(connection, len(tail)) == tail
        assert time.monotonic() - began_s < 0.3 * SLOWNESS, "it came with the next image"
        again = JPEG + tail
        assert receive_exactly(connection, len(again)) == again


@pytest.mark.parametrize(
    ("path", "header"),
    [
        ("/stream/front?advance_headers=0", USER_AGENT_OF_CHROME),
        ("/stream/front", "User-Agent: Mozilla/5.0 (X11; rv:128.0) Gecko/20100101 Firefox/128.0"),
        ("/stream/front", "User-Agent: Lavf/59.27.100"),
    ],
)
def test_others_get_content_length(server: Any, camera: Any, path: str, header: str) -> None:
    """Who does not wait for the next head is told the size of each image."""
    with open_stream(server, path, header) as connection:
        first = BOUNDARY_LINE + part_head(1, b"repeat") + JPEG
        assert receive_exactly(connection, len(first)) == first


def test_an_http_1_0_client_gets_the_same(server: Any, camera: Any) -> None:
    """No chunks for anybody."""
    with server.address.connect() as connection:
        connection.sendall(b"GET /stream/front HTTP/1.0\r\n\r\n")
        head = receive_head(connection)
        assert head.startswith(b"HTTP/1.") and b"200 OK" in head
        assert b"transfer-encoding" not in head.lower()
        assert receive_exactly(connection, 9) == BOUNDARY_LINE


# ---- paths ----


@pytest.mark.parametrize(
    "path",
    [
        "/stream",
        "/stream/front",
        "/stream/",
        "/stream?1608123456",
        "/stream/front?unknown=1&fps=30",
        "/?action=stream",
        "/?action=stream&1608123456789",
        "/?action=stream?dummy=1",
        "/?action=stream_0",
        "/stream/fr%6Fnt",
        "/stream?fps=29.97",
        "/stream?fps=0.1",
        "/stream?fps=240",
    ],
)
def test_these_are_the_stream(server: Any, camera: Any, path: str) -> None:
    """Also as mjpg-streamer's clients ask for it, with whatever they append."""
    assert server.watch(path).next().jpeg == JPEG


@pytest.mark.parametrize(
    "path",
    [
        "/snapshot?max_age=3600000",
        "/snapshot/front?max_age=3600000&timeout=60000",
        "/?action=snapshot&max_age=3600000",
        "/?action=snapshot&max_age=3600000&n=3&1608123456789",
        "/?max_age=3600000&action=snapshot?x",
        "/snapshot/fron%74?max_age=3600000",
    ],
)
def test_these_are_the_snapshot(server: Any, camera: Any, path: str) -> None:
    """OctoPrint and others put all kinds of things behind it."""
    response = server.get(path)
    assert (response.status, response.body) == (200, JPEG)


BAD_PARAMETERS = [
    *(("/stream?fps=" + bad, "fps") for bad in ("0", "0.05", "241", "-5", "", "5x", "%205", "nan")),
    ("/stream/front?fps=1e2", "fps"),
    ("/stream?advance_headers=2", "advance_headers"),
    ("/stream?advance_headers=yes", "advance_headers"),
    *(("/stream?width=" + bad, "width") for bad in ("15", "65501", "-64", "", "64.0", "x")),
    *(("/snapshot?quality=" + bad, "quality") for bad in ("0", "101", "-1", "", "80%25")),
    ("/?action=snapshot&width=1", "width"),
    ("/snapshot?timeout=60001", "timeout"),
    ("/snapshot?timeout=-1", "timeout"),
    ("/snapshot?timeout=1.5", "timeout"),
    ("/snapshot?timeout=99999999999999999999", "timeout"),
    ("/snapshot?max_age=3600001", "max_age"),
    ("/snapshot?max_age=", "max_age"),
    ("/?action=stream&fps=0", "fps"),
    ("/?action=snapshot&timeout=x", "timeout"),
    ("/?action=reboot", "action"),
    ("/?action=streaming", "action"),
    ("/?action=", "action"),
]


@pytest.mark.parametrize(("path", "parameter"), BAD_PARAMETERS)
def test_a_bad_parameter_is_named_with_its_rule(server: Any, path: str, parameter: str) -> None:
    """Better refused than misunderstood."""
    response = server.get(path)
    assert response.status == 400
    assert response.text.startswith(f"{parameter} must be ")
    assert response.headers["content-type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/streams",
        "/stream.mjpg",
        "/status/front",
        "/viewer.js/",
        "/../etc/passwd",
        "/web/index.html",
        "//stream",
        "/stream/a/b",
        "/stream/front/",
        "/stream/a%20b",
        "/stream/a%2Fb",
        "/stream/%C3%A4",
        "/stream/%",
        "/stream/@front",
        "/snapshot/" + "x" * 65,
        "/snapshot/<script>",
        "/snapshot/front%0d%0aSet-Cookie:x",
    ],
)
def test_404_says_what_there_is(server: Any, path: str) -> None:
    """One line, which repeats nothing of the request."""
    response = server.get(path)
    assert response.status == 404
    assert response.text in (
        "nothing is here; try /, /stream/NAME, /snapshot/NAME or /status",
        "no stream can have that name; a name is 1 to 64 characters of A-Z a-z 0-9 . _ -",
    )


# ---- methods ----


@pytest.mark.parametrize("path", ["/", "/stream", "/snapshot/front", "/status", "/viewer.js"])
def test_other_methods(server: Any, path: str) -> None:
    """405 and 204 name those there are."""
    for method in ("POST", "PUT", "DELETE", "PATCH", "BREW"):
        response = server.get(path, method)
        assert (response.status, response.body) == (405, METHODS_TEXT)
        assert response.headers["allow"] == "GET, HEAD, OPTIONS"
    response = server.get(path, "OPTIONS")
    assert (response.status, response.body) == (204, b"")
    assert response.headers["allow"] == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize("path", ["/", "/status", "/healthz", "/viewer.css", "/nothing"])
def test_head_is_get_without_the_body(server: Any, path: str) -> None:
    """The same status and the same headers."""
    get, head = server.get(path), server.get(path, "HEAD")
    assert (head.status, head.body) == (get.status, b"")
    volatile = ("date", "content-length") if path == "/status" else ("date",)
    for headers in (get.headers, head.headers):
        for name in volatile:
            assert headers.pop(name)
    assert head.headers == get.headers


def test_head_of_a_stream_ends(server: Any, camera: Any) -> None:
    """It tells the type, and is no viewer."""
    answer = exchange(server.address, b"HEAD /stream HTTP/1.1\r\nHost: h\r\n\r\n")
    assert re.fullmatch(STREAM_HEAD, answer), answer
    assert server.status()["viewers"] == 0


def test_a_body_is_of_no_interest(server: Any) -> None:
    """Who wants to send one is told at once that there is nothing to send it to."""
    posted = exchange(
        server.address,
        b"POST /status HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\nonly this",
    )
    assert posted.startswith(b"HTTP/1.1 405 ") and posted.endswith(METHODS_TEXT)
    got = exchange(
        server.address,
        b"GET /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
        b"Content-Length: 100000\r\n\r\n" + bytes(100_000),
    )
    assert got.startswith(b"HTTP/1.1 200 ") and got.endswith(b"\r\n\r\nok\n")


# ---- health, status, page ----


def test_health(server: Any, connect: Any) -> None:
    """healthz: it runs. readyz: there is something to see."""
    assert (server.get("/healthz").status, server.get("/healthz").text) == (200, "ok")
    unready = server.get("/readyz")
    assert (unready.status, unready.text) == (503, "no agent is connected")
    assert unready.headers["retry-after"] == "1"

    connect(server, "front")
    server.wait_state("front")
    connect(server, "rear", state="starting")
    server.wait_state("rear", "starting")

    ready = server.get("/readyz")
    assert (ready.status, ready.text) == (200, "ready: 1 of 2 streams live")
    assert ready.headers["cache-control"] == "no-store"


def test_status(server: Any, connect: Any) -> None:
    """What docs/api.md promises, with numbers that were sent."""
    producer = connect(server, "front", 80, 60, "BGR", agent="a test", version="7.8", fps=12.5)
    server.wait_state("front")
    response = server.get("/status")
    assert response.headers["content-type"] == "application/json"
    assert response.headers["cache-control"] == "no-store"
    status = response.json()
    assert status["default"] == "front"
    assert status["ingest"]["endpoint"] == server.endpoint
    front = status["streams"][0]
    assert abs(front["since"] - time.time()) < 60
    expected = {
        "name": "front", "state": "live", "reason": "", "width": 80, "height": 60, "format": "BGR",
        "transport": "inline", "nominal_fps": 12.5, "fps": 0, "age_ms": None, "viewers": 0,
        "wanted": False, "wanted_fps": None, "jpeg_bytes": None, "conflicts": 0,
        "agent": {
            "name": "a test", "version": "7.8", "instance": f"{producer.instance:016x}",
        },
    }  # fmt: skip
    assert {key: front[key] for key in expected} == expected

    producer.play(20)
    server.watch("/stream/front?fps=10").next("live")
    wait_until(lambda: server.stream("front")["fps"] > 5, what="a frame rate")
    front = server.stream("front")
    assert (front["viewers"], front["wanted"], front["wanted_fps"]) == (1, True, 10.0)
    assert front["age_ms"] < 2000 * SLOWNESS and front["jpeg_bytes"] > 100
    assert server.status()["viewers"] == 1


@pytest.mark.parametrize(
    ("path", "file", "content_type"),
    [
        ("/", "index.html", "text/html; charset=utf-8"),
        ("/viewer.js", "viewer.js", "text/javascript; charset=utf-8"),
        ("/viewer.css", "viewer.css", "text/css; charset=utf-8"),
        ("/icon.svg", "icon.svg", "image/svg+xml"),
        ("/favicon.ico", "icon.svg", "image/svg+xml"),
    ],
)
def test_the_page_is_cached_until_it_changes(
    server: Any, path: str, file: str, content_type: str
) -> None:
    """What is in web/, with an ETag, and 304 for who has it already."""
    response = server.get(path)
    assert response.status == 200
    assert response.headers["content-type"] == content_type
    assert response.headers["cache-control"] == "no-cache"
    assert response.body == (ROOT / "web" / file).read_bytes()
    etag = response.headers["etag"]
    assert re.fullmatch(r'"[^"]+"', etag)

    known = server.get(path, if_none_match=etag)
    assert (known.status, known.body, known.headers["etag"]) == (304, b"", etag)
    assert server.get(path, if_none_match='"another"').status == 200


@pytest.mark.parametrize("known", ["W/{}", '"old", {}', '"a","b", W/{} ,"c"', "*"])
def test_etags_are_compared_as_http_wants_it(server: Any, known: str) -> None:
    """Proxies weaken them, and browsers send several."""
    etag = server.get("/viewer.js").headers["etag"]
    assert server.get("/viewer.js", if_none_match=known.format(etag)).status == 304


# ---- rude clients ----


def test_several_requests_on_a_connection(server: Any, camera: Any) -> None:
    """Who polls need not connect anew each time; a stream may be the last of them."""
    answers = [
        ("/healthz", 200),
        ("/nothing", 404),
        ("/snapshot?max_age=3600000", 200),
        ("/snapshot/rear?timeout=0", 503),
        ("/viewer.js", 200),
        ("/snapshot?timeout=x", 400),
        ("/status", 200),
    ]
    with server.address.connect() as connection:
        for path, status in answers:
            connection.sendall(get_request(path))
            head = receive_head(connection)
            assert head.startswith(b"HTTP/1.1 %d " % status), head
            length = re.search(rb"\r\nContent-Length: (\d+)\r\n", head)
            assert length
            receive_exactly(connection, int(length[1]))
        connection.sendall(get_request("/stream/front"))
        assert re.fullmatch(STREAM_HEAD, receive_head(connection))
        assert receive_exactly(connection, 9) == BOUNDARY_LINE


def test_what_comes_behind_a_request_does_no_harm(server: Any, camera: Any) -> None:
    """Garbage in the pipeline, beside a viewer whose stream goes on."""
    viewer = server.watch("/stream/front")
    for garbage in (b"\0" * 5000, b"GET", b"\r\n\r\n\r\n", bytes(range(256)) * 20):
        for path in ("/healthz", "/status", "/snapshot?max_age=3600000", "/nothing"):
            with server.address.connect() as connection:
                connection.sendall(get_request(path) + garbage)
                assert connection.recv(9) == b"HTTP/1.1 "
        with server.address.connect() as connection:
            connection.sendall(get_request("/stream/front") + garbage)
            assert receive_head(connection).startswith(b"HTTP/1.1 200")
            assert receive_exactly(connection, 9) == BOUNDARY_LINE
    viewer.skip().next()


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\r\n" * 100,
        b"HELLO\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: h\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\n" + b"X: x\r\n" * 20_000 + b"\r\n",
        b"GET /stream/" + b"%41" * 20_000 + b" HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET /stream?" + b"a=b&" * 20_000 + b" HTTP/1.1\r\nHost: h\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(512),
        bytes(range(256)) * 100,
    ],
    ids=lambda data: data[:20].decode("latin-1").encode("unicode_escape").decode(),
)
def test_nonsense_is_refused_and_the_server_lives(server: Any, request_bytes: bytes) -> None:
    """Whatever is sent: an error, or a wait for more of it, and the next client is served."""
    with server.address.connect() as connection:
        connection.settimeout(1)
        try:
            connection.sendall(request_bytes)
            answer = connection.recv(65536)
        except (ConnectionError, TimeoutError):
            answer = b""  # refused before all of it was sent; or it waits
        assert not answer or re.match(rb"HTTP/1\.[01] [1-5]\d\d ", answer)
        assert server.get("/healthz").status == 200


def test_a_long_url_is_too_long(server: Any) -> None:
    """Not a closed connection without a word."""
    for length, status in ((5_000, 404), (100_000, 414)):
        assert server.get("/stream/" + "x" * length).status == status


def test_a_name_does_not_end_at_a_zero(server: Any, camera: Any) -> None:
    """%00 is no character of a name; nothing is served under a name that merely begins well."""
    for path in ("/snapshot/front%00x?max_age=3600000", "/healthz%00x", "/stream/front%00"):
        with server.address.connect() as connection:
            connection.sendall(get_request(path))
            assert connection.recv(12) in (b"HTTP/1.1 404", b"HTTP/1.1 400")


def test_who_never_finishes_a_request_keeps_nobody_waiting(server: Any, camera: Any) -> None:
    """300 connections that stand at half a request, more than are kept for the idle ones."""
    viewer = server.watch("/stream/front")
    idle = [server.address.connect() for _ in range(300)]
    try:
        for connection in idle:
            connection.sendall(b"GET /status HTTP/1.1\r\nHost: ")
        began_s = time.monotonic()
        for _ in range(5):
            assert server.get("/healthz").status == 200
        assert server.get("/snapshot?max_age=3600000").body == JPEG
        assert time.monotonic() - began_s < 5 * SLOWNESS
        viewer.skip().next()
        idle[0].sendall(b"h\r\nConnection: close\r\n\r\n")
        assert idle[0].recv(12) == b"HTTP/1.1 200"
    finally:
        for connection in idle:
            connection.close()


def test_who_asks_nothing_is_closed(start_server: Any, connect: Any) -> None:
    """After --idle-after; not who watches, or waits for a picture."""
    server = start_server("--idle-after", "1")
    viewer = server.watch("/stream/front")
    waiting = server.address.connect()
    waiting.sendall(get_request("/snapshot/front?timeout=60000"))
    with server.address.connect() as silent, server.address.connect() as asked:
        asked.sendall(get_request("/healthz"))
        assert asked.recv(12) == b"HTTP/1.1 200"
        for connection in (silent, asked):
            receive_all(connection)
    connect(server, "front", 64, 48).play(20)
    viewer.next("live")
    assert receive_all(waiting).startswith(b"HTTP/1.1 200")
    waiting.close()


# ---- addresses ----


@pytest.mark.parametrize("listen", ["[::1]:0", "[::]:0", "0.0.0.0:0", "localhost:0"])
def test_every_address_family(start_server: Any, connect: Any, listen: str) -> None:
    """IPv6 in brackets; [::] is everywhere, for IPv4 too. The URL in the log can be opened."""
    server = start_server(listen=listen)
    connect(server, "front", 64, 48).play(20)
    server.watch("/stream/front").next("live")
    assert re.fullmatch(r"http://(\[::1\]|127\.0\.0\.1|localhost):\d+/", server.url)
    if listen == "[::]:0":
        with socket.create_connection(("127.0.0.1", server.address.port)) as connection:
            connection.sendall(get_request("/healthz"))
            assert connection.recv(12) == b"HTTP/1.1 200"
