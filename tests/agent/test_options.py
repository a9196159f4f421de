# SPDX-License-Identifier: MIT
"""options: texts to values, and which text counts."""

import logging

import pytest

from headcam import options
from headcam.options import BadOption, Option
from headcam.wire import PixelFormat

FPS = Option("--fps", "N", "rate", options.parse_fps, "30")


def test_the_flag_wins_then_the_variable_then_the_default():
    environment = {"HEADCAM_AGENT_FPS": "20"}
    assert FPS.resolve("10", environment) == 10.0
    assert FPS.resolve(None, environment) == 20.0
    assert FPS.resolve(None, {"HEADCAM_AGENT_FPS": ""}) == 30.0
    assert FPS.resolve(None, {}) == 30.0


def test_where_a_value_comes_from_can_be_told():
    environment = {"HEADCAM_AGENT_FPS": "20"}
    assert FPS.find("10", environment) == ("10", "--fps")
    assert FPS.find(None, environment) == ("20", "HEADCAM_AGENT_FPS")
    assert FPS.find(None, {}) == ("30", "the default")


def test_an_error_names_where_the_value_came_from():
    with pytest.raises(BadOption, match="^--fps: 'x' is no frame rate"):
        FPS.resolve("x", {})
    with pytest.raises(BadOption, match="^HEADCAM_AGENT_FPS: 'x' is no frame rate"):
        FPS.resolve(None, {"HEADCAM_AGENT_FPS": "x"})


def test_what_is_needed_is_asked_for():
    option = Option("--size", "WxH", "the size", options.parse_size, required=True)
    with pytest.raises(BadOption, match="--size WxH is needed: the size"):
        option.resolve(None, {})
    assert Option("--stride", "N", "", options.parse_stride).resolve(None, {}) is None


def test_every_option_has_its_own_variable():
    for table in (options.TESTCARD, options.RAWVIDEO):
        variables = [option.environment for option in table + options.COMMON]
        assert len(set(variables)) == len(variables)
        assert "HEADCAM_INGEST" in variables
        assert "HEADCAM_AGENT_LOG_LEVEL" in variables


@pytest.mark.parametrize(
    "parse, text, value",
    [
        (options.parse_size, "1280x720", (1280, 720)),
        (options.parse_size, "1X65500", (1, 65500)),
        (options.parse_fps, "29.97", 29.97),
        (options.parse_fps, "0.1", 0.1),
        (options.parse_format, "RGBA", PixelFormat.RGBA),
        (options.parse_format, "bgra", PixelFormat.BGRA),
        (options.parse_format, "rgb24", PixelFormat.RGB),
        (options.parse_format, "rgb", PixelFormat.RGB),
        (options.parse_format, "bgr24", PixelFormat.BGR),
        (options.parse_format, "rgb0", PixelFormat.RGBA),
        (options.parse_format, "bgr0", PixelFormat.BGRA),
        (options.parse_format, "gray", PixelFormat.GRAY8),
        (options.parse_format, "Gray8", PixelFormat.GRAY8),
        (options.parse_stride, "5120", 5120),
        (options.parse_log_level, "Warning", logging.WARNING),
    ],
)
def test_what_is_understood(parse, text, value):
    assert parse(text) == value


@pytest.mark.parametrize(
    "parse, texts",
    [
        (options.parse_size, ["", "x", "1280", "1280x", "x720", "0x720", "1280x65501", "1x1x1"]),
        (options.parse_fps, ["", "0", "-1", "nan", "inf", "1001", "fast"]),
        (options.parse_format, ["", "JPEG", "yuv420p", "RGB565"]),
        (options.parse_stride, ["", "0", "-1", "1.5", str(2**32)]),
        (options.parse_log_level, ["", "loud", "basicConfig", "NOTSET", "10"]),
    ],
)
def test_what_is_not_understood(parse, texts):
    for text in texts:
        with pytest.raises(ValueError, match="is no "):
            parse(text)


def test_times_are_seconds():
    assert options.parse_seconds("3") == 3.0
    assert options.parse_seconds("0.5") == 0.5
    for text in ("", "soon", "-1", "3601", "nan", "inf", "1s"):
        with pytest.raises(ValueError, match="write seconds, 0 to 3600"):
            options.parse_seconds(text)
