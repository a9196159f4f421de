# SPDX-License-Identifier: MIT
"""Agents crash, simulators stall, servers are restarted: who watches stays, and sees it all."""

from __future__ import annotations

import concurrent.futures
import signal
import time
from collections.abc import Callable
from typing import Any

from testlib import pictures
from testlib.mjpeg import Part, Viewer
from testlib.waiting import wait_until

import headcam

RESTARTS = 20
SILENCE_S = 30.0
SIZE = (320, 240)


def shows_no_signal(part: Part) -> bool:
    """With advance headers a part does not say what it is; its picture does."""
    return part.headers.get("X-Headcam-State", "no-signal") == "no-signal" and (
        pictures.is_no_signal(part.jpeg)
    )


def shows_test_card(part: Part) -> bool:
    """A live picture, as a person tells it."""
    return part.headers.get("X-Headcam-State", "live") == "live" and (
        pictures.code_of(part.jpeg) is not None
    )


def watch_in_three_ways(server: Any, name: str) -> list[Viewer]:
    """As fast as it comes, at a rate of its own, and as Chromium likes it."""
    queries = ("", "?fps=8", "?advance_headers=1")
    return [server.watch(f"/stream/{name}{query}") for query in queries]


def all_see(viewers: list[Viewer], kind: Callable[[Part], bool]) -> list[Part]:
    """What each of them sees next of that kind, from now on."""
    for viewer in viewers:
        viewer.skip()
    return [viewer.next(where=kind) for viewer in viewers]


def test_a_second_agent_of_a_name_says_so_and_captures_nothing(
    server: Any, start_agent: Any
) -> None:
    """Until the first one ends; then it goes on by itself."""
    first = start_agent(server, "front")
    viewer = server.watch("/stream/front")
    viewer.next("live")
    second = headcam.Publisher("front", server.endpoint)
    try:
        wait_until(lambda: second.refusal, what="the refusal")
        assert "another producer has this name" in second.refusal
        assert not second.wanted
        assert not second.publish(bytes(3 * 16 * 16), width=16, height=16, format="RGB")
        viewer.skip().next("live", where=shows_test_card)
        first.kill()
        assert second.wait_wanted(SILENCE_S)
        assert second.refusal == ""
        assert second.publish(bytes(3 * 16 * 16), width=16, height=16, format="RGB")
        viewer.next("live", where=lambda part: pictures.size(part.jpeg) == (16, 16))
    finally:
        second.close()
    assert server.stream("front")["conflicts"] > 0


def restart_again_and_again(server: Any, start_agent: Any) -> list[Viewer]:
    """Kills the agent of "crash" and starts another, 20 times."""
    agent = start_agent(server, "crash")
    viewers = watch_in_three_ways(server, "crash")
    all_see(viewers, shows_test_card)
    for _ in range(RESTARTS):
        agent.kill()
        # It waits for the name, which belongs to the dead agent for two seconds more.
        agent = start_agent(server, "crash")
        for part in all_see(viewers, shows_no_signal):
            assert pictures.size(part.jpeg) == SIZE
        all_see(viewers, shows_test_card)
    return viewers


def stall_for_long(server: Any, start_agent: Any) -> list[Viewer]:
    """Stops the agent of "stall" for 30 seconds."""
    agent = start_agent(server, "stall")
    viewers = watch_in_three_ways(server, "stall")
    all_see(viewers, shows_test_card)

    agent.pause()
    began_s = time.monotonic()
    all_see(viewers, shows_no_signal)
    wait_until(lambda: server.stream("stall")["state"] == "lost", what="the agent is missed")
    counted_s, counts = time.monotonic(), [len(viewer.parts) for viewer in viewers]
    while time.monotonic() - began_s < SILENCE_S:
        viewers[0].next()
    seconds = time.monotonic() - counted_s
    agent.go_on()
    for viewer, count in zip(viewers, counts):
        # A part a second keeps the connection and the eye of a watchdog.
        assert len(viewer.parts) - count >= 0.7 * seconds - 1
    all_see(viewers, shows_test_card)
    return viewers


def test_nobody_is_disconnected_by_20_crashes_and_30_s_of_silence(
    start_server: Any, start_agent: Any
) -> None:
    """Each time every viewer sees that the signal is gone, then the picture, on one connection."""
    server = start_server("--no-signal-after", "1")
    with concurrent.futures.ThreadPoolExecutor() as threads:
        stories = [
            threads.submit(story, server, start_agent)
            for story in (restart_again_and_again, stall_for_long)
        ]
        viewers = [viewer for story in stories for viewer in story.result()]
    for viewer in viewers:
        viewer.check()
    assert server.status()["viewers"] == len(viewers) == 6
    assert server.log().count("stream crash: live") >= RESTARTS + 1


def test_an_agent_survives_its_server(start_server: Any, start_agent: Any) -> None:
    """The server crashes and leaves its socket file; the next takes its place, and it goes on."""
    first = start_server()
    agent = start_agent(first, "front")
    first.watch().next("live")

    first.kill()
    assert first.socket_path.is_socket(), "a killed server cannot clean up"
    second = start_server(listen=f"127.0.0.1:{first.address.port}", endpoint=first.endpoint)

    part = second.watch("/stream/front").next("live")
    assert pictures.code_of(part.jpeg)
    assert agent.process.poll() is None

    second.end()
    assert agent.process.poll() is None


def test_an_agent_that_ends_says_so(server: Any, start_agent: Any) -> None:
    """The viewers learn that it was meant, and the name is free at once."""
    agent = start_agent(server, "front")
    viewer = server.watch()
    viewer.next("live")

    agent.process.send_signal(signal.SIGTERM)
    assert agent.process.wait(timeout=10) == 0
    assert "ended" in server.wait_state("front", "ended")["reason"]
    start_agent(server, "front")

    viewer.skip().next("live")
    assert server.stream("front")["conflicts"] == 0
