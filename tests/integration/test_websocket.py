# SPDX-License-Identifier: MIT
"""/ws: pictures as binary messages, wishes as texts, and the ends that there are."""

from __future__ import annotations

import asyncio
import json
import pathlib
import signal
import time
from typing import Any

import pytest
import websocket
import websockets

from test_slow_viewers import KERNEL_BYTES, SMALL_BUFFER, kernel_memory, play_large, resident_bytes
from testlib import pictures
from testlib.build import IS_SANITIZED, SLOWNESS
from testlib.certificates import Authority
from testlib.http import UnixAddress, exchange, get_request, receive_head
from testlib.login import ALICE, LIMITED_TOKEN, TOKEN
from testlib.waiting import output_until, wait_until
from testlib.websocket import (
    BINARY, CLOSE, PING, PONG, TEXT, UPGRADE, Client, frame, parse_picture,
)


@pytest.fixture
def front(server: Any, start_agent: Any) -> Any:
    """A server with a test card of 320x240."""
    start_agent(server)
    server.wait_state("front")
    return server


@pytest.fixture
def server_with_tls(start_server: Any, start_agent: Any, authority: Authority) -> Any:
    """A server with a certificate, and a test card of 640x480."""
    server = start_server(tls=authority.issue("localhost"))
    start_agent(server, "front", "640x480")
    server.wait_state("front")
    return server


def open_ws(server: Any, path: str = "/ws/front", *headers: str, **options: Any) -> Client:
    return Client(server.address, path, *headers, **options)


# ---- what comes


def test_a_description_comes_first_then_pictures(front: Any) -> None:
    """Each is the stream's own, with its stamps; updates count them."""
    with open_ws(front) as client:
        opcode, payload = client.read_frame()
        assert opcode == TEXT
        said = json.loads(payload)
        assert said == {
            "name": "front",
            "state": "live",
            "reason": "",
            "width": 320,
            "height": 240,
            "fps": 30.0,
            "asked": {"fps": None, "quality": None, "width": None, "window": None},
            "header": {"magic": "HCWS", "version": 1, "bytes": 56},
            "version": front.status()["version"],
        }
        first = client.picture(lambda picture: picture.state == "live")
        seen = [client.picture() for _ in range(20)]
    assert [p.update for p in seen] == list(range(first.update + 1, first.update + 21))
    for picture in seen:
        code = pictures.code_of(picture.jpeg)
        assert (picture.width, picture.height) == (320, 240)
        assert abs(picture.age_s) < 1.0 * SLOWNESS
        assert code is not None


def test_the_default_stream_has_no_name(server: Any, start_agent: Any) -> None:
    """Who comes before any agent waits in the lobby, is told so, and goes on with the first."""
    with open_ws(server, "/ws") as client:
        said = client.text()
        assert said["name"] is None and said["state"] == "waiting"
        assert client.picture().state == "no-signal"
        start_agent(server, "later")
        while client.text()["name"] != "later":
            pass
        client.picture(lambda picture: picture.state == "live")


def test_two_other_clients_understand_it(front: Any) -> None:
    """Python's websockets and websocket-client; each reads, changes its mind, and closes."""

    async def watch() -> None:
        async with websockets.connect(front.url.replace("http", "ws") + "ws/front") as ws:
            assert json.loads(await ws.recv())["name"] == "front"
            parse_picture(await ws.recv())
            await asyncio.wait_for(await ws.ping(), 15)
            await ws.send(json.dumps({"width": 64}))
            while True:
                message = await ws.recv()
                if isinstance(message, bytes) and parse_picture(message).width == 64:
                    break
        assert (ws.close_code, ws.close_reason) == (1000, "")

    asyncio.run(watch())
    other = websocket.create_connection(front.url.replace("http", "ws") + "ws?width=64&fps=5")
    assert json.loads(other.recv())["asked"]["width"] == 64
    assert parse_picture(other.recv()).width == 64
    other.close()
    wait_until(lambda: front.status()["viewers"] == 0, what="both have left")


