# SPDX-License-Identifier: MIT
"""The benchmark: headcam's budgets against floors measured at the same time, and its peers on the
same pictures. docs/benchmarks.md says what each row means.

Sections can be run one by one (--only). Whatever cannot run here says why and is left out; figures
never make it fail. Prints tables and writes all measurements as JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from floors import MANY_VIEWERS, Floors, Pairs, Samples
from harness import (
    BENCH,
    Bench,
    Link,
    Measurement,
    Processes,
    Skip,
    cpu_ms,
    cpu_ms_per_frame,
    pictures,
    say,
    slow_link,
    wait_until,
)
from report import Report, machine, render
from subjects import FPS, Ffmpeg, Headcam, PythonServer, Subject, Unfed, UStreamer

SECTIONS = ("floors", "headcam", "link", "pixels", "peers")
PAIRS = 5
FURTHER_VIEWERS = 100  # enough that what they cost stands out of what encoding varies by
FURTHER_VIEWERS_OF_PYTHON = 4  # it encodes for each: more would only measure a full machine
STUCK_VIEWERS = 100
IDLE_SETTLE_S = 2.5  # the subscription ends a moment after the last viewer left
IDLE_S = 3.0
RESTART_ROWS = 4  # of MCUs, as headcam's stripes have at 1080p
PIXELS_SIZE = "1280x720"
PIXELS_TURNS = 8  # each with another phase against the display's own rate
PIXELS_FRAMES = 20
PIXELS_S = 90.0  # at most
KIB = 1024
Part = Callable[[Bench, Floors, Report], None]


def run_parts(parts: tuple[Part, ...], bench: Bench, floors: Floors, report: Report) -> None:
    for part in parts:
        try:
            part(bench, floors, report)
        except Skip as reason:
            report.note(str(reason))


def ms(value: float | None) -> str:
    return f"{value:.1f} ms" if value is not None else "-"


def times(value: float, ratio: float) -> str:
    return f"{value:.2f} ms ({ratio:.2f} x)"


# ----------------------------------------------------- figures of any subject


def further_viewers(one: Measurement, many: Measurement, pid: int) -> float:
    """Microseconds of the server's CPU for each further viewer's frame: the slope between two."""
    cpu = many.cpu_ms_per_s(pid) - one.cpu_ms_per_s(pid)
    frames = many.frames_per_s - one.frames_per_s
    return 1000 * cpu / frames if frames > 0 else 0.0


def report_one_viewer(
    report: Report, subject: Subject, measured: Measurement, encode_ms: float
) -> None:
    cpu = measured.cpu_ms_per_frame(subject.pid)
    report.peer(
        "CPU a frame, 1 viewer, 1080p30 (in one-thread encodes)",
        subject.name,
        f"{cpu:.1f} ms ({cpu / encode_ms:.2f} x)",
    )
    report.peer("frame age, 1 viewer, 1080p30", subject.name, ms(measured.age_ms))
    report.peer("frames/s, 1 viewer, 1080p30", subject.name, f"{measured.fps:.1f}")
    report.peer("bytes a frame, 1080p", subject.name, f"{measured.frame_bytes:.0f}")


def report_further(
    report: Report, subject: Subject, us_per_frame: float, frame_bytes: float
) -> None:
    report.peer(
        "CPU a frame of each further viewer, 720p30", subject.name, f"{us_per_frame:.0f} us"
    )
    report.peer("bytes a frame, 720p", subject.name, f"{frame_bytes:.0f}")


def report_many(report: Report, subject: Subject, measured: Measurement) -> None:
    figure = f"{measured.viewers} viewers, 720p30"
    left_out = f" ({measured.without_picture} saw none)" if measured.without_picture else ""
    report.peer(f"{figure}: frames/s each", subject.name, f"{measured.fps:.1f}{left_out}")
    report.peer(f"{figure}: slowest / mean", subject.name, f"{measured.slowest_of_mean:.2f}")
    report.peer(f"{figure}: frame age", subject.name, ms(measured.age_ms))
    report.peer(f"{figure}: CPU", subject.name, f"{measured.cpu_ms_per_s(subject.pid) / 10:.0f} %")


# ------------------------------------------------------------------- floors


def section_floors(bench: Bench, floors: Floors, report: Report) -> None:
    """An overview; what budgets are held against is measured with each figure."""
    big, small = floors.encode_big, floors.alone("encode", floors.small)
    restart = floors.alone("encode", floors.big, RESTART_ROWS)
    report.note(
        f"floor: encoding 1080p takes {big.cpu_ms():.2f} ms ({restart.cpu_ms():.2f} with restart "
        f"markers, {restart.bytes - big.bytes} bytes more), 720p {small.cpu_ms():.2f} ms"
    )
    report.note(
        f"floor: copying a 1080p frame takes {floors.alone('memcpy', floors.big).cpu_ms():.2f} ms"
    )


# ------------------------------------------------------------------ headcam


def one_viewer_pairs(
    subject: Headcam, measured: Measurement, encode: Samples
) -> tuple[Pairs, Pairs]:
    """CPU of the server for a frame, and a frame's age, each against the encode."""
    cpu = Pairs.of(measured, lambda w: cpu_ms_per_frame(w, subject.pid), encode.cpu_ms)
    age = Pairs.of(measured, lambda w: w["age_ms"]["p50"], encode.wall_ms)
    return cpu, age


