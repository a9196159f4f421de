# SPDX-License-Identifier: MIT
"""Isaac Sim, faked, with the extension in its start command: from the renderer to the viewer.

Its Python has neither pyzmq nor numpy, and finds headcam in the extension's folder alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy
import pytest
from testlib import pictures
from testlib.isaac_sim import IsaacSim
from testlib.mjpeg import Part, Viewer
from testlib.waiting import hold, wait_until

pytestmark = pytest.mark.once

CAMERAS = {"front": "/World/robot/front", "rear": "/World/robot/rear"}
STREAMS = ",".join(f"{name}={path}@640x360" for name, path in CAMERAS.items())
PERSP = "/OmniverseKit_Persp"
# What JPEG at quality 80 may change of a flat colour.
COLOR_TOLERANCE = 12


@pytest.fixture
def isaac_sim(start_agent: Callable[..., Any]) -> Callable[..., IsaacSim]:
    """Starts simulators; they are killed at the test's end."""

    def start(server: Any, *arguments: str, **settings: Any) -> IsaacSim:
        simulator: IsaacSim = start_agent(server, *arguments, kind=IsaacSim, **settings)
        return simulator

    return start


def shows(part: Part, camera: str, colors_of: Callable[[str], Any]) -> bool:
    """Whether a picture is this camera's."""
    picture = pictures.decode(part.jpeg)
    height, width, _ = picture.shape
    seen = picture[height // 4, width // 4], picture[height // 4, 3 * width // 4]
    return all(
        numpy.abs(numpy.asarray(one, int) - other).max() <= COLOR_TOLERANCE
        for one, other in zip(seen, colors_of(camera))
    )


def next_live(viewer: Viewer) -> Part:
    """The next live picture."""
    return viewer.next("live")


@pytest.mark.parametrize("profile", ["2023.1.1", "4.5", "5.1", "6.0"])
def test_viewers_see_their_cameras_and_nothing_is_read_for_a_stream_without(
    server: Any, isaac_sim: Callable[..., IsaacSim], colors_of: Callable[[str], Any], profile: str
) -> None:
    simulator = isaac_sim(server, profile, streams=f"viewport,{STREAMS}", fps=60)
    server.wait_state("front", "starting")
    simulator.say("play")
    viewers = [server.watch("/stream/front"), server.watch("/stream/rear"),
               server.watch("/stream/front?fps=10")]  # fmt: skip
    for viewer, camera in zip(viewers, (CAMERAS["front"], CAMERAS["rear"], CAMERAS["front"])):
        for _ in range(10):
            part = next_live(viewer)
            assert shows(part, camera, colors_of)
            # The picture is of the update that its headers name, or of one just before.
            code = pictures.code_of(part.jpeg)
            assert code is not None
            assert 0 <= int(part.headers["X-Headcam-Update"]) - code.frame <= 4
            assert float(part.headers["X-Headcam-Sim-Time"]) >= 0
    report = simulator.report()
    read = {product["camera"] for product in report["products"] if not product["is_viewport"]}
    assert read == set(CAMERAS.values())
    # Two cameras are read, and the viewport, which nobody watches, is not even attached.
    assert len(report["annotators"]) == 2
    assert report["calls"]["Annotator.attach"] == 2
    entry = server.stream("viewport")
    assert (entry["frames"]["received"], entry["wanted"]) == (0, False)
    assert server.stream("front")["transport"] == "ring"


def test_it_runs_for_nobody_at_no_cost_and_for_somebody_at_once(
    server: Any, isaac_sim: Callable[..., IsaacSim]
) -> None:
    simulator = isaac_sim(server, streams=STREAMS, restAfter=1)
    server.wait_state("front", "starting")
    hold(lambda: "Annotator.attach" not in simulator.report()["calls"], 1.0)
    with server.watch("/stream/front") as viewer:
        next_live(viewer)
    server.viewers.remove(viewer)
    wait_until(lambda: simulator.report()["census"]["annotators"] == 0, what="it is detached")
    reads = simulator.report()["calls"]["Annotator.get_data"]
    hold(lambda: simulator.report()["calls"]["Annotator.get_data"] == reads, 1.0)
    assert server.snapshot("/front").status == 200


def test_a_missing_picture_is_explained_to_everybody(
    server: Any, isaac_sim: Callable[..., IsaacSim]
) -> None:
    simulator = isaac_sim(server, streams="front=/World/robot/front,arm=/World/arm/Camera")
    server.wait_state("arm", "starting")
    viewer = server.watch("/stream/arm")
    no_signal = viewer.next("no-signal")
    assert pictures.is_no_signal(no_signal.jpeg)

    def reason() -> str:
        return str(server.stream("arm")["reason"])

    wait_until(lambda: "no camera prim /World/arm/Camera" in reason(), what=reason())
    assert "/World/robot/front" in reason(), "it names the cameras that there are"
    assert "no camera prim" in server.get("/snapshot/arm?timeout=0").text
    simulator.say("define /World/arm/Camera Camera")
    next_live(viewer)
    assert reason() == ""


def test_a_black_stage_is_shown_and_explained(
    server: Any, isaac_sim: Callable[..., IsaacSim]
) -> None:
    simulator = isaac_sim(server)
    server.wait_state("viewport")
    viewer = server.watch("/stream/viewport")
    next_live(viewer)
    simulator.say("remove /World/light")
    wait_until(lambda: "black (mean luma" in server.stream("viewport")["reason"], what="it says so")
    assert server.stream("viewport")["state"] == "live"
    simulator.say("define /World/light DistantLight")
    wait_until(lambda: server.stream("viewport")["reason"] == "", what="it is over")


def test_a_simulator_that_stalls_says_so_and_goes_on(
    server: Any, isaac_sim: Callable[..., IsaacSim]
) -> None:
    simulator = isaac_sim(server, streams=STREAMS)
    server.wait_state("front", "starting")
    viewer = server.watch("/stream/front")
    next_live(viewer)
    simulator.say("stall")
    words = "the application has not updated since"
    wait_until(lambda: words in server.stream("front")["reason"], what="it says so")
    simulator.report()
    next_live(viewer.skip())
    server.wait_state("front")


def test_stages_come_and_go_under_a_viewer(
    server: Any, isaac_sim: Callable[..., IsaacSim], colors_of: Callable[[str], Any]
) -> None:
    simulator = isaac_sim(server, "2023.1.1", streams=f"viewport,{STREAMS}")
    server.wait_state("front", "starting")
    viewer = server.watch("/stream/front")
    for _ in range(5):
        assert shows(next_live(viewer.skip()), CAMERAS["front"], colors_of)
        simulator.say("new_stage")
        wait_until(lambda: "no camera prim" in server.stream("front")["reason"], what="it is gone")
        simulator.say("define /World/light DistantLight")
        simulator.say(f"define {CAMERAS['front']} Camera")
    next_live(viewer.skip())
    assert simulator.report()["census"]["annotators"] == 1


def test_quitting_says_goodbye_and_the_extension_can_be_switched(
    server: Any, isaac_sim: Callable[..., IsaacSim]
) -> None:
    simulator = isaac_sim(server, streams=STREAMS)
    server.wait_state("front", "starting")
    viewer = server.watch("/stream/front")
    next_live(viewer)
    simulator.say("disable headcam.capture")
    server.wait_state("front", "ended")
    assert simulator.report()["census"]["subscriptions"] == 0
    simulator.say("enable headcam.capture")
    next_live(viewer.skip())
    simulator.end()
    server.wait_state("front", "ended")


def test_the_first_lines_of_its_log_say_where_pictures_go(
    server: Any, isaac_sim: Callable[..., IsaacSim]
) -> None:
    simulator = isaac_sim(server)
    server.wait_state("viewport")
    wait_until(lambda: "connected to headcam" in simulator.log(), what="the connection is told")
    assert "viewport in " in simulator.log()
    assert "built-in ZMTP, no pyzmq" in simulator.log()
    assert server.endpoint in simulator.log()


def test_a_wrong_setting_is_an_error_that_names_it(
    server: Any, isaac_sim: Callable[..., IsaacSim]
) -> None:
    simulator = isaac_sim(server, streams="front")
    wait_until(lambda: "nothing is streamed" in simulator.log(), what="the error is logged")
    assert "--/exts/headcam.capture/streams: 'front': write NAME=" in simulator.log()
    hold(lambda: simulator.process.poll() is None, 0.5, "the simulator has ended")
