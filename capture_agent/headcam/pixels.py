# SPDX-License-Identifier: MIT
"""What publish() was given: any buffer, told apart by its shape and the caller's words.

Pure, and without a copy: a Picture's view is the caller's own memory. numpy is never imported;
its arrays are buffers like any other.
"""

from __future__ import annotations

import dataclasses
import operator
from typing import Any

from headcam import jpeg, wire
from headcam.wire import PixelFormat

_CHANNELS = {
    1: (PixelFormat.GRAY8,),
    3: (PixelFormat.RGB, PixelFormat.BGR),
    4: (PixelFormat.RGBA, PixelFormat.BGRA),
}
# Buffer formats of one-byte items: uint8, char; with ctypes' byte order before it.
_BYTE_FORMATS = frozenset({"B", "c"})


@dataclasses.dataclass(frozen=True)
class Picture:
    """A frame's pixels and what is known of them; width and height in pixels, stride in bytes."""

    view: memoryview
    width: int
    height: int
    stride: int
    format: PixelFormat


@dataclasses.dataclass(frozen=True)
class Shape:
    """A frame that is yet to be drawn; width and height in pixels, stride in bytes."""

    width: int
    height: int
    stride: int
    format: PixelFormat

    @property
    def frame_bytes(self) -> int:
        """Bytes of all rows."""
        return self.stride * self.height

    @property
    def array_shape(self) -> tuple[int, ...]:
        """(height, width, channels), or (height, width) for GRAY8."""
        channels = self.format.bytes_per_pixel
        return (self.height, self.width) + ((channels,) if channels > 1 else ())


def describe(
    height: int, width: int, stride: int | None, format: PixelFormat | str
) -> Shape:
    """Checks the description of a frame without pixels. Raises TypeError or ValueError."""
    pixel_format = parse_format(format)
    if pixel_format is PixelFormat.JPEG:
        raise ValueError("a JPEG is not drawn in place: pass it to publish()")
    height, width = _dimension("height", height), _dimension("width", width)
    return Shape(width, height, _stride(stride, width, pixel_format), pixel_format)


def inspect(
    pixels: Any,
    width: int | None = None,
    height: int | None = None,
    stride: int | None = None,
    format: PixelFormat | str | None = None,
) -> Picture:
    """Checks a frame and completes its description.

    Raises TypeError for what is no buffer of bytes, ValueError for one that does not fit.
    """
    view = _view(pixels)
    pixel_format = None if format is None else parse_format(format)
    width = None if width is None else _dimension("width", width)
    height = None if height is None else _dimension("height", height)
    if pixel_format is PixelFormat.JPEG:
        return _jpeg(view, width, height, stride)
    if view.ndim > 1:
        return _shaped(view, width, height, stride, pixel_format)
    return _flat(view, width, height, stride, pixel_format)


def parse_format(format: PixelFormat | str) -> PixelFormat:
    """The pixel format of that name. Raises ValueError."""
    if isinstance(format, PixelFormat):
        return format
    try:
        return PixelFormat[format.upper()]
    except (AttributeError, KeyError):
        names = ", ".join(PixelFormat.__members__)
        raise ValueError(f"{format!r} is no pixel format: use one of {names}") from None


def _view(pixels: Any) -> memoryview:
    try:
        view = memoryview(pixels)
    except (TypeError, ValueError, BufferError) as error:
        raise TypeError(
            f"pixels must be bytes, a buffer or a numpy array, not {type(pixels).__name__}"
            f" ({error}); a tensor on a GPU has to be copied to the host first"
        ) from None
    if view.itemsize != 1 or view.format.lstrip("@=<>!|") not in _BYTE_FORMATS:
        raise TypeError(
            f"pixels must be 8-bit unsigned (numpy.uint8), not items of format {view.format!r}"
            f" and {view.itemsize} bytes; convert them, for instance with .astype(numpy.uint8)"
        )
    if not view.c_contiguous:
        raise ValueError(
            "pixels are not contiguous in memory (a crop, flip or transpose?):"
            " pass numpy.ascontiguousarray(pixels)"
        )
    return view