def test_repeats_and_no_signal_pictures_as_on_stream(start_server: Any, connect: Any) -> None:
    """The state is in the header, and the description follows it."""
    server = start_server("--no-signal-after", "1.5")
    producer = connect(server, "front").play(20)
    server.wait_state("front")
    with open_ws(server) as client:
        client.picture(lambda picture: picture.state == "live")
        producer.pause()
        client.picture(lambda picture: picture.state == "repeat")
        while client.text()["state"] != "stalled":
            pass
        lost = client.picture(lambda picture: picture.state == "no-signal")
        assert lost.sequence == 0
        producer.play(20)
        client.picture(lambda picture: picture.state == "live")


# ---- wishes


def test_a_change_in_flight_leaves_no_gap(server: Any, connect: Any) -> None:
    """Pictures go on in the old size until there are new ones, and no sequence is lost for it.

    Each frame is sent when the one before it was seen: at any speed a lost one is a fault.
    """
    camera = connect(server, "front", 320, 240)
    server.wait_state("front")
    with open_ws(server) as client:
        camera.wait_wanted()
        wait_until(lambda: server.stream("front")["viewers"] == 1, what="it watches")

        def send_one_more() -> int:
            sequence: int = camera.send_frame(bytes([40 + camera.sent % 200]) * (320 * 240 * 3))
            return sequence

        def see_one_more() -> int:
            sequence = send_one_more()
            while True:
                picture = client.picture(lambda picture: picture.state != "repeat")
                assert picture.state == "live"
                if picture.sequence == sequence:
                    return int(picture.width)
                assert picture.sequence == sequence - 1, "seen already, now in the new size"

        first = send_one_more()
        client.picture(lambda picture: picture.sequence == first)
        for width in (160, 80, None):
            client.send({"width": width})
            wait_until(lambda: see_one_more() == (width or 320), what=f"a width of {width}")
            for _ in range(5):
                assert see_one_more() == (width or 320)


@pytest.fixture
def paused(start_server: Any, connect: Any) -> Any:
    """A viewer of a stream's own pictures, whose agent pauses; there may be one more variant."""
    server = start_server("--max-variants", "2")
    producer = connect(server, "front", 320, 240).play(20)
    server.wait_state("front")
    with open_ws(server) as client:
        client.picture(lambda picture: picture.state == "live")
        producer.pause()
        client.picture(lambda picture: picture.state == "repeat")
        yield server, producer, client


def test_a_change_waits_for_a_picture_of_its_own(paused: Any) -> None:
    """While the simulator stands still, the old one is repeated, and no no-signal picture shown."""
    _, producer, client = paused
    client.send({"width": 160})
    assert client.picture().state == "repeat"
    producer.play(20)
    assert client.picture(lambda picture: picture.state != "repeat").state == "live"
    client.picture(lambda picture: picture.width == 160)


def test_absent_keys_stay_and_null_is_the_default(front: Any) -> None:
    """The answer to a wish says what is asked for now."""
    with open_ws(front, "/ws/front?fps=5&quality=40&width=160") as client:
        assert client.text()["asked"] == {"fps": 5, "quality": 40, "width": 160, "window": None}
        client.send({"quality": 60})
        assert client.text()["asked"] == {"fps": 5, "quality": 60, "width": 160, "window": None}
        client.send({"width": None, "fps": None, "quality": None})
        while (said := client.text())["asked"]["width"] is not None:
            pass
        assert said["asked"] == {"fps": None, "quality": None, "width": None, "window": None}
        client.picture(lambda picture: picture.width == 320)


