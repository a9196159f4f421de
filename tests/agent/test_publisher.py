# SPDX-License-Identifier: MIT
"""publisher: against a real socket that plays the server."""

import io
import math
import os
import signal
import subprocess
import sys
import threading
import time

import numpy
import pytest
from conftest import ROOT
from fake_server import DEADLINE_S, FakeServer, wait_until
from PIL import Image

import headcam
from headcam import wire
from headcam.wire import PixelFormat, State, Verdict

pytestmark = pytest.mark.usefixtures("each_socket")

PIXELS = numpy.arange(3 * 4 * 4, dtype=numpy.uint8).reshape(3, 4, 4)
LARGE = bytes(1 << 20)
LARGE_SHAPE = {"width": 1024, "height": 1024, "format": "GRAY8"}


@pytest.fixture
def camera(endpoint):
    with headcam.Publisher("front", endpoint, agent="test", version="7.8", fps=30.0) as publisher:
        yield publisher


@pytest.fixture
def watched(server, camera):
    """A camera that somebody watches."""
    server.watch("front")
    assert camera.wait_wanted(10.0)
    return camera


# ---- demand ----


def test_nothing_is_wanted_while_nobody_watches(server, camera):
    wait_until(lambda: camera.connected)
    assert (camera.wanted, camera.wanted_fps, camera.due()) == (False, 0.0, False)
    assert not camera.wait_wanted(0.01)
    assert not camera.wait_due(0.01)


def test_a_subscription_is_a_wish_and_its_end_ends_it(server, camera):
    server.watch("front")
    assert camera.wait_wanted(10.0)
    assert camera.wanted_fps == math.inf
    assert camera.due() and camera.due()
    server.leave("front")
    wait_until(lambda: not camera.wanted)
    assert camera.wanted_fps == 0.0


def test_the_wanted_rate_paces(server, watched):
    server.ask_rate("front", 0.01)
    wait_until(lambda: watched.wanted_fps == 0.01)
    assert watched.due()
    assert not watched.due()
    server.ask_rate("front", math.inf)
    assert watched.wait_due(10.0)


def test_wait_due_keeps_to_the_slower_rate(server, watched):
    assert watched.wait_due(10.0, at_most_fps=0.01)
    assert not watched.wait_due(0.01, at_most_fps=0.01)


def test_other_streams_and_unknown_messages_change_nothing(server, camera):
    server.watch("front2")
    server.watch("rear")
    server.send(b"\x03\x05front")
    server.send(b"\xff")
    server.watch("front")
    assert camera.wait_wanted(10.0)
    server.ask_rate("rear", 4.0)
    server.ask_rate("front", 3.0)
    wait_until(lambda: camera.wanted_fps == 3.0)


def test_demand_is_seen_while_the_camera_publishes_all_the_time(server, watched):
    """send() eats the edge of ZMQ_FD; the end of the demand must not get lost with it."""
    for _ in range(20):
        server.leave("front")
        wait_until(lambda: not watched.publish(PIXELS))
        server.watch("front")
        wait_until(lambda: watched.publish(PIXELS))


# ---- announcements ----


def test_a_refusal_holds_while_it_is_repeated_and_is_logged(server, camera, caplog):
    """Should the server's word that it is over be lost, its silence will do."""
    caplog.set_level("INFO", logger="headcam")
    server.wait_announcement()
    server.watch("front")
    wait_until(lambda: camera.wanted)
    server.send(wire.pack_verdict(Verdict("front", camera.instance, False, "it is taken")))
    wait_until(lambda: camera.refusal == "it is taken" and not camera.wanted)
    assert camera.wait_wanted(DEADLINE_S)
    wait_until(lambda: "stream front is shown now" in caplog.messages)
    assert caplog.messages.count("stream front is not shown: it is taken") == 1


