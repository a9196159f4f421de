# SPDX-License-Identifier: MIT
"""Which streams are wanted: "viewport,front=/World/Robot/Camera@1280x720,auto". Pure."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Container

from headcam import options, wire

AUTO = "auto"
_VIEWPORT = "viewport"
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._-]+")


@dataclasses.dataclass(frozen=True)
class StreamSpec:
    """One stream: a camera prim's path, or else a viewport (of that window, or the active one).

    `size` is (width, height) in pixels, None for the viewport's own or the default.
    """

    name: str
    camera: str | None = None
    window: str | None = None
    size: tuple[int, int] | None = None


@dataclasses.dataclass(frozen=True)
class Wanted:
    """All streams of a setting; `auto`: every camera prim of the stage, in `auto_size`."""

    specs: tuple[StreamSpec, ...]
    auto: bool = False
    auto_size: tuple[int, int] | None = None


def parse(text: str) -> Wanted:
    """Reads the setting. Raises ValueError, which names the entry."""
    specs: dict[str, StreamSpec] = {}
    auto, auto_size = False, None
    for entry in filter(None, (part.strip() for part in text.split(","))):
        body, size = _split_size(entry)
        if body == AUTO:
            auto, auto_size = True, size
            continue
        spec = _parse_entry(entry, body, size, specs)
        if spec.name in specs:
            raise ValueError(f"{entry!r}: there is a stream {spec.name!r} already")
        specs[spec.name] = spec
    return Wanted(tuple(specs.values()), auto, auto_size)


def name_of(path: str, taken: Container[str]) -> str:
    """A stream's name for a camera prim: as much of the path's end as makes it unique."""
    words = [_NOT_IN_NAMES.sub("_", word) for word in path.strip("/").split("/")]
    for count in range(1, len(words) + 1):
        name = ".".join(words[-count:])[-wire.NAME_MAX:]
        if name not in taken:
            return name
    number = 2
    while f"{name[-wire.NAME_MAX + 8:]}-{number}" in taken:
        number += 1
    return f"{name[-wire.NAME_MAX + 8:]}-{number}"


def _split_size(entry: str) -> tuple[str, tuple[int, int] | None]:
    body, at, size = entry.partition("@")
    try:
        return body.strip(), options.parse_size(size.strip()) if at else None
    except ValueError as error:
        raise ValueError(f"{entry!r}: {error}") from None


def _parse_entry(
    entry: str, body: str, size: tuple[int, int] | None, taken: Container[str]
) -> StreamSpec:
    name, equals, target = (part.strip() for part in body.rpartition("="))
    if equals:
        try:
            wire.check_name(name)
        except ValueError as error:
            raise ValueError(f"{entry!r}: {error}") from None
    kind, _, window = target.partition(":")
    if kind == _VIEWPORT:
        return StreamSpec(name or _viewport_name(window), None, window or None, size)
    if not target.startswith("/") or target == "/":
        raise ValueError(
            f"{entry!r}: write NAME=/PATH/OF/CAMERA@WIDTHxHEIGHT, NAME=viewport,"
            f" NAME=viewport:WINDOW, or {AUTO}"
        )
    return StreamSpec(name or name_of(target, taken), target, None, size)


def _viewport_name(window: str) -> str:
    return name_of(window, ()) if window else _VIEWPORT
