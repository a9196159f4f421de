# SPDX-License-Identifier: MIT
"""A moving test card: the camera that works before there is a simulator.

A still card is drawn once. Each frame then redraws what moves, in the same memory: the comet on
its orbit, the sliding band, the clock, the frame number and the machine-readable strip (testcode).
So a frame costs a fraction of what drawing it would, and nothing while nobody watches.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable

from headcam.publisher import Publisher
from headcam.sources import glyphs, testcode
from headcam.sources.canvas import Canvas, Color, Sprite, mix
from headcam.sources.testcode import TestCode
from headcam.wire import PixelFormat, State

SMALLEST = (160, 120)
LARGEST = (7680, 4320)

_NIGHT: Color = (18, 22, 29)
_GRID: Color = (44, 52, 64)
_ORBIT: Color = (29, 35, 45)
_TICK: Color = (92, 104, 122)
_PANEL: Color = (10, 12, 16)
_WHITE: Color = (255, 255, 255)
_TEXT: Color = (236, 240, 245)
_QUIET: Color = (150, 162, 178)
_ACCENT: Color = (38, 208, 178)
_BARS: tuple[Color, ...] = (
    (255, 255, 255),
    (235, 225, 20),
    (20, 210, 225),
    (30, 200, 50),
    (215, 40, 205),
    (220, 35, 35),
    (35, 60, 220),
    (0, 0, 0),
)

_ORBIT_SECONDS = 4.0
_COMET_DOTS = 9
_COMET_STEP_DEGREES = 3.6
_BAND_PERIODS = 6
_BAND_SECONDS_PER_PERIOD = 2.0
_GRAY_STEPS = 11
# The number on the card begins anew before it outgrows its place; the strip's goes on.
_FRAMES_SHOWN = 10**8
# How long to sleep before looking for the end of the program.
_IDLE_S = 0.25


@dataclasses.dataclass(frozen=True)
class _Layout:
    """Where things are, in pixels."""

    center_x: float
    center_y: float
    radius: float  # of the disc
    orbit_inner: float
    orbit_outer: float
    band_top: int
    strip_top: int
    margin: int
    line: int  # the thickness of a fine line

    @classmethod
    def of(cls, width: int, height: int) -> _Layout:
        strip_top = testcode.strip_top(height)
        band_top = strip_top - max(4, height // 40)
        unit = min(band_top, width * 1.02)
        return cls(
            center_x=width / 2,
            center_y=band_top / 2,
            radius=0.415 * unit,
            orbit_inner=0.43 * unit,
            orbit_outer=0.48 * unit,
            band_top=band_top,
            strip_top=strip_top,
            margin=max(4, round(min(width, height) / 36)),
            line=max(1, round(height / 540)),
        )

    def y(self, share: float) -> int:
        """A row of the disc: -1.0 is its top, 1.0 its bottom."""
        return round(self.center_y + share * self.radius)

    def half_chord(self, y: float) -> float:
        """Half the disc's width at row `y`."""
        return math.sqrt(max(0.0, self.radius**2 - (y - self.center_y) ** 2))