def test_the_first_announcement_tells_who_and_why_not_yet(server, camera):
    said = server.wait_announcement()
    assert said.state is State.STARTING
    assert said.reason == "no frame yet"
    assert (said.agent, said.version, said.fps) == ("test", "7.8", 30.0)
    assert said.instance == camera.instance != 0
    assert said.width is None


def test_announcements_go_on_by_themselves(server, camera):
    server.wait_announcement()
    began = time.monotonic()
    for _ in range(4):
        server.wait_announcement()
    assert time.monotonic() - began < 10.0


def test_a_change_is_announced_and_only_a_change(server, camera):
    server.wait_announcement()
    camera.announce(State.STALLED, "the renderer stopped", width=4, height=3, format="RGBA")
    said = server.wait_announcement(lambda a: a.state is State.STALLED)
    assert said.reason == "the renderer stopped"
    assert (said.width, said.height, said.format) == (4, 3, PixelFormat.RGBA)
    before = camera.stats.announcements_published
    for _ in range(1000):
        camera.announce("stalled", "the renderer stopped")
    assert camera.stats.announcements_published - before < 100


def test_a_new_state_clears_the_reason_and_a_frame_makes_it_live(server, camera):
    camera.announce(State.STALLED, "because")
    camera.announce(State.STARTING)
    server.wait_announcement(lambda a: a.state is State.STARTING and a.reason == "")
    camera.announce(reason="warming up")
    server.wait_announcement(lambda a: a.reason == "warming up")
    assert not camera.publish(PIXELS)
    said = server.wait_announcement(lambda a: a.state is State.LIVE)
    assert (said.reason, said.width, said.height, said.format) == ("", 4, 3, PixelFormat.RGBA)
    camera.publish(PIXELS[:2])
    server.wait_announcement(lambda a: a.height == 2)


def test_what_is_said_of_a_live_picture_lasts_until_something_else_is_said(server, camera):
    camera.announce(State.LIVE, "the picture is black")
    server.wait_announcement(lambda a: a.reason == "the picture is black")
    assert not camera.publish(PIXELS)
    with camera.frame(2, 4):
        pass
    said = server.wait_announcement(lambda a: a.height == 2)
    assert (said.state, said.reason) == (State.LIVE, "the picture is black")
    camera.announce(reason="")
    server.wait_announcement(lambda a: a.reason == "")
    camera.announce(reason="the picture is black")
    camera.announce(State.STALLED)
    server.wait_announcement(lambda a: a.state is State.STALLED and a.reason == "")
    camera.publish(PIXELS)
    server.wait_announcement(lambda a: a.state is State.LIVE and a.reason == "")


def test_any_text_is_announced(server, camera):
    camera.announce(reason="two\nlines\0 and caf\udce9 " + "ü" * 10000)
    said = server.wait_announcement(lambda a: a.reason.startswith("two lines"))
    assert "\0" not in said.reason
    assert len(said.reason.encode()) <= 255


def test_close_says_goodbye_and_only_once(server, camera):
    server.wait_announcement()
    camera.close()
    camera.close()
    wait_until(lambda: server.announcements[-1].state is State.ENDED)
    assert server.announcements[-1].instance == camera.instance
    assert [a.state for a in server.announcements].count(State.ENDED) == 1


def test_after_close_nothing_happens_and_nothing_raises(server, watched):
    watched.close()
    assert not watched.publish(PIXELS)
    assert not watched.due()
    assert not watched.wait_due(1.0)
    assert not watched.wait_wanted(0.0)
    assert not watched.pending(PIXELS)
    watched.announce(State.LIVE)
    assert watched.stats.frames_published == 0


def test_close_wakes_who_waits(server, camera):
    waiter = threading.Thread(target=camera.wait_wanted)
    waiter.start()
    camera.close()
    waiter.join(10.0)
    assert not waiter.is_alive()


