# SPDX-License-Identifier: MIT
"""Fixtures: servers, agents and producers, and what is asked of each server at its end."""

from __future__ import annotations

import contextlib
import pathlib
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest

HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "capture_agent"), str(HERE.parent / "fakekit")]

import fakekit  # noqa: E402
from testlib.agents import Agent, TestCard  # noqa: E402
from testlib.certificates import Authority  # noqa: E402
from testlib.login import TOKEN, bearer, standard_lines, write_auth_file  # noqa: E402
from testlib.pictures import STILL  # noqa: E402
from testlib.producer import Link, Producer  # noqa: E402
from testlib.server import Server  # noqa: E402
from testlib.waiting import wait_until  # noqa: E402


def pytest_configure(config: pytest.Config) -> None:
    # Ignored in what a shell without a terminal has put into the background, and in its children.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    config.addinivalue_line(
        "markers",
        "alone: no other test runs meanwhile, for it shares something with the whole machine"
        " (/dev/shm), or looks at how soon things happen",
    )
    config.addinivalue_line(
        "markers",
        "once: of the release build alone, for it tells more of the agent than of the server",
    )
    config.addinivalue_line(
        "markers",
        "no_tsan: not with the thread sanitizer, for it is about one request or start, or how soon"
        " things happen, which are the same with it, only slower",
    )


@pytest.fixture
def directory() -> Iterator[pathlib.Path]:
    """A directory with a name that is short enough for a socket's path."""
    path = tempfile.mkdtemp(prefix="headcam-")
    yield pathlib.Path(path)
    shutil.rmtree(path)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Issues certificates."""
    return Authority(tmp_path_factory.mktemp("authority"))


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
    """Starts servers; at the test's end each ends when it is told to, and cleanly.

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


@pytest.fixture
def auth_file(directory: pathlib.Path) -> pathlib.Path:
    """The standard file."""
    return write_auth_file(directory / "auth", standard_lines())


@pytest.fixture
def start_guarded(
    start_server: Callable[..., Server], auth_file: pathlib.Path
) -> Callable[..., Server]:
    """Starts servers with that file."""

    def start(*flags: str, **options: Any) -> Server:
        server = start_server("--auth-file", str(auth_file), *flags, **options)
        server.login = bearer(TOKEN)
        return server

    return start


@pytest.fixture
def guarded(start_guarded: Callable[..., Server]) -> Server:
    """A server with that file, and defaults."""
    return start_guarded()


@pytest.fixture
def publish(connect: Callable[..., Any]) -> Callable[..., Producer]:
    """Publishes streams of one frame, a JPEG of known bytes, on guarded servers."""

    def start(server: Server, name: str) -> Producer:
        producer: Producer = connect(server, name, 64, 48, "JPEG", stride=0)
        server.wait_state(name)
        others = server.status()["viewers"]
        with server.watch(f"/stream/{name}", f"Authorization: Bearer {TOKEN}") as viewer:
            viewer.wait_status()
            producer.wait_wanted()
            producer.send_frame(STILL, sequence=1)
            viewer.next("live")
        wait_until(lambda: server.status()["viewers"] == others, what="the viewer has left")
        return producer

    return start


@pytest.fixture
def cameras(guarded: Server, publish: Callable[..., Producer]) -> list[Producer]:
    """Streams rear, the default one, and front."""
    return [publish(guarded, name) for name in ("rear", "front")]
