# SPDX-License-Identifier: MIT
"""/metrics: what was counted is what clients saw, and no total ever falls."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from testlib import pictures
from testlib.build import ROOT, SLOWNESS
from testlib.http import get_request, receive_exactly, receive_head
from testlib.metrics import Scrape
from testlib.mjpeg import Viewer
from testlib.producer import Link
from testlib.server import address_of
from testlib.waiting import wait_until

STATES = ("live", "starting", "stalled", "lost", "ended")
OUTCOMES = ("encoded", "unchanged", "passed")
FPS = 20.0


@dataclasses.dataclass(frozen=True)
class Moment:
    """A scrape, and what the viewers had seen together then."""

    scrape: Scrape
    states: dict[str, int]  #: parts by their state
    stream_bytes: int


def settled(server: Any, viewers: list[Viewer]) -> Moment:
    """A moment in which all that was sent had arrived at the viewers."""

    def look() -> Moment | None:
        seen = [viewer.seen() for viewer in viewers]
        states = [part.state for parts, _ in seen for part in parts]
        stream_bytes = sum(count for _, count in seen)
        scrapes: list[Scrape] = [server.scrape(), server.scrape()]
        # The second one: nothing was sent in the middle of the first.
        if {scrape.value("headcam_sent_bytes_total") for scrape in scrapes} != {stream_bytes}:
            return None
        by_state = {state: states.count(state) for state in ("live", "repeat", "no-signal")}
        return Moment(scrapes[0], by_state, stream_bytes)

    found = wait_until(look, what="counted bytes are seen bytes")
    assert found
    return found


@pytest.fixture
def scrapes(start_server: Callable[..., Any]) -> Iterator[Callable[[Any], list[Scrape]]]:
    """Scrapes a server again and again in the background."""
    is_over = threading.Event()
    threads = []

    def start(server: Any) -> list[Scrape]:
        taken: list[Scrape] = []

        def run() -> None:
            while not is_over.is_set():
                taken.append(server.scrape())
                is_over.wait(0.05)

        threads.append(threading.Thread(target=run))
        threads[-1].start()
        return taken

    yield start
    is_over.set()
    for thread in threads:
        thread.join()


# ---- the text ----


def test_the_format(server: Any, connect: Any) -> None:
    """Version 0.0.4, as Prometheus' parser and conventions want it, streams or not."""
    server.scrape().check()
    connect(server, "front").play(FPS)
    server.watch().next("live")
    response = server.get("/metrics")
    assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert response.headers["cache-control"] == "no-store"
    scrape = Scrape(response)
    scrape.check()
    assert scrape.value("headcam_build_info", version=server.status()["version"]) == 1
    head = server.get("/metrics", "HEAD")
    assert (head.status, head.body) == (200, b"")


def test_promtool_has_nothing_to_say(server: Any, connect: Any) -> None:
    """Prometheus' own checker."""
    connect(server, "front").play(FPS)
    server.watch().next("live")
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=server.scrape().text, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_documentation_lists_all_metrics_and_no_others(server: Any) -> None:
    """docs/api.md: `headcam_[stream_]X` stands for headcam_X and headcam_stream_X."""
    section = (ROOT / "docs/api.md").read_text().split("### Metrics\n")[1].split("\n## ")[0]
    first_cells = re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
    listed = set()
    for name in re.findall(r"`([a-z_\[\]]+)`", " ".join(first_cells)):
        listed |= {name.replace("[stream_]", ""), name.replace("[stream_]", "stream_")}
    assert listed == set(server.scrape().names())


LABELS = [
    'quoted "name"',
    "back\\slash\\n",
    "two\nlines",
    '"} 1\nheadcam_forged_total{a="',
    "tab\tand return\r",
    "\x01\x1b[31m\x7f",
    "Kamera \u00e4\u6f22\U0001f4f7\u2028",
    "",
]


@pytest.mark.parametrize("text", LABELS)
def test_what_an_agent_says_of_itself_is_only_a_label(
    server: Any, connect: Any, text: str
) -> None:
    """Whatever it is, it comes out as it went in, and forges nothing."""
    names = server.scrape().names()
    connect(server, "front", agent=text, version=text[::-1])
    server.wait_state("front")
    scrape = server.scrape()
    scrape.check()
    assert scrape.names() == names
    info = scrape.labels("headcam_stream_info")
    assert [(i["agent"], i["agent_version"]) for i in info] == [(text, text[::-1])]
    assert info[0]["format"] == "RGB" and info[0]["transport"] == "inline"


