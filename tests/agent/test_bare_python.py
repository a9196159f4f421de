# SPDX-License-Identifier: MIT
"""The package in the oldest Python that it promises, and in one that has nothing installed."""

import ast
import os
import subprocess
import sys

import pytest
from conftest import ROOT

OLDEST = (3, 10)
SOURCES = sorted((ROOT / "capture_agent").rglob("*.py"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_it_parses_as_the_oldest_python(path):
    ast.parse(path.read_text(), str(path), feature_version=OLDEST)


def run(code, *arguments):
    """In a Python with its own library and the agent, and nothing else."""
    path = {**os.environ, "PYTHONPATH": str(ROOT / "capture_agent")}
    command = [sys.executable, "-S", "-c", code, *arguments]
    done = subprocess.run(command, env=path, capture_output=True, text=True, timeout=30.0)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("module", ["zmq", "numpy"])
def test_there_is_nothing_installed(module):
    with pytest.raises(AssertionError, match="ModuleNotFoundError"):
        run(f"import {module}")


def test_it_publishes_where_nothing_is_installed(server, endpoint):
    server.watch("front")
    run(
        "import sys, headcam\n"
        "with headcam.Publisher('front', sys.argv[1]) as camera:\n"
        "    assert camera.wait_wanted(10.0)\n"
        "    assert camera.publish(bytes(range(48)), width=4, height=3, format='RGBA')\n"
        "assert not {'zmq', 'numpy'} & set(sys.modules)\n",
        endpoint,
    )
    assert server.wait_frame(since=0).payload == bytes(range(48))


def test_with_pyzmq_it_imports_that_with_the_first_publisher():
    """Where a simulator's start-up is what counts, importing headcam costs little."""
    code = "import sys, headcam; assert not {'zmq', 'numpy'} & set(sys.modules)"
    path = {**os.environ, "PYTHONPATH": str(ROOT / "capture_agent")}
    subprocess.run([sys.executable, "-c", code], env=path, check=True, timeout=30.0)
