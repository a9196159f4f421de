# SPDX-License-Identifier: MIT
"""A slow viewer sees few but fresh frames, and costs nobody else anything."""

from __future__ import annotations

import os
import pathlib
import re
import subprocess
import time
from typing import Any

import pytest
from testlib import pictures
from testlib.build import IS_SANITIZED, SLOWNESS
from testlib.certificates import Authority
from testlib.http import UnixAddress, get_request
from testlib.mjpeg import Viewer
from testlib.waiting import hold, wait_until

SMALL_BUFFER = 4096
KERNEL_BYTES = 128 * 1024
WIDTH, HEIGHT = 640, 480
FPS = 20.0


@pytest.fixture(params=["tcp", "tls", "unix"])
def where(request: Any, directory: pathlib.Path, authority: Authority) -> dict[str, Any]:
    """Where the server listens. Behind a unix socket there is a proxy, as a rule."""
    if request.param == "unix":
        return {"listen": f"unix:{directory}/http.sock"}
    return {"tls": authority.issue("camera")} if request.param == "tls" else {}


@pytest.fixture
def server(start_server: Any, where: dict[str, Any]) -> Any:
    """A server with nothing but defaults, on each kind of socket."""
    return start_server(**where)


def kernel_memory(server: Any, viewer: Viewer) -> tuple[int, int]:
    """What the kernel holds on the server's side: (unacknowledged bytes, memory for them)."""
    if isinstance(server.address, UnixAddress):
        return kernel_memory_unix(viewer)
    ports = f"( sport = :{server.address.port} and dport = :{viewer.port} )"
    lines = subprocess.run(
        ["ss", "-tmnH", ports], capture_output=True, text=True, check=True
    ).stdout
    queue = re.match(r"\S+\s+\d+\s+(\d+)", lines)
    memory = re.search(r"skmem:\(.*?,w(\d+),", lines)
    assert queue and memory, lines
    return int(queue[1]), int(memory[1])


def kernel_memory_unix(viewer: Viewer) -> tuple[int, int]:
    """The same; of what is unread the kernel tells only the memory."""
    lines = subprocess.run(["ss", "-xmnH"], capture_output=True, text=True, check=True).stdout
    memory = re.search(rf" \* {viewer.inode}\s+skmem:\(r\d+,rb\d+,t(\d+),", lines)
    assert memory, lines
    return int(memory[1]), int(memory[1])


def resident_bytes(server: Any) -> int:
    """The server's memory."""
    for line in open(f"/proc/{_pid(server)}/status", encoding="ascii"):
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmRSS")


def _pid(server: Any) -> int:
    pid = server.process.pid
    assert isinstance(pid, int)
    return pid


def share_seen(viewer: Viewer, count: int = 30) -> float:
    """Which part of the frames it sees, over the next so many that it does."""
    viewer.skip()
    sequences = {viewer.next("live").sequence for _ in range(count)}
    return len(sequences) / (max(sequences) - min(sequences) + 1)


def play_large(server: Any, connect: Any) -> int:
    """Plays JPEGs of a size that no buffer holds; returns that size."""
    jpegs = [pictures.encode(pictures.grain(WIDTH, HEIGHT, seed), 95) for seed in range(4)]
    connect(server, "front", WIDTH, HEIGHT, "JPEG", stride=0).play(FPS, *jpegs)
    server.wait_state("front")
    size = max(len(jpeg) for jpeg in jpegs)
    assert size > 2 * KERNEL_BYTES
    return size


def stall(server: Any, count: int = 1) -> list[Viewer]:
    """Viewers that stop reading in the middle of a picture."""
    stalled = [
        server.watch("/stream", receive_buffer=SMALL_BUFFER, is_reading=False) for _ in range(count)
    ]
    wait_until(
        lambda: all(kernel_memory(server, viewer)[0] for viewer in stalled), what="full sockets"
    )
    return stalled


def test_a_viewer_that_stops_costs_a_frame_and_128_kib_at_most(server: Any, connect: Any) -> None:
    """Nothing piles up for it: not in the kernel, not in the server, however long it takes."""
    frame_bytes = play_large(server, connect)
    fast = server.watch("/stream")
    fast.next("live")
    before = resident_bytes(server)

    count = 20
    stalled = stall(server, count)

    def is_small() -> bool:
        held = [kernel_memory(server, viewer) for viewer in stalled[:3]]
        return all(queue <= KERNEL_BYTES and memory <= KERNEL_BYTES for queue, memory in held)

    hold(is_small, 2.0, f"the kernel holds {kernel_memory(server, stalled[0])}")
    # Freed memory that a sanitizer keeps an eye on is no memory of the viewers'.
    slack = (512 if IS_SANITIZED else 8) << 20
    grown = resident_bytes(server) - before
    assert grown <= count * (frame_bytes + KERNEL_BYTES) + slack
    assert server.status()["viewers"] == count + 1


def test_others_do_not_notice(server: Any, connect: Any) -> None:
    """Those who read see as many of the frames with and without those who do not.

    For some while: how many at a time is a matter of what else the machine does.
    """
    play_large(server, connect)
    fast = server.watch("/stream")
    alone = share_seen(fast)
    stall(server, 5)
    wait_until(lambda: share_seen(fast) > 0.8 * alone, what=f"{alone:.0%} of the frames again")


