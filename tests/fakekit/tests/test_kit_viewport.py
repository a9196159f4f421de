# SPDX-License-Identifier: MIT
"""Viewports: when there is one, what it tells, and captures of its buffer.

After omni/kit/widget/viewport/api.pyi and omni/kit/viewport/utility in
work-r-labs/isaacsim_typings_5, and omni.kit.widget.viewport's impl/texture.py.
"""

import ctypes
import gc

import fakekit
import numpy
import pytest


@pytest.fixture
def utility(kit):
    """omni.kit.viewport.utility."""
    import omni.kit.viewport.utility

    return omni.kit.viewport.utility


def pixels_of(capsule, size):
    """A copy of a capsule's memory."""
    pointer = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(
        ("PyCapsule_GetPointer", ctypes.pythonapi)
    )(capsule, None)
    return ctypes.string_at(pointer, size)


class Captured:
    """What a capture's callback was given."""

    def __init__(self):
        self.pictures = []
        self.capsules = []

    def __call__(self, capsule, size, width, height, format):
        self.capsules.append(capsule)
        self.pictures.append((pixels_of(capsule, size), size, width, height, str(format)))


def test_a_viewport_tells_what_it_shows(kit, utility):
    viewport = utility.get_active_viewport()
    assert viewport.camera_path == "/OmniverseKit_Persp"
    assert viewport.resolution == (1280, 720)
    assert viewport.updates_enabled
    assert viewport.usd_context_name == ""
    assert viewport.render_product_path.endswith("_ViewportTexture_0")
    assert utility.get_viewport_from_window_name("Viewport").id == viewport.id
    assert utility.get_viewport_from_window_name("Other") is None
    assert utility.get_active_viewport("other context") is None


def test_a_size_is_read_scaled_and_set_in_full(kit, utility):
    viewport = utility.get_active_viewport()
    viewport.resolution_scale = 0.5
    assert (viewport.resolution, viewport.full_resolution) == ((640, 360), (1280, 720))
    viewport.resolution = (800, 600)
    assert (viewport.resolution, viewport.full_resolution) == ((400, 300), (800, 600))
    viewport.fill_frame = True
    kit.update(1)
    assert viewport.full_resolution == (1280, 720), "the window's"


def test_there_is_no_size_without_a_texture(kit, utility):
    viewport = kit.viewports.viewport_of(kit.viewports.windows[0])
    viewport.drop_product()
    viewport.resolution = (800, 600)
    assert (viewport.resolution, viewport.full_resolution) == (None, None)
    viewport.make_product()
    assert viewport.resolution == (1280, 720)


def test_frame_info_has_a_handle_once_a_frame_was_rendered(kit, utility):
    viewport = utility.get_active_viewport()
    assert viewport.frame_info.get("viewport_handle") is None
    assert viewport.fps == 0.0
    kit.update(10)
    assert viewport.frame_info["viewport_handle"] is not None
    assert viewport.fps > 0


@pytest.mark.parametrize("after, expected", [(5, [False, True]), (None, [False, False])])
def test_the_viewport_may_come_later_or_never(make_kit, after, expected):
    kit = make_kit("2023.1.1", viewport_after_updates=after)
    from omni.kit.viewport.utility import get_active_viewport

    seen = [get_active_viewport() is not None]
    kit.update(5)
    seen.append(get_active_viewport() is not None)
    assert seen == expected


def test_without_its_extension_there_is_no_window_and_no_camera_of_it(make_kit):
    kit = make_kit("5.1", missing_extensions=frozenset({"omni.kit.viewport.window"}))
    from omni.kit.viewport.utility import create_viewport_window, get_active_viewport

    kit.update(10)
    assert get_active_viewport() is None
    assert create_viewport_window("mine") is None
    assert not kit.context.stage.spec("/OmniverseKit_Persp")


def test_its_size_and_camera_can_be_changed(kit, utility):
    viewport = utility.get_active_viewport()
    viewport.resolution = (640, 360)
    viewport.camera_path = "/World/overview"
    kit.update(10)
    assert viewport.frame_info["resolution"] == (640, 360)
    product = kit.renderer.products[viewport.render_product_path]
    left, _ = fakekit.colors_of("/World/overview")
    assert tuple(product.painter.memory[:3]) == left
    viewport.camera_path = "/World/robot"  # no camera: ignored, without a word
    assert viewport.camera_path == "/World/overview"


