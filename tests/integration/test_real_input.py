# SPDX-License-Identifier: MIT
"""What goes in comes out: in every player, in every pixel format, in the right colours."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable
from typing import Any

import cv2
import numpy
import pytest
from testlib import pictures
from testlib.agents import Film
from testlib.build import SLOWNESS

PLAYER_TIMEOUT_S = 60 * SLOWNESS
FRAMES = 20
WIDTH, HEIGHT = 320, 240


def run(*command: str) -> str:
    """Runs a program to its end; returns what it wrote."""
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=PLAYER_TIMEOUT_S,
    )
    output = done.stdout.decode(errors="replace")
    assert done.returncode == 0, f"{command[0]}: {output}"
    return output


def play_in_ffmpeg(url: str) -> None:
    """Fussier than by default: the boundary must be the announced one."""
    strict = ["-f", "mpjpeg", "-strict_mime_boundary", "1", "-xerror"]
    output = run(
        "ffmpeg", "-nostdin", "-loglevel", "error", "-progress", "-", *strict, "-i", url,
        "-frames:v", str(FRAMES), "-f", "null", "-",
    )  # fmt: skip
    assert f"frame={FRAMES}\n" in output


def play_in_gstreamer(url: str) -> None:
    """A pipeline that ends after so many decoded frames."""
    pipeline = f"souphttpsrc location={url} ! multipartdemux ! jpegdec ! videoconvert"
    run("gst-launch-1.0", *pipeline.split(), "!", "fakesink", f"num-buffers={FRAMES}")


def play_in_opencv(url: str) -> None:
    """Frame by frame, as a script does."""
    capture = cv2.VideoCapture(url, cv2.CAP_FFMPEG)
    try:
        for _ in range(FRAMES):
            is_there, picture = capture.read()
            assert is_there and picture.shape == (720, 1280, 3)
            assert picture.std() > 1, "nothing to be seen"
    finally:
        capture.release()


def test_a_film_is_seen_by_ffmpeg_opencv_gstreamer_and_curl(server: Any, start_agent: Any) -> None:
    """A pipe from ffmpeg is a camera; the usual players show it at the same time."""
    start_agent(server, "film", "mandelbrot=size=1280x720:rate=30", "1280x720", kind=Film)
    server.wait_state("film")

    failures: list[BaseException] = []

    def play(player: Callable[[str], None]) -> None:
        try:
            player(server.url + "stream")
        except BaseException as failure:
            failures.append(failure)

    players = [
        threading.Thread(target=play, args=[player])
        for player in (play_in_ffmpeg, play_in_opencv, play_in_gstreamer)
    ]
    for thread in players:
        thread.start()
    saved = server.socket_path.parent / "snapshot.jpg"
    run("curl", "--fail", "--silent", "--show-error", "-o", str(saved), server.url + "snapshot")
    for thread in players:
        thread.join()

    assert not failures, failures
    assert pictures.size(saved.read_bytes()) == (1280, 720)
    film = server.stream("film")
    assert (film["width"], film["height"], film["format"]) == (1280, 720, "RGB")


@pytest.mark.parametrize("padding", [0, 24])
@pytest.mark.parametrize("pixel_format", ["RGBA", "BGRA", "RGB", "BGR", "GRAY8"])
def test_a_snapshot_is_what_was_sent(
    start_server: Any, connect: Any, pixel_format: str, padding: int
) -> None:
    """In each pixel format, rows padded or not: above 35 dB at quality 90, without a tint."""
    server = start_server("--quality", "90")
    original = pictures.scene(WIDTH, HEIGHT)
    if pixel_format == "GRAY8":
        original = numpy.repeat(original[:, :, 1:2], 3, axis=2)
    pixels = pictures.pack(original, pixel_format, padding)
    stride = len(original.tobytes()) // HEIGHT // 3
    stride = stride * {"GRAY8": 1}.get(pixel_format, len(pixel_format)) + padding
    connect(server, "front", WIDTH, HEIGHT, pixel_format, stride).play(10, pixels)
    server.wait_state("front")

    response = server.snapshot("/front")

    assert (response.status, response.headers["content-type"]) == (200, "image/jpeg")
    picture = pictures.decode(response.body)
    assert pictures.psnr(picture, original) > 35
    tint = numpy.abs(picture.astype(float).mean((0, 1)) - original.mean((0, 1)))
    assert tint.max() < 1, f"the colours are off by {tint}"
    assert server.stream("front")["format"] == pixel_format


@pytest.mark.parametrize("pixel_format", ["RGBA", "BGRA", "RGB", "BGR"])
def test_red_is_red(server: Any, connect: Any, pixel_format: str) -> None:
    """Eight bars in the purest colours there are, each where it was."""
    colors = [(r, g, b) for r in (0, 255) for g in (0, 255) for b in (0, 255)]
    bars = numpy.repeat(numpy.array([colors], numpy.uint8), WIDTH // 8, axis=1)
    original = numpy.repeat(bars, HEIGHT, axis=0)
    producer = connect(server, "front", WIDTH, HEIGHT, pixel_format)
    producer.play(10, pictures.pack(original, pixel_format))
    server.wait_state("front")

    picture = pictures.decode(server.snapshot().body)

    for number, color in enumerate(colors):
        middle = number * WIDTH // 8 + WIDTH // 16
        seen = picture[:, middle - 4:middle + 4].mean((0, 1))
        assert numpy.abs(seen - color).max() < 8, f"{color} became {seen}"


def test_every_size_is_served_in_that_size(server: Any, connect: Any) -> None:
    """Odd sizes, single rows, columns and pixels: nothing is cropped, nothing added."""
    for number, (width, height) in enumerate([(1, 1), (1, 77), (77, 1), (17, 33), (641, 479)]):
        original = numpy.full((height, width, 3), 40 * (number + 1), numpy.uint8)
        producer = connect(server, f"camera{number}", width, height)
        producer.play(10, pictures.pack(original, "RGB"))
        server.wait_state(producer.name)

        picture = pictures.decode(server.snapshot(f"/{producer.name}").body)

        assert picture.shape == original.shape
        assert numpy.abs(picture.astype(int) - original).max() <= 3


def test_a_ready_jpeg_is_served_byte_for_byte(server: Any, connect: Any) -> None:
    """A camera with an encoder of its own costs no second one, and no quality."""
    jpeg = pictures.encode(pictures.scene(WIDTH, HEIGHT))
    connect(server, "front", WIDTH, HEIGHT, "JPEG", stride=0).play(10, jpeg)
    server.wait_state("front")

    assert server.watch("/stream/front").next("live").jpeg == jpeg
    assert server.watch("/stream?advance_headers=1").next(where=lambda p: p.jpeg == jpeg)
    assert server.snapshot().body == jpeg
    frames = server.stream("front")["frames"]
    assert frames["encoded"] == 0 and frames["passed"] > 0
    assert server.stream("front")["jpeg_bytes"] == len(jpeg)