def report_transport(
    report: Report, subject: Headcam, measured: Measurement, cpu: Pairs, age: Pairs
) -> None:
    report.transport("server, CPU a frame", subject.transport, times(cpu.figure, cpu.ratio()))
    report.transport(
        "producer in C, CPU a frame",
        subject.transport,
        f"{measured.cpu_ms_per_frame(subject.source.pid):.2f} ms",
    )
    report.transport(
        "publish to last byte, median", subject.transport, times(age.figure, age.ratio())
    )
    report.transport(
        "publish to last byte, 95 %", subject.transport, f"{measured.age_p95_ms:.2f} ms"
    )


def headcam_ring(bench: Bench, floors: Floors, report: Report) -> None:
    """One viewer, then nobody."""
    with Headcam(bench, floors.big) as headcam:
        with floors.meanwhile("encode", floors.big) as encode:
            measured = bench.measure(headcam, windows=PAIRS, pids=(headcam.source.pid,))
        headcam.check_transport()
        cpu, age = one_viewer_pairs(headcam, measured, encode.samples)
        report.pairs("server CPU a frame, one viewer, ring", "ms", cpu, 1.25)
        report.pairs(
            "publish to last byte, ring, median",
            "ms",
            age,
            1.0,
            note=f"95 %: {measured.age_p95_ms:.1f} ms",
        )
        report_transport(report, headcam, measured, cpu, age)
        report_one_viewer(report, headcam, measured, cpu.figure / cpu.ratio())
        nobody(headcam, report)


def nobody(headcam: Headcam, report: Report) -> None:
    time.sleep(IDLE_SETTLE_S)
    before, began = headcam.status().get("frames", {}), time.monotonic()
    server, source = cpu_ms(headcam.pid), cpu_ms(headcam.source.pid)
    time.sleep(IDLE_S)
    seconds = time.monotonic() - began
    server, source = cpu_ms(headcam.pid) - server, cpu_ms(headcam.source.pid) - source
    after = headcam.status().get("frames", {})
    moved = {key: after.get(key, 0) - before.get(key, 0) for key in ("received", "encoded")}
    percent = server / seconds / 10
    report.limit(
        "no viewers: server's CPU",
        "%",
        percent,
        "< 1 %, no frame",
        percent < 1 and not any(moved.values()),
        f"{moved['received']} frames sent, {moved['encoded']} encoded; producer in C "
        f"{source / seconds / 10:.2f} %",
    )


def headcam_inline(bench: Bench, floors: Floors, report: Report) -> None:
    with Headcam(bench, floors.big, transport="inline") as headcam:
        with floors.meanwhile("encode", floors.big) as encode:
            measured = bench.measure(headcam, windows=3, pids=(headcam.source.pid,))
        headcam.check_transport()
        report_transport(
            report, headcam, measured, *one_viewer_pairs(headcam, measured, encode.samples)
        )