def test_who_reads_again_sees_the_present(server: Any, connect: Any) -> None:
    """The picture that was on its way is finished, whole; the next one is new."""
    play_large(server, connect)
    fast = server.watch("/stream")
    viewer = server.watch("/stream?fps=15", receive_buffer=SMALL_BUFFER)
    viewer.wait_more(3)
    viewer.stop_reading()
    fast.skip().wait_more(40)

    stopped = viewer.skip()
    newest = fast.parts[-1].sequence
    viewer.go_on_reading()
    interrupted, *fresh = stopped.wait_more(4)

    assert interrupted.age_s > 1.0
    assert fresh[0].sequence >= newest
    for part in fresh:
        assert part.state == "live" and part.age_s < 1.0 * SLOWNESS
    # That no part is torn is what Viewer checks, byte by byte.


def test_small_frames_do_not_pile_up_either(server: Any, connect: Any) -> None:
    """Of frames that the kernel could hold many of, at most two are old when it reads again."""
    jpeg = pictures.encode(pictures.grain(160, 120), 80)
    assert 8_000 < len(jpeg) < 24_000
    connect(server, "front", 160, 120, "JPEG", stride=0).play(FPS, jpeg)
    server.wait_state("front")
    fast = server.watch("/stream")
    viewer = server.watch("/stream", receive_buffer=SMALL_BUFFER)
    viewer.wait_more(3)
    viewer.stop_reading()
    fast.skip().wait_more(40)

    viewer.skip().go_on_reading()

    ages = [part.age_s for part in viewer.wait_more(8)]
    assert len([age for age in ages if age > 1.0]) <= 2, ages
    assert ages[-1] < 1.0 * SLOWNESS


def test_who_reads_nothing_is_closed_and_told_in_the_log(
    start_server: Any, connect: Any, where: dict[str, Any]
) -> None:
    """After --stuck-after; its place is free then."""
    server = start_server("--stuck-after", "3", **where)
    play_large(server, connect)
    fast = server.watch("/stream")
    began_s = time.monotonic()
    stall(server, 2)

    def left() -> float:
        return server.scrape().value("headcam_viewers_left_total", reason="stuck")

    wait_until(lambda: left() == 2, what="the stuck ones are closed")

    assert time.monotonic() - began_s >= 3.0
    assert server.status()["viewers"] == 1
    who = rf"user {os.getuid()}, process {os.getpid()}" if "listen" in where else "127.*:[0-9]+"
    why = r"it read nothing for 3 s \(--stuck-after\)"
    told = rf"viewer {who} of /stream left after [0-9.]+ s: {why}"
    assert len(re.findall(told, server.log())) == 2
    fast.skip().next("live")


def test_who_reads_nothing_is_closed_without_an_agent_too(start_server: Any) -> None:
    """No-signal pictures pile up no more than frames do."""
    server = start_server("--stuck-after", "1")
    server.watch("/stream", receive_buffer=SMALL_BUFFER, is_reading=False)
    wait_until(
        lambda: server.scrape().value("headcam_viewers_left_total", reason="stuck") == 1,
        30,
        "the stuck one is closed",
    )


def test_slow_is_not_stuck(start_server: Any, connect: Any, where: dict[str, Any]) -> None:
    """20 KB/s is a bad link, not a dead one: it stays, far beyond --stuck-after.

    Of a unix socket the kernel tells only when a whole block of 32 KiB was read, and with TLS this
    client reads records of 16 KiB from it.
    """
    stuck_after_s = 3.0 if where else 2.0
    server = start_server("--stuck-after", f"{stuck_after_s:g}", **where)
    play_large(server, connect)
    slow = server.watch("/stream", receive_buffer=SMALL_BUFFER)
    slow.next("live")
    slow.read_slowly(2048, 0.1)

    hold(lambda: not slow.is_closed, 4.0 * stuck_after_s, "it was closed for being slow")

    slow.check()
    assert server.status()["viewers"] == 1
    slow.read_slowly(1 << 16, 0.0)
    slow.skip().next("live")
    assert slow.next("live").age_s < 1.0 * SLOWNESS


def test_a_slow_link_is_given_the_newest_frame_each_time(server: Any, connect: Any) -> None:
    """Each part was captured after the one before it had been sent: no backlog is played."""
    play_large(server, connect)
    slow = server.watch("/stream", receive_buffer=1 << 16)
    slow.next("live")
    slow.read_slowly(1 << 15, 0.02)
    parts = slow.skip().wait_more(6, timeout_s=30)
    for part, after in zip(parts[1:], parts[2:]):
        assert after.sequence > part.sequence
        one_frame_s = after.arrived_s - part.arrived_s
        assert after.age_s < one_frame_s + 0.5 * SLOWNESS, "it played what had piled up"


def test_one_viewer_too_many_is_told_which_flag_to_raise(start_server: Any) -> None:
    """503 with the flag's name; the next who leaves makes room."""
    server = start_server("--max-viewers", "2")
    first = server.watch()
    server.watch().next()
    first.next()

    surplus = server.get("/stream")
    assert surplus.status == 503
    assert surplus.headers["retry-after"] == "1"
    assert "--max-viewers" in surplus.text and "2 viewers" in surplus.text
    assert server.get("/?action=stream").status == 503

    first.close()
    wait_until(lambda: server.status()["viewers"] == 1, what="the place is free")
    server.watch().next()
    assert server.get("/status").status == 200


def test_one_snapshot_too_many_is_told_which_flag_to_raise(start_server: Any) -> None:
    """503 at once, with the flag's name; those who wait go on waiting."""
    server = start_server("--max-snapshots", "2")
    waiting = [server.address.connect() for _ in range(2)]
    for connection in waiting:
        connection.sendall(get_request("/snapshot?timeout=1500"))
    wait_until(
        lambda: "--max-snapshots" in server.get("/snapshot?timeout=0").text, what="a refusal"
    )
    for connection in waiting:
        with connection:
            assert connection.recv(12) == b"HTTP/1.1 503"
    assert "--max-snapshots" not in server.get("/snapshot?timeout=0").text
