# SPDX-License-Identifier: MIT
"""A session in each release of Isaac Sim that is faked: pictures, demand, stages, and the end."""

import logging
import threading
import time

import fakekit
import pytest
from fake_server import wait_until
from sim import FRONT, OVERVIEW, PERSP, REAR, code_of, color_of

from headcam.isaac import sources
from headcam.wire import State

#: They take longer than it takes the server to hear of what was said before them.
MANY_UPDATES = 5000

# ---- pictures ----


def test_the_viewport_and_two_cameras_show_what_they_see(sim):
    sim.start(f"viewport,front={FRONT}@640x360,rear={REAR}", resolution="")
    sim.watch("viewport", "front", "rear")
    for name, camera in (("viewport", PERSP), ("front", FRONT), ("rear", REAR)):
        assert color_of(sim.frame(name)) == fakekit.colors_of(camera)
    header = sim.frame("front").header
    assert (header.width, header.height, header.stride) == (640, 360, 2560)
    assert (sim.frame("rear").header.width, sim.frame("rear").header.height) == (1280, 720)


def test_each_frame_carries_its_update_and_simulation_time(sim):
    sim.start()
    sim.watch("viewport")
    assert sim.frame("viewport").header.sim_time_ns == 0
    sim.fake.timeline.play()
    earlier, later = sim.frame("viewport", skip=5).header, sim.frame("viewport", skip=5).header
    assert 0 < earlier.update < later.update
    assert 0 < earlier.sim_time_ns < later.sim_time_ns
    assert later.update <= sim.fake.app.get_update_number()


def test_cameras_of_one_update_have_one_update_number(sim):
    sim.start(f"front={FRONT},rear={REAR}")
    sim.watch("front", "rear")
    sim.frame("front", skip=3), sim.frame("rear", skip=3)
    numbers = [{frame.header.update for frame in sim.frames(name)} for name in ("front", "rear")]
    assert len(numbers[0] & numbers[1]) > 1


def test_a_picture_is_not_overwritten_by_the_next_render(sim):
    sim.start(f"front={FRONT}")
    sim.watch("front")
    lags = {
        frame.header.update - code_of(frame).frame
        for frame in (sim.frame("front") for _ in range(30))
    }
    assert len(lags) == 1 and lags.pop() in range(4)


@pytest.mark.parametrize("ask", ["play", "pause", "stop"])
def test_pictures_come_whatever_the_timeline_does(sim, ask):
    sim.start(f"viewport,front={FRONT}")
    sim.fake.timeline.play()
    sim.update(3)
    getattr(sim.fake.timeline, ask)()
    sim.watch("viewport", "front")
    sim.frame("viewport", skip=3), sim.frame("front", skip=3)


@pytest.mark.parametrize("empties", [("flat",), ("shaped",), ("dict",), ("none",)])
def test_what_annotators_give_before_the_first_frame_is_no_picture(make_sim, empties):
    sim = make_sim("2023.1.1", warmup_updates=MANY_UPDATES, empties=empties)
    sim.start(f"viewport,front={FRONT}")
    sim.watch("viewport", "front")
    sim.update_until_said("viewport", "warming up", State.STARTING)
    sim.update_until_said("front", "warming up", State.STARTING)
    assert not sim.server.frames
    assert sim.reads() > 10
    sim.update(MANY_UPDATES)
    assert color_of(sim.frame("front")) == fakekit.colors_of(FRONT)
    sim.update_until_said("viewport", "", State.LIVE)


def test_a_picture_in_a_dictionary_is_one(make_sim):
    sim = make_sim(data_in_dict=True)
    sim.start()
    sim.watch("viewport")
    assert color_of(sim.frame("viewport")) == fakekit.colors_of(PERSP)


def test_without_numpy_it_works_all_the_same(make_sim):
    sim = make_sim(with_numpy=False)
    sim.start(f"viewport,front={FRONT}")
    sim.watch("viewport", "front")
    assert color_of(sim.frame("front")) == fakekit.colors_of(FRONT)


# ---- demand ----


