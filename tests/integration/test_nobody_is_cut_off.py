# SPDX-License-Identifier: MIT
"""Whatever the simulator does, a viewer has a picture, and keeps its connection."""

from __future__ import annotations

import time
from typing import Any

import pytest
from testlib import pictures
from testlib.build import SLOWNESS
from testlib.mjpeg import Part, Viewer
from testlib.waiting import hold, wait_until

pytestmark = [pytest.mark.alone, pytest.mark.no_tsan]

AT_ONCE_S = 2.0 * SLOWNESS
#: How much later than planned a part may be.
LATE_S = 2.0 * SLOWNESS
#: How much a clock may differ from another one.
EARLY_S = 0.05
SHADE = b"\x50" * 64 * 48 * 3


def waited(viewer: Viewer, part: Part) -> float:
    """Seconds from the request to a part."""
    return part.arrived_s - viewer.began_s


def check_due(part: Part, since_s: float, after_s: float) -> None:
    """It was not sent before it was due, so long after that time; nor much later.

    `since_s` is before what it follows was sent: when that arrived is the machine's affair.
    """
    assert after_s - EARLY_S <= part.arrived_s - since_s <= after_s + LATE_S


def test_without_an_agent_a_picture_says_so(server: Any) -> None:
    """At once, and again each second, with the time that passed."""
    for viewer in [server.watch(path) for path in ("/stream", "/stream/front", "/stream?fps=5")]:
        first, *more = viewer.wait_more(4)
        assert waited(viewer, first) <= AT_ONCE_S
        for count, part in enumerate(more, 1):
            check_due(part, viewer.began_s, count * 1.0)
        assert {part.state for part in viewer.parts} == {"no-signal"}
        assert pictures.is_no_signal(first.jpeg) and pictures.size(first.jpeg) == (1280, 720)
        assert len({part.jpeg for part in viewer.parts}) > 1, "the clock stands still"


def test_with_advance_headers_too(server: Any) -> None:
    """Chromium sees the same."""
    viewer = server.watch("/stream?advance_headers=1")
    for part in viewer.wait_more(2):
        assert pictures.is_no_signal(part.jpeg)
    assert waited(viewer, viewer.parts[0]) <= AT_ONCE_S


def test_a_still_picture_repeats_then_there_is_no_signal_then_it_goes_on(
    server: Any, connect: Any
) -> None:
    """The last frame after 0.5 s and each second, after 3 s the notice in its size, then live."""
    producer = connect(server, "front", 64, 48)
    server.wait_state("front")
    viewers = [server.watch("/stream/front"), server.watch("/stream?fps=20")]
    producer.wait_wanted()
    for viewer in viewers:
        viewer.next()
    sent_s = time.monotonic()
    last = producer.send_frame(SHADE)

    # Who asked for a rate is not sent the same picture sooner than a second later.
    for viewer, first_wait_s in zip(viewers, (0.5, 1.0)):
        live = viewer.next("live")
        repeats = [viewer.next()]
        while (part := viewer.next()).state == "repeat":
            repeats.append(part)
        assert all(p.state == "repeat" and p.jpeg == live.jpeg for p in repeats)
        assert all(p.sequence == last for p in repeats)
        assert len(repeats) >= 2
        for count, repeat in enumerate(repeats[:2]):
            check_due(repeat, sent_s, first_wait_s + count * 1.0)
        assert part.state == "no-signal"
        check_due(part, sent_s, 3.0)
        assert pictures.is_no_signal(part.jpeg) and pictures.size(part.jpeg) == (64, 48)
    assert server.stream("front")["state"] == "stalled"
    assert "sends no frames" in server.stream("front")["reason"]

    producer.send_frame(SHADE)
    for viewer in viewers:
        assert viewer.next(where=lambda p: p.state != "no-signal").state == "live"
    server.wait_state("front", "live")


def test_one_who_comes_while_it_stalls_sees_the_reason_at_once(server: Any, connect: Any) -> None:
    """In the size that the agent announced."""
    producer = connect(server, "front", 320, 200, state="starting", reason="loading the scene")
    server.wait_state("front", "starting")
    viewer = server.watch("/stream/front")
    part = viewer.next()
    assert waited(viewer, part) <= AT_ONCE_S
    assert part.state == "no-signal" and pictures.size(part.jpeg) == (320, 200)

    producer.announce(state="live", reason="")
    producer.play(20)
    viewer.next("live")


def test_what_is_odd_about_a_live_picture_is_told_beside_it(
    start_server: Any, connect: Any
) -> None:
    """The picture itself stays as it is; and what was said of it is no reason why there is none."""
    server = start_server("--no-signal-after", "1")
    reason = "the picture is black (mean luma 0.4): add a light to the stage"
    producer = connect(server, "front", 64, 48, agent="kit", reason=reason).play(30)
    viewer = server.watch("/stream/front")
    viewer.next("live")

    def told(state: str) -> str:
        text: str = server.wait_state("front", state)["reason"]
        return text

    hold(lambda: told("live") == reason, 1.0, "frames ended the reason")
    assert {part.state for part in viewer.skip().wait_more(20)} == {"live"}
    assert server.get("/readyz").status == 200
    assert server.snapshot("/front").status == 200

    producer.pause()
    assert told("stalled") == "kit answers, but sends no frames"
    response = server.get("/snapshot/front?timeout=0")
    assert response.text == "kit answers, but sends no frames; is the simulation paused?"
    producer.play(30)
    assert told("live") == reason
    producer.announce(reason="")
    wait_until(lambda: told("live") == "", what="all is well")
    producer.announce(reason=reason)
    wait_until(lambda: told("live") == reason, what="the reason is back")
    producer.close()
    assert told("lost") == "kit went silent"


