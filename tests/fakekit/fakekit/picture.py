# SPDX-License-Identifier: MIT
"""What a camera of the fake sees: two flat colours of its own, and a strip that says when.

Pure. The strip is headcam's test code (headcam.sources.testcode), read as text from its file: the
fake must not put headcam on the path of the extension that it tests.
"""

from __future__ import annotations

import importlib.util
import pathlib
import sys
import zlib
from typing import Any

_TESTCODE = (
    pathlib.Path(__file__).resolve().parents[3] / "capture_agent/headcam/sources/testcode.py"
)


def _load_testcode() -> Any:
    spec = importlib.util.spec_from_file_location("fakekit._testcode", _TESTCODE)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


testcode = _load_testcode()

Color = tuple[int, int, int]
BYTES_PER_PIXEL = 4

# Far enough apart to be told from each other after JPEG at low quality.
_COLORS: tuple[Color, ...] = (
    (200, 40, 40),
    (40, 180, 60),
    (50, 70, 210),
    (220, 190, 40),
    (190, 60, 190),
    (50, 190, 200),
    (235, 130, 30),
    (130, 130, 130),
)
_BLACK: Color = (0, 0, 0)
# A product whose camera is not there.
_NOWHERE: Color = (70, 70, 70)


def colors_of(camera_path: str) -> tuple[Color, Color]:
    """The colours of a camera's left and right half."""
    first, second = divmod(zlib.crc32(camera_path.encode()) % 56, 7)
    return _COLORS[first], _COLORS[(first + 1 + second) % len(_COLORS)]


class Painter:
    """Draws a camera's pictures, always in the same memory: RGBA rows without padding."""

    def __init__(self, width: int, height: int) -> None:
        self.width = width
        self.height = height
        self.memory = bytearray(width * height * BYTES_PER_PIXEL)
        self._shown: tuple[Color, Color] | None = None

    def draw(self, camera_path: str | None, is_lit: bool, update: int, time_ms: int) -> None:
        """The picture of an update. Without light it is black; without a camera gray."""
        colors = (_NOWHERE, _NOWHERE) if camera_path is None else colors_of(camera_path)
        self._fill(colors if is_lit else (_BLACK, _BLACK))
        if is_lit and self.has_strip:
            self._write_strip(testcode.TestCode(update, time_ms))

    @property
    def has_strip(self) -> bool:
        """Whether the picture is large enough for its cells to be read again."""
        rows = self.height - testcode.strip_top(self.height)
        return bool(self.width >= 2 * testcode.COLUMNS and rows >= 2 * testcode.ROWS)

    def _fill(self, colors: tuple[Color, Color]) -> None:
        # Flat colours are drawn when they change; a frame then costs no more than its strip.
        if colors == self._shown:
            return
        self._shown = colors
        left = self.width // 2
        row = _run(colors[0], left) + _run(colors[1], self.width - left)
        self.memory[:] = row * self.height

    def _write_strip(self, code: Any) -> None:
        cells = testcode.encode(code)
        edges = [i * self.width // testcode.COLUMNS for i in range(testcode.COLUMNS + 1)]
        top = testcode.strip_top(self.height)
        at = top * self.width * BYTES_PER_PIXEL
        rows_of_strip = self.height - top
        for row in range(testcode.ROWS):
            bits = cells[row * testcode.COLUMNS:(row + 1) * testcode.COLUMNS]
            line = b"".join(
                _run((255, 255, 255) if bit else _BLACK, end - start)
                for bit, start, end in zip(bits, edges, edges[1:])
            )
            rows = (
                rows_of_strip * (row + 1) // testcode.ROWS - rows_of_strip * row // testcode.ROWS
            )
            self.memory[at:at + len(line) * rows] = line * rows
            at += len(line) * rows


def _run(color: Color, columns: int) -> bytes:
    return bytes((*color, 255)) * columns