def test_nothing_is_attached_or_read_while_nobody_watches(sim):
    sim.start(f"viewport,front={FRONT},auto")
    sim.pass_seconds(30)
    for call in ("Annotator.attach", "Annotator.get_data", "create.render_product"):
        assert sim.fake.journal.calls[call] == 0, call
    sim.update_until_said("viewport", "", State.LIVE)


def test_only_the_stream_that_is_watched_is_read(sim):
    sim.start(f"viewport,front={FRONT},rear={REAR}")
    sim.watch("rear")
    sim.frame("rear", skip=5)
    assert sim.fake.census().annotators == 1
    assert sim.reads() == sim.fake.replicator.annotators[0].reads
    assert [frame.topic for frame in sim.server.frames if frame.topic != b"rear/"] == []


def test_after_the_last_viewer_left_the_capture_ends_and_play_is_given_back(sim):
    sim.start(f"viewport,front={FRONT}", rest_after=5)
    sim.watch("viewport", "front")
    sim.frame("viewport"), sim.frame("front")
    assert sim.fake.settings.load("/omni/replicator/captureOnPlay") is False
    sim.leave("viewport", "front")
    sim.pass_seconds(8)
    assert sim.fake.census().annotators == 0
    assert sim.fake.settings.load("/omni/replicator/captureOnPlay") is True
    reads = sim.reads()
    sim.pass_seconds(8)
    assert sim.reads() == reads


def test_a_camera_is_not_rendered_for_nobody_where_that_can_be_switched(sim):
    sim.start(f"front={FRONT}", rest_after=5)
    sim.watch("front")
    sim.frame("front")
    sim.leave("front")
    sim.pass_seconds(8)
    (product,) = [one for one in sim.fake.renderer.products.values() if not one.is_viewport]
    before = product.renders
    sim.pass_seconds(5)
    if sim.fake.profile.toggling_updates_breaks_annotators:
        assert product.renders > before, "switching it would break it (replicator < 1.11.2)"
    else:
        assert product.renders == before
    sim.watch("front")
    assert color_of(sim.frame("front")) == fakekit.colors_of(FRONT)


def test_a_viewer_who_comes_back_sees_no_old_picture(sim):
    sim.start(f"viewport,front={FRONT}", rest_after=1)
    for _ in range(3):
        sim.watch("viewport", "front")
        for name in ("viewport", "front"):
            first = sim.frame(name)
            assert first.header.update - code_of(first).frame <= 3
        sim.leave("viewport", "front")
        sim.pass_seconds(4)


def test_viewers_who_come_and_go_leave_nothing_behind(sim):
    sim.start(f"viewport,front={FRONT}", rest_after=1)
    for _ in range(20):
        sim.watch("viewport", "front")
        sim.frame("viewport"), sim.frame("front")
        sim.leave("viewport", "front")
        sim.pass_seconds(3)
    assert sim.fake.census().products == 1
    assert sim.fake.journal.calls["create.render_product"] == 1


def test_frames_are_read_at_the_rate_that_is_set(make_sim):
    sim = make_sim(real_time=True)
    sim.start(fps=10)
    sim.watch("viewport")
    sim.frame("viewport")
    reads, began_s = sim.reads(), time.monotonic()
    sim.update(120)
    seconds = time.monotonic() - began_s
    assert 15 <= sim.reads() - reads <= 10 * seconds + 2, "two seconds, or more, at ten a second"


# ---- stages, cameras, viewports ----


def test_another_stage_is_followed(sim):
    sim.start(f"viewport,front={FRONT}")
    sim.watch("viewport", "front")
    sim.frame("viewport"), sim.frame("front")
    sim.fake.context.new_stage()
    sim.update_until_said("front", f"no camera prim {FRONT}", State.STARTING)
    sim.fake.context.stage.define("/World/light", "DistantLight")
    sim.fake.context.stage.define(FRONT, "Camera")
    assert color_of(sim.frame("front")) == fakekit.colors_of(FRONT)
    assert color_of(sim.frame("viewport", skip=3)) == fakekit.colors_of(PERSP)


