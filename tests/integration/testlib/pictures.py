# SPDX-License-Identifier: MIT
"""What is to be seen in a JPEG."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy

from headcam.sources import testcode

Array = numpy.ndarray[Any, Any]

#: How the no-signal picture's background looks, as RGB.
NO_SIGNAL_RGB = (0x15, 0x19, 0x1F)

_ORDER = {"RGBA": (0, 1, 2, None), "BGRA": (2, 1, 0, None), "RGB": (0, 1, 2), "BGR": (2, 1, 0)}


def decode(jpeg: bytes) -> Array:
    """The picture: (height, width, 3), uint8, RGB."""
    picture = cv2.imdecode(numpy.frombuffer(jpeg, numpy.uint8), cv2.IMREAD_COLOR)
    assert picture is not None, "no JPEG that can be decoded"
    return picture[:, :, ::-1]


def size(jpeg: bytes) -> tuple[int, int]:
    """(width, height) of a JPEG that can be decoded."""
    height, width, _ = decode(jpeg).shape
    return width, height


def psnr(picture: Array, original: Array) -> float:
    """Peak signal-to-noise ratio in dB."""
    error = numpy.mean((picture.astype(numpy.float64) - original) ** 2)
    return math.inf if error == 0 else 10 * math.log10(255**2 / error)


def code_of(jpeg: bytes) -> testcode.TestCode | None:
    """What the test card's strip says, or None where there is none."""
    luma = cv2.imdecode(numpy.frombuffer(jpeg, numpy.uint8), cv2.IMREAD_GRAYSCALE)
    assert luma is not None, "no JPEG that can be decoded"
    height, width = luma.shape
    return testcode.decode(luma.tobytes(), width, height)


def is_no_signal(jpeg: bytes) -> bool:
    """Whether it is the server's own picture: mostly its background, and some text."""
    picture = decode(jpeg)
    middle = numpy.median(picture.reshape(-1, 3), axis=0)
    return bool(numpy.abs(middle - NO_SIGNAL_RGB).max() <= 4 and picture.max() > 128)


def pack(picture: Array, pixel_format: str, padding: int = 0) -> bytes:
    """An RGB picture's pixels in a wire format, with `padding` bytes behind each row but the last.

    For GRAY8 the picture is gray already. Alpha and padding hold noise: nothing may depend on them.
    """
    height, width, _ = picture.shape
    noise = numpy.random.default_rng(1)
    if pixel_format == "GRAY8":
        rows = picture[:, :, 0]
    else:
        channels = [
            noise.integers(0, 256, (height, width), numpy.uint8) if c is None else picture[:, :, c]
            for c in _ORDER[pixel_format]
        ]
        rows = numpy.dstack(channels)
    rows = numpy.ascontiguousarray(rows).reshape(height, -1)
    if not padding:
        return rows.tobytes()
    filler = noise.integers(0, 256, (height, padding), numpy.uint8)
    return numpy.hstack([rows, filler]).tobytes()[:-padding]


def scene(width: int, height: int) -> Array:
    """A picture as cameras see it: soft shapes and shades in all colours, with a little grain."""
    y, x = numpy.mgrid[0:height, 0:width] / height
    waves = [numpy.sin(3 * x + phase) * numpy.cos(2 * y - phase) for phase in (0.0, 2.1, 4.2)]
    picture = 128 + 110 * numpy.dstack(waves)
    grain = numpy.random.default_rng(2).normal(0, 1.5, (height, width, 1))
    return numpy.clip(picture + grain, 0, 255).astype(numpy.uint8)


def grain(width: int, height: int, seed: int = 3) -> Array:
    """Gray noise, which makes the largest JPEGs."""
    noise = numpy.random.default_rng(seed).integers(0, 256, (height, width, 1), numpy.uint8)
    return numpy.repeat(noise, 3, axis=2)


def encode(picture: Array, quality: int = 85) -> bytes:
    """A JPEG that the server had no part in."""
    done, jpeg = cv2.imencode(".jpg", picture[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert done
    return jpeg.tobytes()


#: A small JPEG for producers that send the same frame again.
STILL = encode(scene(64, 48))
