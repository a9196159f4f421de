# SPDX-License-Identifier: MIT
"""A small stroke font: ASCII letters, digits and the signs a test card needs, at any size.

Each glyph is a few pen strokes in a box of 4 units from left to right and 6 from the capitals' top
(y = 0) to the baseline (y = 6). They are drawn with a round pen and smooth edges. Pure.
"""

from __future__ import annotations

import functools
import math

Point = tuple[float, float]
Stroke = list[Point]

#: Units from one glyph to the next; every glyph is as wide, so that a changing number stands still.
ADVANCE = 5.7
#: Units from the top of a capital to its foot, the pen's thickness included.
CAP_HEIGHT = 6.9
#: Units below the baseline that descenders need.
DESCENT = 2.4

_PEN = 0.9
_LEAST_PEN_PX = 1.25
_ARC_STEP_DEGREES = 18.0

# Commands: M x y starts a stroke; L x y draws a line; A cx cy rx ry from to draws an arc from one
# angle to the other (degrees, 0 right, 90 down); Z closes; . x y makes a dot.
_STROKES = {
    "0": "A 2 2 2 2 180 360 A 2 4 2 2 0 180 Z . 2 3",
    "1": "M 0.6 1.5 L 2.2 0 L 2.2 6 M 0.6 6 L 3.8 6",
    "2": "A 2 1.9 1.9 1.9 190 385 L 0.1 6 L 4 6",
    "3": "A 2 1.55 1.7 1.55 205 450 A 2 4.55 1.95 1.45 270 510",
    "4": "M 3 6 L 3 0 L 0 4.3 L 4.1 4.3",
    "5": "M 3.7 0 L 0.6 0 L 0.4 2.7 A 1.9 4.05 2.1 1.95 230 500",
    "6": "A 2 4.05 1.95 1.95 0 360 M 0.05 4.05 A 3.5 4.05 3.45 4.05 180 264",
    "7": "M 0 0 L 4 0 L 1.4 6",
    "8": "A 2 1.5 1.65 1.5 0 360 M 2 3 A 2 4.5 2 1.5 270 630",
    "9": "A 2 1.95 1.95 1.95 0 360 M 3.95 1.95 A 0.5 1.95 3.45 4.05 0 84",
    "A": "M 0 6 L 2 0 L 4 6 M 0.7 4.1 L 3.3 4.1",
    "B": "M 0 3 L 0 0 L 2.2 0 A 2.2 1.5 1.6 1.5 270 450 L 0 3 L 0 6 L 2.3 6"
    " A 2.3 4.5 1.7 1.5 90 -90",
    "C": "A 2.1 2.1 2.1 2.1 -30 -180 L 0 3.9 A 2.1 3.9 2.1 2.1 180 30",
    "D": "M 0 0 L 1.9 0 A 1.9 2.1 2.1 2.1 -90 0 L 4 3.9 A 1.9 3.9 2.1 2.1 0 90 L 0 6 Z",
    "E": "M 3.8 0 L 0 0 L 0 6 L 3.8 6 M 0 3 L 3.2 3",
    "F": "M 3.8 0 L 0 0 L 0 6 M 0 3 L 3.2 3",
    "G": "A 2.1 2.1 2.1 2.1 -30 -180 L 0 3.9 A 2.1 3.9 2.0 2.1 180 0 L 4.1 3.3 L 2.4 3.3",
    "H": "M 0 0 L 0 6 M 4 0 L 4 6 M 0 3 L 4 3",
    "I": "M 2 0 L 2 6 M 0.8 0 L 3.2 0 M 0.8 6 L 3.2 6",
    "J": "M 3.6 0 L 3.6 4.2 A 1.8 4.2 1.8 1.8 0 160",
    "K": "M 0 0 L 0 6 M 3.8 0 L 0 3.6 M 1.3 2.4 L 4 6",
    "L": "M 0 0 L 0 6 L 3.8 6",
    "M": "M 0 6 L 0 0 L 2 3.2 L 4 0 L 4 6",
    "N": "M 0 6 L 0 0 L 4 6 L 4 0",
    "O": "A 2 2 2 2 180 360 A 2 4 2 2 0 180 Z",
    "P": "M 0 6 L 0 0 L 2.3 0 A 2.3 1.7 1.7 1.7 -90 90 L 0 3.4",
    "Q": "A 2 2 2 2 180 360 A 2 4 2 2 0 180 Z M 2.5 4.4 L 4.1 6.3",
    "R": "M 0 6 L 0 0 L 2.3 0 A 2.3 1.7 1.7 1.7 -90 90 L 0 3.4 M 2.2 3.4 L 4 6",
    "S": "A 2 1.55 1.9 1.55 -25 -270 A 2 4.55 2 1.45 -90 155",
    "T": "M 0 0 L 4 0 M 2 0 L 2 6",
    "U": "M 0 0 L 0 4 A 2 4 2 2 180 0 L 4 0",
    "V": "M 0 0 L 2 6 L 4 0",
    "W": "M -0.2 0 L 0.8 6 L 2 2.2 L 3.2 6 L 4.2 0",
    "X": "M 0 0 L 4 6 M 4 0 L 0 6",
    "Y": "M 0 0 L 2 3 L 4 0 M 2 3 L 2 6",
    "Z": "M 0 0 L 4 0 L 0 6 L 4 6",
    "a": "A 1.9 4.05 1.9 1.95 0 360 M 3.8 2.1 L 3.8 6",
    "b": "A 2.1 4.05 1.9 1.95 0 360 M 0.2 0 L 0.2 6",
    "c": "A 2.1 4.05 1.9 1.95 -40 -320",
    "d": "A 1.9 4.05 1.9 1.95 0 360 M 3.8 0 L 3.8 6",
    "e": "M 0.1 4.05 L 3.9 4.05 A 2 4.05 1.9 1.95 0 -315",
    "f": "A 3.2 1.5 1.4 1.5 280 180 L 1.8 6 M 0.5 2.3 L 3.4 2.3",
    "g": "A 1.9 4.05 1.9 1.95 0 360 M 3.8 2.1 L 3.8 6.3 A 2 6.3 1.8 1.6 0 150",
    "h": "M 0.2 0 L 0.2 6 M 0.2 3.9 A 2 3.9 1.8 1.8 180 360 L 3.8 6",
    "i": "M 0.8 2.2 L 2 2.2 L 2 6 M 0.8 6 L 3.2 6 . 2 0.3",
    "j": "M 1.2 2.2 L 2.6 2.2 L 2.6 6.4 A 1.1 6.4 1.5 1.5 0 130 . 2.6 0.3",
    "k": "M 0.3 0 L 0.3 6 M 3.5 2.2 L 0.3 4.6 M 1.6 3.7 L 3.8 6",
    "l": "M 0.8 0 L 2 0 L 2 4.8 A 3.2 4.8 1.2 1.2 180 90",
    "m": "M -0.1 2.1 L -0.1 6 M -0.1 3.2 A 0.95 3.2 1.05 1.1 180 360 L 2 6"
    " M 2 3.2 A 3.05 3.2 1.05 1.1 180 360 L 4.1 6",
    "n": "M 0.2 2.1 L 0.2 6 M 0.2 3.9 A 2 3.9 1.8 1.8 180 360 L 3.8 6",
    "o": "A 2 4.05 1.95 1.95 0 360",
    "p": "A 2.1 4.05 1.9 1.95 0 360 M 0.2 2.1 L 0.2 7.9",
    "q": "A 1.9 4.05 1.9 1.95 0 360 M 3.8 2.1 L 3.8 7.9",
    "r": "M 0.9 2.1 L 0.9 6 M 0.9 4 A 2.8 4 1.9 1.9 180 290",
    "s": "A 2 3.05 1.7 1 -20 -270 A 2 5.02 1.8 0.98 -90 160",
    "t": "M 1.7 0.7 L 1.7 4.6 A 3 4.6 1.3 1.4 180 80 M 0.5 2.3 L 3.5 2.3",
    "u": "M 0.2 2.1 L 0.2 4.1 A 2 4.1 1.8 1.85 180 0 L 3.8 2.1 M 3.8 4.1 L 3.8 6",
    "v": "M 0.1 2.1 L 2 6 L 3.9 2.1",
    "w": "M -0.1 2.1 L 0.9 6 L 2 3 L 3.1 6 L 4.1 2.1",
    "x": "M 0.3 2.1 L 3.7 6 M 3.7 2.1 L 0.3 6",
    "y": "M 0.1 2.1 L 2 6 M 3.9 2.1 L 1.1 7.9",
    "z": "M 0.3 2.2 L 3.7 2.2 L 0.3 6 L 3.7 6",
    " ": "",
    ".": ". 2 6",
    ":": ". 2 2 . 2 5.2",
    "-": "M 0.6 3.2 L 3.4 3.2",
    "+": "M 0.4 3.2 L 3.6 3.2 M 2 1.6 L 2 4.8",
    "_": "M 0 6.8 L 4 6.8",
    "/": "M 0.4 6.4 L 3.6 -0.4",
    "?": "A 2 1.7 1.8 1.7 200 410 L 2 4.1 . 2 6",
}