def test_a_stage_reopened_fifty_times_leaks_nothing(sim, tmp_path):
    stage = tmp_path / "stage.json"
    stage.write_text('{"prims": [{"path": "%s", "type": "Camera"},'
                     ' {"path": "/World/sun", "type": "DistantLight"}]}' % FRONT)  # fmt: skip
    sim.start(f"viewport,front={FRONT}")
    sim.watch("viewport", "front")
    census = None
    for _ in range(50):
        sim.frame("viewport"), sim.frame("front")
        census = census or sim.fake.census()
        assert sim.fake.census() == census
        sim.fake.context.open_stage(str(stage))
        sim.update(20)
    sim.frame("viewport"), sim.frame("front")


def test_a_viewport_that_comes_late_is_found(make_sim):
    sim = make_sim("2023.1.1", viewport_after_updates=MANY_UPDATES)
    sim.start()
    sim.watch("viewport")
    sim.update_until_said("viewport", "no viewport yet", State.STARTING)
    sim.update(MANY_UPDATES)
    assert color_of(sim.frame("viewport")) == fakekit.colors_of(PERSP)


def test_a_viewport_is_found_by_its_windows_name(sim):
    sim.start("left=viewport:Left", resolution="")
    sim.watch("left")
    sim.update_until_said("left", "no viewport window 'Left' yet")
    sim.fake.viewports.open("Left", FRONT, 320, 240)
    frame = sim.frame("left")
    assert (frame.header.width, color_of(frame)) == (320, fakekit.colors_of(FRONT))


def test_a_camera_that_is_added_later_is_found(sim):
    sim.start("arm=/World/arm/Camera@320x240")
    sim.watch("arm")
    sim.update_until_said("arm", "no camera prim /World/arm/Camera on the stage; it has ")
    sim.fake.context.stage.define("/World/arm/Camera", "Camera")
    assert color_of(sim.frame("arm")) == fakekit.colors_of("/World/arm/Camera")


def test_a_camera_that_vanishes_and_comes_back_goes_on(sim):
    sim.start(f"front={FRONT}")
    sim.watch("front")
    for _ in range(3):
        sim.frame("front")
        sim.fake.context.stage.remove(FRONT)
        sim.update_until_said("front", "no camera prim", State.STALLED)
        count = len(sim.frames("front"))
        sim.pass_seconds(3)
        assert len(sim.frames("front")) == count
        sim.fake.context.stage.define(FRONT, "Camera")
        assert color_of(sim.frame("front")) == fakekit.colors_of(FRONT)


def test_a_viewport_that_changes_its_size_goes_on(sim):
    sim.start(resolution="")
    sim.watch("viewport")
    sim.frame("viewport")
    sim.fake.viewports.windows[0].viewport_api.resolution = (800, 600)
    sim.update_until(lambda: sim.frame("viewport").header.width == 800)
    assert sim.frame("viewport").header.height == 600


def test_the_viewports_size_is_set_and_given_back(sim):
    viewport = sim.fake.viewports.windows[0].viewport_api
    before = viewport.resolution
    sim.start("viewport@640x360")
    sim.watch("viewport")
    sim.update_until(lambda: sim.frame("viewport").header.width == 640)
    sim.session.stop()
    assert viewport.resolution == before


def test_a_viewport_that_is_scaled_and_fills_its_window_gets_the_size_and_is_given_back(sim):
    viewport = sim.fake.viewports.windows[0].viewport_api
    viewport.resolution_scale, viewport.fill_frame = 0.5, True
    before = viewport.full_resolution
    sim.start("viewport@640x360")
    sim.watch("viewport")
    sim.update_until(lambda: sim.frame("viewport").header.width == 320)
    assert viewport.full_resolution == (640, 360)
    sim.session.stop()
    assert (viewport.full_resolution, viewport.fill_frame) == (before, True)


def test_a_viewport_that_has_no_texture_yet_is_waited_for(sim):
    viewport = sim.fake.viewports.viewport_of(sim.fake.viewports.windows[0])
    viewport.drop_product()
    sim.start("viewport@640x360")
    sim.watch("viewport")
    sim.update_until_said("viewport", "warming up", State.STARTING)
    viewport.make_product()
    sim.update_until(lambda: sim.frame("viewport").header.width == 640)
    assert sim.logged("failed") == []


