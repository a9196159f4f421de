# SPDX-License-Identifier: MIT
"""Nobody watches: nothing is captured, sent or encoded. Somebody does: frames flow at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy
import pytest
from testlib.build import SLOWNESS
from testlib.http import fetch
from testlib.mjpeg import Part
from testlib.waiting import hold, wait_until

import headcam

pytestmark = [pytest.mark.alone, pytest.mark.no_tsan]

FPS = 30.0
#: Sooner than by any announcement: they are a second apart.
FIRST_FRAME_S = 0.9


class Simulator:
    """A program that captures whenever its publisher says that a frame is due."""

    def __init__(self, endpoint: str) -> None:
        self.publisher = headcam.Publisher("front", endpoint, fps=FPS)
        self.captured = 0
        self._is_over = False
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def close(self) -> None:
        """Ends it."""
        self._is_over = True
        self._thread.join()
        self.publisher.close()

    @property
    def sent(self) -> int:
        """Frames that crossed the socket."""
        return self.publisher.stats.frames_published

    def _run(self) -> None:
        self.publisher.announce("live", width=160, height=120, format="RGB")
        pixels = numpy.zeros((120, 160, 3), numpy.uint8)
        while not self._is_over:
            if self.publisher.wait_due(0.05, FPS):
                self.captured += 1
                pixels[:] = self.captured % 256
                self.publisher.publish(pixels)


def test_no_agent_hears_of_names_that_nobody_announced(server: Any, connect: Any) -> None:
    """Viewers may ask for any; each would cost every simulator two messages."""
    camera = connect(server, "front", 16, 16).play(20)
    for number in range(50):
        answer = server.get(f"/snapshot/nonsense{number}?timeout=1")
        assert (answer.status, f"nonsense{number}" in answer.text) == (503, True)
    server.watch("/stream/rear").next("no-signal")
    assert server.snapshot("/front").status == 200
    assert {message[1:] for message in camera.upstream if message[0] < 2} == {b"@", b"front/"}
    connect(server, "rear", 16, 16).play(20)
    server.watch("/stream/rear").next("live")


def captured_at(part: Part) -> float:
    """In seconds since the epoch."""
    return float(part.headers["X-Timestamp"])


@pytest.fixture
def simulator(server: Any) -> Iterator[Simulator]:
    """A live stream that nobody watches yet."""
    simulator = Simulator(server.endpoint)
    server.wait_state("front")
    yield simulator
    simulator.close()


def test_without_viewers_no_frame_is_captured_sent_or_encoded(
    server: Any, simulator: Simulator
) -> None:
    """Also a program that publishes all the time, asked or not, sends nothing."""
    pixels = numpy.zeros((120, 160, 3), numpy.uint8)
    hold(lambda: not simulator.publisher.publish(pixels), 1.0, "a frame was sent")

    def are_many_skipped() -> bool:
        assert not simulator.publisher.publish(pixels), "a frame was sent"
        return simulator.publisher.stats.frames_skipped_unwanted > 10

    wait_until(are_many_skipped, what="frames that were asked for by nobody")
    assert (simulator.captured, simulator.sent) == (0, 0)
    front = server.stream("front")
    assert not any(front["frames"].values()), front["frames"]
    assert (front["wanted"], front["viewers"], front["fps"], front["age_ms"]) == (False, 0, 0, None)
    ingest = server.status()["ingest"]
    assert ingest["messages"] > 0 and server.rejected() == 0, "all that came were announcements"


def test_frames_flow_at_once_and_stop_soon(server: Any, simulator: Simulator) -> None:
    """Three times: a first viewer comes, sees a live frame, and leaves."""
    waits_s, ends_s = [], []
    for _ in range(3):
        came_at = time.time()
        viewer = server.watch()
        waits_s.append(viewer.next("live").arrived_s - viewer.began_s)
        # A page of the past is worth less than nothing: no frame is older than the visit.
        assert all(captured_at(p) >= came_at - 1e-6 for p in viewer.parts if p.state == "live")
        viewer.close()

        left_s = time.monotonic()
        wait_until(lambda: not simulator.publisher.wanted, what="nobody wants frames any more")
        ends_s.append(time.monotonic() - left_s)
        sent = simulator.sent
        hold(lambda: simulator.sent == sent, 0.3, "a frame was sent to nobody")
    print(f"the first frame after {waits_s} s, the end of the demand after {ends_s} s")
    assert min(waits_s) <= FIRST_FRAME_S * SLOWNESS, waits_s
    assert not server.stream("front")["wanted"]


def test_each_frame_is_encoded_once_for_all(server: Any, simulator: Simulator) -> None:
    """Ten viewers cost one encoding."""
    viewers = [server.watch() for _ in range(10)]
    for viewer in viewers:
        viewer.next("live")
        viewer.wait_more(15)
    frames = server.stream("front")["frames"]
    assert frames["encoded"] <= frames["received"] <= simulator.sent


def test_a_snapshot_is_a_demand_of_a_moment(server: Any, simulator: Simulator) -> None:
    """It starts the capture, takes a frame, and ends it."""
    assert server.snapshot().status == 200
    wait_until(lambda: not simulator.publisher.wanted, what="the end of the demand")
    assert simulator.sent >= 1
    assert server.stream("front")["frames"]["encoded"] >= 1


def test_head_is_no_demand(server: Any, simulator: Simulator) -> None:
    """A link checker does not start a camera."""
    assert fetch(server.address, "/stream", "HEAD").status == 200
    hold(lambda: not simulator.publisher.wanted, 0.3, "HEAD started the capture")
    assert server.status()["viewers"] == 0


def test_the_fastest_viewer_sets_the_rate_of_capture(server: Any, simulator: Simulator) -> None:
    """Nobody captures 30 frames a second for those who look at 5."""

    def wait_wanted(fps: float) -> None:
        wait_until(lambda: simulator.publisher.wanted_fps == fps, what=f"{fps} fps are wanted")
        wanted_fps = None if fps == float("inf") else fps
        assert server.stream("front")["wanted_fps"] == wanted_fps

    five = server.watch("/stream?fps=5")
    wait_wanted(5.0)
    ten = server.watch("/stream/front?fps=10.5")
    wait_wanted(10.5)
    every = server.watch()
    wait_wanted(float("inf"))
    every.close()
    wait_wanted(10.5)
    ten.close()
    wait_wanted(5.0)

    began_s, before = time.monotonic(), simulator.captured
    parts = five.skip().wait_more(10)
    most = 5 * (time.monotonic() - began_s) + 3
    assert simulator.captured - before <= most, "more than 5 frames a second were captured"
    seconds = captured_at(parts[-1]) - captured_at(parts[0])
    assert seconds >= 9 / 5 * 0.6, "more than 5 frames a second were shown"


def test_a_viewer_gets_no_more_than_it_asked_for(server: Any, simulator: Simulator) -> None:
    """fps= holds beside others who want every frame, and does not slow them down."""
    slow, fast = server.watch("/stream?fps=4"), server.watch()
    parts = [slow.next("live") for _ in range(8)]
    first, last = parts[0], parts[-1]
    fast.next(where=lambda part: part.sequence >= last.sequence)

    assert captured_at(last) - captured_at(first) >= 7 / 4 * 0.6
    seen = {p.sequence for p in fast.parts if first.sequence <= p.sequence <= last.sequence}
    assert len(seen) > 2 * len(parts)


def test_a_late_agent_is_told_what_is_wanted(server: Any, connect: Any) -> None:
    """Viewers, and their rate, were there first."""
    server.watch("/stream/front?fps=7")
    wait_until(lambda: server.status()["viewers"] == 1, what="the viewer")

    producer = connect(server, "front").wait_wanted()

    wait_until(lambda: producer.wanted_rates, what="a wanted rate")
    assert producer.wanted_rates[-1] == 7.0
