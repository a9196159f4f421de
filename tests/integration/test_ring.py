# SPDX-License-Identifier: MIT
"""Pixels by shared memory: chosen by itself, and never a wrong picture, whatever the file does."""

from __future__ import annotations

import os
import pathlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy
import pytest
from testlib import pictures
from testlib.build import IS_SANITIZED, SLOWNESS
from testlib.producer import Producer, header
from testlib.ring import Ring, path_of
from testlib.waiting import SOON_S, wait_until

import headcam

WIDTH, HEIGHT = 64, 48
BURST, REST_S = 12, 0.05
#: Pictures to be seen, and frames to be overtaken meanwhile.
SEEN, TORN = 40, 10


def shade(value: int) -> bytes:
    """An RGB picture of one shade."""
    return bytes([value]) * (WIDTH * HEIGHT * 3)


def verdicts(producer: Producer) -> list[tuple[int, str]]:
    """What the server said of this producer's ring: 1 or 0, and why."""
    start = bytes([3, len(producer.name)]) + producer.name.encode()
    answers = [message[len(start):] for message in producer.upstream if message.startswith(start)]
    own = producer.instance.to_bytes(8, "little") + (1).to_bytes(4, "little")
    return [(a[12], a[13:].decode()) for a in answers if a.startswith(own)]


def offer(producer: Producer, is_confirmed: bool = False) -> tuple[int, str]:
    """Announces ring 1 and returns the server's next word about it."""
    known = len(verdicts(producer))
    producer.announce(ring={"number": 1, "place": "shm", "confirmed": is_confirmed})
    wait_until(lambda: len(verdicts(producer)) > known, what="a word about the ring")
    return verdicts(producer)[-1]


@pytest.fixture
def camera(server: Any, connect: Callable[..., Producer]) -> Producer:
    """A producer that is watched."""
    camera = connect(server, width=WIDTH, height=HEIGHT)
    server.wait_state("front")
    server.watch("/stream/front")
    return camera.wait_wanted()


@pytest.fixture
def ring(camera: Producer) -> Iterator[Ring]:
    """A good ring of its own."""
    ring = Ring(camera.instance, WIDTH * HEIGHT * 3)
    yield ring
    ring.close()


def send_header(camera: Producer, slot: int, sequence: int) -> None:
    """Sends the header alone of a frame in a slot."""
    camera.sent += 1
    fields: dict[str, Any] = {
        "instance": camera.instance,
        "sequence": camera.sent,
        "width": WIDTH,
        "height": HEIGHT,
        "location": 1,
        "reserved": 1,  # the ring's number
        "slot": slot,
        "slot_sequence": sequence,
    }
    camera.send(b"front/", header(**fields))


def send_by_ring(camera: Producer, ring: Ring, slot: int, pixels: bytes) -> None:
    """Writes a frame into a slot and sends its header."""
    send_header(camera, slot, ring.write(slot, pixels))


def shown(server: Any, value: int) -> bool:
    """Whether a snapshot at hand is of that shade."""
    response = server.get("/snapshot/front?max_age=60000&timeout=0")
    return response.status == 200 and abs(float(pictures.decode(response.body).mean()) - value) < 3


def test_an_agent_on_this_machine_uses_the_ring_by_itself(
    server: Any, start_agent: Callable[..., Any]
) -> None:
    """Nothing is to be set: /status says ring, and the picture is the one that was rendered."""
    start_agent(server, name="front")
    server.wait_state("front")
    server.watch("/stream/front").wait_more(3)
    wait_until(lambda: server.stream("front")["transport"] == "ring", what="frames by the ring")
    assert server.stream("front")["transport_reason"] == ""
    code = pictures.code_of(server.snapshot("/front").body)
    assert code is not None


def test_a_ring_written_from_the_documentation_works(
    server: Any, camera: Producer, ring: Ring
) -> None:
    """docs/api.md is enough to write one."""
    assert offer(camera) == (1, "")
    for number, value in enumerate((40, 90, 140, 190)):
        send_by_ring(camera, ring, number % 2, shade(value))
        wait_until(lambda value=value: shown(server, value), what=f"shade {value}")