def agent_pairs(bench: Bench, floors: Floors, transport: str) -> tuple[Pairs, float]:
    """CPU of the whole Python agent for a frame, less that of its loop while nobody watches,
    against one memcpy; and that loop's CPU in ms a second."""

    def above_idle(window: dict) -> float:
        return (window["cpu_ms"][str(headcam.source.pid)] / window["seconds"] - idle_ms_per_s) / FPS

    with Headcam(bench, floors.big, transport=transport, source="agent") as headcam:
        idle_began, idle = time.monotonic(), cpu_ms(headcam.source.pid)
        time.sleep(IDLE_S)
        idle_ms_per_s = (cpu_ms(headcam.source.pid) - idle) / (time.monotonic() - idle_began)
        with floors.meanwhile("memcpy", floors.big) as copy:
            measured = bench.measure(headcam, windows=PAIRS, pids=(headcam.source.pid,))
        headcam.check_transport()
        return Pairs.of(measured, above_idle, copy.samples.cpu_ms), idle_ms_per_s


def headcam_agent(bench: Bench, floors: Floors, report: Report) -> None:
    cpu, idle_ms_per_s = agent_pairs(bench, floors, "ring")
    report.pairs("agent CPU a frame (Python), ring", "ms", cpu, 2.0, 0.3)
    report.limit(
        "no viewers: agent's CPU (Python)",
        "%",
        idle_ms_per_s / 10,
        "",
        None,
        "its loop at 30 Hz and its announcements",
    )
    report.transport(
        "agent in Python, CPU a frame (in copies)", "ring", times(cpu.figure, cpu.ratio())
    )


def headcam_agent_inline(bench: Bench, floors: Floors, report: Report) -> None:
    cpu, _ = agent_pairs(bench, floors, "inline")
    report.transport(
        "agent in Python, CPU a frame (in copies)", "inline", times(cpu.figure, cpu.ratio())
    )


def headcam_kit(bench: Bench, floors: Floors, report: Report) -> None:
    """The time inside the agent's callback, in a loop of 60 updates a second: watched, and not."""
    with Headcam(bench, floors.big, source="kit") as headcam:
        time.sleep(IDLE_S)
        bench.measure(headcam, windows=PAIRS, pids=(headcam.source.pid,))
        headcam.check_transport()
    times = json.loads(headcam.source_result.read_text())
    by_window = [
        [statistics.median(times[what][at:at + int(FPS)]) / 1e6 for what in ("frame", "copy")]
        for at in range(0, len(times["frame"]) - int(FPS), int(FPS))
    ]
    frames, copies = zip(*by_window)
    report.pairs(
        "Isaac Sim's update loop a frame", "ms", Pairs(list(frames), list(copies)), 2.0, 0.3
    )
    unwatched = [ns / 1000 for ns in times["unwatched"]]
    mean = statistics.fmean(unwatched)
    report.limit(
        "Isaac Sim's update loop, nobody watches",
        "us",
        mean,
        "<= 20 us",
        mean <= 20,
        f"an update's mean; median {statistics.median(unwatched):.1f} us, 99 %: "
        f"{statistics.quantiles(unwatched, n=100)[98]:.0f} us",
    )


def headcam_still(bench: Bench, floors: Floors, report: Report) -> None:
    """The same server and producer, the picture moving and still in turn."""
    moving, still = [], []
    with Headcam(bench, floors.big) as headcam:
        for _ in range(3):
            for figures, is_still in ((moving, False), (still, True)):
                headcam.hold_still(is_still)
                measured = bench.measure(headcam, window=1.2, windows=1)
                # By the second: a server may well send an unchanged picture less often.
                figures.append(measured.cpu_ms_per_s(headcam.pid) / FPS)
        frames = headcam.status().get("frames", {})
    report.pairs(
        "unchanged picture: CPU a published frame",
        "ms",
        Pairs(still, moving),
        0.35,
        note=f"floor: the moving one; {frames.get('unchanged', 0)} of "
        f"{frames.get('received', 0)} frames found unchanged",
    )


def headcam_further(bench: Bench, floors: Floors, report: Report) -> None:
    """The bare loop serves as many viewers of its own, between headcam's frames."""
    how = {"window": 1.2, "windows": 1}
    with Headcam(bench, floors.small) as headcam, floors.bare_send() as bare:
        ours, bares, memory = [], [], []
        for _ in range(3):
            measured = {}
            for count in (1, 1 + FURTHER_VIEWERS):
                watch = bench.begin(bare, count, **how)
                measured[headcam, count] = bench.measure(headcam, count, memory=True, **how)
                measured[bare, count] = bench.finish(watch)
            few, many = measured[headcam, 1], measured[headcam, 1 + FURTHER_VIEWERS]
            ours.append(further_viewers(few, many, headcam.pid))
            bares.append(
                further_viewers(measured[bare, 1], measured[bare, 1 + FURTHER_VIEWERS], bare.pid)
            )
            memory.append((few, many))
        report.pairs(
            "CPU for each further viewer's frame",
            "us",
            Pairs(ours, bares),
            1.5,
            note=f"{many.frame_bytes / 1000:.0f} KB",
        )
        report_further(report, headcam, statistics.median(ours), many.frame_bytes)
        report_memory(bench, headcam, report, *memory[0])


