# SPDX-License-Identifier: MIT
"""The command line's options: one table, each option a flag and an environment variable.

Pure: texts in, values out. A flag wins over its variable, the variable over the default.
"""

from __future__ import annotations

import dataclasses
import logging
import math
from collections.abc import Callable, Mapping
from typing import Any

from headcam import endpoint, wire
from headcam.wire import PixelFormat

_VARIABLE_PREFIX = "HEADCAM_AGENT_"
_FPS_MOST = 1000.0
_SECONDS_MOST = 3600.0
_FFMPEG_NAMES = {
    "RGB24": PixelFormat.RGB,
    "BGR24": PixelFormat.BGR,
    "RGB0": PixelFormat.RGBA,
    "BGR0": PixelFormat.BGRA,
    "GRAY": PixelFormat.GRAY8,
}


class BadOption(ValueError):
    """A value that an option does not take; its text names the option."""


@dataclasses.dataclass(frozen=True)
class Option:
    """One option. `default` is None where there is none and the option may be left out."""

    flag: str
    metavar: str
    help: str
    parse: Callable[[str], Any]
    default: str | None = None
    variable: str = ""
    required: bool = False

    @property
    def key(self) -> str:
        """The option's name in the parsed values."""
        return self.flag.lstrip("-").replace("-", "_")

    @property
    def environment(self) -> str:
        """The option's environment variable."""
        return self.variable or _VARIABLE_PREFIX + self.key.upper()

    def find(
        self, flag_text: str | None, environment: Mapping[str, str]
    ) -> tuple[str | None, str]:
        """The option's text, None where there is none; and where it comes from."""
        if flag_text is not None:
            return flag_text, self.flag
        if text := environment.get(self.environment):
            return text, self.environment
        return self.default, "the default"

    def resolve(self, flag_text: str | None, environment: Mapping[str, str]) -> Any:
        """The option's value. Raises BadOption."""
        text, origin = self.find(flag_text, environment)
        if text is None:
            if self.required:
                raise BadOption(f"{self.flag} {self.metavar} is needed: {self.help}")
            return None
        try:
            return self.parse(text)
        except ValueError as error:
            raise BadOption(f"{origin}: {error}") from None


def parse_size(text: str) -> tuple[int, int]:
    """(width, height) in pixels, from "1280x720"."""
    width, cross, height = text.lower().partition("x")
    if not (cross and width.isdecimal() and height.isdecimal()):
        raise ValueError(f"{text!r} is no size: write WIDTHxHEIGHT, as in 1280x720")
    size = int(width), int(height)
    if not all(1 <= edge <= wire.DIMENSION_MAX for edge in size):
        raise ValueError(f"{text!r} is no size: each side is 1 to {wire.DIMENSION_MAX} pixels")
    return size


def parse_fps(text: str) -> float:
    """Frames per second, from "30" or "29.97"."""
    try:
        fps = float(text)
    except ValueError:
        fps = math.nan
    if not 0.0 < fps <= _FPS_MOST:
        raise ValueError(f"{text!r} is no frame rate: write a number up to {_FPS_MOST:g}")
    return fps


def parse_format(text: str) -> PixelFormat:
    """A format with pixels, by headcam's name or ffmpeg's."""
    name = text.upper()
    if name in _FFMPEG_NAMES:
        return _FFMPEG_NAMES[name]
    if name in PixelFormat.__members__ and name != PixelFormat.JPEG.name:
        return PixelFormat[name]
    raise ValueError(
        f"{text!r} is no pixel format: use RGBA, BGRA, RGB, BGR or GRAY8"
        " (or rgba, bgra, rgb24, bgr24, rgb0, bgr0, gray)"
    )


def parse_stride(text: str) -> int:
    """Bytes, from "5120"."""
    if not text.isdecimal() or not 1 <= int(text) < 2**32:
        raise ValueError(f"{text!r} is no stride: write a number of bytes")
    return int(text)


def parse_seconds(text: str) -> float:
    """A time, from "3" or "0.5"."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0.0 <= seconds <= _SECONDS_MOST:
        raise ValueError(f"{text!r}: write seconds, 0 to {_SECONDS_MOST:g}")
    return seconds


def parse_log_level(text: str) -> int:
    """One of logging's levels, from its name."""
    level = getattr(logging, text.upper(), None)
    if text.lower() not in ("debug", "info", "warning", "error") or not isinstance(level, int):
        raise ValueError(f"{text!r} is no log level: use debug, info, warning or error")
    return level


_FORMATS = "RGBA, BGRA, RGB, BGR, GRAY8, or ffmpeg's names for them: rgba, bgra, rgb24, bgr24, gray"

ENDPOINT = Option(
    "--endpoint", "ENDPOINT", "the server's ZeroMQ endpoint", str,
    default=endpoint.DEFAULT, variable=endpoint.VARIABLE,
)  # fmt: skip

COMMON = (
    ENDPOINT,
    Option("--log-level", "LEVEL", "debug, info, warning or error", parse_log_level, "info"),
)  # fmt: skip

TESTCARD = (
    Option("--name", "NAME", "the stream's name", wire.check_name, "testcard"),
    Option("--size", "WxH", "the picture's size in pixels", parse_size, "1280x720"),
    Option("--fps", "N", "frames per second, when a viewer wants as many", parse_fps, "30"),
    Option("--format", "FORMAT", f"pixel format: {_FORMATS}", parse_format, "RGBA"),
)

RAWVIDEO = (
    Option("--name", "NAME", "the stream's name", wire.check_name, "rawvideo"),
    Option("--size", "WxH", "each frame's size in pixels", parse_size, required=True),
    Option("--format", "FORMAT", f"pixel format: {_FORMATS}", parse_format, required=True),
    Option("--fps", "N", "the nominal frame rate, for the status page", parse_fps),
    Option("--stride", "BYTES", "from one row to the next, where rows are padded", parse_stride),
)

DOCTOR = (
    ENDPOINT,
    Option("--timeout", "S", "how long to wait for the server, in seconds", parse_seconds, "3"),
)
