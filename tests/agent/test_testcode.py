# SPDX-License-Identifier: MIT
"""testcode: what survives a camera's way to the viewer."""

import io

import pytest
from PIL import Image

from headcam.sources import testcode
from headcam.sources.testcard import TestCard
from headcam.sources.testcode import TestCode
from headcam.wire import PixelFormat

SIZES = [(320, 240), (333, 251), (640, 360), (640, 480), (1280, 720), (1920, 1080), (3840, 2160)]
CODES = [
    TestCode(1, 1764158400123),
    TestCode(0, 0),
    TestCode(2**32 - 1, 2**48 - 1),
    TestCode(0xAAAAAAAA, 0x555555555555),
    TestCode(0x0F0F0F0F, 0x00FF00FF00FF),
]


def picture(width, height, code):
    """A mid-gray picture with the strip alone, by Pillow, so that decode() is tested by itself."""
    image = Image.new("L", (width, height), 128)
    cells = Image.new("L", (testcode.COLUMNS, testcode.ROWS))
    cells.putdata([255 if cell else 0 for cell in testcode.encode(code)])
    top = testcode.strip_top(height)
    image.paste(cells.resize((width, height - top), Image.NEAREST), (0, top))
    return image


def through_jpeg(image, quality, subsampling=2):
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality, subsampling=subsampling)
    return Image.open(io.BytesIO(file.getvalue())).convert("L")


def read(image):
    return testcode.decode(image.tobytes(), *image.size)


def test_there_are_96_cells_of_both_kinds():
    for code in CODES:
        cells = testcode.encode(code)
        assert len(cells) == 96
        assert 24 < sum(cells) < 72


@pytest.mark.parametrize("size", SIZES + [(160, 120), (97, 41)], ids=str)
@pytest.mark.parametrize("code", CODES, ids=str)
def test_what_was_encoded_is_decoded(size, code):
    assert read(picture(*size, code)) == code


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("code", CODES[:2], ids=str)
def test_a_card_survives_jpeg_at_quality_30(size, code):
    card = TestCard(*size, PixelFormat.RGB, "testcard", 30.0)
    pixels = card.render(code.frame, code.time_ms * 1_000_000)
    image = Image.frombytes("RGB", size, bytes(pixels))
    assert read(through_jpeg(image, 30)) == code


def test_a_scaled_picture_still_tells():
    code = CODES[0]
    card = TestCard(1280, 720, PixelFormat.RGB, "testcard", 30.0)
    pixels = card.render(code.frame, code.time_ms * 1_000_000)
    image = Image.frombytes("RGB", (1280, 720), bytes(pixels))
    for size in [(640, 360), (480, 270), (426, 240), (1920, 1080)]:
        assert read(through_jpeg(image.resize(size, Image.BILINEAR), 50)) == code


def test_a_stride_is_respected():
    image = picture(320, 240, CODES[0])
    rows = [image.tobytes()[y * 320:(y + 1) * 320] + bytes(13) for y in range(240)]
    assert testcode.decode(b"".join(rows), 320, 240, 333) == CODES[0]


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_plain_picture_has_no_code(level):
    assert testcode.decode(bytes([level]) * 320 * 240, 320, 240) is None


def test_one_wrong_cell_is_noticed():
    image = picture(960, 400, CODES[0])
    for cell in range(96):
        row, column = divmod(cell, 48)
        spoilt = image.copy()
        box = (column * 20, 380 + row * 10, column * 20 + 20, 390 + row * 10)
        spoilt.paste(255 - image.getpixel((box[0] + 9, box[1] + 5)), box)
        assert read(spoilt) is None


def test_numbers_wrap():
    code = TestCode(2**32 + 5, 2**48 + 6)
    assert read(picture(640, 360, code)) == TestCode(5, 6)
