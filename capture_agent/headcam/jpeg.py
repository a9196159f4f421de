# SPDX-License-Identifier: MIT
"""Reads a JPEG's size from its headers. Pure; decodes nothing."""

from __future__ import annotations

_SOI = b"\xff\xd8"
_EOI = b"\xff\xd9"
_SOS = 0xDA
# Start-of-frame markers: C0 to CF without DHT (C4), JPG (C8) and DAC (CC).
_SOF = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# Markers that stand alone: TEM, and RST0 to EOI.
_NO_LENGTH = frozenset({0x01, *range(0xD0, 0xDA)})


def size(data: memoryview) -> tuple[int, int]:
    """(width, height) in pixels of a whole JPEG.

    `data` is one-dimensional, one byte an item. Raises ValueError for anything but a whole JPEG.
    """
    octets = data.nbytes
    if bytes(data[:2]) != _SOI:
        raise ValueError("not a JPEG: it does not begin with the SOI marker FF D8")
    if bytes(data[-2:]) != _EOI:
        raise ValueError("not a whole JPEG: it does not end with the EOI marker FF D9")
    at = 2
    while at + 4 <= octets:
        marker = _byte(data, at + 1)
        if _byte(data, at) != 0xFF or marker == _SOS:
            break
        if marker == 0xFF:
            at += 1
        elif marker in _NO_LENGTH:
            at += 2
        elif marker in _SOF and at + 9 <= octets:
            height = int.from_bytes(data[at + 5:at + 7], "big")
            width = int.from_bytes(data[at + 7:at + 9], "big")
            return width, height
        else:
            at += 2 + int.from_bytes(data[at + 2:at + 4], "big")
    raise ValueError("not a whole JPEG: it has no frame header (SOF)")


def _byte(data: memoryview, at: int) -> int:
    # Not data[at]: a memoryview of ctypes bytes slices but does not index.
    return bytes(data[at:at + 1])[0]