def test_a_bad_value_gets_an_error_and_changes_nothing(front: Any) -> None:
    """The connection goes on."""
    with open_ws(front, "/ws/front?width=160") as client:
        client.text()
        client.send({"width": 3, "fps": 5})
        assert client.text() == {"error": "width must be a whole number from 16 to 65500, or null"}
        client.send({"ack": 1 << 40})
        assert "is of no picture yet" in client.text()["error"]
        assert client.picture().width == 160
        client.send({})
        client.send({"quality": 50})
        assert client.text()["asked"] == {"fps": None, "quality": 50, "width": 160, "window": None}


def test_one_variant_too_many_names_the_flag(start_server: Any, start_agent: Any) -> None:
    """The old one goes on."""
    server = start_server("--max-variants", "1")
    start_agent(server)
    server.wait_state("front")
    with open_ws(server, "/ws/front?width=160") as other, open_ws(server) as client:
        other.picture()
        client.text()
        client.send({"width": 80})
        assert "--max-variants" in client.text()["error"]
        assert client.picture().width == 320
        client.send({"width": 160})
        client.picture(lambda picture: picture.width == 160)


def wait_for_wish(client: Any, width: int) -> None:
    """Until the server has told that this is what is asked for; an error fails."""
    while (said := client.text()).get("asked", {}).get("width") != width:
        assert "error" not in said, said


@pytest.mark.parametrize("is_at_once", [True, False], ids=["at once", "one by one"])
def test_who_changes_its_mind_is_not_refused_for_it(paused: Any, is_at_once: bool) -> None:
    """The variant that it waited for makes room for the one that it wants now."""
    _, producer, client = paused
    wishes = [{"width": width} for width in (160, 80, 120, 64)]
    if is_at_once:
        texts = [json.dumps(wish).encode() for wish in wishes]
        client.socket.sendall(b"".join(frame(0x81, text) for text in texts))
        wait_for_wish(client, 64)
    else:
        for wish in wishes:
            client.send(wish)
            wait_for_wish(client, wish["width"])
    producer.play(20)
    client.picture(lambda picture: picture.width == 64)


def test_a_wish_too_many_leaves_the_one_before(paused: Any) -> None:
    """Somebody else watches in what was wished for first: no room, and it is still waited for."""
    server, producer, client = paused
    client.send({"width": 160})
    with open_ws(server, "/ws/front?width=160"):
        wait_until(lambda: server.status()["viewers"] == 2, what="the other")
        client.send({"width": 80})
        while "error" not in (said := client.text()):
            pass
        assert "--max-variants" in said["error"]
        producer.play(20)
        assert client.picture(lambda picture: picture.width != 320).width == 160


def test_a_lower_rate_is_told_to_the_agent(server: Any, connect: Any) -> None:
    """As with /stream?fps=, now and in flight."""
    producer = connect(server, "front").play(30)
    server.wait_state("front")
    with open_ws(server, "/ws/front?fps=10") as client:
        wait_until(lambda: 10.0 in producer.wanted_rates, what="10 fps are asked for")
        client.send({"fps": 4})
        wait_until(lambda: producer.wanted_rates[-1] == 4.0, what="4 fps are asked for")


# ---- slow and silent clients


def test_a_slow_reader_costs_little_and_sees_the_present(server: Any, connect: Any) -> None:
    """Nothing piles up: a picture on its way, and the newest after it."""
    frame_bytes = play_large(server, connect)
    with open_ws(server) as fast, open_ws(server, receive_buffer=SMALL_BUFFER) as slow:
        slow.picture()
        before = resident_bytes(server)
        began_s = time.monotonic()
        while time.monotonic() - began_s < 2.0:
            newest = fast.picture()
            queue, memory = kernel_memory(server, slow)  # type: ignore[arg-type]
            assert queue <= KERNEL_BYTES and memory <= KERNEL_BYTES
        slack = (512 if IS_SANITIZED else 8) << 20
        assert resident_bytes(server) - before < frame_bytes + KERNEL_BYTES + slack
        slow.picture()  # was on its way
        fresh = slow.picture()
        assert fresh.sequence >= newest.sequence
        assert fresh.age_s < 1.0 * SLOWNESS


