# SPDX-License-Identifier: MIT
"""What can be set: one table, each line a Kit setting, a variable and an argument of start().

Pure: values in, values out. An argument wins over the setting, the setting over the variable, the
variable over the default.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from headcam import endpoint, options
from headcam.isaac import streams
from headcam.options import Option

#: Where Kit keeps them: --/exts/headcam.capture/fps=15
PREFIX = "/exts/headcam.capture/"
_SIZE_DEFAULT = (1280, 720)
_STREAMS_MOST = 256


@dataclasses.dataclass(frozen=True)
class Settings:
    """The values. `resolution` is None where nothing was said; `camera_size` is what it means."""

    endpoint: str
    streams: streams.Wanted
    fps: float
    resolution: tuple[int, int] | None
    max_streams: int
    rest_after: float

    @property
    def camera_size(self) -> tuple[int, int]:
        """(width, height) of cameras that were given no size of their own."""
        return self.resolution or _SIZE_DEFAULT


def _parse_count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= _STREAMS_MOST:
        raise ValueError(f"{text!r}: write a number from 1 to {_STREAMS_MOST}")
    return int(text)


# Name in Kit, name in Python, what it is, how it is read, default, variable if it is another one.
_Line = tuple[str, str, str, Callable[[str], Any], str | None, str]
TABLE: tuple[_Line, ...] = (
    ("endpoint", "endpoint", "the server's ZeroMQ endpoint", str,
     endpoint.DEFAULT, endpoint.VARIABLE),
    ("streams", "streams", "what to stream: viewport, NAME=/CAMERA/PRIM@WxH, auto; with commas",
     streams.parse, "viewport", ""),
    ("fps", "fps", "frames per second, at most", options.parse_fps, "30", ""),
    ("resolution", "resolution", "WxH of cameras without one (1280x720), and of the viewport"
     " (by default it stays as it is)", options.parse_size, None, ""),
    ("maxStreams", "max_streams", "how many streams auto may make", _parse_count, "16", ""),
    ("restAfter", "rest_after", "seconds after a stream's last viewer until it is detached",
     options.parse_seconds, "10", ""),
)  # fmt: skip


def resolve(
    setting: Callable[[str], Any],
    arguments: Mapping[str, Any],
    environment: Mapping[str, str],
) -> Settings:
    """Reads all of them; `setting` gives what Kit has at a path.

    Raises BadOption, which names the argument, setting or variable that is wrong.
    """
    values = {}
    for kit_name, name, text, parse, default, variable in TABLE:
        given, flag = arguments.get(name), name
        if given is None:
            given, flag = setting(PREFIX + kit_name), f"--{PREFIX}{kit_name}"
        option = Option(flag, "", text, parse, default, variable or f"HEADCAM_AGENT_{name.upper()}")
        values[name] = option.resolve(_as_text(given), environment)
    return Settings(**values)


def _as_text(value: Any) -> str | None:
    """Kit reads numbers from its command line as numbers, and [a,b] as a list; a size may be given
    as a pair of numbers, streams as a list of words."""
    if value is None or value == "":
        return None
    if isinstance(value, (tuple, list)):
        is_size = all(isinstance(item, int) for item in value)
        return ("x" if is_size else ",").join(map(str, value)) or None
    return str(value)
