# SPDX-License-Identifier: MIT
"""tensors: images of every kind of owner, and only as much of a GPU's as is needed."""

import types

import numpy
import pytest

from headcam.isaac.tensors import to_host

IMAGE = numpy.arange(3 * 5 * 3, dtype=numpy.uint8).reshape(3, 5, 3)


class Tensor:
    """torch.Tensor's ways: no buffer, numpy() only on the host and detached, copies counted."""

    copied_bytes = 0

    def __init__(self, array, device="cuda:0", requires_grad=False):
        self._array, self.device, self.requires_grad = array, device, requires_grad
        self.shape, self.dtype = array.shape, f"torch.{array.dtype}"

    def __getitem__(self, index):
        return Tensor(self._array[index], self.device, self.requires_grad)

    def detach(self):
        return Tensor(self._array, self.device)

    def contiguous(self):
        return Tensor(numpy.ascontiguousarray(self._array), self.device, self.requires_grad)

    def cpu(self):
        Tensor.copied_bytes += self._array.nbytes
        return Tensor(self._array.copy(), "cpu", self.requires_grad)

    def numpy(self):
        if self.device != "cpu":
            raise TypeError("can't convert cuda:0 device type tensor to numpy")
        if self.requires_grad:
            raise RuntimeError("Can't call numpy() on Tensor that requires grad")
        return self._array


class WarpArray:
    """warp.array: numpy() copies from the device."""

    def __init__(self, array):
        self._array, self.shape, self.dtype = array, array.shape, "uint8"

    def numpy(self):
        return self._array.copy()


class CupyArray:
    """cupy.ndarray: get() copies from the device, and there is no buffer."""

    def __init__(self, array):
        self._array, self.shape, self.dtype = array, array.shape, array.dtype

    def get(self):
        return self._array.copy()


def test_an_array_is_handed_on_without_a_copy():
    assert to_host(IMAGE) is IMAGE


def test_any_buffer_of_bytes_does():
    view = memoryview(bytes(12)).cast("B", (2, 2, 3))
    assert to_host(view) is view


@pytest.mark.parametrize(
    "image",
    [
        Tensor(IMAGE),
        Tensor(IMAGE, requires_grad=True),
        Tensor(IMAGE, "cpu"),
        Tensor(IMAGE[:, ::-1]),
        WarpArray(IMAGE),
        CupyArray(IMAGE),
        types.SimpleNamespace(torch=Tensor(IMAGE)),
    ],
    ids=["cuda", "grad", "cpu", "flipped", "warp", "cupy", "wrapped"],
)
def test_tensors_come_to_the_host(image):
    array = to_host(image)
    assert array.shape == IMAGE.shape
    assert memoryview(array).c_contiguous


def test_of_a_batch_one_image_is_copied():
    batch = numpy.stack([IMAGE + n for n in range(64)])
    Tensor.copied_bytes = 0
    assert (to_host(Tensor(batch), env=7) == IMAGE + 7).all()
    assert Tensor.copied_bytes == IMAGE.nbytes
    assert (to_host(batch, env=-1) == IMAGE + 63).all()


def test_an_array_that_is_not_contiguous_is_made_so():
    assert (to_host(IMAGE[:, ::-1]) == IMAGE[:, ::-1]).all()
    assert to_host(IMAGE[:, ::-1]).flags.c_contiguous


@pytest.mark.parametrize(
    "image, env, error, words",
    [
        (None, 0, TypeError, "NoneType is no image"),
        ("text", 0, TypeError, "str is no image"),
        ([[1, 2], [3, 4]], 0, TypeError, "list is no image"),
        (IMAGE.astype(numpy.float32), 0, TypeError, "float32 values"),
        (Tensor(IMAGE.astype(numpy.float32)), 0, TypeError, "uint8"),
        (numpy.stack([IMAGE, IMAGE]), 2, ValueError, "env 2: the batch has 2 images"),
    ],
    ids=["None", "text", "list", "floats", "tensor of floats", "no such environment"],
)
def test_what_is_no_image_is_refused_with_the_next_step(image, env, error, words):
    with pytest.raises(error) as raised:
        to_host(image, env)
    assert words in str(raised.value)