def test_a_picture_keeps_its_stamps_by_the_ring_and_inline(server: Any) -> None:
    """The simulator's time and update, from publish() to the viewer."""
    with headcam.Publisher("front", server.endpoint) as publisher:
        server.wait_state("front", "starting")
        viewer = server.watch("/stream/front")
        assert publisher.wait_wanted(10.0)
        picture = numpy.zeros((HEIGHT, WIDTH, 4), numpy.uint8)
        publisher.publish(picture)
        wait_until(lambda: publisher.transport == "ring", what="the ring")
        publisher.publish(picture + 90, sim_time_ns=500_000_000, update=3021)
        part = viewer.next("live", where=lambda part: "X-Headcam-Update" in part.headers)
        assert server.stream("front")["transport"] == "ring"
        assert part.headers["X-Headcam-Update"] == "3021"
        assert part.headers["X-Headcam-Sim-Time"] == "0.500000000"
        jpeg = pictures.encode(pictures.scene(WIDTH, HEIGHT))
        publisher.publish(jpeg, format="JPEG", update=3022)
        assert viewer.next("live").headers["X-Headcam-Update"] == "3022"
        assert server.stream("front")["transport"] == "inline"


@pytest.mark.alone
@pytest.mark.parametrize("query", ["", "?width=640"], ids=["as it is", "scaled"])
def test_no_picture_is_ever_a_mix_of_two(server: Any, query: str) -> None:
    """A producer overwrites the slots as fast as it can: each picture served is of one frame.

    Every row of a frame carries its number as a shade; a mix would have rows of two. It rests
    between bursts, or a slow reader would be overtaken each time.
    """
    if query and IS_SANITIZED:
        pytest.skip("scaling is so slow in this build that every frame is overtaken")
    publisher = headcam.Publisher("front", server.endpoint)
    frames = [numpy.full((1080, 1920, 4), value, numpy.uint8) for value in (20, 90, 160, 230)]
    over = threading.Event()

    def overwrite() -> None:
        turn = 0
        while not over.is_set():
            if publisher.publish(frames[turn % len(frames)]):
                turn += 1
                if turn % BURST == 0:
                    over.wait(REST_S * SLOWNESS)

    writer = threading.Thread(target=overwrite)
    try:
        publisher.announce("live", width=1920, height=1080, format="RGBA")
        server.wait_state("front")
        viewer = server.watch("/stream/front" + query)
        writer.start()
        wait_until(lambda: publisher.transport == "ring", what="the ring")
        viewer.skip()
        seen: set[int] = set()

        def is_enough() -> bool:
            part = viewer.next("live")
            rows = pictures.decode(part.jpeg).mean(axis=(1, 2))
            assert rows.max() - rows.min() < 3, "a picture of two frames"
            seen.add(part.sequence)
            return len(seen) >= SEEN and server.stream("front")["frames"]["torn"] >= TORN

        wait_until(is_enough, 4 * SOON_S, "pictures, and frames that were overtaken")
    finally:
        over.set()
        writer.join()
        publisher.close()


def make_symlink(path: pathlib.Path) -> None:
    """To a file that is none of the producer's business."""
    path.symlink_to("/etc/passwd")


def make_fifo(path: pathlib.Path) -> None:
    """Opening it would wait for ever."""
    os.mkfifo(path)


def make_empty(path: pathlib.Path) -> None:
    """No header."""
    path.touch()


def make_short(path: pathlib.Path) -> None:
    """A header that promises more than there is."""
    instance = int(path.name.split("-")[1], 16)
    ring = Ring(instance, WIDTH * HEIGHT * 3)
    ring.truncate()


def make_nothing(path: pathlib.Path) -> None:
    """A file that the server cannot see."""


@pytest.mark.parametrize("make", [make_symlink, make_fifo, make_empty, make_short, make_nothing])
def test_what_is_no_ring_is_refused_and_frames_come_inline(
    server: Any, camera: Producer, make: Callable[[pathlib.Path], None]
) -> None:
    """The producer is told why, /status too, and the picture goes on."""
    path = path_of(camera.instance)
    make(path)
    try:
        is_read, reason = offer(camera)
        assert (is_read, bool(reason)) == (0, True)
        server.wait_log(reason)
        camera.send_frame(shade(120))
        wait_until(lambda: shown(server, 120), what="the inline frame")
        stream = server.stream("front")
        assert (stream["transport"], stream["transport_reason"]) == ("inline", reason)
    finally:
        path.unlink(missing_ok=True)


def test_another_users_file_is_refused(server: Any, camera: Producer, ring: Ring) -> None:
    """Whoever may connect may still not have other users' files shown."""
    if os.geteuid() == 0:
        os.chown(ring.path, 12345, 12345)
    else:  # no file can be given away; one of root's that stands in for it can be seen by nobody
        ring.path.unlink()
        ring.path.symlink_to("/proc/1/environ")
    is_read, reason = offer(camera)
    assert is_read == 0
    assert "12345" in reason or os.geteuid() != 0


