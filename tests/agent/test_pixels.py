# SPDX-License-Identifier: MIT
"""pixels: what publish() takes, and what it says to the rest."""

import array
import ctypes
import mmap
import subprocess
import sys

import numpy
import pytest
from conftest import ROOT

from headcam.pixels import inspect
from headcam.wire import PixelFormat


@pytest.mark.parametrize(
    "shape, format, expected",
    [
        ((3, 4, 4), None, PixelFormat.RGBA),
        ((3, 4, 4), "bgra", PixelFormat.BGRA),
        ((3, 4, 3), None, PixelFormat.RGB),
        ((3, 4, 3), PixelFormat.BGR, PixelFormat.BGR),
        ((3, 4, 1), None, PixelFormat.GRAY8),
        ((3, 4), None, PixelFormat.GRAY8),
        ((3, 4), "GRAY8", PixelFormat.GRAY8),
    ],
)
def test_an_array_tells_its_own_size(shape, format, expected):
    picture = inspect(numpy.zeros(shape, numpy.uint8), format=format)
    assert (picture.width, picture.height, picture.format) == (4, 3, expected)
    assert picture.stride == 4 * expected.bytes_per_pixel
    assert picture.view.nbytes == 3 * picture.stride


def mapped():
    memory = mmap.mmap(-1, 36)
    return memory


@pytest.mark.parametrize(
    "buffer",
    [
        bytes(36),
        bytearray(36),
        memoryview(bytes(36)),
        memoryview(bytes(40))[2:38],
        array.array("B", bytes(36)),
        (ctypes.c_ubyte * 36)(),
        (ctypes.c_char * 36)(),
        mapped(),
        numpy.zeros(36, numpy.uint8),
    ],
    ids=lambda buffer: type(buffer).__name__,
)
def test_any_flat_buffer_will_do(buffer):
    picture = inspect(buffer, 4, 3, format="RGB")
    assert (picture.width, picture.height, picture.stride) == (4, 3, 12)


def test_the_view_is_the_callers_own_memory():
    pixels = numpy.zeros((2, 2, 4), numpy.uint8)
    view = inspect(pixels).view
    pixels[0, 0, 0] = 7
    assert view[0, 0, 0] == 7


def test_a_ctypes_image_tells_its_own_size():
    picture = inspect(((ctypes.c_ubyte * 4) * 3)())
    assert (picture.width, picture.height, picture.format) == (4, 3, PixelFormat.GRAY8)


def test_rows_may_be_padded_and_the_last_one_cut():
    assert inspect(bytes(48), 5, 3, 16, "RGB").stride == 16
    assert inspect(bytes(47), 5, 3, 16, "RGB").view.nbytes == 47


def test_a_band_of_rows_is_contiguous_and_a_numpy_size_is_an_integer():
    rows = numpy.zeros((9, 4, 4), numpy.uint8)[2:5]
    assert inspect(rows, numpy.int64(4), numpy.uint8(3)).height == 3


@pytest.mark.parametrize(
    "pixels, arguments, exception, sentence",
    [
        (numpy.zeros((4, 8, 4), numpy.uint8)[:, ::2], {}, ValueError, "ascontiguousarray"),
        (numpy.zeros((4, 8, 4), numpy.uint8)[::-1], {}, ValueError, "ascontiguousarray"),
        (numpy.zeros((4, 4, 4), numpy.float32), {}, TypeError, "uint8"),
        (numpy.zeros((0,), numpy.float64), {}, TypeError, "uint8"),
        (numpy.zeros((4, 4, 3), numpy.int8), {}, TypeError, "uint8"),
        (numpy.zeros((4, 4), bool), {}, TypeError, "uint8"),
        (numpy.zeros((4, 4, 2), numpy.uint8), {}, ValueError, "1, 3 or 4"),
        (numpy.zeros((1, 4, 4, 3), numpy.uint8), {}, ValueError, r"\(height, width\)"),
        (numpy.zeros((0, 0, 4), numpy.uint8), {}, ValueError, "outside 1 to 65500"),
        (numpy.zeros((3, 4, 4), numpy.uint8), {"format": "RGB"}, ValueError, "4 byte"),
        (numpy.zeros((3, 4), numpy.uint8), {"format": "RGBA"}, ValueError, "RGBA has 4"),
        (numpy.zeros((3, 4, 4), numpy.uint8), {"width": 3}, ValueError, "are 4x3"),
        (numpy.zeros((3, 4, 4), numpy.uint8), {"stride": 32}, ValueError, "stride of 16"),
        (bytes(36), {}, ValueError, "needs width, height and format"),
        (bytes(36), {"width": 4, "height": 3}, ValueError, "needs width, height and format"),
        (bytes(35), {"width": 4, "height": 3, "format": "RGB"}, ValueError, "needs 36"),
        (bytes(37), {"width": 4, "height": 3, "format": "RGB"}, ValueError, "slice a longer"),
        (bytes(36), {"width": 4, "height": 3, "format": "RGB", "stride": 11}, ValueError, "12"),
        (bytes(36), {"width": 4, "height": 3, "format": "YUV"}, ValueError, "use one of RGBA"),
        (bytes(36), {"width": 0, "height": 3, "format": "RGB"}, ValueError, "width 0 is"),
        (bytes(36), {"width": 4, "height": 65501, "format": "RGB"}, ValueError, "height 65501"),
        (bytes(36), {"width": 4.0, "height": 3, "format": "RGB"}, TypeError, "an integer"),
        (bytes(36), {"width": 4, "height": 3, "format": 3.5}, ValueError, "no pixel format"),
        (None, {}, TypeError, "not NoneType"),
        ([1, 2, 3], {}, TypeError, "not list"),
        ("text", {}, TypeError, "not str"),
        (array.array("I", [1, 2, 3]), {}, TypeError, "uint8"),
    ],
)
def test_wrong_arguments_get_a_helpful_sentence(pixels, arguments, exception, sentence):
    with pytest.raises(exception, match=sentence):
        inspect(pixels, **arguments)


def test_numpy_is_not_imported():
    code = (
        "import sys, headcam, headcam.cli; from headcam.pixels import inspect;"
        "inspect(bytes(4), 2, 2, format='GRAY8'); sys.exit('numpy' in sys.modules)"
    )
    path = {"PYTHONPATH": str(ROOT / "capture_agent")}
    assert subprocess.run([sys.executable, "-c", code], env=path, timeout=30).returncode == 0
