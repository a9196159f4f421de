# SPDX-License-Identifier: MIT
"""testcard: the picture, and the rhythm of its frames."""

import threading
import time

import pytest
from fake_server import wait_until

import headcam
from headcam.sources import testcard, testcode
from headcam.sources.testcard import TestCard
from headcam.wire import PixelFormat, State

TIME_NS = 1764158400_123_456_789
FORMATS = [f for f in PixelFormat if f is not PixelFormat.JPEG]


def as_rgb(card, x, y):
    """A pixel's (red, green, blue)."""
    size = card.format.bytes_per_pixel
    at = (y * card.width + x) * size
    value = tuple(card.pixels[at:at + size])
    if card.format in (PixelFormat.BGRA, PixelFormat.BGR):
        value = value[2::-1]
    return value[:3]


@pytest.mark.parametrize(
    "size",
    [(160, 120), (320, 240), (333, 251), (240, 640), (1920, 200), (641, 361), (1280, 720)],
    ids=str,
)
@pytest.mark.parametrize("format", FORMATS, ids=str)
def test_every_size_and_format_is_drawn(size, format):
    card = TestCard(*size, format, "a-name_of.64" * 5, 29.97)
    pixels = card.render(12345678, TIME_NS)
    assert pixels is card.pixels
    assert len(pixels) == size[0] * size[1] * format.bytes_per_pixel
    if format.bytes_per_pixel == 4:
        assert set(pixels[3::4]) == {255}


def test_the_formats_show_the_same_picture():
    cards = [TestCard(320, 240, format, "front", 30.0) for format in FORMATS]
    for card in cards:
        card.render(7, TIME_NS)
    for x in range(0, 320, 7):
        # Above the corner with the format's name.
        for y in range(0, 190, 7):
            red, green, blue = as_rgb(cards[0], x, y)
            assert {as_rgb(card, x, y) for card in cards[:-1]} == {(red, green, blue)}
            luma = cards[-1].pixels[y * 320 + x]
            assert luma == pytest.approx(0.299 * red + 0.587 * green + 0.114 * blue, abs=3)


def test_a_frame_depends_on_its_number_and_time_alone():
    """What moved leaves no trace."""
    kept = TestCard(320, 240, PixelFormat.RGB, "front", 30.0)
    for i in range(200):
        kept.render(i, TIME_NS + i * 33_333_333)
    fresh = TestCard(320, 240, PixelFormat.RGB, "front", 30.0)
    assert kept.render(5, TIME_NS) == fresh.render(5, TIME_NS)


def test_every_frame_differs_from_the_one_before():
    card = TestCard(320, 240, PixelFormat.GRAY8, "front", 30.0)
    before = bytes(card.render(1, TIME_NS))
    after = card.render(2, TIME_NS + 33_333_333)
    code_top = testcode.strip_top(240) * 320
    assert before[:code_top] != after[:code_top]
    assert before[code_top:] != after[code_top:]


def test_the_card_says_which_frame_it_is():
    card = TestCard(640, 360, PixelFormat.GRAY8, "front", 30.0)
    card.render(4711, TIME_NS)
    assert testcode.decode(card.pixels, 640, 360) == testcode.TestCode(4711, TIME_NS // 1_000_000)


def test_the_name_is_on_the_card():
    cards = [TestCard(320, 240, PixelFormat.RGB, name, 30.0) for name in ("front", "rear")]
    assert cards[0].render(1, TIME_NS) != cards[1].render(1, TIME_NS)


@pytest.mark.parametrize(
    "size, format", [((159, 120), "RGB"), ((160, 119), "RGB"), ((7681, 4320), "RGB")]
)
def test_a_size_beyond_the_limits_is_refused(size, format):
    with pytest.raises(ValueError, match="160x120 to 7680x4320"):
        TestCard(*size, PixelFormat[format], "front", 30.0)


def test_a_format_without_pixels_is_refused():
    with pytest.raises(ValueError, match="has pixels"):
        TestCard(320, 240, PixelFormat.JPEG, "front", 30.0)


@pytest.fixture
def running(server, endpoint):
    """A test card that runs at 100 frames per second, and its publisher."""
    is_ended = threading.Event()
    card = TestCard(160, 120, PixelFormat.GRAY8, "front", 100.0)
    with headcam.Publisher("front", endpoint, fps=100.0) as publisher:
        thread = threading.Thread(
            target=testcard.run, args=(publisher, card, 100.0, is_ended.is_set)
        )
        thread.start()
        yield publisher
        is_ended.set()
        thread.join(10.0)


def test_it_is_live_before_anybody_watches_and_draws_nothing(server, running):
    said = server.wait_announcement(lambda a: a.state is State.LIVE)
    assert (said.width, said.height, said.format) == (160, 120, PixelFormat.GRAY8)
    stats = running.stats
    assert stats.frames_published == stats.frames_skipped_unwanted == 0


def test_watched_it_publishes_at_its_rate_and_stops_after(server, running):
    server.watch("front")
    server.wait_frame(since=20)
    frames = server.frames[:20]
    codes = [testcode.decode(frame.payload, 160, 120) for frame in frames]
    assert [code.frame for code in codes] == list(range(1, 21))
    assert [code.time_ms for code in codes] == [
        frame.header.capture_time_ns // 1_000_000 for frame in frames
    ]
    # Not faster than asked, one late first frame forgiven; how much slower is the machine's affair.
    assert frames[-1].header.capture_time_ns - frames[0].header.capture_time_ns > 0.15e9
    server.leave("front")
    wait_until(lambda: not running.wanted)
    published = running.stats.frames_published
    time.sleep(0.1)  # ten frames' time
    assert running.stats.frames_published - published <= 1


def test_it_honours_the_wanted_rate(server, running):
    server.wait_announcement(since=0)  # a rate reaches those who are connected
    server.ask_rate("front", 0.01)
    server.watch("front")
    server.wait_frame(since=0)
    wait_until(lambda: running.wanted_fps == 0.01)
    published = running.stats.frames_published
    time.sleep(0.1)
    assert running.stats.frames_published == published
