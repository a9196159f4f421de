# SPDX-License-Identifier: MIT
"""?width= and ?quality=: each viewer in the size it can use, and no encode more than needed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import cv2
import numpy
import pytest
from testlib import pictures
from testlib.build import SLOWNESS
from testlib.mjpeg import Viewer
from testlib.waiting import wait_until

WIDTH, HEIGHT = 640, 480
FPS = 20.0


@pytest.fixture
def camera(server: Any, connect: Callable[..., Any]) -> Any:
    """A live stream of moving pictures."""
    camera = connect(server, "front", WIDTH, HEIGHT)
    grains = [pictures.grain(WIDTH, HEIGHT, seed) for seed in (1, 2, 3)]
    camera.play(FPS, *(pictures.pack(grain, "RGB") for grain in grains))
    server.wait_state("front")
    return camera


def variant(server: Any, width: int = WIDTH, quality: int = 80) -> Any:
    """A variant's entry in /status, or None where it is not listed."""
    found = [
        v
        for v in server.stream("front")["variants"]
        if (v["width"], v["quality"]) == (width, quality)
    ]
    assert len(found) <= 1
    return found[0] if found else None


def encoded(server: Any, width: int = WIDTH, quality: int = 80) -> int:
    """How many pictures of a variant were made."""
    entry = variant(server, width, quality)
    return entry["encoded"] if entry else 0


def scaled(picture: Any, width: int, height: int) -> Any:
    """A picture as another library makes it smaller: pixels count by the area that they cover."""
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)


# ---- what is to be seen ----


@pytest.mark.parametrize("size", [(640, 480), (641, 479), (1281, 723)])
@pytest.mark.parametrize("pixel_format", ["RGBA", "BGRA", "RGB", "BGR", "GRAY8"])
def test_a_smaller_picture_is_the_same_picture(
    start_server: Any, connect: Any, pixel_format: str, size: tuple[int, int]
) -> None:
    """In each pixel format and in odd sizes: above 35 dB at quality 90, without a tint."""
    server = start_server()
    width, height = size
    original = pictures.scene(width, height)
    if pixel_format == "GRAY8":
        original = numpy.repeat(original[:, :, 1:2], 3, axis=2)
    camera = connect(server, "front", width, height, pixel_format)
    camera.play(10, pictures.pack(original, pixel_format))
    server.wait_state("front")
    for wanted in (40, 100, 319, 320, 500, 639):
        response = server.snapshot(f"?width={wanted}&quality=90")
        picture = pictures.decode(response.body)
        exact = wanted * height / width
        assert picture.shape[1] == wanted
        assert abs(picture.shape[0] - exact) <= 1 and picture.shape[0] % 2 == 0
        small = scaled(original, wanted, picture.shape[0])
        assert pictures.psnr(picture, small) > 35, wanted
        tint = numpy.abs(picture.astype(float).mean((0, 1)) - small.mean((0, 1)))
        assert tint.max() < 1, f"{wanted}: the colours are off by {tint}"


def test_a_quality_is_what_libjpeg_calls_so(server: Any, camera: Any) -> None:
    """The same number gives the same quantisation, and so about the same bytes, as elsewhere."""
    del camera
    for quality in (1, 30, 60, 95, 100):
        body = server.snapshot(f"?quality={quality}").body
        assert pictures.size(body) == (WIDTH, HEIGHT)
        elsewhere = pictures.encode(pictures.decode(body), quality)
        table = body[body.index(b"\xff\xdb"):][5:69]
        assert table == elsewhere[elsewhere.index(b"\xff\xdb"):][5:69]


@pytest.mark.parametrize("query", ["", "?width=640", "?width=5000", "?quality=80&width=641"])
def test_a_picture_is_never_larger_than_its_source(server: Any, camera: Any, query: str) -> None:
    """And what makes no difference makes no variant."""
    del camera
    assert pictures.size(server.snapshot(query).body) == (WIDTH, HEIGHT)
    assert len(server.stream("front")["variants"]) == 1