# ---- what is counted ----


def test_what_was_counted_is_what_was_seen(server: Any, connect: Any) -> None:
    """Frames by state, bytes, and what became of the frames that came: to the last one."""
    producer = connect(server, "front")
    server.wait_state("front")
    viewers = [server.watch(path) for path in ("/stream/front", "/stream", "/stream?fps=5")]
    wait_until(lambda: server.stream("front")["viewers"] == 3, what="three viewers")
    before = server.scrape()
    producer.play(FPS)
    viewers[0].skip()
    for _ in range(40):
        viewers[0].next("live")
    assert server.scrape().value("headcam_stream_wanted", stream="front") == 1
    producer.pause()
    viewers[0].next("repeat")

    moment = settled(server, viewers)

    scrape = moment.scrape
    scrape.check()
    for state, count in moment.states.items():
        assert scrape.value("headcam_frames_sent_total", state=state) == count
        of_stream = {"stream": "front", "state": state}
        assert scrape.value("headcam_stream_frames_sent_total", **of_stream) == count
    received = scrape.value("headcam_frames_received_total")
    assert 40 <= received <= producer.sent
    dropped = scrape.sum("headcam_frames_dropped_total")
    ended = [scrape.value(f"headcam_frames_{outcome}_total") for outcome in OUTCOMES]
    assert received == sum(ended) + dropped
    assert scrape.value("headcam_received_bytes_total") == received * 64 * 48 * 3

    encoded, sent = ended[0], scrape.value("headcam_frames_sent_total", state="live")
    assert scrape.value("headcam_encode_seconds_count") == encoded
    assert scrape.value("headcam_capture_to_encode_seconds_count") == encoded
    assert scrape.value("headcam_capture_to_sent_seconds_count") == sent
    seconds = scrape.value("headcam_stream_encode_seconds_total", stream="front")
    assert seconds == pytest.approx(scrape.value("headcam_encode_seconds_sum"))
    assert 0 < seconds < scrape.value("headcam_capture_to_sent_seconds_sum")

    # Each viewer got each picture or skipped it, unless it got it late, as a repeat.
    skipped = scrape.sum("headcam_frames_skipped_total")
    repeats = scrape.value("headcam_frames_sent_total", state="repeat")
    assert 3 * encoded - repeats <= sent + skipped <= 3 * encoded
    assert 0 < scrape.value("headcam_frames_skipped_total", reason="fps") <= encoded
    assert before.value("headcam_frames_received_total") == 0


def test_a_frame_counts_once_in_whatever_variants(server: Any, connect: Any) -> None:
    """Encoded, timed, and sent to or skipped by each of its viewers."""
    producer = connect(server, "front")
    server.wait_state("front")
    queries = ("", "?width=32", "?width=32&quality=50")
    viewers = [server.watch("/stream/front" + query) for query in queries]
    wait_until(lambda: server.stream("front")["viewers"] == 3, what="three viewers")
    assert server.scrape().value("headcam_stream_variants", stream="front") == 3
    producer.play(FPS)
    for viewer in viewers:
        viewer.skip()
        viewer.wait_more(20)
    producer.pause()
    for viewer in viewers:
        viewer.next("repeat")

    moment = settled(server, viewers)

    scrape = moment.scrape
    scrape.check()
    encoded = scrape.value("headcam_frames_encoded_total")
    sent = scrape.value("headcam_frames_sent_total", state="live")
    assert scrape.value("headcam_frames_received_total") == encoded + scrape.sum(
        "headcam_frames_dropped_total"
    )
    assert scrape.value("headcam_encode_seconds_count") == encoded
    assert sent == moment.states["live"]
    of_stream = scrape.value("headcam_stream_sent_bytes_total", stream="front")
    assert of_stream == moment.stream_bytes
    skipped = scrape.sum("headcam_frames_skipped_total")
    repeats = scrape.value("headcam_frames_sent_total", state="repeat")
    assert 3 * encoded - repeats <= sent + skipped <= 3 * encoded


