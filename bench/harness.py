# SPDX-License-Identifier: MIT
"""What every section of the bench stands on: processes that end with it, the pictures, the viewers,
and a slow link. It knows no server; those are in subjects.py."""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG = 1
BENCH = Path(__file__).resolve().parent


class Skip(Exception):
    """This part of the bench cannot run here; the message says why, and what would help."""


def say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


# ---------------------------------------------------------------- processes

_libc = ctypes.CDLL(None)


def _die_with_parent() -> None:
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Processes:
    """Starts processes and ends exactly those, by their own ids."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.running: list[subprocess.Popen] = []

    def start(self, name: str, command: list, **options) -> subprocess.Popen:
        """Starts command, its stderr in NAME.log."""
        with open(self.directory / f"{name}.log", "ab") as log:
            options.setdefault("stdin", subprocess.DEVNULL)
            options.setdefault("stdout", log)
            process = subprocess.Popen(
                [str(word) for word in command], stderr=log, preexec_fn=_die_with_parent, **options
            )
        self.running.append(process)
        return process

    def stop(self, process: subprocess.Popen) -> None:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(3)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if process in self.running:
            self.running.remove(process)

    def stop_all(self) -> None:
        for process in reversed(list(self.running)):
            self.stop(process)

    def log_tail(self, name: str) -> str:
        path = self.directory / f"{name}.log"
        lines = path.read_text(errors="replace").splitlines() if path.exists() else []
        return " | ".join(lines[-3:])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(what: Callable[[], bool], seconds: float) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if what():
            return True
        time.sleep(0.02)
    return what()


def is_listening(pid: int, port: int) -> bool:
    """True when somebody in pid's network listens on port; asks the kernel, since a connection
    would be a viewer, and ffmpeg takes only one."""
    try:
        table = Path(f"/proc/{pid}/net/tcp").read_text()
    except OSError:
        return False
    local = f":{port:04X}"
    return any(
        words[3] == "0A" and words[1].endswith(local)
        for words in map(str.split, table.splitlines()[1:])
    )


def cpu_ms(pid: int) -> float:
    """CPU time of a process in ms, all its threads, those that ended included."""
    return time.clock_gettime_ns((~pid << 3) | 2) / 1e6  # the kernel's clock id of a process


def rss_bytes(pid: int) -> int:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGESIZE")


def kernel_bytes(port: int) -> int:
    """What the kernel holds for the server's ends of the connections to port: sent and not yet
    acknowledged, not yet sent, received, and reserved."""
    if not shutil.which("ss"):
        return 0
    command = ["ss", "-tnmH", "state", "established", "sport", "=", f":{port}"]
    listing = subprocess.run(command, capture_output=True, text=True).stdout
    return sum(
        int(amount)
        for memory in re.findall(r"skmem:\(([^)]*)\)", listing)
        for kind, amount in re.findall(r"\b([a-z]+)(\d+)", memory)
        if kind in ("r", "w", "f")
    )


# ----------------------------------------------------------------- pictures


@dataclass(frozen=True)
class Picture:
    """A moving picture as files of raw frames."""

    name: str
    width: int
    height: int
    rgba: Path
    yuyv: Path

    @property
    def size(self) -> str:
        return f"{self.width}x{self.height}"


# A zoom into the Mandelbrot set out of focus, under film grain: smooth gradients beside dense
# detail, no two frames with a pixel block in common. At quality 80 it makes JPEGs of some 220 KB at
# 1080p and 98 KB at 720p, as rendered scenes do.
FRAMES = 30
ZOOM = (
    "mandelbrot=s=1920x1080:rate=30:start_x=-0.743643887037158704752191506114774"
    ":start_y=0.131825904205311970493132056385139:start_scale=0.004:end_scale=0.0003:end_pts=200"
    ":maxiter=600:inner=period:bailout=10"
)
RECIPE = (
    "gblur=sigma=2,split=2[a][b];"
    "[a]noise=alls=5:allf=t,format=rgba,split=2[big][c];[c]format=yuyv422[big_yuyv];"
    "[b]gblur=sigma=1.2,scale=1280:720,noise=alls=4:allf=t,format=rgba,split=2[small][d];"
    "[d]format=yuyv422[small_yuyv]"
)


def pictures(cache: Path) -> tuple[Picture, Picture]:
    """Returns the picture at 1080p and at 720p; makes the files when they are not there."""
    key = hashlib.sha256(f"{ZOOM} {RECIPE} {FRAMES}".encode()).hexdigest()[:12]
    directory = cache / f"pictures-{key}"
    outputs = ("big", "big_yuyv", "small", "small_yuyv")
    if not directory.exists():
        if not shutil.which("ffmpeg"):
            raise Skip("the pictures are made by ffmpeg: apt-get install ffmpeg")
        say("making the pictures (once)")
        for old in cache.glob("pictures-*"):
            shutil.rmtree(old)
        partial = cache / "pictures-partial"
        partial.mkdir()
        command = ["ffmpeg", "-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i", ZOOM]
        command += ["-filter_complex", RECIPE]
        for name in outputs:
            command += ["-map", f"[{name}]", "-frames:v", str(FRAMES), "-f", "rawvideo"]
            command += [str(partial / name)]
        subprocess.run(command, check=True, preexec_fn=_die_with_parent)
        partial.rename(directory)
    return (
        Picture("1080p", 1920, 1080, directory / "big", directory / "big_yuyv"),
        Picture("720p", 1280, 720, directory / "small", directory / "small_yuyv"),
    )


# ------------------------------------------------------------------ viewers


def cpu_ms_per_frame(window: dict, pid: int) -> float:
    return window["cpu_ms"][str(pid)] / max(window["frames"], 1)


@dataclass
class Measurement:
    """What the viewers saw, in a few windows of time, and what the server spent meanwhile."""

    subject: str
    raw: dict
    rss_bytes: int = 0
    kernel_bytes: int = 0

    @property
    def windows(self) -> list[dict]:
        return self.raw["windows"]

    @property
    def viewers(self) -> int:
        return self.raw["viewers"]

    @property
    def without_picture(self) -> int:
        """Viewers that saw nothing in the time they were given for the start."""
        return self.viewers - self.raw["with_first_frame"]

    def _median(self, figure: Callable[[dict], float]) -> float:
        return statistics.median(figure(window) for window in self.windows)

    @property
    def frames_per_s(self) -> float:
        """Of all viewers together."""
        return self._median(lambda w: w["frames"] / w["seconds"])

    @property
    def fps(self) -> float:
        return self.frames_per_s / self.viewers

    @property
    def frame_bytes(self) -> float:
        frames = sum(w["frames"] for w in self.windows)
        return sum(w["bytes"] for w in self.windows) / frames if frames else 0.0

    def cpu_ms_per_s(self, pid: int) -> float:
        return self._median(lambda w: w["cpu_ms"][str(pid)] / w["seconds"])

    def cpu_ms_per_frame(self, pid: int) -> float:
        """For each frame that a viewer got; meant for one viewer."""
        return self._median(lambda w: cpu_ms_per_frame(w, pid))

    @property
    def age_ms(self) -> float | None:
        """From capture to the last byte at the viewer, the median."""
        ages = [w["age_ms"]["p50"] for w in self.windows if w["age_ms"]["count"]]
        return statistics.median(ages) if ages else None

    @property
    def age_p95_ms(self) -> float | None:
        ages = [w["age_ms"]["p95"] for w in self.windows if w["age_ms"]["count"]]
        return statistics.median(ages) if ages else None

    @property
    def own_cpu_percent(self) -> float:
        """What the viewers themselves took of a core."""
        return self._median(lambda w: w["own_cpu_ms"] / w["seconds"]) / 10

    @property
    def slowest_of_mean(self) -> float:
        frames = self.raw["per_viewer_frames"]
        return frames["min"] / frames["mean"] if frames["mean"] else 0.0


@dataclass(frozen=True)
class Watch:
    """Viewers at work."""

    subject: Any
    viewers: int
    process: subprocess.Popen
    answer: Path
    until: float


@dataclass
class Bench:
    """Where things are, and what has been measured so far."""

    programs: Path
    cache: Path
    headcam: Path
    deadline: float
    processes: Processes
    measurements: list[Measurement] = field(default_factory=list)
    watches: int = 0

    def program(self, name: str) -> Path:
        path = self.programs / name
        if not path.exists():
            raise Skip(f"{path} is not built: make bench")
        return path

    def scratch(self, name: str) -> Path:
        return self.processes.directory / name

    def begin(
        self,
        subject,
        viewers: int = 1,
        *,
        start: float = 10.0,
        warmup: float = 0.5,
        window: float = 1.0,
        windows: int = 3,
        pids: tuple[int, ...] = (),
        stuck: bool = False,
    ) -> Watch:
        """Lets viewers begin to watch a running subject."""
        needed = warmup + window * windows
        if time.monotonic() + needed > self.deadline:
            raise Skip(f"{subject.name}: out of time; give --limit more seconds")
        command = [*subject.viewers_in, self.program("viewers"), "--host", subject.host]
        command += ["--port", subject.port, "--path", subject.path, "--viewers", viewers]
        command += [
            "--start-timeout",
            start,
            "--warmup",
            warmup,
            "--window",
            window,
            "--windows",
            windows,
        ]
        command += [*subject.viewer_arguments, *(["--stuck"] if stuck else [])]
        for pid in (subject.pid, *pids):
            command += ["--pid", pid]
        self.watches += 1
        answer = self.scratch(f"viewers-{self.watches}.json")
        with open(answer, "wb") as output:
            process = self.processes.start("viewers", command, stdout=output)
        return Watch(subject, viewers, process, answer, time.monotonic() + start + needed + 5)

    def finish(self, watch: Watch, memory: bool = False) -> Measurement:
        """Waits for the viewers. Raises Skip when they did not get to see anything."""
        subject = watch.subject
        rss = kernel = 0
        while watch.process.poll() is None and time.monotonic() < watch.until:
            time.sleep(0.1 if memory else 0.05)
            if memory:
                rss = max(rss, rss_bytes(subject.pid))
                kernel = max(kernel, kernel_bytes(subject.port))
        self.processes.stop(watch.process)
        raw = json.loads(watch.answer.read_bytes() or b"null")
        if not raw or raw["failure"] or raw["closed"] == watch.viewers:
            why = raw and raw["failure"] or "it closed the connections"
            log = self.processes.log_tail(subject.log)
            raise Skip(
                f"{subject.name}, {watch.viewers} viewer(s): {why}; it says: {log or 'nothing'}"
            )
        measurement = Measurement(subject.name, raw, rss, kernel)
        self.measurements.append(measurement)
        if raw["closed"]:
            say(f"  {subject.name} closed {raw['closed']} of {watch.viewers} connections")
        age = f", age {measurement.age_ms:.1f} ms" if measurement.age_ms is not None else ""
        say(
            f"  {subject.name}, {watch.viewers} viewer(s): {measurement.fps:.1f} fps{age}, "
            f"server {measurement.cpu_ms_per_s(subject.pid) / 10:.1f} % of a core, "
            f"viewers {measurement.own_cpu_percent:.1f} %"
        )
        return measurement

    def measure(self, subject, viewers: int = 1, *, memory: bool = False, **how) -> Measurement:
        return self.finish(self.begin(subject, viewers, **how), memory)


# --------------------------------------------------------------------- link


@dataclass(frozen=True)
class Link:
    """Two network namespaces and the slow link between them."""

    server_in: tuple[str, ...]
    viewers_in: tuple[str, ...]
    address: str
    bits_per_s: float
    congestion_control: str
    viewers_address: str


LINK_MBIT = 10
LINK_BURST_BYTES = 8000
LINK_QUEUE_BYTES = 50000  # 40 ms: a modest router's


@contextlib.contextmanager
def slow_link(mbit: float = LINK_MBIT) -> Iterator[Link]:
    """A link of so many Mbit/s from a server's namespace to a viewer's; takes it away again."""
    if os.geteuid() != 0:
        raise Skip("the slow link needs network namespaces: run as root")
    if not shutil.which("ip") or not shutil.which("tc"):
        raise Skip("the slow link needs ip and tc: apt-get install iproute2")
    server, viewer = (f"headcam-bench-{end}-{os.getpid()}" for end in ("s", "v"))

    def run(*command: object, check: bool = True) -> str:
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
        if check and done.returncode:
            raise Skip(f"the slow link: {' '.join(map(str, command))}: {done.stderr.strip()}")
        return done.stdout.strip()

    try:
        # All inside the two namespaces, with addresses reserved for documentation: nothing of it
        # can meet the machine's own network.
        for name in (server, viewer):
            run("ip", "netns", "add", name)
            run("ip", "-n", name, "link", "set", "lo", "up")
        run(
            "ip",
            "-n",
            server,
            "link",
            "add",
            "link0",
            "type",
            "veth",
            "peer",
            "name",
            "link0",
            "netns",
            viewer,
        )
        for name, address in ((server, "192.0.2.1/30"), (viewer, "192.0.2.2/30")):
            run("ip", "-n", name, "address", "add", address, "dev", "link0")
            run("ip", "-n", name, "link", "set", "link0", "up")
        run(
            "tc",
            "-n",
            server,
            "qdisc",
            "add",
            "dev",
            "link0",
            "root",
            "tbf",
            "rate",
            f"{mbit:g}mbit",
            "burst",
            LINK_BURST_BYTES,
            "limit",
            LINK_QUEUE_BYTES,
        )
        inside = ("ip", "netns", "exec", server)
        # Loss-based, as nearly everywhere, whatever this machine is set to. Where cubic is not the
        # machine's default, the kernel denies it to other namespaces.
        control = "/proc/sys/net/ipv4/tcp_congestion_control"
        run(*inside, "sh", "-c", f"echo cubic > {control} || echo reno > {control}", check=False)
        yield Link(
            inside,
            ("ip", "netns", "exec", viewer),
            "192.0.2.1",
            mbit * 1e6,
            run(*inside, "cat", control),
            "192.0.2.2",
        )
    finally:
        for name in (server, viewer):
            run("ip", "netns", "delete", name, check=False)