def test_no_more_pictures_than_the_window_are_unacknowledged(front: Any) -> None:
    """Who says which pictures it has shown is never sent more than it asked for."""
    with open_ws(front, "/ws/front?window=3") as client:
        last = [client.picture() for _ in range(3)][-1]
        assert last.update == 3
        client.socket.settimeout(1.0)
        with pytest.raises(TimeoutError):
            client.read_frame()
        client.socket.settimeout(20 * SLOWNESS)
        client.send({"ack": 2})
        assert client.picture().update == 4
        fresh = client.picture()
        assert fresh.update == 5 and fresh.state == "live" and fresh.age_s < 1.0 * SLOWNESS
        client.send({"window": None})
        assert [client.picture().update for _ in range(5)] == [6, 7, 8, 9, 10]


def test_who_acknowledges_nothing_is_closed(start_server: Any, connect: Any) -> None:
    """After --stuck-after, which the reason names."""
    server = start_server("--stuck-after", "2")
    connect(server, "front").play(20)
    with open_ws(server, "/ws/front?window=1") as client:
        code, reason = client.wait_closed()
        assert code == 1008 and "--stuck-after" in reason


def test_who_reads_nothing_is_closed(start_server: Any, connect: Any) -> None:
    """After --stuck-after; the log says so."""
    server = start_server("--stuck-after", "2")
    play_large(server, connect)
    with open_ws(server, receive_buffer=SMALL_BUFFER):
        wait_until(lambda: server.status()["viewers"] == 1, what="the viewer")
        wait_until(lambda: server.status()["viewers"] == 0, 30, "the stuck one is closed")
    server.wait_log("it read nothing for 2 s (--stuck-after)")


def test_a_silent_client_is_asked_for_a_sign_of_life(start_server: Any, connect: Any) -> None:
    """One that answers pings stays; one that reads and answers none is closed."""
    stuck_after_s = 2 * SLOWNESS
    server = start_server("--stuck-after", f"{stuck_after_s:g}")
    connect(server, "front").play(20)
    with open_ws(server) as alive, open_ws(server) as dead:
        dead.next(PING)
        alive.socket.sendall(frame(0x80 | PONG, alive.next(PING)))
        with pytest.raises((ConnectionError, AssertionError)):
            while True:
                dead.read_frame()
                alive.picture()  # and what it is asked beside is answered
        log = f"it answered no ping for {stuck_after_s:g} s (--stuck-after)"
        server.wait_log(log)
        alive.picture()
        wait_until(lambda: server.status()["viewers"] == 1, what="the other one alone")


def test_pings_are_answered_and_do_not_pile_up(front: Any) -> None:
    """A flood of them from a client that reads nothing costs no memory."""
    with open_ws(front) as client:
        client.socket.sendall(frame(0x80 | PING, b"are you there"))
        assert client.next(PONG) == b"are you there"
    with open_ws(front, receive_buffer=SMALL_BUFFER) as flood:
        before = resident_bytes(front)
        flood.socket.settimeout(2.0)
        pings = frame(0x80 | PING, b"p" * 125) * 1000
        with pytest.raises(TimeoutError):
            for _ in range(1000):
                flood.socket.sendall(pings)
        assert resident_bytes(front) - before < (64 if IS_SANITIZED else 4) << 20
        assert front.get("/healthz").status == 200


# ---- ends