def test_status_tells_the_same_of_a_stream(server: Any, connect: Any) -> None:
    """Who reads JSON gets the same numbers."""
    producer = connect(server, "front").play(FPS)
    viewer = server.watch("/stream/front")
    viewer.wait_more(10)
    producer.pause()
    viewer.next("repeat")
    settled(server, [viewer])

    same = {
        "received": ("frames_received_total", {}),
        "encoded": ("frames_encoded_total", {}),
        "unchanged": ("frames_unchanged_total", {}),
        "passed": ("frames_passed_total", {}),
        "torn": ("frames_dropped_total", {"reason": "torn"}),
        "superseded": ("frames_dropped_total", {"reason": "superseded"}),
        "unwanted": ("frames_dropped_total", {"reason": "unwanted"}),
        "failed": ("frames_dropped_total", {"reason": "failed"}),
        "live": ("frames_sent_total", {"state": "live"}),
        "repeat": ("frames_sent_total", {"state": "repeat"}),
        "no_signal": ("frames_sent_total", {"state": "no-signal"}),
        "skipped_slow": ("frames_skipped_total", {"reason": "slow"}),
        "skipped_fps": ("frames_skipped_total", {"reason": "fps"}),
        "bytes": ("sent_bytes_total", {}),
    }

    def agree() -> Any:
        front, scrape = server.stream("front"), server.scrape()
        told = {**front["frames"], **front["sent"]}
        assert set(told) == {*same, "dropped"}
        counted = {
            key: scrape.value(f"headcam_stream_{name}", stream="front", **label)
            for key, (name, label) in same.items()
        }
        return front if counted == {key: told[key] for key in same} else None

    front = wait_until(agree, what="/status and /metrics agree between two repeats")
    frames = front["frames"]
    assert frames["dropped"] == frames["superseded"] + frames["unwanted"] + frames["failed"]
    assert 0 < front["encode_ms"] < 1000 * SLOWNESS


def test_a_frame_that_nobody_wants_is_no_work(server: Any, connect: Any) -> None:
    """It is counted as received, and as unwanted."""
    producer = connect(server, "front", is_open=True)
    server.wait_state("front")
    with server.watch("/stream/front") as viewer:
        viewer.wait_status()
        producer.wait_wanted()
        producer.send_frame(bytes(64 * 48 * 3))
        viewer.next("live")
    wait_until(lambda: server.status()["viewers"] == 0, what="the viewer is gone")
    producer.send_frame(bytes(64 * 48 * 3))
    wait_until(
        lambda: server.scrape().value("headcam_frames_dropped_total", reason="unwanted") == 1,
        what="the count",
    )
    scrape = server.scrape()
    assert scrape.value("headcam_frames_encoded_total") == 1
    assert scrape.value("headcam_stream_frame_age_seconds", stream="front") > 0


def test_slow_viewers_are_seen_in_the_counts(start_server: Any, connect: Any) -> None:
    """What they skip, and that they were closed for reading nothing."""
    server = start_server("--stuck-after", "2")
    jpegs = [pictures.encode(pictures.grain(640, 480, seed), 95) for seed in range(4)]
    connect(server, "front", 640, 480, "JPEG", stride=0).play(FPS, *jpegs)
    server.wait_state("front")
    stuck = server.watch("/stream/front", receive_buffer=4096, is_reading=False)
    wait_until(
        lambda: server.scrape().value("headcam_frames_skipped_total", reason="slow") >= 10,
        what="skipped frames",
    )
    wait_until(
        lambda: server.scrape().value("headcam_viewers_left_total", reason="stuck") == 1,
        what="the stuck viewer is closed",
    )
    scrape = server.scrape()
    assert scrape.value("headcam_frames_skipped_total", reason="fps") == 0
    assert scrape.value("headcam_viewers_came_total") == 1
    assert scrape.value("headcam_frames_passed_total") >= 10
    assert stuck.flaw is None