def test_the_end_of_the_interpreter_says_goodbye(server, endpoint):
    code = (
        "import headcam, sys; p = headcam.Publisher('front', sys.argv[1]);"
        "p.wait_wanted(); print('bye')"
    )
    path = {**os.environ, "PYTHONPATH": str(ROOT / "capture_agent")}
    process = subprocess.Popen([sys.executable, "-c", code, endpoint], env=path)
    try:
        server.watch("front")
        server.wait_announcement(lambda a: a.state is State.ENDED)
        assert process.wait(10.0) == 0
    finally:
        process.kill()
        process.wait()


# ---- frames ----


def test_a_frame_arrives_as_it_was(server, watched):
    before = time.time_ns()
    assert watched.publish(PIXELS, sim_time_ns=-5, update=2**64 - 1)
    frame = server.wait_frame(since=0)
    assert frame.topic == b"front/"
    assert frame.payload == PIXELS.tobytes()
    header = frame.header
    assert (header.width, header.height, header.stride) == (4, 3, 16)
    assert header.format is PixelFormat.RGBA
    assert header.instance == watched.instance
    assert (header.sim_time_ns, header.update) == (-5, 2**64 - 1)
    assert before <= header.capture_time_ns <= time.time_ns()


def test_frames_are_numbered(server, watched):
    numbers = []
    for index in range(3):
        assert watched.publish(PIXELS, capture_time_ns=77, update=(None, 0, 7)[index])
        frame = server.wait_frame(since=index)
        assert (frame.header.capture_time_ns, frame.header.sim_time_ns) == (77, None)
        assert frame.header.update == (None, None, 7)[index]
        numbers.append(frame.header.sequence)
    assert numbers == [1, 2, 3]


def test_a_flat_buffer_and_a_jpeg_arrive(server, watched):
    assert watched.publish(bytearray(47), width=5, height=3, stride=16, format="BGR")
    assert server.wait_frame(since=0).header.stride == 16
    file = io.BytesIO()
    Image.new("RGB", (16, 9)).save(file, "JPEG")
    # The announcement of its size goes first, and may find another one that still waits.
    wait_until(lambda: watched.publish(file.getvalue(), format="JPEG"))
    frame = server.wait_frame(since=1)
    assert (frame.header.width, frame.header.height, frame.header.stride) == (16, 9, 0)
    assert frame.payload == file.getvalue()


def test_without_a_copy_the_buffer_is_pending_until_it_is_sent(server, watched):
    assert watched.publish(LARGE, copy=False, **LARGE_SHAPE)
    assert server.wait_frame(since=0).payload == LARGE
    wait_until(lambda: not watched.pending(LARGE))


def test_nothing_is_sent_while_nobody_watches(server, camera):
    server.wait_announcement()
    assert not camera.publish(PIXELS)
    server.wait_announcement(lambda a: a.state is State.LIVE)
    assert server.frames == server.others == []
    assert camera.stats.frames_skipped_unwanted == 1


@pytest.mark.parametrize(
    "pixels, arguments, exception",
    [
        (PIXELS[:, ::2], {}, ValueError),
        (PIXELS.astype(float), {}, TypeError),
        (b"", {"width": 1, "height": 1, "format": "RGB"}, ValueError),
        (PIXELS, {"capture_time_ns": -1}, ValueError),
        (PIXELS, {"capture_time_ns": 1.5}, TypeError),
        (PIXELS, {"sim_time_ns": 2**63}, ValueError),
        (PIXELS, {"sim_time_ns": -(2**63)}, ValueError),
        (PIXELS, {"update": -1}, ValueError),
        (PIXELS, {"update": 2**64}, ValueError),
        (PIXELS, {"update": 1.5}, TypeError),
    ],
)
def test_wrong_arguments_raise_watched_or_not(camera, pixels, arguments, exception):
    with pytest.raises(exception):
        camera.publish(pixels, **arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        {"name": "a/b"},
        {"name": "front", "fps": 0.0},
        {"name": "front", "fps": math.nan},
        {"name": "front", "endpoint": "nowhere"},
        {"name": "front", "endpoint": "ipc://" + "x" * 200},
    ],
)
def test_what_cannot_be_a_publisher_raises(arguments):
    with pytest.raises(ValueError):
        headcam.Publisher(**arguments)


