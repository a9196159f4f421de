# SPDX-License-Identifier: MIT
"""An agent whose Python has neither pyzmq nor numpy, as a stock Isaac Sim: the same picture.

`python3 -S` leaves out site-packages, and with it everything that is not Python's own.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest
from testlib import pictures
from testlib.agents import Agent, TestCard
from testlib.mjpeg import Part
from testlib.waiting import wait_until

pytestmark = pytest.mark.once

RESTARTS = 5
#: Many frames' time.
QUIET_S = 0.5


class BareTestCard(TestCard):
    """A test card, drawn and sent by Python alone."""

    python = (sys.executable, "-S")


class InlineTestCard(TestCard):
    """One that can make no file of the size of a ring."""

    python = ("sh", "-c", 'ulimit -f 1000; exec "$@"', "sh", *BareTestCard.python)


@pytest.fixture
def start(start_agent: Callable[..., Agent]) -> Callable[..., Agent]:
    """Starts test cards without pyzmq."""

    def start(server: Any, **options: Any) -> Agent:
        return start_agent(server, **{"kind": BareTestCard, **options})

    return start


def test_there_is_no_zmq_in_these_tests() -> None:
    """Or they would show nothing."""
    for module in ("zmq", "numpy"):
        done = subprocess.run([*BareTestCard.python, "-c", f"import {module}"], capture_output=True)
        assert b"ModuleNotFoundError" in done.stderr


def test_the_picture_is_live_and_goes_by_the_ring(server: Any, start: Any) -> None:
    """By itself, and the log says how."""
    agent = start(server)
    viewer = server.watch("/stream/front")
    viewer.next("live")
    wait_until(lambda: server.stream("front")["transport"] == "ring", what="frames by the ring")
    viewer.skip().wait_more(30)
    first, last = (pictures.code_of(part.jpeg) for part in (viewer.parts[-30], viewer.parts[-1]))
    assert first and last and last.frame > first.frame
    assert server.rejected() == 0
    assert "built-in ZMTP, no pyzmq" in agent.log()


def test_nothing_is_sent_while_nobody_watches(server: Any, start: Any) -> None:
    """Viewers come and go; the frames do with them."""

    def received() -> Any:
        return server.stream("front")["frames"]["received"]

    def is_quiet() -> bool:
        before = received()
        time.sleep(QUIET_S)
        return bool(received() == before)

    start(server)
    server.wait_state("front")
    for _ in range(3):
        viewer = server.watch("/stream/front")
        viewer.next("live")
        viewer.close()
        wait_until(lambda: not server.stream("front")["wanted"], what="the end of the demand")
        wait_until(is_quiet, what="the last frame")


def test_the_wanted_rate_is_kept(server: Any, start: Any) -> None:
    """The server's own messages are understood, too."""
    start(server)
    viewer = server.watch("/stream/front?fps=5")
    viewer.next("live")
    before = server.stream("front")["frames"]["received"]
    parts = viewer.skip().wait_more(10)
    assert parts[-1].arrived_s - parts[0].arrived_s >= 9 / 5 * 0.8
    assert server.stream("front")["frames"]["received"] - before <= 10 + 4


@pytest.mark.parametrize("kind", [BareTestCard, InlineTestCard])
def test_a_server_that_is_killed_again_and_again_is_found(
    start_server: Any, start: Any, kind: type
) -> None:
    """Each finds its agent by itself, with the picture."""
    server = start_server()
    agent = start(server, kind=kind)
    for _ in range(RESTARTS):
        server.watch("/stream/front").next("live")
        server.kill()
        server = start_server(
            listen=f"127.0.0.1:{server.address.port}", endpoint=server.endpoint
        )
    part = server.watch("/stream/front").next("live")
    assert pictures.code_of(part.jpeg)
    assert agent.process.poll() is None


def test_an_agent_that_is_killed_is_followed_by_the_next(server: Any, start: Any) -> None:
    """The viewer stays, and sees it go on."""
    agent = start(server)
    viewer = server.watch("/stream/front")
    for _ in range(2):
        viewer.skip().next("live")
        agent.kill()
        server.wait_state("front", "lost")
        agent = start(server)
    viewer.skip().next("live")
    viewer.check()


def test_an_agent_that_ends_says_so(server: Any, start: Any) -> None:
    """With frames under way."""
    agent = start(server)
    server.watch("/stream/front").next("live")
    agent.process.send_signal(signal.SIGTERM)
    assert agent.process.wait(timeout=10) == 0
    server.wait_state("front", "ended")


def test_large_frames_come_whole_inline(server: Any, start: Any) -> None:
    """Where no ring can be, megabytes go through the socket; a server that stands still, too."""
    start(server, kind=InlineTestCard, size="1920x1080")
    viewer = server.watch("/stream/front")
    viewer.next("live")

    def check(part: Part) -> int:
        code = pictures.code_of(part.jpeg)
        assert code, "the strip cannot be read"
        return code.frame

    numbers = [check(viewer.next("live")) for _ in range(10)]
    server.process.send_signal(signal.SIGSTOP)
    time.sleep(1.0)
    server.process.send_signal(signal.SIGCONT)
    numbers += [check(viewer.next("live")) for _ in range(10)]
    assert numbers == sorted(numbers)
    stream = server.stream("front")
    assert stream["transport"] == "inline"
    assert "no ring in" in stream["transport_reason"]
    assert server.rejected() == 0