def test_who_comes_and_who_is_refused(start_server: Any, connect: Any) -> None:
    """Viewers and snapshots, by how they ended."""
    server = start_server("--max-viewers", "1", "--max-snapshots", "1", "--max-streams", "7")
    viewer = server.watch("/stream/front")
    viewer.next()
    assert server.get("/stream/front").status == 503
    with server.address.connect() as waiting:
        waiting.sendall(get_request("/snapshot/front?timeout=60000"))
        wait_until(lambda: server.status()["snapshots"] == 1, what="a waiting snapshot")
        assert server.get("/snapshot/front").status == 503
        scrape = server.scrape()
        assert scrape.value("headcam_viewers", kind="stream") == 1
        assert scrape.value("headcam_viewers", kind="snapshot") == 1
        connect(server, "front").play(FPS)
        head = receive_head(waiting)
        length = int(re.findall(rb"Content-Length: (\d+)", head)[0])
        receive_exactly(waiting, length)
    picture = server.snapshot("/front")
    assert picture.status == 200
    assert server.get("/snapshot/rear?timeout=0").status == 503
    viewer.close()
    wait_until(
        lambda: server.scrape().value("headcam_viewers_left_total", reason="closed") == 1,
        what="the viewer's end",
    )
    wait_until(
        lambda: server.scrape().sum("headcam_snapshots_total") == 3, what="the snapshots' ends"
    )

    scrape = server.scrape()
    for kind in ("stream", "snapshot"):
        assert scrape.value("headcam_viewers", kind=kind) == 0
        assert scrape.value("headcam_viewers_limit", kind=kind) == 1
        assert scrape.value("headcam_viewers_refused_total", kind=kind) == 1
    assert scrape.value("headcam_snapshots_total", outcome="no-frame") == 1
    assert scrape.value("headcam_snapshots_total", outcome="sent") == 2
    assert scrape.value("headcam_snapshot_bytes_total") == length + len(picture.body)
    assert scrape.value("headcam_streams_limit") == 7


def test_open_connections_are_counted(start_server: Any, directory: pathlib.Path) -> None:
    """Whatever they are for, and how many there may be."""
    limits = ("--max-viewers", "10", "--max-snapshots", "20")
    server = start_server(*limits, "--listen", f"unix:{directory}/http.sock")
    unix = address_of(server.urls()[1])
    with server.address.connect(), unix.connect():
        server.watch().next()
        wait_until(
            lambda: server.scrape().value("headcam_connections") == 4, what="with its own, four"
        )
    wait_until(lambda: server.scrape().value("headcam_connections") == 2, what="two are closed")
    assert server.scrape().value("headcam_connections_limit") == 10 + 20 + 256


def test_what_is_rejected_is_counted_by_reason(server: Any, connect: Any) -> None:
    """As in /status."""
    link = connect(server, kind=Link, is_open=True)
    link.wait_connected()
    link.send(b"front", b"")
    link.send(b"front/", b"short")
    link.send(b"@front/", b"no JSON")
    wait_until(lambda: server.rejected() == 3, what="three rejected")
    scrape = server.scrape()
    rejected = server.status()["ingest"]["rejected"]
    del rejected["total"]
    told = {label["reason"] for label in scrape.labels("headcam_messages_rejected_total")}
    assert told == set(rejected)
    for reason, count in rejected.items():
        assert scrape.value("headcam_messages_rejected_total", reason=reason) == count
    assert scrape.value("headcam_messages_received_total") == 3


# ---- streams that come and go ----


def test_states_are_gauges(server: Any, connect: Any) -> None:
    """Each stream is in one state; the sums are there without streams, too."""
    scrape = server.scrape()
    assert [scrape.value("headcam_streams", state=state) for state in STATES] == [0] * 5
    connect(server, "front")
    rear = connect(server, "rear", state="starting")
    server.wait_state("front")
    server.wait_state("rear", "starting")
    scrape = server.scrape()
    assert [scrape.value("headcam_streams", state=state) for state in STATES] == [1, 1, 0, 0, 0]
    assert scrape.value("headcam_agents") == 2
    for stream, own in (("front", "live"), ("rear", "starting")):
        for state in STATES:
            is_in = scrape.value("headcam_stream_state", stream=stream, state=state)
            assert is_in == (state == own)

    assert not scrape.labels("headcam_stream_frame_age_seconds")  # no frame yet

    rear.announce(state="ended")
    server.wait_state("rear", "ended")
    assert server.scrape().value("headcam_agents") == 1
    assert server.scrape().value("headcam_streams", state="ended") == 1