def report_memory(
    bench: Bench, headcam: Headcam, report: Report, one: Measurement, many: Measurement
) -> None:
    """What a viewer costs, and one that reads nothing: resident memory, and the server's ends of
    their connections in the kernel."""
    stuck = bench.measure(
        headcam, STUCK_VIEWERS, memory=True, stuck=True, warmup=1.5, window=1.5, windows=1
    )
    limit = one.frame_bytes + 64 * KIB
    for what, measured in (("memory per viewer", many), ("memory per stuck viewer", stuck)):
        others = measured.viewers - one.viewers
        rss = (measured.rss_bytes - one.rss_bytes) / others
        kernel = (measured.kernel_bytes - one.kernel_bytes) / others
        report.limit(
            what,
            "KiB",
            (rss + kernel) / KIB,
            f"{limit / KIB:.0f} KiB: a frame + 64",
            rss + kernel <= limit,
            f"resident {rss / KIB:.1f}, kernel {kernel / KIB:.1f}; {measured.viewers} viewers",
        )


def headcam_many(bench: Bench, floors: Floors, report: Report) -> None:
    """500 viewers of headcam, and of the bare loop, in turn."""

    def measure(subject: Subject) -> Measurement:
        return bench.measure(subject, MANY_VIEWERS, warmup=0.7, window=1.5, windows=1)

    with Headcam(bench, floors.small) as headcam, floors.bare_send() as bare:
        ours, bares = [], []
        for _ in range(3):
            bares.append(measure(bare))
            ours.append(measure(headcam))
        floors.many_send = sorted(bares, key=lambda m: m.frames_per_s)[1]
        middle = sorted(ours, key=lambda m: m.frames_per_s)[1]
        report_many(report, headcam, middle)
        share = statistics.median(o.frames_per_s / b.frames_per_s for o, b in zip(ours, bares))
        report.limit(
            f"{MANY_VIEWERS} viewers at 720p30: frames/s of all",
            "",
            middle.frames_per_s,
            "",
            None,
            f"the bare loop {floors.many_send.frames_per_s:.0f}; {share:.2f} x in 3 pairs; CPU "
            f"{middle.cpu_ms_per_s(headcam.pid) / 10:.0f} % and "
            f"{floors.many_send.cpu_ms_per_s(bare.pid) / 10:.0f} % of a core, the viewers "
            f"{middle.own_cpu_percent:.0f} %",
        )
        fair = ours
        if floors.many_viewers < MANY_VIEWERS:
            fair = [bench.measure(headcam, floors.many_viewers, warmup=0.7, window=1.5)]
    slowest = statistics.median(m.slowest_of_mean for m in fair)
    report.limit(
        f"{fair[0].viewers} viewers at 720p30: slowest / mean",
        "",
        slowest,
        ">= 0.9",
        slowest >= 0.9,
        f"{statistics.median(m.fps for m in fair):.1f} frames/s each",
    )


def section_headcam(bench: Bench, floors: Floors, report: Report) -> None:
    parts = (
        headcam_ring,
        headcam_inline,
        headcam_agent,
        headcam_agent_inline,
        headcam_kit,
        headcam_still,
        headcam_further,
        headcam_many,
    )
    run_parts(parts, bench, floors, report)


# --------------------------------------------------------------------- link


def section_link(bench: Bench, floors: Floors, report: Report) -> None:
    with slow_link() as link:
        report.note(f"slow link: {link.bits_per_s / 1e6:g} Mbit/s, {link.congestion_control}")
        for kind in (Headcam, UStreamer):
            try:
                link_age(bench, floors, report, kind, link)
            except Skip as reason:
                report.note(str(reason))


