# SPDX-License-Identifier: MIT
"""The examples run as their first lines say, on every release that they name."""

import contextlib
import itertools
import json
import os
import pathlib
import re
import runpy
import signal
import subprocess
import sys
import time
import types

import numpy
import pytest
from conftest import ROOT
from fake_server import wait_until
from test_tensors import Tensor

from headcam.sources import testcode
from headcam.wire import PixelFormat, State

EXAMPLES = ROOT / "capture_agent" / "examples"
SIMULATOR = str(ROOT / "tests" / "fakekit" / "isaac-sim")
LOADED_S = 60.0


@contextlib.contextmanager
def simulator(endpoint, *arguments):
    """The fake Isaac Sim as a process; gives its report, which is there once it has ended."""
    report = {}
    path = pathlib.Path(endpoint.removeprefix("ipc://")).parent / "report.json"
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("HEADCAM_", "PYTHONPATH"))}
    process = subprocess.Popen(
        [sys.executable, SIMULATOR, "--report", str(path), *arguments],
        env={**kept, "HEADCAM_INGEST": endpoint},
        cwd=path.parent,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield report
        process.send_signal(signal.SIGINT)
        process.wait(LOADED_S)
    finally:
        process.kill()
        _, errors = process.communicate()
        print(errors)  # pytest shows it where something failed
    assert process.returncode == 0
    assert "Traceback" not in errors
    report.update(json.loads(path.read_text()))


def watch(server, name):
    """Watches a stream, until it has brought two pictures of different updates."""
    deadline_s = time.monotonic() + LOADED_S
    while not server.announcements:  # a process starts slowly where many do
        assert time.monotonic() < deadline_s, "the simulator did not start"
        time.sleep(0.01)
    server.watch(name)
    topic = f"{name}/".encode()
    first = server.wait_frame(lambda frame: frame.topic == topic, since=0)
    later = server.wait_frame(
        lambda frame: frame.topic == topic and frame.header.update > first.header.update
    )
    server.leave(name)
    assert later.header.format is PixelFormat.RGBA
    return later


def code_in(frame):
    """The number of the update that the fake Isaac Sim drew into the picture."""
    gray = frame.payload[1::4]  # green: the strip is black and white
    return testcode.decode(gray, frame.header.width, frame.header.height).frame


@pytest.mark.parametrize("profile", ["2023.1.1", "4.5", "5.1", "6.0"])
def test_the_standalone_script_shows_its_viewport_and_its_camera(server, endpoint, profile):
    script = str(EXAMPLES / "standalone.py")
    with simulator(endpoint, "--profile", profile, script) as report:
        frame = watch(server, "front")
        assert (frame.header.width, frame.header.height) == (1280, 720)
        assert 0 < code_in(frame) <= frame.header.update
        watch(server, "viewport")
    server.wait_announcement(lambda said: said.state is State.ENDED, since=0)
    assert report["violations"] == []
    assert report["errors"] == []


@pytest.mark.parametrize("profile", ["2023.1.1", "5.1"])
def test_a_script_for_exec_streams_its_arguments(server, endpoint, profile):
    """And goes on when Kit has dropped the script's names."""
    command = f"{EXAMPLES / 'exec_capture.py'} viewport front=/World/robot/front@320x240"
    flags = ("--profile", profile, "--no-window", "--allow-root", "--exec", command)
    with simulator(endpoint, *flags) as report:
        frame = watch(server, "front")
        assert (frame.header.width, frame.header.height) == (320, 240)
        watch(server, "viewport")
    server.wait_announcement(lambda said: said.state is State.ENDED, since=0)
    assert report["violations"] == []
    assert report["errors"] == []


def test_a_script_for_exec_streams_the_viewport_without_arguments(server, endpoint):
    """The one flag of README.md."""
    script = str(EXAMPLES / "exec_capture.py")
    with simulator(endpoint, "--no-window", "--allow-root", "--exec", script) as report:
        watch(server, "viewport")
    assert report["errors"] == []


# ---- Isaac Lab ----
#
# Of it there are only stand-ins: they show that the script is sound in itself, not that it fits.

ENVS, HEIGHT, WIDTH = 3, 4, 6


class AppLauncher:
    """isaaclab.app.AppLauncher."""

    is_running = None

    def __init__(self, arguments):
        assert arguments.headless and arguments.enable_cameras
        self.app = types.SimpleNamespace(is_running=self.is_running, close=lambda: None)

    @staticmethod
    def add_app_launcher_args(parser):
        parser.add_argument("--headless", action="store_true")
        parser.add_argument("--enable_cameras", action="store_true")
        parser.add_argument("--device", default="cuda:0")


class Environment:
    """A task's environment with a camera: its pictures count the steps."""

    action_space = types.SimpleNamespace(shape=(ENVS, 1))
    device = "cuda:0"

    def __init__(self, wrap):
        self.scene = {"tiled_camera": self}
        self._wrap = wrap
        self._steps = itertools.count()

    @property
    def unwrapped(self):
        return self

    @property
    def data(self):
        return types.SimpleNamespace(output={"rgb": self._wrap(Tensor(self._pictures))})

    def reset(self):
        self.step(None)

    def step(self, actions):
        envs = numpy.arange(ENVS, dtype=numpy.uint8).reshape(ENVS, 1, 1, 1)
        pictures = numpy.zeros((ENVS, HEIGHT, WIDTH, 3), numpy.uint8) + envs * 50
        pictures[..., 1] = next(self._steps) % 50
        self._pictures = pictures

    def close(self):
        pass


def modules(environment):
    """What isaac_lab.py imports."""
    torch = types.SimpleNamespace(
        inference_mode=contextlib.nullcontext, rand=lambda shape, device: numpy.zeros(shape)
    )
    return {
        "isaaclab": types.SimpleNamespace(),
        "isaaclab.app": types.SimpleNamespace(AppLauncher=AppLauncher),
        "gymnasium": types.SimpleNamespace(make=lambda task, cfg: environment),
        "isaaclab_tasks": types.SimpleNamespace(),
        "isaaclab_tasks.utils": types.SimpleNamespace(parse_env_cfg=lambda *a, **k: None),
        "torch": torch,
    }


@pytest.mark.parametrize(
    "wrap",
    [lambda tensor: tensor, lambda tensor: types.SimpleNamespace(torch=tensor)],
    ids=["Isaac Lab 2: a tensor", "Isaac Lab 3: a wrapped tensor"],
)
def test_the_isaac_lab_script_shows_the_first_environment(server, endpoint, monkeypatch, wrap):
    for name, module in modules(Environment(wrap)).items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(AppLauncher, "is_running", staticmethod(lambda: len(server.frames) < 3))
    monkeypatch.setattr(sys, "argv", ["isaac_lab.py", "--headless", "--enable_cameras"])
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("HEADCAM_INGEST", endpoint)
    server.watch("tiled_camera")
    runpy.run_path(str(EXAMPLES / "isaac_lab.py"), run_name="__main__")
    wait_until(lambda: server.announcements[-1].state is State.ENDED)
    frame = server.frames[-1]
    assert (frame.header.width, frame.header.height) == (WIDTH, HEIGHT)
    assert set(frame.payload[0::3]) == {0}  # the first environment's


# ---- all of them ----


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.name)
def test_an_example_begins_with_how_to_run_it(path):
    text = path.read_text()
    compile(text, str(path), "exec")
    usage = re.search(r'^"""(.+?)"""', text, re.DOTALL | re.MULTILINE)
    assert usage and f"examples/{path.name}" in usage[1]
