# SPDX-License-Identifier: MIT
"""The Kit extension headcam.capture: what enabling and disabling it does."""

import pytest
from conftest import ROOT
from fake_server import wait_until

from headcam.wire import State

NAME = "headcam.capture"


@pytest.fixture
def extension(make_sim, endpoint, monkeypatch):
    """The extension in a fake Kit, off; and the fake Kit."""
    monkeypatch.setenv("HEADCAM_INGEST", endpoint)
    sim = make_sim("5.1")
    sim.fake.extensions.add_folder(str(ROOT / "capture_agent" / "exts"))
    return sim.fake.extensions.find(NAME), sim


def states(sim, state):
    return {one.instance for one in sim.server.announcements if one.state is state}


def test_one_object_is_started_and_it_says_goodbye(extension):
    it, sim = extension
    sim.fake.extensions.switch(NAME, True)
    assert [type(one).__name__ for one in it.objects] == ["HeadcamCapture"]
    wait_until(lambda: len(states(sim, State.STARTING)) == 1)
    sim.fake.extensions.switch(NAME, False)
    wait_until(lambda: len(sim.ended()) == 1)


def test_it_can_be_disabled_and_enabled_again(extension):
    _, sim = extension
    for count in range(1, 4):
        sim.fake.extensions.switch(NAME, True)
        wait_until(lambda: len(states(sim, State.STARTING)) == count)
        sim.fake.extensions.switch(NAME, False)
        wait_until(lambda: len(sim.ended()) == count)


def test_a_wrong_setting_is_logged_and_kit_goes_on(extension):
    _, sim = extension
    sim.fake.settings.store("/exts/headcam.capture/fps", "fast")
    sim.fake.extensions.switch(NAME, True)
    (line,) = sim.logged("nothing is streamed")
    assert "--/exts/headcam.capture/fps: 'fast' is no frame rate" in line
    sim.fake.extensions.switch(NAME, False)
