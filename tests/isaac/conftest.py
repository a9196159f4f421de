# SPDX-License-Identifier: MIT
"""Fixtures for headcam inside Kit: the package, the fake Kit, and the agent's fake server."""

import contextlib
import pathlib
import sys

import pytest

TESTS = pathlib.Path(__file__).resolve().parents[1]
ROOT = TESTS.parent
sys.path[:0] = [str(ROOT / "capture_agent"), *(str(TESTS / name) for name in ("agent", "fakekit"))]

from fake_server import FakeServer  # noqa: E402
from sim import Sim  # noqa: E402


@pytest.fixture
def endpoint(tmp_path):
    """An ipc endpoint of this test's own."""
    return f"ipc://{tmp_path}/ingest.sock"


@pytest.fixture
def server(endpoint):
    """A server that listens to announcements, and wants nothing yet."""
    with FakeServer(endpoint) as fake:
        yield fake


PROFILES = ("2023.1.1", "4.5", "5.1", "6.0")


@pytest.fixture(params=PROFILES)
def sim(request, endpoint, make_sim):
    """A fake Kit of each release in turn."""
    return make_sim(request.param)


@pytest.fixture
def make_sim(endpoint):
    """Makes a fake Kit: make_sim("5.1", warmup_updates=30)."""
    with contextlib.ExitStack() as ends:

        def make(profile="5.1", prims=None, **options):
            return ends.enter_context(Sim(endpoint, profile, options, prims))

        yield make
