# SPDX-License-Identifier: MIT
"""pictures: what annotators give, before and after the first frame."""

import ctypes

import numpy
import pytest

from headcam.isaac.pictures import Brightness, brightness, picture_in

PICTURE = numpy.arange(3 * 5 * 4, dtype=numpy.uint8).reshape(3, 5, 4)


class WithoutNumpy:
    """As little as is looked at."""

    shape, dtype = (3, 5, 4), "uint8"


@pytest.mark.parametrize(
    "data",
    [
        None,
        {},
        {"data": None},
        {"data": numpy.zeros((0,))},
        numpy.zeros((0,)),
        numpy.zeros((0,), numpy.uint8),
        numpy.zeros((0, 0, 4), numpy.uint8),
        numpy.zeros((0, 5, 4), numpy.uint8),
        numpy.zeros((3, 0, 4), numpy.uint8),
        numpy.zeros((5, 4), numpy.uint8),  # one row, squeezed
        numpy.zeros((3, 5), numpy.uint8),
        numpy.zeros((3, 5, 3), numpy.uint8),
        numpy.zeros((3, 5, 4)),
        numpy.zeros((3, 5, 4), numpy.float16),
        numpy.zeros((1, 3, 5, 4), numpy.uint8),
        b"bytes",
        "text",
        7,
    ],
    ids=repr,
)
def test_no_picture_yet(data):
    assert picture_in(data) is None


def test_a_picture_is_handed_on_without_a_copy():
    assert picture_in(PICTURE) is PICTURE
    assert picture_in({"data": PICTURE, "info": {}}) is PICTURE
    bare = WithoutNumpy()
    assert picture_in(bare) is bare


def test_a_picture_that_is_not_contiguous_is_made_so():
    flipped = picture_in(PICTURE[::-1])
    assert flipped.flags.c_contiguous
    assert (flipped == PICTURE[::-1]).all()


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (720, 1280), (1080, 1920), (33, 1021)])
@pytest.mark.parametrize("value", [0, 1, 128, 255])
def test_the_mean_luma_of_a_flat_picture_is_its_value(size, value):
    seen = brightness(numpy.full((*size, 4), value, numpy.uint8))
    assert seen.mean == pytest.approx(value)
    assert seen.most == value


def test_luma_weighs_the_channels_and_ignores_alpha():
    picture = numpy.zeros((90, 160, 4), numpy.uint8)
    picture[:] = (100, 50, 200, 255)
    assert brightness(picture).mean == pytest.approx(0.299 * 100 + 0.587 * 50 + 0.114 * 200)
    assert brightness(picture).most == 200


def test_the_samples_are_spread_over_rows_and_columns():
    picture = numpy.zeros((1080, 1920, 4), numpy.uint8)
    picture[:, :960] = 200
    assert brightness(picture).mean == pytest.approx(100, abs=10)
    picture[:] = 0
    picture[:540] = 200
    assert brightness(picture).mean == pytest.approx(100, abs=10)


def test_black_is_told_from_dark():
    picture = numpy.zeros((1080, 1920, 4), numpy.uint8)
    picture[..., 3] = 255
    assert brightness(picture).is_black
    picture[..., :3] = 1
    assert brightness(picture).is_black
    picture[500:580, 900:1020, :3] = 90  # a lamp in the night
    assert not brightness(picture).is_black
    picture[..., :3] = 8
    assert not brightness(picture).is_black


def test_an_array_of_ctypes_is_as_good():
    picture = ((ctypes.c_uint8 * 4) * 5 * 3).from_buffer(bytearray(b"\x40" * 60))
    assert brightness(picture) == Brightness(pytest.approx(64), 64)
