# SPDX-License-Identifier: MIT
"""streams: what the setting says."""

import pytest

from headcam import wire
from headcam.isaac import streams
from headcam.isaac.streams import StreamSpec, Wanted


@pytest.mark.parametrize(
    "text, spec",
    [
        ("viewport", StreamSpec("viewport")),
        ("viewport@1920x1080", StreamSpec("viewport", size=(1920, 1080))),
        ("main=viewport", StreamSpec("main")),
        ("viewport:Viewport 2", StreamSpec("Viewport_2", window="Viewport 2")),
        ("left=viewport:Left@64x48", StreamSpec("left", window="Left", size=(64, 48))),
        ("front=/World/Robot/Camera", StreamSpec("front", "/World/Robot/Camera")),
        ("front=/World/Cam@1280x720", StreamSpec("front", "/World/Cam", size=(1280, 720))),
        (" front = /World/Cam @ 1280x720 ", StreamSpec("front", "/World/Cam", size=(1280, 720))),
        ("/World/Robot/Camera", StreamSpec("Camera", "/World/Robot/Camera")),
        ("persp=/OmniverseKit_Persp", StreamSpec("persp", "/OmniverseKit_Persp")),
    ],
)
def test_one_stream(text, spec):
    assert streams.parse(text) == Wanted((spec,))


def test_several_streams_in_their_order():
    names = [spec.name for spec in streams.parse("viewport, b=/B ,a=/A,").specs]
    assert names == ["viewport", "b", "a"]


def test_auto_stands_beside_others_and_may_have_a_size():
    assert streams.parse("auto") == Wanted((), auto=True)
    assert streams.parse("viewport,auto@640x480") == Wanted(
        (StreamSpec("viewport"),), auto=True, auto_size=(640, 480)
    )


def test_nothing_is_no_stream():
    assert streams.parse("") == streams.parse(" , ") == Wanted(())


def test_two_cameras_of_one_name_are_told_apart_by_their_parents():
    specs = streams.parse("/World/Left/Camera,/World/Right/Camera").specs
    assert [spec.name for spec in specs] == ["Camera", "Right.Camera"]


@pytest.mark.parametrize(
    "text, words",
    [
        ("front", "'front': write NAME=/PATH/OF/CAMERA"),
        ("front=", "NAME=/PATH/OF/CAMERA"),
        ("front=/", "NAME=/PATH/OF/CAMERA"),
        ("front=World/Cam", "NAME=/PATH/OF/CAMERA"),
        ("fr ont=/World/Cam", "'fr ont' cannot name a stream"),
        ("=/World/Cam@0x1", "'0x1' is no size"),
        ("front=/World/Cam@1280", "'1280' is no size"),
        ("front=/World/Cam@", "'' is no size"),
        ("viewport,viewport", "there is a stream 'viewport' already"),
        ("a=/A,a=/B", "'a=/B': there is a stream 'a' already"),
        ("a" * 65 + "=/A", "cannot name a stream"),
    ],
)
def test_what_is_wrong_is_named(text, words):
    with pytest.raises(ValueError) as raised:
        streams.parse(text)
    assert words in str(raised.value)


@pytest.mark.parametrize(
    "path, taken, name",
    [
        ("/World/Camera", (), "Camera"),
        ("/World/Camera", ("Camera",), "World.Camera"),
        ("/World/Camera", ("Camera", "World.Camera"), "World.Camera-2"),
        ("/World/Camera", ("Camera", "World.Camera", "World.Camera-2"), "World.Camera-3"),
        ("/World/Kamera_süd", (), "Kamera_s_d"),
        ("/" + "a" * 100, (), "a" * 64),
    ],
)
def test_a_cameras_name(path, taken, name):
    assert streams.name_of(path, taken) == name
    assert wire.check_name(name)


def test_a_long_path_still_gets_a_name_of_its_own():
    path = "/" + "a" * 100
    taken = []
    for _ in range(12):
        taken.append(wire.check_name(streams.name_of(path, taken)))
    assert len(set(taken)) == 12