def test_a_ring_that_is_cut_off_costs_its_frames_and_nothing_else(
    server: Any, camera: Producer, ring: Ring
) -> None:
    """The server neither crashes nor shows what is not there; inline frames go on."""
    offer(camera)
    send_by_ring(camera, ring, 0, shade(60))
    wait_until(lambda: shown(server, 60), what="a frame by the ring")
    known = server.stream("front")["frames"]
    sequence = ring.write(1, shade(200))
    ring.truncate()
    send_header(camera, 1, sequence)
    wait_until(
        lambda: server.stream("front")["frames"]["dropped"] > known["dropped"],
        what="the frame's end",
    )
    assert shown(server, 60)
    camera.send_frame(shade(150))
    wait_until(lambda: shown(server, 150), what="an inline frame")


def test_a_frame_in_no_known_ring_is_counted(server: Any, camera: Producer, ring: Ring) -> None:
    """A header that names a ring which was never offered leads nowhere."""
    send_by_ring(camera, ring, 0, shade(60))
    wait_until(lambda: server.rejected("ring") == 1, what="the count")


def test_another_size_goes_by_a_ring_of_its_own(server: Any) -> None:
    """A simulator changes its resolution: the same viewer sees both."""
    with headcam.Publisher("front", server.endpoint) as publisher:
        publisher.announce("live")
        server.wait_state("front")
        viewer = server.watch("/stream/front")
        for width, height in ((320, 240), (1280, 720), (64, 48)):
            wait_until(lambda: publisher.wanted, what="demand")
            pixels = numpy.zeros((height, width, 4), numpy.uint8)

            def is_seen() -> bool:
                pixels[:] = (pixels[0, 0, 0] + 50) % 250
                publisher.publish(pixels)
                size = (width, height)
                return publisher.transport == "ring" and pictures.size(viewer.next().jpeg) == size

            wait_until(is_seen, what=f"{width}x{height} by the ring")


def test_after_a_restart_of_the_server_the_ring_is_confirmed_anew(
    start_server: Callable[..., Any], start_agent: Callable[..., Any]
) -> None:
    """And not before: the new server knows nothing of it."""
    first = start_server()
    start_agent(first, name="front")
    first.wait_state("front")
    first.watch("/stream/front").wait_more(3)
    first.kill()
    second = start_server()
    second.wait_state("front")
    second.watch("/stream/front").wait_more(3)
    wait_until(lambda: second.stream("front")["transport"] == "ring", what="the ring again")
    assert second.rejected() == 0


@pytest.mark.alone
def test_rings_of_dead_agents_are_removed_and_those_of_the_living_are_not(
    start_server: Callable[..., Any],
    start_agent: Callable[..., Any],
    connect: Callable[..., Producer],
    tmp_path: pathlib.Path,
) -> None:
    """No memory is lost for good by a SIGKILL."""
    server = start_server()
    agent = start_agent(server, name="front")
    server.wait_state("front")
    server.watch("/stream/front").wait_more(3)
    wait_until(lambda: server.stream("front")["transport"] == "ring", what="the ring")
    instance = int(server.stream("front")["agent"]["instance"], 16)
    left = path_of(instance)
    in_place = server.socket_path.parent / left.name
    left = left if left.exists() else in_place
    assert left.exists()
    living = Ring(77, 1000)
    try:
        agent.kill()
        assert left.exists(), "a killed agent cannot remove it"
        start_server(endpoint=f"{server.endpoint}2")
        wait_until(lambda: not left.exists(), what="the dead one's removal")
        assert living.path.exists()
    finally:
        living.close()


def test_an_unchanged_picture_is_not_sent_again_but_is_there_for_who_asks(
    server: Any, connect: Callable[..., Producer]
) -> None:
    """A paused simulation renders the same picture over and over: viewers get it once a second."""
    camera = connect(server, width=WIDTH, height=HEIGHT, fps=30)
    server.wait_state("front")
    viewer = server.watch("/stream/front")
    camera.wait_wanted().play(30, shade(100))
    wait_until(lambda: server.stream("front")["frames"]["unchanged"] >= 30, what="30 unchanged")
    encoded = server.stream("front")["frames"]["encoded"]
    viewer.skip()
    parts = viewer.wait_more(2)
    assert [part.state for part in parts] == ["repeat", "repeat"]
    asked_s = time.time()
    response = server.snapshot("/front")
    assert response.status == 200
    assert float(response.headers["x-timestamp"]) >= asked_s
    assert server.stream("front")["frames"]["encoded"] == encoded
    camera.play(30, shade(200))
    wait_until(lambda: viewer.next().state == "live", what="the change")