def test_white_is_white_in_every_size(server: Any, connect: Any) -> None:
    """Nothing gets darker on the way."""
    connect(server, "front", WIDTH, HEIGHT).play(10, b"\xff" * (WIDTH * HEIGHT * 3))
    server.wait_state("front")
    for width in (600, 320, 200, 100):
        assert pictures.decode(server.snapshot(f"?width={width}").body).min() >= 254


# ---- one encode for all who ask for the same ----


def test_twenty_viewers_with_four_settings_cost_four_encodes_a_frame(
    server: Any, camera: Any
) -> None:
    """Each gets its own size; frames are counted by their numbers, so nothing depends on speed."""
    settings = {"": (WIDTH, 80), "width=320": (320, 80), "quality=30": (WIDTH, 30)}
    settings["width=200&quality=50"] = (200, 50)
    viewers = {
        query: [server.watch(f"/stream/front?{query}") for _ in range(5)] for query in settings
    }
    for group in viewers.values():
        for viewer in group:
            for _ in range(16):
                viewer.next("live")
    for query, group in viewers.items():
        width, quality = settings[query]
        entry = variant(server, width, quality)
        assert entry["viewers"] == 5
        assert 15 <= entry["encoded"] <= camera.sent, "more than one encode a frame"
        for viewer in group:
            assert pictures.size(viewer.parts[-1].jpeg) == (width, width * HEIGHT // WIDTH)
    assert len(server.stream("front")["variants"]) == 4
    assert server.stream("front")["viewers"] == 20
    # All five of a group get the very same bytes.
    by_sequence: dict[tuple[str, int], set[bytes]] = {}
    for query, group in viewers.items():
        for viewer in group:
            for part in list(viewer.parts):
                if part.state != "no-signal":
                    by_sequence.setdefault((query, part.sequence), set()).add(part.jpeg)
    assert by_sequence and all(len(jpegs) == 1 for jpegs in by_sequence.values())


def test_a_variant_is_made_no_more_often_than_its_fastest_viewer_wants(
    server: Any, camera: Any
) -> None:
    """fps= of its viewers, and not of those who watch something else."""
    every = server.watch("/stream/front")
    slow, slower = (
        server.watch("/stream/front?width=320&fps=4"),
        server.watch("/stream/front?width=320&fps=2"),
    )
    slow.next("live")
    began_s, before = time.monotonic(), encoded(server, 320)
    for _ in range(9):
        slow.next("live")
    made = encoded(server, 320) - before
    seconds = time.monotonic() - began_s
    assert made <= seconds * 4 + 2, "encoded more often than anybody wants"
    assert len(slower.parts) <= len(slow.parts)
    every.wait_more(5)
    assert camera.wanted_rates[-1] == 0


def test_the_agent_is_asked_for_the_highest_rate_of_any_variant(server: Any, camera: Any) -> None:
    """And no more."""

    def wait_rate(rate: float) -> None:
        wait_until(lambda: camera.wanted_rates[-1:] == [rate], what=f"{rate} fps are asked for")

    server.watch("/stream/front?width=320&fps=5")
    wait_rate(5)
    fast = server.watch("/stream/front?quality=30&fps=12")
    wait_rate(12)
    every = server.watch("/stream/front?width=100")
    wait_rate(0)
    every.close()
    wait_rate(12)
    fast.close()
    wait_rate(5)


def test_a_snapshot_alone_on_a_variant_costs_one_encode(server: Any, camera: Any) -> None:
    """Also while frames abound because somebody watches something else."""
    viewer = server.watch("/stream/front")
    viewer.next("live")
    for width in (300, 310, 320):
        assert server.snapshot(f"?width={width}").status == 200
        viewer.skip().wait_more(1)  # or what comes while it is answered may be encoded, too
        made = encoded(server, width)
        viewer.skip().wait_more(3)  # frames that nobody wants in that size
        assert encoded(server, width) <= made <= 2


def test_a_variant_is_gone_a_moment_after_its_last_viewer(server: Any, camera: Any) -> None:
    """And what it cost with it; who reloads the page finds it, or gets it anew."""
    del camera

    def watched() -> Any:
        entry = variant(server, 320)
        return entry and entry["viewers"]

    for _ in range(2):
        with server.watch("/stream/front?width=320") as viewer:
            viewer.next("live")
            assert watched() == 1 and encoded(server, 320) > 0
        wait_until(lambda: not watched(), what="nobody watches")
    wait_until(lambda: variant(server, 320) is None, what="the end of the variant")


# ---- others are not disturbed ----


def test_variants_that_come_and_go_leave_the_others_no_gap(server: Any, camera: Any) -> None:
    """Two viewers watch while forty others come and go: to them the stream is never interrupted."""
    del camera
    viewers = [server.watch("/stream/front"), server.watch("/stream/front?width=320&quality=60")]
    for viewer in viewers:
        viewer.next("live")
    firsts = [len(viewer.skip().parts) for viewer in viewers]
    for turn in range(10):
        others = [server.watch(f"/stream/front?width={100 + 10 * turn + i}") for i in range(4)]
        for other in others:
            other.next("live")
        for other in others:
            other.close()
        # Until they are known to be gone they count for --max-variants.
        wait_until(lambda: server.status()["viewers"] == len(viewers), what="they have left")
    for viewer, first in zip(viewers, firsts):
        viewer.check()
        viewer.skip().next("live")
        parts = viewer.parts[first:]
        states = [part.state for part in parts]
        assert "no-signal" not in states and states.count("live") > 3 * states.count("repeat")
        assert len({pictures.size(part.jpeg) for part in parts}) == 1


def test_one_variant_too_many_is_told_which_flag_it_was(start_server: Any, connect: Any) -> None:
    """503 with what to do; who asks for what there is, or for the stream itself, is let in."""
    server = start_server()
    connect(server, "front", WIDTH, HEIGHT).play(FPS)
    server.wait_state("front")
    viewers = [server.watch(f"/stream/front?width={100 + i}") for i in range(8)]
    for viewer in viewers:
        viewer.next("live")
    for path in ("/stream/front?width=200", "/snapshot/front?width=200", "/stream/front?quality=1"):
        response = server.get(path)
        assert response.status == 503
        assert response.headers["retry-after"] == "1"
        assert "--max-variants" in response.text and "/status" in response.text
        assert "\n" not in response.text
    assert server.snapshot("/front?width=107").status == 200
    assert server.snapshot("/front").status == 200
    server.watch("/stream/front").next("live")
    viewers[0].close()
    viewers[1].close()
    wait_until(lambda: server.get("/snapshot/front?width=200").status == 200, what="room")


def test_a_crowd_that_comes_at_once_gets_no_variant_too_many(
    start_server: Any, connect: Any
) -> None:
    """Twenty settings in the same moment: exactly as many as allowed are let in."""
    server = start_server("--max-variants", "3")
    connect(server, "front", WIDTH, HEIGHT).play(FPS)
    server.wait_state("front")
    viewers = [Viewer(server.address, f"/stream/front?width={100 + i}") for i in range(20)]
    try:
        statuses = [viewer.wait_status() for viewer in viewers]
        assert statuses.count(200) == 3 and statuses.count(503) == 17
        wait_until(
            lambda: len([v for v in server.stream("front")["variants"] if v["viewers"]]) == 3,
            what="three variants that are watched",
        )
    finally:
        for viewer in viewers:
            viewer.close()


def test_without_variants_there_is_the_stream_itself(start_server: Any, connect: Any) -> None:
    """--max-variants 0 turns them off."""
    server = start_server("--max-variants", "0")
    connect(server, "front", WIDTH, HEIGHT).play(FPS)
    server.wait_state("front")
    assert server.get("/snapshot?width=200").status == 503
    assert server.snapshot("?width=640&quality=80").status == 200
    assert server.snapshot().status == 200


# ---- what changes while somebody watches ----


def test_variants_follow_the_size_of_the_source(server: Any, connect: Any) -> None:
    """Never wider than asked for, never wider than the source, and always a new picture."""
    sizes = [(640, 480), (320, 240), (1280, 722), (160, 120), (640, 480)]
    camera = connect(server, "front", *sizes[0])
    server.wait_state("front")
    viewers = {
        width: server.watch(f"/stream/front?width={width}") for width in (200, 320, 640, 2000)
    }
    wait_until(lambda: server.stream("front")["viewers"] == len(viewers), what="all watch")
    camera.wait_wanted()
    for number, (width, height) in enumerate(sizes):
        frame = bytes([40 * (number + 1)]) * (width * height * 3)
        camera.send_frame(frame, width=width, height=height, stride=width * 3)
        for asked, viewer in viewers.items():
            seen = pictures.decode(viewer.next(where=lambda p: p.sequence == camera.sent).jpeg)
            assert seen.shape[1] == min(asked, width)
            assert abs(seen.shape[0] - seen.shape[1] * height / width) <= 1
            assert abs(float(seen.mean()) - 40 * (number + 1)) < 3
    for asked, viewer in viewers.items():
        assert all(pictures.size(p.jpeg)[0] <= asked for p in viewer.parts)


def test_who_came_before_any_agent_gets_what_it_asked_for(server: Any, connect: Any) -> None:
    """The lobby remembers."""
    small, plain = server.watch("/stream?width=200"), server.watch("/stream")
    assert pictures.size(small.next("no-signal").jpeg) == (200, 112)
    assert pictures.size(plain.next("no-signal").jpeg) == (1280, 720)
    connect(server, "front", WIDTH, HEIGHT).play(FPS)
    assert pictures.size(small.next("live").jpeg) == (200, 150)
    assert pictures.size(plain.next("live").jpeg) == (WIDTH, HEIGHT)


def test_what_is_missing_is_said_in_the_variants_size(server: Any, camera: Any) -> None:
    """And the variant goes on when frames do."""
    viewer = server.watch("/stream/front?width=320&quality=5")
    viewer.next("live")
    camera.pause()
    notice = viewer.next("no-signal").jpeg
    assert pictures.is_no_signal(notice)
    assert pictures.size(notice) == (320, 240)
    camera.play(FPS)
    assert pictures.size(viewer.next("live").jpeg) == (320, 240)


# ---- ready JPEGs ----


@pytest.mark.parametrize("size", [(640, 480), (641, 479)])
def test_a_jpeg_camera_is_scaled_and_those_who_want_it_as_it_is_get_it_so(
    server: Any, connect: Any, size: tuple[int, int]
) -> None:
    """Decoding costs only while somebody asks for something else."""
    original = pictures.scene(*size)
    jpegs = [pictures.encode(original, quality) for quality in (92, 93)]
    connect(server, "front", *size, "JPEG", stride=0).play(FPS, *jpegs)
    server.wait_state("front")
    plain = server.watch("/stream/front")
    assert plain.next("live").jpeg in jpegs
    viewers = {width: server.watch(f"/stream/front?width={width}") for width in (16, 100, 320, 600)}
    for width, viewer in viewers.items():
        picture = pictures.decode(viewer.next("live").jpeg)
        assert picture.shape[1] == width
        assert pictures.psnr(picture, scaled(original, width, picture.shape[0])) > 32
    worse = server.snapshot("?quality=20").body
    assert pictures.size(worse) == size and len(worse) < len(jpegs[0]) / 2
    assert all(part.jpeg in jpegs for part in list(plain.parts))
    front = server.stream("front")
    assert front["frames"]["encoded"] == 0 and front["frames"]["passed"] > 0
    assert front["variants"][0]["quality"] is None and front["variants"][0]["encoded"] == 0


def test_a_progressive_or_gray_jpeg_is_scaled_too(server: Any, connect: Any) -> None:
    """Whatever browsers show."""
    original = pictures.scene(WIDTH, HEIGHT)
    gray = numpy.repeat(original[:, :, 1:2], 3, axis=2)
    flags = [cv2.IMWRITE_JPEG_PROGRESSIVE, 1]
    done, progressive = cv2.imencode(".jpg", original[:, :, ::-1], flags)
    also_done, of_gray = cv2.imencode(".jpg", original[:, :, 1])
    assert done and also_done
    camera = connect(server, "front", WIDTH, HEIGHT, "JPEG", stride=0)
    camera.play(FPS, progressive.tobytes())
    server.wait_state("front")
    picture = pictures.decode(server.snapshot("?width=200").body)
    assert pictures.psnr(picture, scaled(original, 200, 150)) > 32
    camera.play(FPS, of_gray.tobytes())
    wait_until(
        lambda: pictures.psnr(
            pictures.decode(server.snapshot("?width=200").body), scaled(gray, 200, 150)
        )
        > 32,
        what="the gray picture",
    )


def test_a_broken_jpeg_harms_nobody(server: Any, connect: Any) -> None:
    """One that passes the checks and is none: who asks is told so, and the next one is shown."""
    good = pictures.encode(pictures.scene(WIDTH, HEIGHT))
    table = good.index(b"\xff\xc4")
    bad = good[: table + 5] + b"\xff" * 16 + good[table + 21:]  # code lengths that are impossible
    camera = connect(server, "front", WIDTH, HEIGHT, "JPEG", stride=0).play(FPS, bad)
    server.wait_state("front")
    viewer = server.watch("/stream/front?width=200")
    assert pictures.is_no_signal(viewer.next("no-signal").jpeg)
    server.wait_log("?width= or ?quality=")
    refused = server.get("/snapshot/front?width=200&timeout=1000")
    assert (refused.status, refused.body) == (
        503,
        b"the agent's JPEG cannot be decoded here; ask without width= and quality=\n",
    )
    assert server.get("/snapshot/front?timeout=5000").body == bad
    camera.play(FPS, good)
    assert pictures.size(viewer.next("live").jpeg) == (200, 150)


# ---- all at once ----


def test_viewers_of_all_kinds_may_come_and_go_at_random(server: Any, camera: Any) -> None:
    """While the source changes its size: nothing breaks, and the last picture is right."""
    over = threading.Event()

    def resize() -> None:
        width = WIDTH
        while not over.wait(0.05):
            width = 320 if width == WIDTH else WIDTH
            frame = bytes([width % 251]) * (width * 100 * 3)
            camera.send_frame(frame, width=width, height=100, stride=width * 3)

    steady = server.watch("/stream/front?width=500")
    resizer = threading.Thread(target=resize)
    resizer.start()
    try:
        dice = numpy.random.default_rng(7)
        end_s = time.monotonic() + 4 * min(SLOWNESS, 2)
        while time.monotonic() < end_s:
            width, quality = dice.integers(16, 700), dice.integers(1, 101)
            kind = "stream" if dice.integers(0, 2) else "snapshot"
            if kind == "stream":
                path = f"/stream/front?width={width}&quality={quality}"
                with Viewer(server.address, path) as viewer:
                    assert viewer.wait_status() in (200, 503)
            else:
                path = f"/snapshot?width={width}&quality={quality}&timeout=1000"
                assert server.get(path).status in (200, 503)
    finally:
        over.set()
        resizer.join()
    steady.skip().next("live")
    steady.check()
    camera.play(FPS)
    assert pictures.size(server.snapshot("?width=100&quality=50").body) == (100, 76)