WRONG = {
    "unmasked": (1002, frame(0x81, b"{}", is_masked=False)),
    "reserved bit": (1002, frame(0xC1, b"{}")),
    "reserved opcode": (1002, frame(0x83, b"{}")),
    "continuation of nothing": (1002, frame(0x80, b"{}")),
    "text within a text": (1002, frame(0x01, b"{") + frame(0x81, b"}")),
    "ping in pieces": (1002, frame(0x09, b"x")),
    "ping too long": (1002, frame(0x89, b"x" * 126)),
    "half a close code": (1002, frame(0x88, b"\x03")),
    "close code 1005": (1002, frame(0x88, b"\x03\xed")),
    "close reason no UTF-8": (1007, frame(0x88, b"\x03\xe8\xff")),
    "binary": (1003, frame(0x82, b"\x00\x01")),
    "no UTF-8": (1007, frame(0x81, b'{"\xff": 1}')),
    "no JSON": (1007, frame(0x81, b"width=3")),
    "no object": (1007, frame(0x81, b"[]")),
    "too big": (1009, frame(0x81, b" " * 4097)),
    "too big in sum": (1009, frame(0x01, b" " * 2048) + frame(0x80, b" " * 2049)),
    "much too big": (1009, frame(0x81, b" " * 1_000_000)),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_wrong_is_closed_with_the_right_code(front: Any, kind: str) -> None:
    """The code arrives, whatever else was sent; the server forgets the client."""
    code, data = WRONG[kind]
    with open_ws(front) as client:
        client.picture()
        client.socket.sendall(data)
        assert client.wait_closed()[0] == code
    wait_until(lambda: front.status()["viewers"] == 0, what="it is forgotten")


def test_pieces_up_to_the_limit_are_good(front: Any) -> None:
    """4096 bytes in as many frames, with a ping in between."""
    text = json.dumps({"width": 64}).encode().ljust(4096)
    pieces = [frame(0x00, text[i:i + 1]) for i in range(1, 4095)]
    with open_ws(front) as client:
        first = frame(0x01, text[:1]) + frame(0x89, b"between")
        client.socket.sendall(first + b"".join(pieces) + frame(0x80, text[4095:]))
        client.picture(lambda picture: picture.width == 64)


@pytest.mark.parametrize("payload", [b"\x03\xe8bye", b"\x03\xe9", b"\x0f\xa0", b""])
def test_the_clients_close_is_answered(front: Any, payload: bytes) -> None:
    """With its own code, also where the client shuts its direction at once."""
    with open_ws(front) as client:
        client.picture()
        client.socket.sendall(frame(0x88, payload))
        client.shut()
        assert client.next(CLOSE)[:2] == payload[:2]
        client.wait_end()
    wait_until(lambda: front.status()["viewers"] == 0, what="it is forgotten")


def test_a_client_that_vanishes_is_forgotten_at_once(front: Any) -> None:
    """With and without unread pictures."""
    clients = [open_ws(front) for _ in range(10)]
    wait_until(lambda: front.status()["viewers"] == 10, what="ten viewers")
    for client in clients:
        client.socket.close()
    wait_until(lambda: front.status()["viewers"] == 0, what="they are forgotten")


def test_who_does_not_answer_a_close_is_not_waited_for(front: Any) -> None:
    """Two seconds, then the connection is closed."""
    with open_ws(front) as client:
        client.socket.sendall(frame(0x82, b"x"))
        client.next(CLOSE)
        wait_until(lambda: front.status()["viewers"] == 0, 10, "it is closed")


def test_the_server_says_that_it_ends(front: Any) -> None:
    """1001, to those who read and to those who come later; and it ends at once (see Server.end)."""
    clients = [open_ws(front), open_ws(front, receive_buffer=SMALL_BUFFER)]
    clients[0].picture()
    front.end(signal.SIGTERM)
    assert clients[0].wait_closed() == (1001, "the server is shutting down")
    for client in clients:
        client.socket.close()


# ---- the request


@pytest.mark.parametrize(
    "missing, status, word",
    [
        (0, 426, "ws://"),
        (1, 426, "Connection"),
        (2, 426, "Sec-WebSocket-Version"),
        (3, 400, "Sec-WebSocket-Key"),
    ],
)
def test_a_request_that_lacks_something_is_told_what(
    server: Any, missing: int, status: int, word: str
) -> None:
    """One line; 426 says which version there is."""
    headers = [line for i, line in enumerate(UPGRADE) if i != missing]
    answer = exchange(server.address, get_request("/ws/front", *headers, "Connection: close"))
    head, _, body = answer.decode().partition("\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ")
    assert ("Sec-WebSocket-Version: 13" in head) == (status == 426)
    assert word in body and body.count("\n") == 1


def test_other_methods_and_versions(server: Any) -> None:
    """HEAD cannot become a WebSocket, nor can HTTP/1.0; POST is refused as everywhere."""
    request = get_request("/ws", *UPGRADE)
    assert b" 426 " in exchange(server.address, request.replace(b"1.1", b"1.0", 1))[:20]
    head = server.get("/ws", "HEAD", Upgrade="websocket", Connection="Upgrade")
    assert head.status == 426
    assert server.get("/ws", "POST").status == 405
    assert server.get("/ws/a/b").status == 404


def test_parameters_are_checked_as_on_stream(server: Any) -> None:
    """The same words, and one of its own."""

    def ask(query: str) -> bytes:
        once = [h.replace("Connection: Upgrade", "Connection: Upgrade, close") for h in UPGRADE]
        return exchange(server.address, get_request(f"/ws?{query}", *once))

    for query in ("fps=0", "width=1", "quality=0"):
        answer = ask(query)
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert answer.endswith(server.get(f"/stream?{query}").body)
    assert b"window must be a number from 0 to 64" in ask("window=65")


@pytest.mark.parametrize(
    "origin, is_good",
    [
        ("http://headcam", True),
        ("https://headcam", True),
        ("http://evil.example", False),
        ("http://headcam:81", False),
        ("null", False),
    ],
)
def test_a_page_of_another_host_may_not(
    server: Any, origin: str, is_good: bool
) -> None:
    """A browser names its page: only that of the host that was asked may open it."""
    if is_good:
        open_ws(server, "/ws", f"Origin: {origin}").socket.close()
        return
    request = get_request("/ws", *UPGRADE, f"Origin: {origin}", "X-Forwarded-Host: evil.example")
    with server.address.connect() as connection:
        connection.sendall(request)
        answer = connection.recv(4096).decode()
    assert answer.startswith("HTTP/1.1 403 ")
    assert origin in answer and "proxy_set_header Host" in answer


def test_they_count_as_viewers(start_server: Any) -> None:
    """In /status, and for --max-viewers, which the refusal names."""
    server = start_server("--max-viewers", "1")
    with open_ws(server, "/ws") as client:
        client.picture()
        assert server.status()["viewers"] == 1
        with server.address.connect() as connection:
            connection.sendall(get_request("/ws", *UPGRADE))
            answer = connection.recv(4096)
        assert answer.startswith(b"HTTP/1.1 503 ") and b"--max-viewers" in answer
    wait_until(lambda: server.status()["viewers"] == 0, what="the place is free")
    open_ws(server, "/ws").socket.close()


# ---- with the rest of the server


def test_over_tls(server_with_tls: Any) -> None:
    """Large pictures, texts in both directions, and a close: each comes out whole."""
    with open_ws(server_with_tls, "/ws/front?width=160") as client:
        assert client.text()["width"] == 160
        client.send({"width": None})
        assert client.picture(lambda picture: picture.width == 640).state == "live"
        for number in range(50):
            client.socket.sendall(frame(0x80 | PING, str(number).encode()))
            assert client.next(PONG) == str(number).encode()
        client.socket.sendall(frame(0x80 | BINARY, b"?"))
        assert client.wait_closed()[0] == 1003
    wait_until(lambda: server_with_tls.status()["viewers"] == 0, what="it has left")


def test_two_other_clients_over_tls(server_with_tls: Any, authority: Authority) -> None:
    """Python's websockets and websocket-client."""
    context = server_with_tls.address.context
    url = f"wss://localhost:{server_with_tls.address.port}/ws/front"

    async def by_websockets() -> Any:
        async with websockets.connect(url, ssl=context) as socket:
            assert isinstance(await socket.recv(), str)
            return parse_picture(await socket.recv())

    assert asyncio.run(by_websockets()).width == 640
    other = websocket.create_connection(url, sslopt={"context": context}, timeout=10)
    assert isinstance(other.recv(), str)
    assert parse_picture(other.recv()).width == 640
    other.close()


def test_curl(front: Any) -> None:
    """Without WebSocket support, which Debian's lacks: the answer, the text, and the pictures."""
    headers = [item for header in UPGRADE for item in ("-H", header)]
    url = f"{front.url}ws/front"
    output = output_until(
        ["curl", "-sSiN", "--http1.1", *headers, url], lambda output: b"HCWS" in output
    )
    head, _, frames = output.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101 ")
    assert b'"name":"front"' in frames[:200]


def test_by_unix_socket(start_server: Any, start_agent: Any, directory: pathlib.Path) -> None:
    """As a proxy on the same machine does."""
    path = directory / "http.sock"
    server = start_server("--listen", f"unix:{path}")
    start_agent(server)
    with Client(UnixAddress.of(path), "/ws/front") as client:
        assert client.picture(lambda picture: picture.state == "live")


def test_a_login_is_asked_for(guarded: Any, start_agent: Any) -> None:
    """By token, and by password, which is checked while the connection waits."""
    start_agent(guarded)
    guarded.wait_state("front")
    few = f"token={LIMITED_TOKEN}"
    for path, headers in (
        (f"/ws/front?token={TOKEN}", {}),
        (f"/ws/front?{few}", {}),
        (f"/ws?{few}", {}),
        ("/ws/front", ALICE),
    ):
        with open_ws(guarded, path, *(": ".join(item) for item in headers.items())) as client:
            assert client.text()["name"] == "front"
            assert client.picture()
    for path, status in (("/ws/front", 401), (f"/ws/rear?{few}", 403)):
        with guarded.address.connect() as connection:
            connection.sendall(get_request(path, *UPGRADE))
            assert receive_head(connection).startswith(f"HTTP/1.1 {status} ".encode())
    assert TOKEN not in guarded.log() and LIMITED_TOKEN not in guarded.log()


@pytest.mark.parametrize(
    "allowed, header, is_good",
    [
        ("https://dashboard.example", "Origin: https://dashboard.example", True),
        ("https://dashboard.example", "Origin: https://evil.example", False),
        ("*", "Origin: https://evil.example", True),
    ],
)
def test_allowed_origins_may_open_it(
    start_server: Any, allowed: str, header: str, is_good: bool
) -> None:
    """--allow-origin holds here, too."""
    server = start_server("--allow-origin", allowed)
    with server.address.connect() as connection:
        connection.sendall(get_request("/ws/front", *UPGRADE, header))
        status = b"101" if is_good else b"403"
        assert receive_head(connection).startswith(b"HTTP/1.1 " + status)


def test_metrics_and_the_log_tell_of_them(front: Any) -> None:
    """By kind, and with the path that was asked."""
    with open_ws(front, "/ws/front?width=160"):
        wait_until(
            lambda: front.scrape().value("headcam_viewers", kind="websocket") == 1,
            what="the viewer",
        )
        assert front.scrape().value("headcam_viewers", kind="stream") == 0
    wait_until(lambda: "of /ws/front?width=160 left" in front.log(), what="the line in the log")
    with open_ws(front) as client:
        client.socket.sendall(frame(0x80 | TEXT, b"{}", is_masked=False))
        client.wait_closed()
    wait_until(
        lambda: front.scrape().value("headcam_viewers_left_total", reason="refused") == 1,
        what="the reason is counted",
    )