class TestCard:
    """Draws frames of `width` x `height` pixels.

    `pixels`, a flat bytearray of rows without padding, holds the newest frame. `name` and `fps`
    are written on the card. Raises ValueError for a size outside SMALLEST to LARGEST, and for a
    format without pixels.
    """

    __test__ = False  # pytest: no test, whatever its name says

    def __init__(
        self, width: int, height: int, format: PixelFormat, name: str, fps: float
    ) -> None:
        if not (
            SMALLEST[0] <= width <= LARGEST[0] and SMALLEST[1] <= height <= LARGEST[1]
        ):
            raise ValueError(
                f"a test card of {width}x{height}: use {SMALLEST[0]}x{SMALLEST[1]}"
                f" to {LARGEST[0]}x{LARGEST[1]}"
            )
        if format is PixelFormat.JPEG:
            raise ValueError("a test card has pixels: use RGBA, BGRA, RGB, BGR or GRAY8")
        self.width = width
        self.height = height
        self.format = format
        self._layout = _Layout.of(width, height)
        self._canvas = Canvas(width, height, format)
        self.pixels = self._canvas.pixels
        _draw_card(self._canvas, self._layout, name, fps)
        self._still = bytes(self.pixels)
        self._band = _band_row(self._canvas)
        self._cells = [
            [self._canvas.pixel(c) * n for c in ((0, 0, 0), _WHITE)] for n in self._cell_widths()
        ]
        self._dots = [_dot(self._canvas, self._layout, i) for i in range(_COMET_DOTS)]
        self._covered: list[tuple[int, int]] = []
        self._date = ""

    def render(self, number: int, time_ns: int) -> bytearray:
        """Draws frame `number`, as of CLOCK_REALTIME `time_ns`, and returns `pixels`."""
        seconds, fraction_ns = divmod(time_ns, 1_000_000_000)
        self._move_comet(time_ns / 1e9 % _ORBIT_SECONDS / _ORBIT_SECONDS)
        self._slide_band(time_ns / 1e9 / _BAND_SECONDS_PER_PERIOD % 1.0)
        self._write_clock(number, seconds, fraction_ns // 1_000_000)
        self._write_code(TestCode(number, time_ns // 1_000_000))
        return self.pixels

    def _move_comet(self, turn: float) -> None:
        pixels, still = self.pixels, self._still
        for start, end in self._covered:
            pixels[start:end] = still[start:end]
        self._covered.clear()
        layout, canvas = self._layout, self._canvas
        orbit = (layout.orbit_inner + layout.orbit_outer) / 2
        size = canvas.pixel_bytes
        for index in range(_COMET_DOTS - 1, -1, -1):
            angle = 2 * math.pi * turn - math.radians(_COMET_STEP_DEGREES * index)
            rows = self._dots[index]
            x = layout.center_x + orbit * math.sin(angle) - len(rows) / 2
            y = layout.center_y - orbit * math.cos(angle) - len(rows) / 2
            at = round(y) * canvas.stride + round(x) * size
            for inset, row in rows:
                start = at + inset * size
                end = start + len(row)
                pixels[start:end] = row
                self._covered.append((start, end))
                at += canvas.stride

    def _slide_band(self, phase: float) -> None:
        canvas, layout = self._canvas, self._layout
        period = len(self._band) // canvas.pixel_bytes - canvas.width
        offset = (period - 1 - int(phase * period)) * canvas.pixel_bytes
        row = self._band[offset:offset + canvas.stride]
        start, end = layout.band_top * canvas.stride, layout.strip_top * canvas.stride
        self.pixels[start:end] = row * (layout.strip_top - layout.band_top)

    def _write_clock(self, number: int, seconds: int, milliseconds: int) -> None:
        canvas, layout = self._canvas, self._layout
        now = time.localtime(seconds)
        clock = f"{now.tm_hour:02}:{now.tm_min:02}:{now.tm_sec:02}.{milliseconds:03}"
        radius = layout.radius
        self._center(canvas.text(clock, 0.19 * radius, _TEXT, _PANEL), layout.y(-0.165))
        frame = f"frame {number % _FRAMES_SHOWN:08}"
        self._center(canvas.text(frame, _small(layout), _ACCENT, _PANEL), layout.y(0.105))
        date = time.strftime("%Y-%m-%d", now)
        if date != self._date:
            self._date = date
            texts = [f"{date} {_zone(now)}".strip(), date, date[5:]]
            _corner(canvas, layout, texts, right=True, bottom=True)

    def _write_code(self, code: TestCode) -> None:
        cells = testcode.encode(code)
        layout = self._layout
        height = self.height - layout.strip_top
        at = layout.strip_top * self._canvas.stride
        for row in range(testcode.ROWS):
            first = row * testcode.COLUMNS
            bits = cells[first:first + testcode.COLUMNS]
            line = b"".join([runs[bit] for runs, bit in zip(self._cells, bits)])
            rows = height * (row + 1) // testcode.ROWS - height * row // testcode.ROWS
            self.pixels[at:at + len(line) * rows] = line * rows
            at += len(line) * rows

    def _center(self, sprite: Sprite, y: int) -> None:
        columns = len(sprite[0]) // self._canvas.pixel_bytes
        self._canvas.put_sprite(round(self._layout.center_x - columns / 2), y, sprite)

    def _cell_widths(self) -> list[int]:
        edges = [
            column * self.width // testcode.COLUMNS for column in range(testcode.COLUMNS + 1)
        ]
        return [end - start for start, end in zip(edges, edges[1:])]


def run(
    publisher: Publisher, card: TestCard, fps: float, is_ended: Callable[[], bool]
) -> None:
    """Publishes the card at up to `fps` frames per second, until `is_ended()`."""
    publisher.announce(State.LIVE, width=card.width, height=card.height, format=card.format)
    number = 0
    while not is_ended():
        if not publisher.wait_due(_IDLE_S, fps):
            continue
        number += 1
        now_ns = time.time_ns()
        publisher.publish(
            card.render(number, now_ns),
            width=card.width,
            height=card.height,
            format=card.format,
            capture_time_ns=now_ns,
        )


def _small(layout: _Layout) -> float:
    """The height of a capital in a small line of text."""
    return 0.115 * layout.radius


def _zone(now: time.struct_time) -> str:
    """The time zone's short name, where it has one."""
    zone = now.tm_zone
    return zone if len(zone) <= 5 and zone.isascii() else ""


def _draw_card(canvas: Canvas, layout: _Layout, name: str, fps: float) -> None:
    _draw_background(canvas, layout)
    _draw_side_panels(canvas, layout)
    _draw_orbit(canvas, layout)
    _draw_disc(canvas, layout)
    size = f"{canvas.width}x{canvas.height}"
    _write_fitted(canvas, layout, name, -0.825, 0.15 * layout.radius, _WHITE)
    _write_fitted(canvas, layout, size, 0.775, _small(layout), _TEXT)
    _corner(canvas, layout, ["headcam"], right=False, bottom=False, ink=_ACCENT)
    _corner(canvas, layout, [f"{fps:g} fps", f"{fps:g}"], right=True, bottom=False)
    _corner(canvas, layout, [canvas.format.name], right=False, bottom=True)


def _draw_background(canvas: Canvas, layout: _Layout) -> None:
    width, bottom, line = canvas.width, layout.band_top, layout.line
    canvas.rect(0, 0, width, bottom, _NIGHT)
    step = bottom / 12
    for i in range(-math.ceil(width / step), math.ceil(width / step)):
        x = round(layout.center_x + i * step)
        canvas.rect(x, 0, x + line, bottom, _GRID)
    for i in range(13):
        canvas.rect(0, round(i * step), width, round(i * step) + line, _GRID)
    _frame(canvas, 0, 0, width, bottom, line, _QUIET)


def _frame(
    canvas: Canvas, left: int, top: int, right: int, bottom: int, line: int, color: Color
) -> None:
    canvas.rect(left, top, right, top + line, color)
    canvas.rect(left, bottom - line, right, bottom, color)
    canvas.rect(left, top, left + line, bottom, color)
    canvas.rect(right - line, top, right, bottom, color)


def _draw_side_panels(canvas: Canvas, layout: _Layout) -> None:
    """Ramps of the three colours and gray on the left; gratings on the right."""
    free = layout.center_x - layout.orbit_outer - 2 * layout.margin
    panel = int(min(free, 0.30 * layout.band_top))
    if panel < 16:
        return
    top, bottom = round(layout.band_top * 0.2), round(layout.band_top * 0.8)
    inset = round((layout.center_x - layout.orbit_outer - panel) / 2)
    _draw_ramps(canvas, inset, top, inset + panel, bottom, layout.line)
    right = canvas.width - inset
    _draw_gratings(canvas, right - panel, top, right, bottom, layout.line)


def _draw_ramps(
    canvas: Canvas, left: int, top: int, right: int, bottom: int, line: int
) -> None:
    colors: tuple[Color, ...] = ((255, 40, 40), (40, 230, 70), (60, 90, 255), _WHITE)
    edges = [left + (right - left) * i // len(colors) for i in range(len(colors) + 1)]
    for y in range(top, bottom):
        share = (y - top) / (bottom - top - 1)
        for color, start, end in zip(colors, edges, edges[1:]):
            canvas.rect(start, y, end, y + 1, mix(color, (0, 0, 0), share))
    _frame(canvas, left, top, right, bottom, line, _TICK)


def _draw_gratings(
    canvas: Canvas, left: int, top: int, right: int, bottom: int, line: int
) -> None:
    """Lines of 1, 2 and 4 pixels, upright and level, and a chequer of single pixels."""
    black, white = canvas.pixel((0, 0, 0)), canvas.pixel(_WHITE)
    middle = (left + right) // 2
    columns = right - left
    edges = [top + (bottom - top) * i // 4 for i in range(5)]
    for patch, pitch in enumerate((1, 2, 4)):
        upright = (white * pitch + black * pitch) * (columns // (2 * pitch) + 1)
        for y in range(edges[patch], edges[patch + 1]):
            canvas.put(left, y, upright[:(middle - left) * canvas.pixel_bytes])
            is_white = (y - edges[patch]) // pitch % 2 == 0
            canvas.put(middle, y, (white if is_white else black) * (right - middle))
    chequer = (white + black) * (columns // 2 + 1)
    for y in range(edges[3], edges[4]):
        start = y % 2 * canvas.pixel_bytes
        canvas.put(left, y, chequer[start:start + columns * canvas.pixel_bytes])
    _frame(canvas, left, top, right, bottom, line, _TICK)


def _draw_orbit(canvas: Canvas, layout: _Layout) -> None:
    x, y = layout.center_x, layout.center_y
    inner, outer = layout.orbit_inner, layout.orbit_outer
    canvas.ring(x, y, layout.radius, outer, _ORBIT)
    canvas.ring(x, y, outer - layout.line / 2, outer + layout.line / 2, _TICK)
    # Ticks reach in from the rim, to where the comet does not come.
    depth = (outer - inner) * 0.16
    for tick in range(60):
        angle = math.radians(tick * 6)
        long = depth if tick % 5 else depth * 1.6
        for step in range(math.ceil(long) + 1):
            distance = outer - min(step, long)
            px = x + distance * math.sin(angle) - 0.5
            py = y - distance * math.cos(angle) - 0.5
            _soft_point(canvas, px, py, _TICK)


def _soft_point(canvas: Canvas, x: float, y: float, color: Color) -> None:
    """A pixel's worth of ink, shared by the four pixels around (x, y)."""
    left, top = math.floor(x), math.floor(y)
    right_share, low_share = x - left, y - top
    canvas.blend(left, top, color, (1 - right_share) * (1 - low_share))
    canvas.blend(left + 1, top, color, right_share * (1 - low_share))
    canvas.blend(left, top + 1, color, (1 - right_share) * low_share)
    canvas.blend(left + 1, top + 1, color, right_share * low_share)


def _draw_disc(canvas: Canvas, layout: _Layout) -> None:
    left = round(layout.center_x - layout.radius)
    columns = 2 * round(layout.radius)
    sections = (
        (-1.0, -0.60, [_PANEL]),
        (-0.60, -0.22, list(_BARS)),
        (-0.22, 0.30, [_PANEL]),
        (0.30, 0.44, [mix((0, 0, 0), _WHITE, i / 10) for i in range(_GRAY_STEPS)]),
        (0.44, 0.54, [mix((0, 0, 0), _WHITE, i / (columns - 1)) for i in range(columns)]),
        (0.54, 0.70, _multiburst(columns)),
        (0.70, 1.0, [_PANEL]),
    )
    for top, bottom, colors in sections:
        row = canvas.row([colors[i * len(colors) // columns] for i in range(columns)])
        for y in range(layout.y(top), layout.y(bottom)):
            half = layout.half_chord(y + 0.5)
            start = max(0, round(layout.center_x - half) - left)
            end = min(columns, round(layout.center_x + half) - left)
            size = canvas.pixel_bytes
            canvas.put(left + start, y, row[start * size:end * size])
    for share in (-0.60, -0.22, 0.30, 0.44, 0.54, 0.70):
        half = round(layout.half_chord(layout.y(share)))
        middle = round(layout.center_x)
        y = layout.y(share)
        canvas.rect(middle - half, y, middle + half, y + layout.line, _PANEL)
    rim = max(1.5, layout.radius / 110)
    canvas.ring(layout.center_x, layout.center_y, layout.radius - rim, layout.radius + rim, _WHITE)


def _multiburst(columns: int) -> list[Color]:
    """Upright lines, from coarse to as fine as pixels are."""
    pitches = (8, 6, 4, 3, 2, 1)
    colors: list[Color] = []
    for i, pitch in enumerate(pitches):
        width = columns * (i + 1) // len(pitches) - columns * i // len(pitches)
        colors += [_WHITE if x // pitch % 2 else (0, 0, 0) for x in range(width)]
    return colors


def _write_fitted(
    canvas: Canvas, layout: _Layout, text: str, at: float, cap_px: float, ink: Color
) -> None:
    """Writes a line in the disc, smaller or cut short where the disc is too narrow for it."""
    ends = (layout.half_chord(layout.y(at)), layout.half_chord(layout.y(at) + 1.3 * cap_px))
    room = 2 * 0.93 * min(ends)
    largest_px, least_px = cap_px, min(cap_px, max(6.0, 0.35 * cap_px))
    cap_px = max(least_px, cap_px * min(1.0, room / glyphs.width_px(text, cap_px)))
    while glyphs.width_px(text, cap_px) > 1.001 * room:
        text = text.rstrip(".")[:-1] + ".."
    x = round(layout.center_x - glyphs.width_px(text, cap_px) / 2)
    y = layout.y(at) + round((largest_px - cap_px) / 2)
    canvas.put_sprite(x, y, canvas.text(text, cap_px, ink, _PANEL))


def _corner(
    canvas: Canvas,
    layout: _Layout,
    texts: list[str],
    right: bool,
    bottom: bool,
    ink: Color = _QUIET,
) -> None:
    """Writes the first of `texts` that fits into a corner, on a label of its own; or none."""
    cap_px = max(7.5, 0.042 * min(layout.band_top, canvas.width))
    pad = round(0.55 * cap_px)
    rows = round(cap_px)
    # The label's inner edge is the row that comes nearest to the orbit.
    depth = layout.center_y - layout.margin - 2 * pad - rows
    reach = math.sqrt(max(0.0, layout.orbit_outer**2 - depth**2))
    room = layout.center_x - reach - layout.margin - 2 * pad - layout.line
    for text in texts:
        columns = math.ceil(glyphs.width_px(text, cap_px))
        if columns <= room:
            break
    else:
        return
    x = canvas.width - layout.margin - pad - columns if right else layout.margin + pad
    y = layout.band_top - layout.margin - pad - rows if bottom else layout.margin + pad
    canvas.rect(x - pad, y - pad, x + columns + pad, y + rows + pad, _NIGHT)
    canvas.put_sprite(x, y, canvas.text(text, cap_px, ink, _NIGHT))


def _band_row(canvas: Canvas) -> bytes:
    """A row of the sliding band, one period longer than the picture is wide."""
    period = canvas.width // _BAND_PERIODS
    colors = [mix(_NIGHT, _ACCENT, (i / (period - 1)) ** 2) for i in range(period)]
    edge = max(2, period // 40)
    colors[-edge:] = [_WHITE] * edge
    row = canvas.row(colors)
    return (row * (_BAND_PERIODS + 3))[:canvas.stride + len(row)]


def _dot(canvas: Canvas, layout: _Layout, index: int) -> list[tuple[int, bytes]]:
    """One dot of the comet: for each row, how far it is set in, and its pixels."""
    fade = 1.0 - index / _COMET_DOTS
    largest = (layout.orbit_outer - layout.orbit_inner) * 0.33
    radius = largest * (0.45 + 0.55 * fade)
    side = math.ceil(2 * radius) + 1
    color = mix(_ORBIT, _ACCENT if index else _WHITE, fade)
    rows = []
    for y in range(side):
        shares = []
        for x in range(side):
            distance = math.hypot(x + 0.5 - side / 2, y + 0.5 - side / 2)
            shares.append(min(1.0, max(0.0, radius + 0.5 - distance)))
        inked = [x for x, share in enumerate(shares) if share > 0.0] or [side // 2]
        run = [mix(_ORBIT, color, shares[x]) for x in range(inked[0], inked[-1] + 1)]
        rows.append((inked[0], canvas.row(run)))
    return rows
