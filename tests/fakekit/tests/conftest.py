# SPDX-License-Identifier: MIT
"""Fixtures for the fake's own tests: an installed Kit, and what to read its pictures with."""

import contextlib
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import fakekit  # noqa: E402

CAMERA = "/World/robot/front"


@pytest.fixture
def make_kit():
    """Makes installed Kits; the last one that was made can be imported."""
    with contextlib.ExitStack() as stack:

        def make(profile="5.1", prims=None, **options):
            stack.close()
            return stack.enter_context(
                fakekit.install(fakekit.Kit(profile, fakekit.Options(**options), prims))
            )

        yield make


@pytest.fixture(params=sorted(fakekit.PROFILES))
def kit(request, make_kit):
    """An installed Kit of each profile."""
    return make_kit(request.param)


class Reader:
    """An own render product with an rgb annotator on it."""

    def __init__(self, kit, camera=CAMERA, size=(320, 240), do_array_copy=True, **product):
        import omni.replicator.core as rep

        self.kit = kit
        self.product = rep.create.render_product(camera, size, **{"name": "reader", **product})
        self.annotator = rep.AnnotatorRegistry.get_annotator(
            "rgb", device="cpu", do_array_copy=do_array_copy
        )
        self.annotator.attach([self.product.path])

    def picture(self):
        """What there is, or None for any form of nothing."""
        data = self.annotator.get_data()
        return data if getattr(data, "ndim", 0) == 3 and data.size else None

    def wait(self):
        """Updates until there is a picture."""
        self.kit.update_until(lambda: self.picture() is not None)
        return self.picture()


@pytest.fixture
def reader():
    """The class of Reader, for tests that make their own Kit."""
    return Reader


def code_of(picture):
    """The test code in a picture's strip, None where there is none."""
    height, width = picture.shape[:2]
    return fakekit.testcode.decode(picture[..., 1].tobytes(), width, height)


@pytest.fixture
def read_code():
    """See code_of()."""
    return code_of