def test_no_total_falls_while_streams_come_and_go(
    start_server: Any, connect: Any, scrapes: Any
) -> None:
    """Forgotten streams leave; what was counted of them stays in the totals, once."""
    server = start_server("--forget-after", f"{4 * SLOWNESS:g}", "--max-streams", "3")
    taken = scrapes(server)
    received = sent = 0.0
    for name in ("a", "b", "a", "c", "d", "b"):
        producer = connect(server, name)
        known = server.wait_state(name)
        producer.play(FPS)
        with server.watch(f"/stream/{name}") as viewer:
            for _ in range(5):
                viewer.next("live")
            producer.pause()
            producer.announce(state="ended")  # behind the last frame
            server.wait_state(name, "ended")
        producer.close()
        wait_until(lambda: server.status()["viewers"] == 0, what="nobody watches")
        last = server.stream(name)
        received += last["frames"]["received"] - known["frames"]["received"]
        sent += last["sent"]["live"] - known["sent"]["live"]
    wait_until(lambda: not server.status()["streams"], what="all streams are forgotten")

    earlier_ones = list(taken)  # more are taken meanwhile, some after the last
    end = server.scrape()
    assert end.value("headcam_frames_received_total") == received >= 30
    assert end.value("headcam_frames_sent_total", state="live") == sent >= 30
    assert not any("stream" in dict(labels) for _, labels in end.samples)
    assert end.sum("headcam_streams") == 0
    assert len(earlier_ones) > 10
    for earlier, later in zip(earlier_ones, [*earlier_ones[1:], end]):
        new = dict(later.totals())
        for key, value in earlier.totals():
            assert value <= new[key], key
        assert len({s["stream"] for s in later.labels("headcam_stream_info")}) <= 3


def test_labels_are_bounded_by_max_streams(start_server: Any, connect: Any) -> None:
    """Sixty-four announce, and two more; then all are forgotten."""
    server = start_server("--forget-after", "2")
    link = connect(server, kind=Link, is_open=True)
    link.wait_connected()
    for number in range(66):
        members = {"headcam": 1, "instance": f"{number + 1:016x}", "state": "live"}
        link.send(f"@s{number}/".encode(), json.dumps(members).encode())
    wait_until(lambda: server.rejected("limit") == 2, what="two too many")
    scrape = server.scrape()
    scrape.check()
    assert len(scrape.labels("headcam_stream_info")) == 64
    assert len(scrape.labels("headcam_stream_state")) == 64 * len(STATES)
    assert {s["stream"] for s in scrape.labels("headcam_stream_viewers")} == {
        f"s{number}" for number in range(64)
    }
    with server.watch("/stream/nobody") as viewer:  # no agent, no stream: no label
        viewer.next("no-signal")
        assert server.scrape().sum("headcam_stream_viewers") == 0
    wait_until(lambda: not server.scrape().labels("headcam_stream_info"), what="none is left")
    end = server.scrape()
    assert end.value("headcam_frames_sent_total", state="no-signal") >= 1


# ---- the process ----


def test_the_process_is_measured(server: Any) -> None:
    """By the names that dashboards know, as the kernel tells it."""
    pid = server.process.pid
    scrape = server.scrape()
    files = len(os.listdir(f"/proc/{pid}/fd"))
    status = open(f"/proc/{pid}/status", encoding="ascii").read()
    resident = int(re.findall(r"VmRSS:\s+(\d+) kB", status)[0]) * 1024
    assert abs(scrape.value("process_open_fds") - files) <= 3
    assert scrape.value("process_max_fds") >= scrape.value("process_open_fds")
    assert abs(scrape.value("process_resident_memory_bytes") - resident) < resident * 0.5
    assert scrape.value("process_virtual_memory_bytes") >= resident
    uptime_s = time.time() - scrape.value("process_start_time_seconds")
    assert 0 < uptime_s <= server.status()["uptime_s"] + 1 * SLOWNESS
    cpu = scrape.value("process_cpu_seconds_total")
    assert 0 < cpu <= server.scrape().value("process_cpu_seconds_total")
