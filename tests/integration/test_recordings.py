# SPDX-License-Identifier: MIT
"""The recording commands of docs/operations.md: each frame at its time, whatever the agent does."""

from __future__ import annotations

import pathlib
import re
import shlex
import signal
import subprocess
import time
from collections.abc import Callable
from typing import Any

import pytest
from testlib.agents import Agent
from testlib.build import ROOT
from testlib.waiting import wait_until

from headcam.sources import testcode

pytestmark = [pytest.mark.once, pytest.mark.alone]

WIDTH, HEIGHT = 640, 480
SIZE = f"{WIDTH}x{HEIGHT}"
FPS = 10.0
FILES = ["recording.mkv", "recording.mp4", "recording.webm", "index.m3u8"]
#: Of the time between two frames' arrivals, what may be missing or too much.
JITTER_S = 0.5
#: At a start players look at some frames ahead of the film; of a late first one the rest is early.
START_S = 2.0


def documented_command(output: str, url: str) -> list[str]:
    """The command with that output, and another URL."""
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / "docs/operations.md").read_text(), re.DOTALL)
    found = [block for block in blocks if block.rstrip().endswith(output)]
    assert len(found) == 1, f"commands that write {output}: {found}"
    return shlex.split(found[0].replace("\\\n", "").replace("http://HOST:8080/", url))


def stamps_of(path: pathlib.Path) -> list[float]:
    """When each frame is to be shown, in seconds."""
    fields = ["-show_entries", "packet=pts_time", "-of", "csv=p=0"]
    done = subprocess.run(
        ["ffprobe", "-v", "error", "-select_streams", "v", *fields, str(path)],
        capture_output=True,
        check=True,
        text=True,
    )
    return sorted(float(line.strip(",")) for line in done.stdout.split())


def codes_of(path: pathlib.Path) -> list[testcode.TestCode | None]:
    """What the test card's strip says in each frame."""
    gray = ["-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "gray", "-"]
    done = subprocess.run(
        ["ffmpeg", "-nostdin", "-v", "error", "-i", str(path), *gray], capture_output=True
    )
    assert done.returncode == 0, done.stderr
    starts = range(0, len(done.stdout), WIDTH * HEIGHT)
    frames = [done.stdout[start:start + WIDTH * HEIGHT] for start in starts]
    return [testcode.decode(frame, WIDTH, HEIGHT) for frame in frames]


def test_each_frame_is_recorded_at_its_time(
    server: Any, start_agent: Callable[..., Agent], directory: pathlib.Path
) -> None:
    """A stall of the simulator, and another agent; the film is as long as it all took."""
    agent = start_agent(server, size=SIZE, fps=FPS)
    server.wait_state("front")
    players = [
        subprocess.Popen(
            documented_command(name, server.url),
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for name in FILES
    ]
    try:
        wait_until(lambda: server.status()["viewers"] == len(FILES), what="all of them")
        began_s = time.monotonic()
        watcher = server.watch("/stream/front")
        watcher.wait_more(30)
        agent.pause()
        watcher.next("no-signal")
        agent.go_on()
        watcher.next("live")
        agent.kill()
        start_agent(server, size=SIZE, fps=FPS)
        watcher.next("repeat")
        watcher.next("live")
        watcher.wait_more(25)
        took_s = time.monotonic() - began_s
        for player in players:
            player.send_signal(signal.SIGINT)
        for player in players:
            player.wait(timeout=60)
    finally:
        for player in players:
            player.kill()
            player.wait()

    for name in FILES:
        check_film(directory / name, took_s, is_whole=not name.endswith("m3u8"))


def check_film(path: pathlib.Path, took_s: float, is_whole: bool) -> None:
    """A playlist holds the end only, and shows a frame again where none came in time."""
    stamps, codes = stamps_of(path), codes_of(path)
    assert len(stamps) == len(codes) > 3 * FPS
    if is_whole:
        assert abs(stamps[-1] - stamps[0] - took_s) < START_S, path.name
    late = {}
    for stamp, code in zip(stamps, codes):
        if code and (code.time_ms, code.frame) not in late:  # shown for the first time
            late[(code.time_ms, code.frame)] = stamp - code.time_ms / 1000
    usual = sorted(late.values())[len(late) // 2]
    astray = [f"{value - usual:.2f}" for value in late.values() if abs(value - usual) > JITTER_S]
    assert len(late) > 2 * FPS
    assert len(astray) <= len(late) // 10, f"{path.name}: {astray} s of {len(late)} frames"
