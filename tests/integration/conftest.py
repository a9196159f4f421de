# SPDX-License-Identifier: MIT
"""Fixtures: servers, agents and producers, and what is asked of each server at its end."""

from __future__ import annotations

import contextlib
import pathlib
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest

HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "capture_agent"), str(HERE.parent / "fakekit")]

import fakekit  # noqa: E402
from testlib.agents import Agent, TestCard  # noqa: E402
from testlib.producer import Link, Producer  # noqa: E402
from testlib.server import Server  # noqa: E402


@pytest.fixture
def directory() -> Iterator[pathlib.Path]:
    """A directory with a name that is short enough for a socket's path."""
    path = tempfile.mkdtemp(prefix="headcam-")
    yield pathlib.Path(path)
    shutil.rmtree(path)


@pytest.fixture
def start_agent() -> Iterator[Callable[..., Agent]]:
    """Starts agents, by default a test card; they are killed at the test's end."""
    with contextlib.ExitStack() as ends:

        def start(server: Server, *arguments: Any, kind: type = TestCard, **options: Any) -> Agent:
            agent: Agent = kind(server, *arguments, **options)
            ends.callback(agent.kill)
            return agent

        yield start


@pytest.fixture
def connect() -> Iterator[Callable[..., Any]]:
    """Connects producers; they go away at the test's end."""
    with contextlib.ExitStack() as ends:

        def start(server: Server, *arguments: Any, kind: type = Producer, **options: Any) -> Link:
            link: Link = kind(server.endpoint, *arguments, **options)
            ends.callback(link.close)
            return link

        yield start


@pytest.fixture
def start_server(
    directory: pathlib.Path, start_agent: Callable[..., Agent], connect: Callable[..., Any]
) -> Iterator[Callable[..., Server]]:
    """Starts servers; at the test's end each ends within a second, and cleanly.

    Viewers are still there then, and so are agents and producers.
    """
    with contextlib.ExitStack() as ends:

        def start(*flags: str, **options: Any) -> Server:
            server = Server(directory, *flags, **options)
            ends.callback(server.close)
            return server

        yield start


@pytest.fixture
def colors_of() -> Callable[[str], Any]:
    """The colours that a camera of the fake Isaac Sim shows: left and right, RGB."""
    function: Callable[[str], Any] = fakekit.colors_of
    return function


@pytest.fixture
def server(start_server: Callable[..., Server]) -> Server:
    """A server with nothing but defaults."""
    return start_server()