def test_an_annotator_of_the_users_goes_on_when_the_last_viewer_has_left(sim):
    import omni.replicator.core as rep

    theirs = rep.AnnotatorRegistry.get_annotator("rgb")
    theirs.attach([sim.fake.viewports.windows[0].viewport_api.render_product_path])
    sim.start(rest_after=1)
    for _ in range(2):
        sim.watch("viewport")
        sim.frame("viewport")
        sim.leave("viewport")
        sim.pass_seconds(4)
        assert theirs.get_data().shape == (180, 320, 4)
    theirs.detach()
    sim.watch("viewport")
    sim.frame("viewport")
    sim.leave("viewport")
    sim.pass_seconds(4)
    assert sim.fake.replicator.node_count == 0, "nothing is left of headcam's own"


def test_two_streams_of_one_viewport_do_not_end_each_other(sim):
    sim.start("viewport,main=viewport:Viewport", rest_after=1)
    sim.watch("viewport", "main")
    sim.frame("viewport"), sim.frame("main")
    sim.leave("viewport")
    sim.pass_seconds(4)
    sim.frame("main")
    sim.leave("main")
    sim.pass_seconds(4)
    assert sim.fake.replicator.node_count == 0
    assert sim.logged("failed") == []


def test_auto_makes_a_stream_of_each_camera_as_they_come(sim):
    sim.start("auto@320x240")
    sim.update_until(lambda: sorted(sim.session.names) == ["front", "overview", "rear"])
    sim.fake.context.stage.define("/World/arm/front", "Camera")
    sim.pass_seconds(10)
    assert "arm.front" in sim.session.names
    sim.watch("arm.front")
    frame = sim.frame("arm.front")
    assert color_of(frame) == fakekit.colors_of("/World/arm/front")
    assert frame.header.width == 320


@pytest.mark.parametrize("stream", ["viewport", f"front={FRONT}"])
def test_the_first_picture_comes_at_once_however_low_the_rate(sim, stream):
    """An annotator that was just attached gives none at first: that is no frame of the rate's."""
    sim.start(stream, fps=0.1)
    name = sim.session.names[0]
    sim.watch(name)
    began_s = sim.now_s()
    sim.update_until(lambda: sim.frames(name), "the first frame")
    assert sim.now_s() - began_s < 1.0
    sim.pass_seconds(5)
    assert len(sim.frames(name)) == 1


def test_auto_leaves_out_what_is_streamed_by_name(sim):
    sim.start(f"auto,eye={OVERVIEW}")
    sim.pass_seconds(10)
    assert sorted(sim.session.names) == ["eye", "front", "rear"]


def test_auto_ends_the_streams_of_a_stage_that_is_gone(sim):
    sim.start("auto")
    sim.update_until(lambda: len(sim.session.names) == 3)
    sim.wait_heard(*sim.session.names)
    sim.fake.context.new_stage()
    sim.update(3)
    sim.fake.context.stage.define(REAR, "Camera")
    sim.pass_seconds(15)
    assert sim.session.names == ["rear"]
    wait_until(lambda: len(sim.ended()) == 2)


def test_auto_stops_at_its_limit_and_names_it(sim):
    sim.start("auto", max_streams=2)
    sim.pass_seconds(10)
    assert len(sim.session.names) == 2
    (warning,) = sim.logged("maxStreams")
    assert "3 cameras, and 2 are streamed" in warning


# ---- why there is no picture ----


def test_a_renderer_that_is_off_is_named(make_sim):
    sim = make_sim(settings=(("/app/renderer/enabled", False),))
    sim.start()
    sim.watch("viewport")
    sim.update_until_said("viewport", "the renderer is off", State.STARTING)


def test_a_black_picture_is_explained_and_shown(sim):
    sim.start()
    sim.watch("viewport")
    sim.frame("viewport")
    sim.fake.context.stage.remove("/World/light")
    sim.update_until_said("viewport", "black (mean luma 0.0)", State.LIVE)
    sim.frame("viewport")
    sim.leave("viewport")
    sim.pass_seconds(3)
    assert "black" in sim.said("viewport")[1]
    sim.watch("viewport")
    sim.fake.context.stage.define("/World/light", "DistantLight")
    sim.update_until_said("viewport", "", State.LIVE)


