# SPDX-License-Identifier: MIT
"""An image out of whatever a program has, on the host: arrays, and tensors on a GPU.

Nothing is imported: what an object can do is asked of itself. torch, warp, cupy and numpy are
known; anything else that is a buffer of bytes does as well.
"""

from __future__ import annotations

from typing import Any

# torch has all but get(), cupy has get(), warp has numpy().
_STEPS = ("detach", "contiguous", "cpu", "get", "numpy")


def to_host(image: Any, env: int = 0) -> Any:
    """`image` as a contiguous buffer of shape (height, width) or (height, width, channels), uint8.

    env: which one of a batch (count, height, width, channels); only that one leaves the GPU.

    Raises TypeError or ValueError, which say what to do.
    """
    image = _pick(_unwrap(image), env)
    for step in _STEPS:
        if _is_buffer(image):
            break
        method = getattr(image, step, None)
        if callable(method):
            image = method()
    if not _is_buffer(image):
        raise TypeError(
            f"a {type(image).__name__} is no image: pass a numpy array, or a tensor with .cpu()"
        )
    kind = str(getattr(image, "dtype", "uint8"))
    if kind != "uint8":
        raise TypeError(
            f"the image has {kind} values: convert it, for instance"
            " (image * 255).clip(0, 255) to uint8"
        )
    flags = getattr(image, "flags", None)
    return image if flags is None or flags.c_contiguous else image.copy()


def _unwrap(image: Any) -> Any:
    """Isaac Lab 3 has tensors in a wrapper, whose `torch` is the tensor."""
    tensor = getattr(image, "torch", None)
    return image if tensor is None or callable(tensor) else tensor


def _pick(image: Any, env: int) -> Any:
    shape = getattr(image, "shape", None)
    if shape is None or len(shape) != 4:
        return image
    if not -shape[0] <= env < shape[0]:
        raise ValueError(f"env {env}: the batch has {shape[0]} images")
    return image[env]


def _is_buffer(image: Any) -> bool:
    try:
        memoryview(image).release()
    except (TypeError, ValueError, BufferError):
        return False
    return True
