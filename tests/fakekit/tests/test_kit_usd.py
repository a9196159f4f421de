# SPDX-License-Identifier: MIT
"""The stage: prims, how they expire, and the events of opening and closing.

After omni/usd/_usd.pyi in work-r-labs/isaacsim_typings_5; USD's own message for expired prims.
"""

import json

import pytest


@pytest.fixture
def context(kit):
    """The USD context."""
    import omni.usd

    return omni.usd.get_context()


def cameras(stage):
    """The paths of a stage's cameras."""
    from pxr import UsdGeom

    return [str(prim.GetPath()) for prim in stage.Traverse() if prim.IsA(UsdGeom.Camera)]


def test_cameras_are_found_by_their_type(context):
    assert "/World/robot/front" in cameras(context.get_stage())
    assert "/OmniverseKit_Persp" in cameras(context.get_stage())
    assert context.get_stage().GetPrimAtPath("/World/overview").GetTypeName() == "Camera"


def test_inactive_prims_and_what_is_below_them_are_not_traversed(context):
    context.get_stage().GetPrimAtPath("/World/robot").SetActive(False)
    assert "/World/robot/front" not in cameras(context.get_stage())
    assert "/World/overview" in cameras(context.get_stage())


def test_a_range_begins_with_its_own_prim(context):
    from pxr import Usd

    robot = context.get_stage().GetPrimAtPath("/World/robot")
    assert [prim.GetName() for prim in Usd.PrimRange(robot)] == ["robot", "front", "rear"]


def test_a_prim_that_is_not_there_is_invalid_and_raises_when_used(context):
    prim = context.get_stage().GetPrimAtPath("/World/nothing")
    assert not prim and not prim.IsValid()
    with pytest.raises(RuntimeError, match="Accessed invalid null prim"):
        prim.GetTypeName()


def test_a_removed_prim_expires_also_when_there_is_a_new_one(context):
    stage = context.get_stage()
    prim = stage.GetPrimAtPath("/World/overview")
    stage.RemovePrim("/World/overview")
    stage.DefinePrim("/World/overview", "Camera")
    assert not prim.IsValid()
    message = "Accessed invalid expired 'Camera' prim </World/overview>"
    with pytest.raises(RuntimeError, match=message):
        prim.GetPath()


def test_a_closed_stage_takes_its_prims_with_it(context):
    stage = context.get_stage()
    prim = stage.GetPrimAtPath("/World/overview")
    assert context.new_stage()
    with pytest.raises(RuntimeError, match="expired"):
        prim.GetPath()
    with pytest.raises(TypeError, match="expired"):
        stage.GetPrimAtPath("/World")
    assert context.get_stage().GetPrimAtPath("/OmniverseKit_Persp")
    assert not context.get_stage().GetPrimAtPath("/World")


def test_paths_are_no_strings_but_equal_to_them(context):
    from pxr import Sdf

    path = context.get_stage().GetPrimAtPath("/World/robot/front").GetPath()
    assert path == "/World/robot/front" == path.pathString
    assert not isinstance(path, str)
    assert path.GetParentPath() == Sdf.Path("/World/robot")
    assert Sdf.Path("/World/a b").isEmpty


def test_stage_events_come_in_order_and_assets_later(kit, context):
    import omni.usd

    types = omni.usd.StageEventType
    seen = []
    kept = context.get_stage_event_stream().create_subscription_to_pop(
        lambda e: seen.append(e.type)
    )
    context.new_stage()
    closing = [types.CLOSING, types.CLOSED]
    opening = [types.OPENING, types.OPENED, types.ASSETS_LOADING]
    assert seen == [int(kind) for kind in closing + opening]
    assert context.get_stage_loading_status() == ("", 0, 2)
    kit.update(2)
    assert seen[-1] == int(types.ASSETS_LOADED)
    assert context.get_stage_loading_status() == ("", 0, 0)
    assert kept


def test_an_events_type_is_not_equal_to_the_enum(kit, context):
    """pybind11's enums compare with themselves alone: int() is needed."""
    import omni.usd

    seen = []
    kept = context.get_stage_event_stream().create_subscription_to_pop(
        lambda e: seen.append(e.type)
    )
    context.new_stage()
    assert omni.usd.StageEventType.OPENED not in seen
    assert int(omni.usd.StageEventType.OPENED) in seen
    assert kept


@pytest.mark.parametrize("profile", ["5.1", "6.0"])
def test_stage_events_have_names_since_107(make_kit, profile):
    make_kit(profile)
    import carb.eventdispatcher
    import omni.usd

    context, seen = omni.usd.get_context(), []
    name = context.stage_event_name(omni.usd.StageEventType.OPENED)
    guard = carb.eventdispatcher.get_eventdispatcher().observe_event(
        event_name=name, on_event=lambda e: seen.append(context.stage_event_type(e.event_name))
    )
    context.new_stage()
    assert seen == [omni.usd.StageEventType.OPENED]
    assert guard


@pytest.mark.parametrize("profile", ["2023.1.1", "4.5"])
def test_before_107_they_have_none(make_kit, profile):
    make_kit(profile)
    import omni.usd

    assert not hasattr(omni.usd.get_context(), "stage_event_name")


def test_while_closing_the_stage_is_still_there_and_then_none_is(kit, context):
    import omni.usd

    types = omni.usd.StageEventType
    seen = []

    def on_event(event):
        if event.type in (int(types.CLOSING), int(types.CLOSED)):
            seen.append((context.get_stage() is None, context.get_stage_state().name))

    kept = context.get_stage_event_stream().create_subscription_to_pop(on_event)
    context.close_stage()
    assert seen == [(False, "CLOSING"), (True, "CLOSED")]
    kit.update(3)
    assert kept


def test_a_stage_is_read_from_a_file(context, tmp_path):
    file = tmp_path / "stage.usd"
    file.write_text(json.dumps({"prims": [{"path": "/Cell/top", "type": "Camera"}]}))
    assert context.open_stage(str(file))
    assert context.get_stage_url() == str(file)
    assert "/Cell/top" in cameras(context.get_stage())
    finished = []
    assert not context.open_stage("/nowhere.usd", lambda ok, error: finished.append((ok, error)))
    assert finished[0][0] is False and "/nowhere.usd" in finished[0][1]
    assert "/Cell/top" in cameras(context.get_stage())