def width_px(text: str, cap_px: float) -> float:
    """The width of `text` in capitals of `cap_px` pixels, from its first pen mark to its last."""
    return (len(text) * ADVANCE - (ADVANCE - 4.0 - _PEN)) * cap_px / CAP_HEIGHT


@functools.lru_cache(maxsize=512)
def coverage(character: str, cap_px: float, rows: int, columns: int) -> tuple[bytes, ...]:
    """A glyph as `rows` rows of `columns` bytes, 0 for paper and 255 for ink.

    The capitals' top is at the first row; a character the font does not have is a question mark.
    """
    scale = cap_px / CAP_HEIGHT
    pen_px = max(_PEN * scale, _LEAST_PEN_PX)
    origin = _PEN / 2 * scale
    grid = [bytearray(columns) for _ in range(rows)]
    for stroke in _parse(_STROKES.get(character, _STROKES["?"])):
        points = [(origin + x * scale, origin + y * scale) for x, y in stroke]
        # A dot is drawn a little larger than the pen, or it would look smaller.
        radius = pen_px / 2 if len(points) > 1 else pen_px * 0.62
        for start, end in zip(points, points[1:] or points):
            _ink(grid, start, end, radius)
    return tuple(bytes(row) for row in grid)


def _parse(commands: str) -> list[Stroke]:
    strokes: list[Stroke] = []
    words = iter(commands.split())
    for command in words:
        if command == "A":
            if not strokes:
                strokes.append([])
            strokes[-1].extend(_arc(*(float(next(words)) for _ in range(6))))
        elif command == "Z":
            strokes[-1].append(strokes[-1][0])
        else:
            point = (float(next(words)), float(next(words)))
            if command == "L":
                strokes[-1].append(point)
            else:
                strokes.append([point])
    return strokes