@pytest.mark.parametrize("extension", ["omni.kit.hydra_texture", "omni.kit.viewport.window"])
def test_an_extension_that_is_missing_is_named(make_sim, extension):
    sim = make_sim("4.5", missing_extensions=frozenset({extension}))
    sim.start(f"front={FRONT}")
    sim.watch("front")
    sim.pass_seconds(100)
    sim.update_until_said("front", f"start with --enable {extension}")


def test_replicator_that_cannot_be_imported_is_explained(make_sim):
    sim = make_sim("4.5", disabled_extensions=frozenset({"omni.replicator.core"}))
    sim.start(f"front={FRONT}")
    sim.watch("front")
    sim.update_until_said("front", "Isaac Lab with --enable_cameras")
    sim.fake.extensions.switch("omni.replicator.core", True)
    sim.pass_seconds(60)
    sim.frame("front")


def test_a_stage_that_loads_is_told_with_its_progress(make_sim, tmp_path):
    sim = make_sim("5.1", load_updates=MANY_UPDATES)
    sim.start(f"front={FRONT}")
    sim.update(5)
    sim.fake.context.new_stage()
    sim.update(15)
    sim.watch("front")
    sim.update_until_said("front", "loading the stage: ")


def test_viewport_updates_that_are_off_are_named(sim):
    sim.start()
    sim.watch("viewport")
    sim.update(2)
    sim.fake.viewports.windows[0].viewport_api.updates_enabled = False
    sim.leave("viewport")
    sim.update_until_said("viewport", "updates are switched off")


def test_an_application_without_viewports_is_told_what_it_can_show(make_sim):
    """As Isaac Lab's headless one."""
    sim = make_sim("4.5", missing_extensions=frozenset({"omni.kit.viewport.utility"}))
    sim.start(f"viewport,front={FRONT}")
    sim.watch("viewport")
    sim.update_until_said("viewport", "no viewport yet; an application without one", State.STARTING)
    sim.watch("front")
    sim.frame("front")


def test_where_no_stage_is_open_it_says_so(sim):
    sim.start(f"viewport,front={FRONT}")
    sim.watch("viewport")
    sim.frame("viewport")
    sim.fake.context.close_stage()
    sim.update_until_said("viewport", "the stage is being closed")
    sim.pass_seconds(8)
    for name in sim.session.names:
        sim.update_until_said(name, "no stage is open", State.STARTING)


def test_started_before_the_stage_it_waits_for_it(sim):
    sim.fake.context.close_stage()
    sim.start(f"viewport,front={FRONT}")
    sim.watch("viewport", "front")
    sim.update_until_said("front", "no stage is open", State.STARTING)
    sim.fake.context.new_stage()
    sim.fake.context.stage.define(FRONT, "Camera")
    sim.frame("viewport"), sim.frame("front")
    assert sim.logged("failed") == []


# ---- annotators that stay empty ----


@pytest.mark.parametrize("pixel_format", ["RGBA8_UNORM", "BGRA8_UNORM"])
@pytest.mark.parametrize("padding", [0, 64])
def test_a_viewport_whose_annotator_stays_empty_is_captured(make_sim, pixel_format, padding):
    sim = make_sim(
        "4.5", annotators_stay_empty=True, capture_format=pixel_format, capture_padding=padding
    )
    sim.start("viewport@640x360")
    sim.watch("viewport")
    sim.pass_seconds(12)
    frame = sim.frame("viewport", skip=2)
    left = fakekit.colors_of(PERSP)[0]
    assert frame.header.stride == 640 * 4 + padding
    assert tuple(frame.payload[:3]) == (left if "RGBA" in pixel_format else left[::-1])
    assert sim.frame("viewport").header.update > frame.header.update
    sim.update_until(lambda: sim.logged("capturing the viewport's buffer"))