def link_age(bench: Bench, floors: Floors, report: Report, kind: type[Subject], link: Link) -> None:
    with kind(bench, floors.small, link) as subject:
        # The warm-up lets the kernel's buffers grow to what they will be.
        measured = bench.measure(subject, warmup=3.5, window=1.3)
        if measured.age_ms is None:
            raise Skip(f"{subject.name}: no frame's age is known on the slow link")
        report.peer("frame age through 10 Mbit/s, 720p", subject.name, ms(measured.age_ms))
        report.peer("frames/s through 10 Mbit/s, 720p", subject.name, f"{measured.fps:.1f}")
        if kind is Headcam:
            frame_ms = measured.frame_bytes * 8 / link.bits_per_s * 1000
            pairs = Pairs.of(measured, lambda w: w["age_ms"]["p50"], lambda _: frame_ms)
            report.pairs(
                "frame age through 10 Mbit/s",
                "ms",
                pairs,
                2.0,
                note=f"{measured.frame_bytes / 1000:.0f} KB, 95 %: {measured.age_p95_ms:.0f} ms",
            )


# ------------------------------------------------------------------- pixels


def in_browser(bench: Bench, subject: Unfed, output: Path) -> dict:
    """What pixels.mjs measured."""
    environment = {
        **os.environ,
        "HEADCAM_URL": f"http://{subject.host}:{subject.port}/",
        "HEADCAM_ENDPOINT": subject.endpoint,
    }
    command = ["node", BENCH / "pixels.mjs", PIXELS_SIZE, FPS, PIXELS_TURNS, PIXELS_FRAMES]
    with open(output, "wb") as answer:
        process = bench.processes.start("pixels", command, stdout=answer, env=environment)
    wait_until(lambda: process.poll() is not None, PIXELS_S)
    bench.processes.stop(process)
    if process.returncode:
        raise Skip(f"the browser: {bench.processes.log_tail('pixels') or 'took too long'}")
    return json.loads(output.read_bytes())


def section_pixels(bench: Bench, floors: Floors, report: Report) -> None:
    """From publish to pixels in Chromium, in units of the time from one frame to the next."""
    if not shutil.which("node") or not shutil.which("chromium"):
        raise Skip("pixels: node or chromium is missing: apt-get install nodejs npm chromium")
    if not (BENCH.parent / "tests/browser/node_modules/playwright-core").exists():
        raise Skip("pixels: playwright-core is missing: (cd tests/browser && npm ci)")
    if time.monotonic() + PIXELS_S > bench.deadline:
        raise Skip("pixels: out of time; give --limit more seconds")
    frame_ms = 1000 / FPS
    with Unfed(bench) as subject:
        measured = in_browser(bench, subject, bench.scratch("pixels.json"))
    report.measured["pixels"] = measured
    for way, seen in measured["ways"].items():
        moving = sorted(delay for turn in seen["moving"] for delay in turn)
        by_turn = [statistics.median(turn) for turn in seen["moving"]]
        shown = len(moving) + len(seen["stopped"])
        report.in_units_of(
            f"publish to pixels, {way}, median",
            "ms",
            statistics.median(moving),
            frame_ms,
            None if way == "content-length" else 1.0,
            f"95 %: {statistics.quantiles(moving, n=20)[-1]:.0f} ms; {min(by_turn):.0f} to "
            f"{max(by_turn):.0f} ms in {len(by_turn)} turns; last frame before a stop: "
            f"{statistics.median(seen['stopped']):.0f} ms; {shown} of {seen['published']} shown",
        )
    read = statistics.median(value for seen in measured["ways"].values() for value in seen["read"])
    report.note(
        f"pixels: reading the number off the picture took {read:.1f} ms of these, the image's "
        f"decoding included; {measured['jpegBytes'] / 1000:.0f} KB a frame"
    )


# -------------------------------------------------------------------- peers


def peer_one_viewer(bench: Bench, floors: Floors, report: Report, subject: Subject, **how) -> None:
    """With the encode measured before and after: in between, it would meet the peer's own."""
    before = floors.alone("encode", floors.big).cpu_ms()
    measured = bench.measure(subject, **how)
    after = floors.alone("encode", floors.big).cpu_ms()
    report_one_viewer(report, subject, measured, (before + after) / 2)


