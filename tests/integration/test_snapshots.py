# SPDX-License-Identifier: MIT
"""A snapshot shows what is now: never what was before the request, unless that will do."""

from __future__ import annotations

import concurrent.futures
import selectors
import socket
import time
from typing import Any

import pytest
from testlib import pictures
from testlib.build import SLOWNESS
from testlib.http import Address, get_request, receive_all
from testlib.waiting import wait_until

CROWD = 100


def ask_all_at_once(address: Address, path: str, count: int) -> list[tuple[float, bytes]]:
    """Sends so many requests in one moment; returns when each answer was whole, and its bytes."""
    connections = [address.connect() for _ in range(count)]
    answers: dict[socket.socket, bytes] = {connection: b"" for connection in connections}
    ends: dict[socket.socket, float] = {}
    with selectors.DefaultSelector() as selector:
        for connection in connections:
            selector.register(connection, selectors.EVENT_READ)
        for connection in connections:
            connection.sendall(get_request(path, "Connection: close"))
        while len(ends) < count:
            ready = selector.select(timeout=15 * SLOWNESS)
            assert ready, f"{count - len(ends)} of {count} were not answered"
            for key, _ in ready:
                assert isinstance(key.fileobj, socket.socket)
                data = key.fileobj.recv(1 << 18)
                answers[key.fileobj] += data
                if not data:
                    ends[key.fileobj] = time.monotonic()
                    selector.unregister(key.fileobj)
    for connection in connections:
        connection.close()
    return [(ends[connection], answers[connection]) for connection in connections]


def test_a_crowd_is_answered_together_from_one_frame(server: Any, connect: Any) -> None:
    """100 requests that wait: the next frame is encoded once, and answers all of them."""
    camera = connect(server, "front", 640, 360)
    server.wait_state("front")
    with concurrent.futures.ThreadPoolExecutor(1) as beside:
        asked = beside.submit(ask_all_at_once, server.address, "/snapshot?timeout=60000", CROWD)
        wait_until(lambda: server.status()["snapshots"] == CROWD, what="all wait")
        camera.wait_wanted().send_frame(pictures.pack(pictures.scene(640, 360), "RGB"))
        answers = asked.result()

    bodies = set()
    for _, answer in answers:
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 OK\r\n"), head
        assert f"Content-Length: {len(body)}".encode() in head.split(b"\r\n")
        bodies.add(body)
    assert len(bodies) == 1 and pictures.size(bodies.pop()) == (640, 360)
    wait_until(lambda: server.stream("front")["frames"]["encoded"] == 1, what="one encode")
    ends = [end_s for end_s, _ in answers]
    print(f"the last has its answer {max(ends) - min(ends):.3f} s after the first")


def test_two_whose_time_is_over_at_once_are_both_told(server: Any) -> None:
    """The second is not forgotten while the server is busy with the first."""
    for _ in range(50):
        for _, answer in ask_all_at_once(server.address, "/snapshot?timeout=20", 2):
            assert answer.startswith(b"HTTP/1.1 503 ")


@pytest.mark.parametrize("is_watched", [False, True], ids=["alone", "beside a viewer"])
def test_it_is_never_older_than_the_request(
    server: Any, start_agent: Any, is_watched: bool
) -> None:
    """The time that the picture itself shows is past the request, even where frames abound."""
    start_agent(server, "front", size="640x360")
    server.wait_state("front")
    if is_watched:
        server.watch().next("live")
    for _ in range(10):
        asked_ms = time.time_ns() // 1_000_000
        response = server.snapshot("/front")
        code = pictures.code_of(response.body)
        assert code and code.time_ms >= asked_ms
        stamp_ms = float(response.headers["x-timestamp"]) * 1000
        assert abs(stamp_ms - code.time_ms) < 2