def test_a_buffer_that_is_no_picture_is_told_and_logged_once(make_sim):
    """As one with 16 bits a channel, whose rows are twice as long."""
    sim = make_sim("4.5", annotators_stay_empty=True, capture_padding=640 * 4)
    sim.start("viewport@640x360")
    sim.watch("viewport")
    sim.pass_seconds(12)
    sim.update_until_said("viewport", "ValueError: the viewport gave ", State.STARTING)
    sim.pass_seconds(300)
    assert len(sim.logged("the viewport gave")) == 1
    assert len(sim.logged("capturing the viewport's buffer")) == 1


def test_a_black_picture_is_explained_however_it_comes(make_sim):
    sim = make_sim("4.5", annotators_stay_empty=True)
    sim.start("viewport@640x360")
    sim.watch("viewport")
    sim.pass_seconds(12)
    sim.frame("viewport")
    sim.fake.context.stage.remove("/World/light")
    sim.update_until_said("viewport", "black (mean luma 0.0)", State.LIVE)
    sim.fake.context.stage.define("/World/light", "DistantLight")
    sim.update_until_said("viewport", "", State.LIVE)


def test_a_camera_whose_annotator_stays_empty_gets_new_products_within_bounds(make_sim):
    sim = make_sim("4.5", annotators_stay_empty=True)
    sim.start(f"viewport,front={FRONT}")
    sim.watch("front")
    sim.pass_seconds(3000)
    assert sim.fake.journal.calls["og.Controller.evaluate_sync"] > 0
    made = sim.fake.journal.calls["create.render_product"]
    assert 4 <= made <= 12, "each waits twice as long"
    assert sim.said("front")[0] is State.STARTING


def test_render_products_that_are_not_used_any_more_are_bounded(make_sim):
    sim = make_sim("5.1")
    sim.start(f"front={FRONT}")
    sim.watch("front")
    for _ in range(sources._RETIRED_MOST + 4):
        sim.frame("front")
        sim.fake.context.stage.remove(FRONT)
        sim.pass_seconds(2)
        sim.fake.context.stage.define(FRONT, "Camera")
    assert sim.fake.census().products <= sources._RETIRED_MOST + 1
    sim.expected_violations = [one for one in sim.fake.journal.violations
                               if one.kind == "destroy-while-kit-runs"]  # fmt: skip


# ---- what Kit does not forgive ----


def test_capture_on_play_hides_and_stops_nothing(sim):
    sim.fake.timeline.play()
    sim.update(2)
    sim.start(f"viewport,front={FRONT}")
    sim.watch("viewport", "front")
    sim.frame("viewport"), sim.frame("front")
    assert sim.fake.timeline.is_playing()


def test_capture_on_play_that_somebody_else_changed_stays_so(sim):
    sim.start()
    sim.watch("viewport")
    sim.frame("viewport")
    sim.fake.settings.store("/omni/replicator/captureOnPlay", True)
    sim.session.stop()
    assert sim.fake.settings.load("/omni/replicator/captureOnPlay") is True


def test_stopping_twice_and_after_the_stage_closed_is_no_failure(sim):
    sim.start(f"viewport,front={FRONT}")
    sim.watch("viewport", "front")
    sim.frame("viewport"), sim.frame("front")
    sim.fake.context.close_stage()
    sim.session.stop()
    sim.session.stop()


def test_whatever_fails_in_kit_nothing_is_raised_into_it_and_pictures_come_back(sim):
    sim.start(f"viewport,front={FRONT},auto", rest_after=1)
    sim.watch("viewport", "front")
    sim.frame("viewport"), sim.frame("front")
    sim.leave("front")
    sim.pass_seconds(5)
    for call in sorted(sim.fake.journal.calls):
        sim.watch("front")
        sim.fake.journal.fail(call, RuntimeError(f"{call} injected"), times=None)
        sim.pass_seconds(5)
        sim.leave("front")
        sim.pass_seconds(5)
        sim.fake.journal.heal(call)
        sim.watch("front")
        sim.pass_seconds(40)
        sim.frame("viewport"), sim.frame("front")
        sim.leave("front")