def _dimension(what: str, value: int) -> int:
    number = integer(what, value)
    if not 1 <= number <= wire.DIMENSION_MAX:
        raise ValueError(f"{what} {number} is outside 1 to {wire.DIMENSION_MAX} pixels")
    return number


def integer(what: str, value: Any) -> int:
    """`value` as an int. Raises TypeError that names it `what`."""
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(f"{what} must be an integer, not {value!r}") from None


def _shaped(
    view: memoryview,
    width: int | None,
    height: int | None,
    stride: int | None,
    pixel_format: PixelFormat | None,
) -> Picture:
    """A buffer of (height, width) or (height, width, channels)."""
    shape = tuple(view.shape or ())
    channels = shape[2] if view.ndim == 3 else 1
    if view.ndim > 3 or channels not in _CHANNELS:
        raise ValueError(
            f"pixels of shape {shape}: it must be (height, width), or (height, width, channels)"
            " with 1, 3 or 4 channels"
        )
    if pixel_format is None:
        pixel_format = _CHANNELS[channels][0]
    elif pixel_format not in _CHANNELS[channels]:
        raise ValueError(
            f"pixels of shape {shape} have {channels} byte(s) a pixel,"
            f" {pixel_format.name} has {pixel_format.bytes_per_pixel}"
        )
    rows, columns = _dimension("height", shape[0]), _dimension("width", shape[1])
    if width not in (None, columns) or height not in (None, rows):
        raise ValueError(f"pixels of shape {shape} are {columns}x{rows}, not {width}x{height}")
    row_bytes = columns * channels
    if stride not in (None, row_bytes):
        raise ValueError(
            f"pixels of shape {shape} have a stride of {row_bytes} bytes, not {stride};"
            " pass padded rows as a flat buffer with width, height and stride"
        )
    return Picture(view, columns, rows, row_bytes, pixel_format)


def _flat(
    view: memoryview,
    width: int | None,
    height: int | None,
    stride: int | None,
    pixel_format: PixelFormat | None,
) -> Picture:
    """A buffer of bytes, described by the caller."""
    if width is None or height is None or pixel_format is None:
        raise ValueError(
            f"a flat buffer of {view.nbytes} bytes needs width, height and format"
            " (or pass an array of shape (height, width, channels))"
        )
    stride = _stride(stride, width, pixel_format)
    try:
        wire.check_payload(
            view.nbytes, height, stride, width * pixel_format.bytes_per_pixel
        )
    except wire.WireError as error:
        raise ValueError(
            f"{width}x{height} {pixel_format.name}, stride {stride}: {error};"
            " slice a longer buffer with memoryview(buffer)[:size]"
        ) from None
    return Picture(view, width, height, stride, pixel_format)


def _stride(stride: int | None, width: int, pixel_format: PixelFormat) -> int:
    row_bytes = width * pixel_format.bytes_per_pixel
    stride = row_bytes if stride is None else integer("stride", stride)
    if not row_bytes <= stride < 2**32:
        raise ValueError(
            f"stride {stride}: a row of {width} {pixel_format.name} pixels has {row_bytes} bytes"
        )
    return stride


def _jpeg(
    view: memoryview, width: int | None, height: int | None, stride: int | None
) -> Picture:
    """A ready JPEG, whose own header has its size."""
    if view.ndim != 1:
        raise ValueError(f"a JPEG is a flat buffer, not one of shape {view.shape}")
    if stride:
        raise ValueError("a JPEG has no stride")
    columns, rows = jpeg.size(view)
    if width not in (None, columns) or height not in (None, rows):
        raise ValueError(f"the JPEG is {columns}x{rows}, not {width}x{height}")
    _dimension("the JPEG's width", columns)
    _dimension("the JPEG's height", rows)
    return Picture(view, columns, rows, 0, PixelFormat.JPEG)