def test_it_says_what_it_is(server: Any, connect: Any) -> None:
    """The headers of a stream's part, and nothing for a cache to keep."""
    producer = connect(server, "front", 16, 16)
    stamp_ns = time.time_ns() + 3_600_000_000_000  # a clock that is off by an hour does no harm
    producer.wait_connected()
    server.wait_state("front")
    viewer = server.watch()
    producer.wait_wanted().send_frame(b"a" * 768, sequence=41, sim_ns=-1_500_000_000)
    assert viewer.next("live").headers["X-Headcam-Sim-Time"] == "-1.500000000"
    producer.send_frame(b"z" * 768, sequence=42, capture_ns=stamp_ns, sim_ns=12_500_000_000)
    assert viewer.next("live").sequence == 42

    response = server.get("/snapshot?max_age=60000")

    assert response.status == 200
    headers = response.headers
    assert headers["x-headcam-sequence"] == "42"
    assert headers["x-headcam-state"] == "live"
    assert headers["x-headcam-sim-time"] == "12.500000000"
    assert headers["x-timestamp"] == f"{stamp_ns // 10**9}.{stamp_ns % 10**9 // 1000:06}"
    assert headers["cache-control"] == "no-store"
    assert headers["x-accel-buffering"] == "no"
    assert headers["content-type"] == "image/jpeg"


def test_pictures_of_one_update_are_told_by_its_number(server: Any, connect: Any) -> None:
    """X-Headcam-Update, of new pictures, of those that look the same, and of none that has none."""
    cameras = {name: connect(server, name, 16, 16) for name in ("left", "right")}
    viewers = {name: server.watch(f"/stream/{name}") for name in cameras}
    for name, camera in cameras.items():
        camera.wait_wanted().send_frame(b"a" * 768, update=3021)
        part = viewers[name].next("live")
        assert (part.sequence, part.headers["X-Headcam-Update"]) == (1, "3021")
        repeat = viewers[name].next("repeat")
        assert repeat.headers["X-Headcam-Update"] == "3021"

    def update_of(sequence: int) -> str | None:
        """What a snapshot of the camera says, once it shows that frame."""

        def headers() -> dict[str, str] | None:
            found = server.get("/snapshot/left?max_age=60000").headers
            return found if found["x-headcam-sequence"] == str(sequence) else None

        shown = wait_until(headers, what=f"frame {sequence}")
        assert shown
        return shown.get("x-headcam-update")

    assert update_of(1) == "3021"
    for sequence in (2, 3):  # the same picture, later
        cameras["left"].send_frame(b"a" * 768, update=3020 + sequence)
        assert update_of(sequence) == str(3020 + sequence)
    assert server.stream("left")["frames"]["unchanged"] > 0
    cameras["left"].send_frame(b"a" * 768)  # the first producers' header, of 80 bytes
    assert update_of(4) is None
    cameras["left"].send_frame(b"z" * 768, update=0)
    assert update_of(5) is None
    last = viewers["left"].next("live", where=lambda part: part.sequence == 5)
    assert "X-Headcam-Update" not in last.headers


def test_an_old_one_will_do_if_the_request_says_so(server: Any, connect: Any) -> None:
    """max_age= takes the newest frame without waking the camera, as long as it is young enough."""
    producer = connect(server, "front", 16, 16).play(20)
    server.wait_state("front")
    first = server.snapshot()
    wait_until(lambda: not producer.is_wanted, what="the end of the demand")
    producer.pause()
    sent = producer.sent

    again = server.get("/snapshot?max_age=3600000")
    assert (again.status, again.body) == (200, first.body)
    assert again.headers["x-headcam-sequence"] == first.headers["x-headcam-sequence"]
    assert producer.sent == sent

    too_old = server.get("/snapshot?max_age=1&timeout=200")
    assert too_old.status == 503


def test_a_request_that_finds_no_frame_says_why_and_when_to_try_again(
    server: Any, connect: Any, start_agent: Any
) -> None:
    """Whatever is missing: 503, Retry-After, and a sentence that helps."""

    def reason(path: str) -> str:
        response = server.get(path)
        assert response.status == 503
        assert response.headers["retry-after"] == "1"
        assert response.headers["content-type"].startswith("text/plain")
        assert response.headers["cache-control"] == "no-store"
        assert "\n" not in response.text
        return response.text

    text = reason("/snapshot?timeout=0")
    assert text.startswith("no agent is connected") and server.endpoint in text
    text = reason("/snapshot/left?timeout=100")
    assert text.startswith("no agent has announced stream 'left'") and "--name left" in text
    assert reason("/readyz") == "no agent is connected"

    producer = connect(server, "front", state="starting", reason="loading the scene")
    server.wait_state("front", "starting")
    assert reason("/snapshot?timeout=100") == "loading the scene"
    assert reason("/readyz") == "front: loading the scene"

    producer.announce(state="live", reason="", agent="kit")
    server.wait_state("front", "live")
    assert "no frame" in reason("/snapshot?timeout=100")
    assert server.get("/readyz").status == 200

    agent = start_agent(server, "left")
    server.wait_state("left")
    agent.kill()
    server.wait_state("left", "lost")
    assert "went silent" in reason("/snapshot/left?timeout=100")

    producer.announce(state="ended", reason="the user closed it")
    server.wait_state("front", "ended")
    assert reason("/snapshot/front?timeout=100") == "kit ended: the user closed it"