def test_a_failing_capture_is_told_and_logged_once(sim):
    sim.start(f"front={FRONT}")
    sim.watch("front")
    sim.frame("front")
    sim.fake.journal.fail("Annotator.get_data", RuntimeError("out of memory"), times=None)
    sim.update_until_said("front", "RuntimeError: out of memory", State.STALLED)
    sim.pass_seconds(100)
    assert len(sim.logged("out of memory")) == 1
    sim.fake.journal.heal("Annotator.get_data")
    sim.pass_seconds(40)
    sim.frame("front")
    sim.update_until_said("front", "", State.LIVE)


def test_a_capture_that_fails_for_hours_takes_ever_fewer_render_products(sim):
    sim.start(f"front={FRONT}")
    sim.watch("front")
    sim.frame("front")
    sim.fake.journal.fail("Annotator.get_data", RuntimeError("out of memory"), times=None)
    sim.pass_seconds(3600)
    assert 2 <= sim.fake.journal.calls["create.render_product"] <= 10
    if not sim.fake.profile.toggling_updates_breaks_annotators:
        own = [one for one in sim.fake.renderer.products.values() if not one.is_viewport]
        assert sum(one.is_enabled for one in own) <= 1
    sim.fake.journal.heal("Annotator.get_data")
    sim.pass_seconds(40)
    sim.frame("front")


def test_where_kit_cannot_say_how_it_is_the_streams_and_the_log_do(sim):
    sim.start(f"viewport,front={FRONT}")
    sim.watch("viewport")
    sim.frame("viewport")
    sim.fake.journal.fail("UsdContext.get_stage_loading_status", KeyError("status"), times=None)
    sim.update_until_said("front", "Kit cannot say how it is, and is asked again: KeyError", None)
    sim.pass_seconds(10)
    assert len(sim.logged("a failure that should not be; please report it")) == 1
    sim.frame("viewport")
    assert sim.said("viewport") == (State.LIVE, "")
    sim.fake.journal.heal("UsdContext.get_stage_loading_status")
    sim.update_until_said("front", "", State.LIVE)


# ---- beginning and end ----


def test_a_start_that_fails_leaves_nothing_behind(make_sim):
    sim = make_sim("4.5")
    sim.fake.journal.fail("IApp.get_shutdown_event_stream", RuntimeError("no stream"), times=None)
    with pytest.raises(RuntimeError, match="no stream"):
        sim.start(f"viewport,front={FRONT}")
    wait_until(lambda: not [one for one in threading.enumerate() if "headcam" in one.name])
    assert sim.fake.census().subscriptions == 0
    assert logging.getLogger("headcam").handlers == []


def test_the_start_says_what_is_streamed_and_where(sim):
    sim.start("viewport,auto")
    (line,) = sim.logged("headcam 0.")
    assert "viewport, auto" in line and sim.endpoint in line and "Python 3" in line


def test_the_log_comes_to_kit_on_its_own_thread_and_goes_back(sim):
    sim.start()
    logging.getLogger("headcam").warning("a word from elsewhere")
    sim.pass_seconds(2)
    assert len(sim.logged("a word from elsewhere")) == 1
    assert logging.getLogger("headcam").isEnabledFor(logging.INFO)
    sim.session.stop()
    assert logging.getLogger("headcam").propagate
    assert logging.getLogger("headcam").handlers == []
    assert not logging.getLogger("headcam").isEnabledFor(logging.INFO)


def test_quitting_says_goodbye(sim):
    sim.start(f"viewport,front={FRONT}")
    sim.watch("front")
    sim.frame("front")
    sim.wait_heard("viewport", "front")
    sim.fake.app.post_quit()
    with pytest.raises(fakekit.ProcessExit):
        sim.fake.run()
    wait_until(lambda: len(sim.ended()) == 2)


def test_an_application_that_does_not_update_is_told_by_another_thread(sim):
    sim.start(f"front={FRONT}")
    sim.watch("front")
    sim.frame("front")
    said = sim.server.wait_announcement(lambda said: said.state is State.STALLED)
    assert "the application has not updated since" in said.reason
    sim.update_until_said("front", "", State.LIVE)


def test_before_the_first_update_it_says_so(sim):
    sim.start()
    wait_until(lambda: "the application has not updated yet" in sim.said("viewport")[1])
    assert sim.said("viewport")[0] is State.STARTING