def test_an_annotator_on_its_product_renders_nothing_twice(kit, utility):
    import omni.replicator.core as rep

    annotator = rep.AnnotatorRegistry.get_annotator("rgb")
    annotator.attach([utility.get_active_viewport().render_product_path])
    kit.update(10)
    assert annotator.get_data().shape == (720, 1280, 4)
    assert len(kit.renderer.products) == 1
    assert kit.census().products == 0


def test_a_window_takes_its_viewport_with_it(kit, utility):
    window = utility.create_viewport_window("mine", width=320, height=240)
    viewport = utility.get_viewport_from_window_name("mine")
    assert viewport.resolution == (320, 240)
    assert utility.get_num_viewports() == 2
    window.destroy()
    gc.collect()
    assert utility.get_viewport_from_window_name("mine") is None
    with pytest.raises(ReferenceError):
        viewport.resolution


def test_it_survives_a_new_stage_with_a_product_of_its_own(kit, utility):
    viewport = utility.get_active_viewport()
    viewport.camera_path = "/World/overview"
    kit.update(10)
    kit.context.new_stage()
    assert viewport.frame_info == {}
    assert viewport.camera_path == "/OmniverseKit_Persp"
    kit.update(10)
    assert viewport.frame_info["viewport_handle"] is not None
    assert utility.get_active_viewport().id == viewport.id


@pytest.mark.parametrize("padding", [0, 64])
@pytest.mark.parametrize("format", ["RGBA8_UNORM", "BGRA8_UNORM"])
def test_a_capture_delivers_rows_some_updates_later(make_kit, format, padding):
    kit = make_kit("4.5", capture_format=format, capture_padding=padding)
    from omni.kit.viewport.utility import capture_viewport_to_buffer, get_active_viewport

    captured = Captured()
    kept = capture_viewport_to_buffer(get_active_viewport(), captured)
    kit.update_until(lambda: captured.pictures)
    pixels, size, width, height, name = captured.pictures[0]
    assert (width, height, size) == (1280, 720, (1280 * 4 + padding) * 720)
    assert name == f"TextureFormat.{format}"
    left, _ = fakekit.colors_of("/OmniverseKit_Persp")
    first = numpy.frombuffer(pixels, "u1")[:3]
    assert tuple(first) == (left if format[0] == "R" else left[::-1])
    kit.update(20)
    assert len(captured.pictures) == 1
    assert kept


def test_a_capture_that_nobody_keeps_is_lost(kit, utility):
    captured = Captured()
    utility.capture_viewport_to_buffer(utility.get_active_viewport(), captured)
    kit.update(50)
    assert not captured.pictures


def test_its_memory_is_kits_own_after_the_callback(kit, utility):
    captured = Captured()
    kept = utility.capture_viewport_to_buffer(utility.get_active_viewport(), captured)
    kit.update_until(lambda: captured.pictures)
    size = captured.pictures[0][1]
    assert set(pixels_of(captured.capsules[0], size)) == {0xDD}
    assert kept


def test_captures_work_where_annotators_stay_empty(make_kit):
    """Stages of 8000 prims and more."""
    kit = make_kit("5.1", annotators_stay_empty=True)
    from omni.kit.viewport.utility import capture_viewport_to_buffer, get_active_viewport

    captured = Captured()
    kept = capture_viewport_to_buffer(get_active_viewport(), captured)
    kit.update_until(lambda: captured.pictures)
    assert kept


def test_a_viewport_whose_updates_are_off_delivers_nothing(kit, utility):
    viewport = utility.get_active_viewport()
    viewport.updates_enabled = False
    captured = Captured()
    kept = utility.capture_viewport_to_buffer(viewport, captured)
    kit.update(50)
    assert not captured.pictures
    viewport.updates_enabled = True
    kit.update_until(lambda: captured.pictures)
    assert kept
