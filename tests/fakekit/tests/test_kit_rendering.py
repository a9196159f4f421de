# SPDX-License-Identifier: MIT
"""What is rendered, when, and how a test reads it again."""

import fakekit
import numpy
import pytest

CAMERA = "/World/robot/front"


def test_a_picture_says_its_camera_and_its_update(kit, reader, read_code):
    picture = reader(kit).wait()
    left, right = fakekit.colors_of(CAMERA)
    assert tuple(picture[10, 10, :3]) == left
    assert tuple(picture[10, -10, :3]) == right
    assert read_code(picture).frame == kit.app.update_number - kit.options.latency_updates


def test_cameras_can_be_told_apart(kit):
    cameras = ["/World/robot/front", "/World/robot/rear", "/World/overview", "/OmniverseKit_Persp"]
    colors = [fakekit.colors_of(camera) for camera in cameras]
    assert len(set(colors)) == len(cameras)
    for left, right in colors:
        assert numpy.abs(numpy.subtract(left, right)).max() >= 50


def test_the_strip_survives_a_jpeg(kit, reader, tmp_path):
    image = pytest.importorskip("PIL.Image")
    picture = reader(kit, size=(640, 360)).wait()
    image.fromarray(picture[..., :3]).save(tmp_path / "a.jpg", quality=50)
    gray = image.open(tmp_path / "a.jpg").convert("L")
    assert fakekit.testcode.decode(gray.tobytes(), 640, 360).frame


def test_products_rendered_in_one_update_say_the_same_update(kit, reader, read_code):
    readers = [reader(kit), reader(kit, camera="/World/overview", size=(640, 360))]
    kit.update(20)
    assert len({read_code(r.picture()).frame for r in readers}) == 1


def test_without_light_the_picture_is_black(make_kit, reader):
    """Headless, nothing lights a stage by default."""
    kit = make_kit("5.1", prims=[{"path": CAMERA, "type": "Camera"}])
    mine = reader(kit)
    assert mine.wait()[..., :3].max() == 0
    kit.context.stage.define("/World/sun", "DistantLight")
    kit.update(3)
    assert mine.picture()[..., :3].max() > 100


def test_nothing_comes_until_the_shaders_are_compiled(make_kit, reader):
    kit = make_kit("6.0", warmup_updates=50, latency_updates=0)
    mine = reader(kit)
    kit.update(50)
    assert mine.picture() is None
    kit.update()
    assert mine.picture() is not None
    later = reader(kit, camera="/World/overview")
    kit.update()
    assert later.picture() is not None


def test_pictures_trail_the_state_by_the_latency(make_kit, reader, read_code):
    kit = make_kit("5.1", latency_updates=3)
    picture = reader(kit).wait()
    assert read_code(picture).frame == kit.app.update_number - 3


def test_a_renderer_that_is_off_renders_nothing(make_kit, reader):
    kit = make_kit("5.1", settings=(("/app/renderer/enabled", False),))
    mine = reader(kit)
    kit.update(50)
    assert mine.picture() is None
    assert all(p.renders == 0 for p in kit.renderer.products.values())


def test_a_product_of_a_camera_that_is_gone_shows_none(kit, reader):
    mine = reader(kit)
    mine.wait()
    kit.context.stage.remove(CAMERA)
    kit.update(3)
    assert len({tuple(color) for color in mine.picture()[10, :, :3]}) == 1


def test_all_updates_are_rendered_and_counted(kit, reader):
    product = kit.renderer.products[reader(kit).product.path]
    kit.update_until(lambda: product.renders)
    before = product.renders
    kit.update(10)
    assert product.renders == before + 10


@pytest.mark.parametrize("profile, is_slow", [("5.1", False), ("6.0", True)])
def test_the_headless_viewport_of_6_0_slows_down_and_own_products_do_not(
    make_kit, reader, profile, is_slow
):
    """IsaacSim 701."""
    kit = make_kit(profile, updates_per_second=2)
    own = kit.renderer.products[reader(kit).product.path]
    viewport = next(p for p in kit.renderer.products.values() if p.is_viewport)
    kit.update(2 * 200)
    before = own.renders, viewport.renders
    kit.update(2 * 100)
    assert own.renders - before[0] == 200
    assert viewport.renders - before[1] == (10 if is_slow else 200)


def test_without_numpy_arrays_are_buffers_of_the_same_shape(make_kit, reader):
    kit = make_kit("5.1", with_numpy=False)
    mine = reader(kit)
    assert mine.annotator.get_data().dtype == "float64"
    data = mine.wait()
    view = memoryview(data)
    assert view.shape == data.shape == (240, 320, 4)
    assert (data.ndim, data.size, data.nbytes) == (3, view.nbytes, view.nbytes)
    assert str(data.dtype) == "uint8" and data.dtype.itemsize == 1
    gray = bytes(view)[1::4]
    assert fakekit.testcode.decode(gray, 320, 240).frame
