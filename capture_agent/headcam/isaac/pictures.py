# SPDX-License-Identifier: MIT
"""Is what an annotator gave a picture, and is it black? Pure: no Kit here, and no numpy.

Arrays are only looked at, by the attributes that numpy's have.
"""

from __future__ import annotations

import dataclasses
from typing import Any

_CHANNELS = 4
# A prime, so that the samples do not fall into one column.
_SAMPLES = 1021
# What counts as black, of 255: nothing but the renderer's noise.
_BLACK_MEAN = 2.0
_BLACK_MOST = 16


@dataclasses.dataclass(frozen=True)
class Brightness:
    """Of a sample of the pixels, 0 to 255: the mean luma (BT.601), and the brightest channel."""

    mean: float
    most: int

    @property
    def is_black(self) -> bool:
        """Whether nothing can be seen."""
        return self.mean < _BLACK_MEAN and self.most < _BLACK_MOST


def picture_in(data: Any) -> Any | None:
    """The picture in what an annotator gave: uint8, (height, width, 4), contiguous.

    None where there is none yet. Before the first frame annotators give float64 arrays of
    shape (0,), arrays with squeezed dimensions, dictionaries, or nothing.
    """
    if isinstance(data, dict):
        data = data.get("data")
    shape = getattr(data, "shape", None)
    if data is None or shape is None or len(shape) != 3 or shape[2] != _CHANNELS:
        return None
    if not (shape[0] and shape[1]) or str(getattr(data, "dtype", "")) != "uint8":
        return None
    flags = getattr(data, "flags", None)
    return data if flags is None or flags.c_contiguous else data.copy()


def brightness(picture: Any) -> Brightness:
    """How bright an RGBA picture is, by about a thousand of its pixels."""
    with memoryview(picture) as view, _flat(view) as flat:
        step = max(1, flat.nbytes // _CHANNELS // _SAMPLES) * _CHANNELS
        red, green, blue = (flat[channel::step].tolist() for channel in range(3))
    luma = 0.299 * sum(red) + 0.587 * sum(green) + 0.114 * sum(blue)
    return Brightness(luma / len(red), max(max(red), max(green), max(blue)))


def _flat(view: memoryview) -> memoryview:
    """Its bytes; a copy only for what a memoryview cannot cast, as ctypes' arrays ("<B")."""
    return view.cast("B") if view.format == "B" else memoryview(view.tobytes())