def test_one_who_comes_while_it_is_paused_sees_the_last_frame_at_once(
    server: Any, connect: Any
) -> None:
    """A picture that is a second old is better than none."""
    producer = connect(server, "front", 64, 48)
    server.wait_state("front")
    first = server.watch("/stream/front")
    producer.wait_wanted().send_frame(SHADE)
    live = first.next("live")
    first.next("repeat")
    second = server.watch("/stream/front")
    part = second.next()
    assert (part.state, part.jpeg) == ("repeat", live.jpeg)
    assert waited(second, part) <= AT_ONCE_S


def test_an_agent_that_ends_is_missed_on_the_same_connection(
    start_server: Any, connect: Any
) -> None:
    """A notice that says what it said, and the next agent's frames, whatever their size."""
    server = start_server("--no-signal-after", "1")
    viewers = [server.watch("/stream/front"), server.watch("/stream/front?advance_headers=1")]
    for width, height in ((64, 48), (96, 32)):
        producer = connect(server, "front", width, height)
        producer.play(20)
        for viewer in viewers:
            viewer.next(where=lambda p, w=width, h=height: pictures.size(p.jpeg) == (w, h))
        producer.pause()
        producer.announce(state="ended", reason="the user closed it")
        for viewer in viewers:
            viewer.skip()
            notice = viewer.next(where=lambda p: pictures.is_no_signal(p.jpeg))
            assert pictures.size(notice.jpeg) == (width, height)
        assert server.stream("front")["reason"].endswith("ended: the user closed it")
        producer.close()


def test_a_change_of_size_needs_no_new_connection(server: Any, connect: Any) -> None:
    """The next part simply has it, in /status as well."""
    producer = connect(server, "front", 64, 48)
    server.wait_state("front")
    viewer = server.watch("/stream/front")
    producer.wait_wanted()
    for width, height in ((64, 48), (48, 64), (640, 16), (64, 48)):
        pixels = b"\x90" * (width * height * 3)
        producer.send_frame(pixels, width=width, height=height, stride=width * 3)
        assert pictures.size(viewer.next("live").jpeg) == (width, height)
        front = server.stream("front")
        assert (front["width"], front["height"]) == (width, height)


def test_who_waits_for_any_stream_gets_the_first(server: Any, connect: Any) -> None:
    """/stream before there is one: the first announced is the default, and stays it."""
    early = server.watch("/stream")
    other = server.watch("/stream/rear")
    assert early.next().state == other.next().state == "no-signal"

    connect(server, "front", 64, 48).play(20)
    assert pictures.size(early.next("live").jpeg) == (64, 48)
    connect(server, "rear", 32, 32).play(20)
    assert pictures.size(other.next("live").jpeg) == (32, 32)

    late = server.watch("/stream")
    for viewer in (early, late):
        assert pictures.size(viewer.skip().next("live").jpeg) == (64, 48)
    assert server.status()["default"] == "front"


def test_the_default_can_be_named(start_server: Any, connect: Any) -> None:
    """--default waits for its stream, whoever else comes first."""
    server = start_server("--default", "rear")
    early = server.watch("/stream")
    connect(server, "front", 64, 48).play(20)
    server.wait_state("front")
    assert server.status()["default"] == "rear"
    assert early.skip().next().state == "no-signal"

    connect(server, "rear", 32, 32).play(20)
    assert pictures.size(early.next("live").jpeg) == (32, 32)
    assert server.snapshot().headers["content-type"] == "image/jpeg"


def test_the_pause_before_the_notice_is_a_flag(start_server: Any, connect: Any) -> None:
    """--no-signal-after; a slow camera is given the time of a frame more."""
    server = start_server("--no-signal-after", "0.5")
    producer = connect(server, "front", 64, 48, fps=1.0)
    server.wait_state("front")
    viewer = server.watch("/stream/front")
    producer.wait_wanted()
    sent_s = time.monotonic()
    producer.send_frame(SHADE)
    viewer.next("live")
    check_due(viewer.next("no-signal"), sent_s, 1.5)
    wait_until(lambda: server.stream("front")["state"] == "stalled", what="it is stalled")


@pytest.mark.parametrize("path", ["/stream/front", "/stream/front?width=32"])
def test_who_asked_for_few_has_the_last_one_again(server: Any, connect: Any, path: str) -> None:
    """Each second, while others get new ones; of the new ones no more than it asked for."""
    connect(server, "front", 64, 48).play(20)
    server.wait_state("front")
    fast = server.watch(path)
    fast.next("live")
    slow = server.watch(f"{path}{'&' if '?' in path else '?'}fps=0.3")
    slow.next("live")
    first, *rest = slow.skip().wait_more(8)
    assert {part.state for part in rest} == {"live", "repeat"}
    for part, after in zip([first, *rest], rest):
        assert after.arrived_s - part.arrived_s <= 1.0 + LATE_S
        assert (after.jpeg == part.jpeg) == (after.state == "repeat")
    new = [part for part in rest if part.state == "live"]
    assert 2 <= len(new) <= 3
    assert len(fast.parts) > 8 * len(rest), "it is slow for all: this shows nothing"
