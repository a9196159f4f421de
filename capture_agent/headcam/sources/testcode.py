# SPDX-License-Identifier: MIT
"""The test card's machine-readable strip: which frame this is, and when it was drawn.

96 black and white cells in two rows along the bottom of the picture, high enough to survive JPEG
at low quality, and placed in proportion, so that a scaled picture reads as well. Most significant
bit first: frame number (32 bits), CLOCK_REALTIME in milliseconds (48), CRC-16/CCITT-FALSE of both
(16). All is XORed with a pattern, so that there are always cells of both kinds. Pure.
"""

from __future__ import annotations

import binascii
import dataclasses
import struct
from typing import Any

COLUMNS = 48
ROWS = 2
#: The strip's height is the picture's divided by this.
STRIP_FRACTION = 20

_PATTERN = bytes.fromhex("35ca") * 6
_CRC_START = 0xFFFF
_LEAST_CONTRAST = 64
_SAMPLES = 4


@dataclasses.dataclass(frozen=True)
class TestCode:
    """frame: counts from 1, modulo 2**32. time_ms: CLOCK_REALTIME in milliseconds."""

    __test__ = False  # pytest: no test, whatever its name says

    frame: int
    time_ms: int


def encode(code: TestCode) -> list[bool]:
    """The 96 cells, True for white, row by row from the top left."""
    data = struct.pack(">IQ", code.frame % 2**32, code.time_ms % 2**48)
    data = data[:4] + data[6:]
    data += struct.pack(">H", binascii.crc_hqx(data, _CRC_START))
    bits = int.from_bytes(data, "big") ^ int.from_bytes(_PATTERN, "big")
    count = COLUMNS * ROWS
    return [bool(bits >> (count - 1 - cell) & 1) for cell in range(count)]


def strip_top(height: int) -> int:
    """The strip's first pixel row in a picture of `height` rows."""
    return height - max(ROWS, height // STRIP_FRACTION)


def decode(luma: Any, width: int, height: int, stride: int | None = None) -> TestCode | None:
    """Reads the strip of a picture; None where there is none, or not enough of it is left.

    luma: a flat buffer of one byte a pixel (GRAY8), rows `stride` bytes apart, `width` by default.
    """
    stride = width if stride is None else stride
    levels = [
        _level(luma, stride, _cell(cell, width, height)) for cell in range(COLUMNS * ROWS)
    ]
    if max(levels) - min(levels) < _LEAST_CONTRAST:
        return None
    middle = (max(levels) + min(levels)) / 2
    bits = 0
    for level in levels:
        bits = bits << 1 | (level > middle)
    data = (bits ^ int.from_bytes(_PATTERN, "big")).to_bytes(COLUMNS * ROWS // 8, "big")
    if binascii.crc_hqx(data[:-2], _CRC_START) != int.from_bytes(data[-2:], "big"):
        return None
    return TestCode(
        frame=int.from_bytes(data[:4], "big"), time_ms=int.from_bytes(data[4:10], "big")
    )


def _cell(cell: int, width: int, height: int) -> tuple[float, float, float, float]:
    """A cell's left, top, right and bottom edge, in pixels."""
    row, column = divmod(cell, COLUMNS)
    strip_height = height / STRIP_FRACTION
    top = height - strip_height + row * strip_height / ROWS
    left = column * width / COLUMNS
    return left, top, left + width / COLUMNS, top + strip_height / ROWS


def _level(luma: Any, stride: int, cell: tuple[float, float, float, float]) -> float:
    """The mean luma of a cell's middle half, where its neighbours' ringing is weakest."""
    left, top, right, bottom = cell
    total = 0
    for j in range(_SAMPLES):
        y = int(top + (bottom - top) * (0.25 + (j + 0.5) / (2 * _SAMPLES)))
        for i in range(_SAMPLES):
            x = int(left + (right - left) * (0.25 + (i + 0.5) / (2 * _SAMPLES)))
            total += luma[y * stride + x]
    return total / _SAMPLES**2