def test_the_timeout_is_the_requests_own(server: Any) -> None:
    """Neither shorter nor much longer."""
    for timeout_ms in (0, 300, 900):
        began_s = time.monotonic()
        assert server.get(f"/snapshot?timeout={timeout_ms}").status == 503
        seconds = time.monotonic() - began_s
        assert timeout_ms / 1000 <= seconds <= timeout_ms / 1000 + 1.0 * SLOWNESS


def test_a_frame_that_comes_late_still_answers(server: Any, connect: Any) -> None:
    """A request that came before the agent waits for its first frame."""
    answers = []
    for _ in range(2):
        connection = server.address.connect()
        connection.sendall(get_request("/snapshot?timeout=60000", "Connection: close"))
        answers.append(connection)
    connect(server, "front", 16, 16).wait_wanted().play(10)
    for connection in answers:
        with connection:
            assert connection.recv(15) == b"HTTP/1.1 200 OK"


def test_head_tells_the_size_and_sends_no_picture(server: Any, start_agent: Any) -> None:
    """What GET would say, without what it would send."""
    start_agent(server, "front")
    server.wait_state("front")

    response = server.snapshot(method="HEAD")

    assert (response.status, response.body) == (200, b"")
    assert response.headers["content-type"] == "image/jpeg"
    assert int(response.headers["content-length"]) > 1000


def test_a_client_that_leaves_takes_nothing_with_it(server: Any, connect: Any) -> None:
    """Requests that were given up are forgotten, and the others answered."""
    for _ in range(20):
        connection = server.address.connect()
        connection.sendall(get_request("/snapshot?timeout=500"))
        connection.close()
    connect(server, "front", 16, 16).play(10)
    server.wait_state("front")
    assert server.snapshot().status == 200


def test_who_leaves_makes_room_at_once(start_server: Any, connect: Any) -> None:
    """Not at the end of its time: nothing is wanted for it any more, and others may wait."""
    server = start_server("--max-snapshots", "2")
    connect(server, "front", 16, 16)
    server.wait_state("front")
    leaving = [server.address.connect() for _ in range(2)]
    for connection in leaving:
        connection.sendall(get_request("/snapshot?timeout=60000"))
    wait_until(lambda: is_full(server), what="two who wait")
    wait_until(lambda: server.stream("front")["wanted"], what="the demand")

    for connection in leaving:
        connection.close()

    wait_until(lambda: not is_full(server), 10, what="room for others")
    wait_until(lambda: not server.stream("front")["wanted"], 10, what="the end of the demand")


def test_one_of_two_who_leaves_does_not_take_the_other_along(server: Any, connect: Any) -> None:
    """The other one's frame comes."""
    producer = connect(server, "front", 16, 16)
    stays, leaves = server.address.connect(), server.address.connect()
    with stays:
        for connection in (stays, leaves):
            connection.sendall(get_request("/snapshot/front?timeout=60000", "Connection: close"))
        producer.wait_wanted()
        leaves.close()
        producer.play(10)
        assert stays.recv(15) == b"HTTP/1.1 200 OK"


def test_who_closes_its_sending_side_is_told(server: Any) -> None:
    """It cannot be told from one who left, so it does not wait; but it can still read why."""
    with server.address.connect() as connection:
        connection.sendall(get_request("/snapshot?timeout=60000"))
        connection.shutdown(socket.SHUT_WR)
        answer = receive_all(connection)
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"leave it open" in answer


def is_full(server: Any) -> bool:
    """Whether one who asks now is one too many."""
    return "--max-snapshots" in server.get("/snapshot?timeout=0").text