def peer_small(
    bench: Bench, floors: Floors, report: Report, subject: Subject, further: int, **how
) -> None:
    one = bench.measure(subject, windows=2)
    several = bench.measure(subject, 1 + further, windows=2)
    report_further(report, subject, further_viewers(one, several, subject.pid), one.frame_bytes)
    report_many(report, subject, bench.measure(subject, floors.many_viewers, windows=2, **how))


def peer_ustreamer(bench: Bench, floors: Floors, report: Report) -> None:
    with UStreamer(bench, floors.big) as subject:
        report.note(f"uStreamer {subject.version()}")
        peer_one_viewer(bench, floors, report, subject)
    with UStreamer(bench, floors.small) as subject:
        peer_small(bench, floors, report, subject, FURTHER_VIEWERS, warmup=1.0)


def peer_python(bench: Bench, floors: Floors, report: Report) -> None:
    with PythonServer(bench, floors.big) as subject:
        peer_one_viewer(bench, floors, report, subject, windows=2)
    with PythonServer(bench, floors.small) as subject:
        # It cannot serve them all, and waiting longer would only show the same.
        peer_small(bench, floors, report, subject, FURTHER_VIEWERS_OF_PYTHON, start=4, warmup=0)


def peer_ffmpeg(bench: Bench, floors: Floors, report: Report) -> None:
    with Ffmpeg(bench, floors.big, jpeg_bytes=floors.encode_big.bytes) as subject:
        peer_one_viewer(bench, floors, report, subject, warmup=1.5)
        report.note(f"ffmpeg: -q:v {subject.quantiser}, one viewer is all it takes")


def section_peers(bench: Bench, floors: Floors, report: Report) -> None:
    run_parts((peer_ustreamer, peer_python, peer_ffmpeg), bench, floors, report)


# --------------------------------------------------------------------- main


def results(report: Report, bench: Bench, about: str, seconds: float) -> dict:
    return {
        "about": about,
        "seconds": round(seconds, 1),
        "budgets": [asdict(row) for row in report.rows],
        "transports": report.transports,
        "peers": report.peers,
        "notes": report.notes,
        **report.measured,
        "measurements": [
            {
                "subject": m.subject,
                "rss_bytes": m.rss_bytes,
                "kernel_bytes": m.kernel_bytes,
                **m.raw,
            }
            for m in bench.measurements
        ],
    }


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default=",".join(SECTIONS), help=f"of {','.join(SECTIONS)}")
    parser.add_argument(
        "--markdown", action="store_true", help="print tables for docs/benchmarks.md"
    )
    parser.add_argument(
        "--build", type=Path, default=Path("build/bench"), help="the bench's programs"
    )
    parser.add_argument("--headcam", type=Path, default=Path("build/release/headcam"))
    parser.add_argument("--limit", type=float, default=240, help="seconds that it may take")
    chosen = parser.parse_args()
    chosen.only = chosen.only.split(",")
    if unknown := set(chosen.only) - set(SECTIONS):
        parser.error(f"no such section: {', '.join(unknown)}; there are {', '.join(SECTIONS)}")
    return chosen


def run_sections(chosen: argparse.Namespace, bench: Bench, floors: Floors, report: Report) -> None:
    sections: dict[str, Part] = {
        "floors": section_floors,
        "headcam": section_headcam,
        "link": section_link,
        "pixels": section_pixels,
        "peers": section_peers,
    }
    for name in SECTIONS:
        if name in chosen.only:
            say(f"{name}:")
            run_parts((sections[name],), bench, floors, report)


def main() -> None:
    chosen = options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that everything started is stopped
    build = chosen.build.resolve()
    build.mkdir(parents=True, exist_ok=True)
    report = Report()
    try:
        both = pictures(build)
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="headcam-bench-") as scratch:
            processes = Processes(Path(scratch))
            bench = Bench(build, build, chosen.headcam.resolve(), began + chosen.limit, processes)
            about = machine()
            try:
                run_sections(chosen, bench, Floors(bench, *both), report)
            finally:
                processes.stop_all()
    except Skip as reason:
        sys.exit(str(reason))
    print(render(report, about, chosen.markdown))
    seconds = time.monotonic() - began
    path = build / "results.json"
    path.write_text(json.dumps(results(report, bench, about, seconds), indent=1) + "\n")
    say(f"\n{seconds:.0f} s; all measurements are in {os.path.relpath(path)}")


if __name__ == "__main__":
    main()