def test_an_unknown_state_raises(camera):
    with pytest.raises(ValueError, match="lost"):
        camera.announce("lost")


# ---- a server that is missing, slow, or restarts ----


def test_without_a_server_nothing_blocks(camera):
    began = time.monotonic()
    assert not any(camera.publish(PIXELS) for _ in range(1000))
    camera.close()
    assert time.monotonic() - began < 10.0
    assert camera.stats.frames_skipped_unwanted == 1000


def test_a_slow_server_costs_frames_not_time(endpoint):
    with FakeServer(endpoint, high_water_mark=1) as server:
        with headcam.Publisher("front", endpoint) as camera:
            server.watch("front")
            assert camera.wait_wanted(10.0)
            server.pause()
            began = time.monotonic()
            sent = [camera.publish(LARGE, **LARGE_SHAPE) for _ in range(200)]
            assert time.monotonic() - began < 10.0
            assert camera.stats.frames_dropped == sent.count(False) > 0
            assert camera.stats.frames_published == sent.count(True) < 50
            assert camera.stats.bytes_published == sent.count(True) * len(LARGE)
            server.go_on()
            wait_until(lambda: camera.publish(LARGE, **LARGE_SHAPE))
            server.pause()
            wait_until(lambda: not camera.publish(LARGE, **LARGE_SHAPE))
            closing = time.monotonic()
        assert time.monotonic() - closing < 10.0


def test_announcements_come_through_beside_more_frames_than_fit(server, watched):
    seen = len(server.announcements)
    began = time.monotonic()
    while len(server.announcements) < seen + 3:
        watched.publish(LARGE, **LARGE_SHAPE)
        assert time.monotonic() - began < 10.0
    assert watched.stats.frames_dropped > 0


def test_a_server_that_comes_later_is_found(endpoint, camera):
    assert not camera.publish(PIXELS)
    with FakeServer(endpoint) as server:
        said = server.wait_announcement()
        assert said.state is State.LIVE
        assert said.instance == camera.instance


def test_a_restarted_server_is_found_again(endpoint):
    with headcam.Publisher("front", endpoint) as camera:
        for connects in (1, 2, 3):
            with FakeServer(endpoint) as server:
                server.watch("front")
                assert camera.wait_wanted(10.0)
                assert camera.stats.connects == connects
                assert camera.wanted_fps == math.inf
                server.ask_rate("front", 3.0)
                wait_until(lambda: camera.wanted_fps == 3.0)
                assert camera.publish(PIXELS)
                assert server.wait_frame(since=0).header.sequence == connects
            wait_until(lambda: not camera.wanted and not camera.connected)
            assert not camera.publish(PIXELS)


def test_a_killed_producer_leaves_nothing_behind(server, endpoint):
    code = "import headcam, sys, time; p = headcam.Publisher('front', sys.argv[1]); time.sleep(60)"
    path = {**os.environ, "PYTHONPATH": str(ROOT / "capture_agent")}
    for _ in range(2):
        process = subprocess.Popen([sys.executable, "-c", code, endpoint], env=path)
        try:
            server.wait_announcement()
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()


# ---- threads ----


def test_many_threads_may_publish(server, watched):
    count = 50

    def work():
        for _ in range(count):
            wait_until(lambda: watched.publish(PIXELS))
            watched.announce(reason=threading.current_thread().name)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30.0)
    wait_until(lambda: len(server.frames) == 4 * count)
    numbers = [frame.header.sequence for frame in server.frames]
    assert numbers == sorted(set(numbers))
    assert all(frame.payload == PIXELS.tobytes() for frame in server.frames)
