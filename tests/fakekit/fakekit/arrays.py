# SPDX-License-Identifier: MIT
"""The arrays that Kit hands out: numpy's, or stand-ins where a test must do without numpy.

A stand-in is a ctypes array, the one thing in pure Python that is a buffer of several dimensions,
with numpy's ndim, shape, dtype, size and nbytes. Two differences remain: its buffer format is "<B"
where numpy's is "B", and it has none of numpy's methods.
"""

from __future__ import annotations

import ctypes
import functools
import math
from typing import Any

Shape = tuple[int, ...]


class _DType:
    """numpy.dtype, as far as it is compared and printed."""

    def __init__(self, name: str, itemsize: int, kind: str) -> None:
        self.name = name
        self.itemsize = itemsize
        self.kind = kind

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f"dtype({self.name!r})"

    def __eq__(self, other: object) -> bool:
        return str(other) == self.name

    def __hash__(self) -> int:
        return hash(self.name)


_ITEMS: dict[str, tuple[Any, _DType]] = {
    "uint8": (ctypes.c_uint8, _DType("uint8", 1, "u")),
    "float64": (ctypes.c_double, _DType("float64", 8, "f")),
}


@functools.lru_cache(maxsize=None)
def _stand_in(shape: Shape, dtype: str) -> Any:
    item, described = _ITEMS[dtype]
    made = item
    for length in reversed(shape):
        made = made * length
    attributes = {
        "ndim": len(shape),
        "shape": shape,
        "dtype": described,
        "size": math.prod(shape),
        "nbytes": math.prod(shape) * described.itemsize,
    }
    return type("ndarray", (made,), attributes)


class Arrays:
    """Makes arrays of one kind: numpy's or stand-ins."""

    def __init__(self, with_numpy: bool) -> None:
        self._numpy: Any = None
        if with_numpy:
            import numpy

            self._numpy = numpy

    def view(self, memory: bytearray, shape: Shape) -> Any:
        """A uint8 array that is this memory: it changes with it. Dimensions of 1 are left out."""
        shape = squeezed(shape)
        if self._numpy:
            return self._numpy.frombuffer(memory, self._numpy.uint8).reshape(shape)
        return _stand_in(shape, "uint8").from_buffer(memory)

    def copy(self, memory: bytearray, shape: Shape) -> Any:
        """As view(), of memory of its own."""
        if self._numpy:
            return self.view(memory, shape).copy()
        return _stand_in(squeezed(shape), "uint8").from_buffer_copy(memory)

    def empty(self, shape: Shape, dtype: str) -> Any:
        """An array without items."""
        if self._numpy:
            return self._numpy.empty(shape, dtype)
        return _stand_in(shape, dtype)()


def squeezed(shape: Shape) -> Shape:
    """numpy.squeeze(): what replicator does to every array (annotator_utils.py)."""
    return tuple(length for length in shape if length != 1)


class WarpArray:
    """warp.array on a GPU: no buffer, no index; numpy() copies it to the host."""

    __slots__ = ("ptr", "shape", "dtype", "device", "_data")

    def __init__(self, data: Any, device: str) -> None:
        self._data = data
        self.ptr = 0x7F00_0000_0000
        self.shape = tuple(data.shape)
        self.dtype = data.dtype
        self.device = device if ":" in device else device + ":0"

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return int(math.prod(self.shape))

    def numpy(self) -> Any:
        return self._data