def _arc(
    center_x: float, center_y: float, radius_x: float, radius_y: float, start: float, end: float
) -> Stroke:
    steps = max(1, round(abs(end - start) / _ARC_STEP_DEGREES))
    angles = (math.radians(start + (end - start) * i / steps) for i in range(steps + 1))
    return [(center_x + radius_x * math.cos(a), center_y + radius_y * math.sin(a)) for a in angles]


def _ink(grid: list[bytearray], start: Point, end: Point, radius: float) -> None:
    """Draws one straight piece of a stroke, smooth over a pixel's width at its edge."""
    reach = radius + 0.5
    columns = len(grid[0])
    left = max(0, int(min(start[0], end[0]) - reach))
    right = min(columns, int(max(start[0], end[0]) + reach) + 1)
    top = max(0, int(min(start[1], end[1]) - reach))
    bottom = min(len(grid), int(max(start[1], end[1]) + reach) + 1)
    dx, dy = end[0] - start[0], end[1] - start[1]
    length_squared = dx * dx + dy * dy or 1.0
    for y in range(top, bottom):
        row = grid[y]
        from_y = y + 0.5 - start[1]
        for x in range(left, right):
            from_x = x + 0.5 - start[0]
            along = min(1.0, max(0.0, (from_x * dx + from_y * dy) / length_squared))
            distance = math.hypot(from_x - along * dx, from_y - along * dy)
            if distance < reach:
                row[x] = max(row[x], min(255, int((reach - distance) * 255)))
