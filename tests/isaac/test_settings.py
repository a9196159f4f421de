# SPDX-License-Identifier: MIT
"""settings: arguments, Kit's settings, variables, defaults, and what is wrong with them."""

import pytest

from headcam import endpoint
from headcam.isaac import settings
from headcam.isaac.streams import StreamSpec
from headcam.options import BadOption


def resolve(kit=None, arguments=None, environment=None):
    paths = {settings.PREFIX + key: value for key, value in (kit or {}).items()}
    return settings.resolve(paths.get, arguments or {}, environment or {})


def test_the_defaults_stream_the_viewport():
    values = resolve()
    assert values.streams.specs == (StreamSpec("viewport"),)
    assert (values.endpoint, values.fps) == (endpoint.DEFAULT, 30.0)
    assert (values.resolution, values.camera_size) == (None, (1280, 720))
    assert (values.max_streams, values.rest_after) == (16, 10.0)


def test_an_argument_wins_over_the_setting_over_the_variable():
    environment = {"HEADCAM_AGENT_FPS": "5", "HEADCAM_INGEST": "ipc:///run/env"}
    assert resolve(environment=environment).fps == 5.0
    assert resolve(environment=environment).endpoint == "ipc:///run/env"
    assert resolve({"fps": "10", "endpoint": "ipc:///k"}, environment=environment).fps == 10.0
    assert resolve({"fps": "10"}, {"fps": 20}, environment).fps == 20.0


def test_what_is_empty_counts_as_not_given():
    values = resolve({"fps": "", "streams": "", "endpoint": ""}, {"resolution": None})
    assert values == resolve()


def test_values_come_as_kit_reads_them_from_its_command_line():
    values = resolve({"fps": 12, "maxStreams": 3, "restAfter": 2.5, "resolution": "640x480"})
    assert (values.fps, values.max_streams, values.rest_after) == (12.0, 3, 2.5)
    assert values.resolution == values.camera_size == (640, 480)


def test_a_resolution_may_be_a_pair():
    assert resolve(arguments={"resolution": (1920, 1080)}).resolution == (1920, 1080)


def test_streams_may_be_a_list():
    """As a .kit file has them."""
    wanted = resolve({"streams": ["viewport", "front=/World/Camera@320x240"]}).streams
    assert [spec.name for spec in wanted.specs] == ["viewport", "front"]
    assert resolve({"streams": []}) == resolve()


@pytest.mark.parametrize(
    "kit, arguments, environment, words",
    [
        ({"fps": 0}, {}, {}, "--/exts/headcam.capture/fps: '0' is no frame rate"),
        ({"fps": True}, {}, {}, "--/exts/headcam.capture/fps: 'True' is no frame rate"),
        ({"maxStreams": 0}, {}, {}, "--/exts/headcam.capture/maxStreams: '0': write a number"),
        ({"restAfter": -1}, {}, {}, "--/exts/headcam.capture/restAfter: '-1': write seconds"),
        ({"restAfter": "nan"}, {}, {}, "write seconds"),
        ({}, {"fps": "fast"}, {}, "fps: 'fast' is no frame rate"),
        ({}, {"streams": "front"}, {}, "streams: 'front': write NAME="),
        ({}, {}, {"HEADCAM_AGENT_RESOLUTION": "big"}, "HEADCAM_AGENT_RESOLUTION: 'big' is no"),
        ({}, {}, {"HEADCAM_AGENT_MAX_STREAMS": "x"}, "HEADCAM_AGENT_MAX_STREAMS: 'x'"),
    ],
)
def test_what_is_wrong_is_named(kit, arguments, environment, words):
    with pytest.raises(BadOption) as raised:
        resolve(kit, arguments, environment)
    assert words in str(raised.value)
