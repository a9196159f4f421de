# SPDX-License-Identifier: MIT
"""A picture in memory that plain Python can draw on fast: whole runs of pixels by slice.

Coordinates in pixels from the top left; colours are (red, green, blue), 0 to 255, and become the
canvas's pixel format when they are drawn. What lies outside is cut off.
"""

from __future__ import annotations

import functools
import math

from headcam.sources import glyphs
from headcam.wire import PixelFormat

Color = tuple[int, int, int]
#: One line of text, ready to be placed: its rows of pixels, all as long.
Sprite = list[bytes]


def mix(a: Color, b: Color, share: float) -> Color:
    """`a` with `share` (0.0 to 1.0) of `b` in it."""
    return (
        round(a[0] + (b[0] - a[0]) * share),
        round(a[1] + (b[1] - a[1]) * share),
        round(a[2] + (b[2] - a[2]) * share),
    )


@functools.lru_cache(maxsize=4096)
def pixel(format: PixelFormat, color: Color) -> bytes:
    """A colour as one pixel's bytes."""
    red, green, blue = color
    if format is PixelFormat.RGBA:
        return bytes((red, green, blue, 255))
    if format is PixelFormat.BGRA:
        return bytes((blue, green, red, 255))
    if format is PixelFormat.RGB:
        return bytes((red, green, blue))
    if format is PixelFormat.BGR:
        return bytes((blue, green, red))
    # BT.601 luma, as JPEG has it.
    return bytes((round(0.299 * red + 0.587 * green + 0.114 * blue),))


class Canvas:
    """`pixels` holds height rows of width pixels, unpadded; its size never changes."""

    def __init__(self, width: int, height: int, format: PixelFormat) -> None:
        self.width = width
        self.height = height
        self.format = format
        self.pixel_bytes = format.bytes_per_pixel
        self.stride = width * self.pixel_bytes
        self.pixels = bytearray(self.stride * height)
        self._glyphs: dict[object, Sprite] = {}

    def pixel(self, color: Color) -> bytes:
        """A colour in this canvas's format."""
        return pixel(self.format, color)

    def row(self, colors: list[Color]) -> bytes:
        """A row of pixels."""
        return b"".join([pixel(self.format, color) for color in colors])

    def put(self, x: int, y: int, pixels: bytes) -> None:
        """Writes a run of pixels at (x, y)."""
        if not 0 <= y < self.height:
            return
        size = self.pixel_bytes
        if x < 0:
            pixels, x = pixels[-x * size:], 0
        pixels = pixels[:max(0, self.width - x) * size]
        at = y * self.stride + x * size
        self.pixels[at:at + len(pixels)] = pixels

    def rect(self, left: int, top: int, right: int, bottom: int, color: Color) -> None:
        """Fills from (left, top) up to, not including, (right, bottom)."""
        run = self.pixel(color) * max(0, right - left)
        for y in range(max(0, top), min(bottom, self.height)):
            self.put(left, y, run)

    def blend(self, x: int, y: int, color: Color, share: float) -> None:
        """Mixes `share` of a colour into one pixel."""
        if not (0 <= x < self.width and 0 <= y < self.height):
            return
        at = y * self.stride + x * self.pixel_bytes
        for offset, value in enumerate(self.pixel(color)):
            old = self.pixels[at + offset]
            self.pixels[at + offset] = round(old + (value - old) * share)

    def ring(self, x: float, y: float, inner: float, outer: float, color: Color) -> None:
        """Draws a ring with smooth edges around (x, y), between two radii."""
        dot = self.pixel(color)
        for row in range(math.floor(y - outer - 1), math.ceil(y + outer + 1)):
            dy = row + 0.5 - y
            # From the outside: where ink begins, where it is full, where it thins, where it ends.
            begin, full = _half_chord(outer + 0.5, dy), _half_chord(outer - 0.5, dy)
            thin, end = _half_chord(inner + 0.5, dy), _half_chord(inner - 0.5, dy)
            for side in (-1, 1):
                edges = sorted((x + side * full, x + side * thin))
                solid_from, solid_to = math.ceil(edges[0]), math.floor(edges[1])
                if solid_to > solid_from:
                    self.put(solid_from, row, dot * (solid_to - solid_from))
                bounds = sorted((x + side * begin, x + side * end))
                for column in range(math.floor(bounds[0]), math.ceil(bounds[1])):
                    if solid_from <= column < solid_to:
                        continue
                    # The middle column belongs to one side only.
                    if (column + 0.5 < x) != (side < 0):
                        continue
                    distance = math.hypot(column + 0.5 - x, dy)
                    share = min(outer + 0.5 - distance, distance - inner + 0.5, 1.0)
                    if share > 0.0:
                        self.blend(column, row, color, share)

    def text(self, text: str, cap_px: float, ink: Color, paper: Color) -> Sprite:
        """One line of text, capitals `cap_px` pixels high, on a paper of its own."""
        columns = round(glyphs.ADVANCE * cap_px / glyphs.CAP_HEIGHT)
        below = glyphs.DESCENT if set(text) & set("gjpqy_/Q") else 0.0
        rows = math.ceil((glyphs.CAP_HEIGHT + below) * cap_px / glyphs.CAP_HEIGHT)
        parts = [self._glyph(c, cap_px, rows, columns, ink, paper) for c in text]
        return [b"".join(row) for row in zip(*parts)]

    def put_sprite(self, x: int, y: int, sprite: Sprite) -> None:
        """Places a sprite with its top left at (x, y)."""
        for offset, pixels in enumerate(sprite):
            self.put(x, y + offset, pixels)

    def _glyph(
        self, character: str, cap_px: float, rows: int, columns: int, ink: Color, paper: Color
    ) -> Sprite:
        key = (character, cap_px, rows, ink, paper)
        if key not in self._glyphs:
            grid = glyphs.coverage(character, cap_px, rows, columns)
            levels = set().union(*grid)
            shades = {share: self.pixel(mix(paper, ink, share / 255)) for share in levels}
            self._glyphs[key] = [b"".join([shades[share] for share in row]) for row in grid]
        return self._glyphs[key]


def _half_chord(radius: float, distance: float) -> float:
    """Half the width of a circle, `distance` from its middle."""
    return math.sqrt(max(0.0, radius * radius - distance * distance)) if radius > 0.0 else 0.0
