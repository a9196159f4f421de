# SPDX-License-Identifier: MIT
"""jpeg: the size of JPEGs that Pillow wrote, and of what is none."""

import ctypes
import io

import pytest
from PIL import Image

from headcam import jpeg
from headcam.pixels import inspect
from headcam.wire import PixelFormat


def encoded(width, height, mode="RGB", **options):
    file = io.BytesIO()
    Image.new(mode, (width, height)).save(file, "JPEG", **options)
    return file.getvalue()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"progressive": True},
        {"optimize": True, "quality": 30},
        {"exif": b"Exif\0\0" + bytes(3000)},
        {"comment": b"\xff\xd9\xff\xc0 not a marker"},
        {"dpi": (300, 300)},
    ],
    ids=repr,
)
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_the_size_is_read(mode, options):
    assert jpeg.size(memoryview(encoded(321, 123, mode, **options))) == (321, 123)


def test_fill_bytes_between_markers_are_skipped():
    data = encoded(16, 9)
    assert jpeg.size(memoryview(data[:2] + b"\xff\xff" + data[2:])) == (16, 9)


def test_ctypes_bytes_will_do():
    data = encoded(16, 9)
    assert jpeg.size(memoryview((ctypes.c_ubyte * len(data))(*data))) == (16, 9)


@pytest.mark.parametrize(
    "data, sentence",
    [
        (b"", "SOI"),
        (b"\xff", "SOI"),
        (b"\x89PNG", "SOI"),
        (b"\xff\xd8", "EOI"),
        (encoded(16, 9)[:-2], "EOI"),
        (encoded(16, 9)[:-2] + b"\0\0", "EOI"),
        (b"\xff\xd8\xff\xd9", "SOF"),
        (b"\xff\xd8\xff\xe0\xff\xff\xff\xd9", "SOF"),
        (b"\xff\xd8\xff\xe0\x00\x00\xff\xd9", "SOF"),
        (b"\xff\xd8\xff\xc0\x00\x11\x08\xff\xd9", "SOF"),
    ],
    ids=repr,
)
def test_what_is_no_whole_jpeg_is_refused(data, sentence):
    with pytest.raises(ValueError, match=sentence):
        jpeg.size(memoryview(data))


def test_a_frame_may_be_a_jpeg():
    picture = inspect(encoded(16, 9), format="JPEG")
    assert (picture.width, picture.height, picture.stride) == (16, 9, 0)
    assert picture.format is PixelFormat.JPEG


@pytest.mark.parametrize(
    "arguments, sentence",
    [({"width": 9, "height": 16}, "is 16x9"), ({"stride": 48}, "no stride")],
)
def test_a_jpeg_knows_better(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        inspect(encoded(16, 9), format="JPEG", **arguments)
