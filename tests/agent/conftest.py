# SPDX-License-Identifier: MIT
"""Fixtures for the agent's tests: the package on the path, and a server of a few dozen lines."""

import pathlib
import shutil
import sys
import tempfile

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "capture_agent"))
sys.path.insert(0, str(pathlib.Path(__file__).parent))

from fake_server import FakeServer  # noqa: E402

from headcam import ring, sockets  # noqa: E402
from headcam.sockets.unix import UnixSocket  # noqa: E402


@pytest.fixture
def endpoint(tmp_path):
    """An ipc endpoint of this test's own."""
    return f"ipc://{tmp_path}/ingest.sock"


@pytest.fixture
def server(endpoint):
    """A server that listens to announcements, and wants nothing yet."""
    with FakeServer(endpoint) as fake:
        yield fake


@pytest.fixture(params=["pyzmq", "built-in"])
def each_socket(request, monkeypatch):
    """Has a test run twice: with pyzmq, and as if there were none."""
    if request.param == "built-in":
        monkeypatch.setattr(sockets, "_choose", lambda: (UnixSocket, "built-in"))
    return request.param


@pytest.fixture
def tmpfs():
    """A directory on a tmpfs, of this test's own."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix="headcam-test-", dir="/dev/shm"))
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def shm(tmpfs, monkeypatch):
    """What this test's agents and servers take for /dev/shm."""
    directory = tmpfs / "shm"
    directory.mkdir()
    monkeypatch.setattr(ring, "SHM", str(directory))
    return directory


@pytest.fixture(autouse=True)
def rings_of_this_test_only(shm):
    """Every test has a /dev/shm of its own, and at its end no ring is left in it."""
    yield
    assert [path.name for path in shm.glob("*.ring*")] == []
