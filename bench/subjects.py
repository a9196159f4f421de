# SPDX-License-Identifier: MIT
"""The servers under test, headcam and its peers, all with the same few handles: start, where to
look, which process to charge, stop."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import urllib.request
from pathlib import Path
from typing import Self

from harness import BENCH, Bench, Link, Picture, Skip, free_port, is_listening, wait_until

FPS = 30
QUALITY = 80
START_S = 8.0
START_TRIES = 3


class Subject:
    """A server of MJPEG under test.

    A subclass gives `name` and launch(); the server must listen on self.host and self.port.
    """

    name = ""
    path = "/stream"
    debian_package = ""
    program = ""
    picture: Picture
    server: subprocess.Popen  # from launch() on

    def __init__(
        self, bench: Bench, picture: Picture | None = None, link: Link | None = None
    ) -> None:
        self.bench = bench
        if picture:
            self.picture = picture
        self.host = link.address if link else "127.0.0.1"
        self.server_in = list(link.server_in) if link else []
        self.viewers_in = list(link.viewers_in) if link else []
        self.port = 0
        self.viewer_arguments: list = []
        self.log = type(self).__name__.lower()
        self.others: list[subprocess.Popen] = []

    def launch(self) -> None:
        """Starts the processes: self.server, and self.others that feed it."""
        raise NotImplementedError

    @property
    def pid(self) -> int:
        return self.server.pid

    def __enter__(self) -> Self:
        if self.program and not shutil.which(self.program):
            raise Skip(
                f"{self.name}: {self.program} is missing: apt-get install {self.debian_package}"
            )
        for _ in range(START_TRIES):
            self.port = free_port()
            self.launch()
            wait_until(
                lambda: self.server.poll() is not None or is_listening(self.pid, self.port), START_S
            )
            if self.server.poll() is None and is_listening(self.pid, self.port):
                return self
            self.__exit__()  # somebody else took the port meanwhile
        raise Skip(f"{self.name} does not start: {self.bench.processes.log_tail(self.log)}")

    def __exit__(self, *_: object) -> None:
        for process in (self.server, *reversed(self.others)):
            self.bench.processes.stop(process)
        self.others.clear()

    def _start(self, command: list, **options) -> subprocess.Popen:
        return self.bench.processes.start(self.log, command, **options)


class BareSend(Subject):
    """The floor of sending: an epoll loop around send(), and nothing else."""

    name = "bare send"

    def __init__(self, bench: Bench, frame_bytes: int, fps: float = FPS) -> None:
        super().__init__(bench)
        self.frame_bytes = frame_bytes
        self.fps = fps

    def launch(self) -> None:
        self.server = self._start(
            [self.bench.program("floors"), "send", self.host, self.port, self.frame_bytes, self.fps]
        )


class Headcam(Subject):
    """headcam with a producer: the bench's own in C, the Python package's Publisher (agent.py), or
    the package inside the fake Isaac Sim (kit.py); its pixels go by the `ring` or `inline`."""

    name = "headcam"
    path = "/stream/bench"

    def __init__(
        self,
        bench: Bench,
        picture: Picture,
        link: Link | None = None,
        transport: str = "ring",
        source: str = "producer",
    ) -> None:
        super().__init__(bench, picture, link)
        self.transport = transport
        self.source_name = source
        if not bench.headcam.exists():
            raise Skip(f"headcam: {bench.headcam} is not built: make")

    @property
    def source(self) -> subprocess.Popen:
        return self.others[0]

    def launch(self) -> None:
        endpoint = f"ipc://{self.bench.scratch('ingest.sock')}"
        self.server = self._start(
            [
                *self.server_in,
                self.bench.headcam,
                "--listen",
                f"{self.host}:{self.port}",
                "--ingest",
                endpoint,
                "--quality",
                QUALITY,
            ]
        )
        command, environment = self._source_command()
        command += [endpoint, "bench", self.picture.rgba, self.picture.size, FPS, self.transport]
        if self.source_name == "kit":
            command.append(self.source_result)
        self.others = [self.bench.processes.start(self.source_name, command, env=environment)]

    def _source_command(self) -> tuple[list, dict[str, str] | None]:
        if self.source_name == "producer":
            return [self.bench.program("producer")], None
        folders = (BENCH.parent / "capture_agent", BENCH.parent / "tests" / "fakekit")
        environment = {
            **os.environ,
            "PYTHONPATH": ":".join(map(str, folders)),
            "OPENBLAS_NUM_THREADS": "1",
        }
        return ["/usr/bin/python3", BENCH / f"{self.source_name}.py"], environment

    @property
    def source_result(self) -> Path:
        """What kit.py writes when it ends."""
        return self.bench.scratch("kit.json")

    def __enter__(self) -> Self:
        super().__enter__()
        # Behind a slow link its /status is out of reach; the viewers wait for the first frame, too.
        if not self.server_in and not wait_until(self._is_known, START_S):
            log = self.bench.processes.log_tail(self.source_name)
            self.__exit__()
            raise Skip(f"headcam: its stream does not start: {log or 'nobody says why'}")
        return self

    def _is_known(self) -> bool:
        return self.source.poll() is not None or "state" in self.status()

    def hold_still(self, still: bool) -> None:
        """Stops the picture, or lets it move again, at the same frame rate."""
        self.source.send_signal(signal.SIGUSR1 if still else signal.SIGUSR2)

    def check_transport(self) -> None:
        """Raises Skip when frames came another way than they should. For after a measurement."""
        if self.source.poll() is not None:
            log = self.bench.processes.log_tail(self.source_name)
            raise Skip(f"headcam, {self.transport}: the source ended: {log}")
        status = self.status()
        if status.get("transport") != self.transport:
            raise Skip(
                f"headcam: the {self.source_name} was to send by {self.transport}, the server says "
                f"{status.get('transport')}: {status.get('transport_reason') or 'no reason given'}"
            )

    def status(self) -> dict:
        """The stream's entry in /status; empty before the server knows of it."""
        try:
            with urllib.request.urlopen(
                f"http://{self.host}:{self.port}/status", timeout=3
            ) as answer:
                streams = json.load(answer)["streams"]
        except (OSError, ValueError) as error:
            raise Skip(f"headcam: no /status: {error}") from error
        return next((stream for stream in streams if stream["name"] == "bench"), {})


class Unfed(Subject):
    """headcam without a producer."""

    name = "headcam"

    @property
    def endpoint(self) -> str:
        return f"ipc://{self.bench.scratch('unfed.sock')}"

    def launch(self) -> None:
        self.server = self._start(
            [
                self.bench.headcam,
                "--listen",
                f"{self.host}:{self.port}",
                "--ingest",
                self.endpoint,
                "--quality",
                QUALITY,
            ]
        )


class UStreamer(Subject):
    """uStreamer as Debian packages it, on a V4L2 device of the bench's own.

    YUYV, for its RGB24 reads out of bounds; converted in advance. TCP_NODELAY, its better setting.
    """

    name = "uStreamer"
    path = "/stream?extra_headers=1"
    program = "ustreamer"
    debian_package = "ustreamer"

    def launch(self) -> None:
        device = self.bench.scratch("video")
        stamps = self.bench.scratch("stamps")
        device.unlink(missing_ok=True)
        camera = self._start(
            [
                self.bench.program("camera"),
                "v4l2",
                self.picture.yuyv,
                self.picture.size,
                FPS,
                stamps,
                device,
            ]
        )
        self.others = [camera]
        wait_until(device.exists, START_S)
        environment = {
            **os.environ,
            "LD_PRELOAD": str(self.bench.program("fakev4l2.so")),
            "FAKEV4L2_DEVICE": str(device),
            "FAKEV4L2_SIZE": self.picture.size,
            "FAKEV4L2_STAMPS": str(stamps),
        }
        self.server = self._start(
            [
                *self.server_in,
                "ustreamer",
                "--device",
                device,
                "--resolution",
                self.picture.size,
                "--format",
                "YUYV",
                "--quality",
                QUALITY,
                "--host",
                self.host,
                "--port",
                self.port,
                "--tcp-nodelay",
            ],
            env=environment,
        )
        # Its X-Timestamp is when it sends. When it grabbed is in another header, and leads to when
        # the frame was there.
        self.viewer_arguments = ["--stamps-dequeue", stamps]

    def version(self) -> str:
        return subprocess.run(
            ["ustreamer", "--version"], capture_output=True, text=True
        ).stdout.strip()


class PythonServer(Subject):
    """http.server with OpenCV, encoding for each viewer."""

    name = "http.server + OpenCV"

    def __enter__(self) -> Self:
        probe = subprocess.run(["/usr/bin/python3", "-c", "import cv2, numpy"], capture_output=True)
        if probe.returncode:
            raise Skip(f"{self.name}: apt-get install python3-opencv")
        return super().__enter__()

    def launch(self) -> None:
        self.server = self._start(
            [
                *self.server_in,
                "/usr/bin/python3",
                BENCH / "peer_python.py",
                self.host,
                self.port,
                self.picture.rgba,
                self.picture.size,
                FPS,
                QUALITY,
            ]
        )


class Ffmpeg(Subject):
    """ffmpeg's mpjpeg muxer behind a pipe of raw frames: one viewer, then it ends."""

    name = "ffmpeg mpjpeg"
    program = "ffmpeg"
    debian_package = "ffmpeg"

    def __init__(
        self, bench: Bench, picture: Picture, link: Link | None = None, jpeg_bytes: int = 0
    ) -> None:
        super().__init__(bench, picture, link)
        self.quantiser = self._quantiser_for(jpeg_bytes)

    def _raw_input(self, source: Path | str) -> list:
        return [
            "ffmpeg",
            "-nostdin",
            "-v",
            "error",
            "-f",
            "rawvideo",
            "-pix_fmt",
            "rgba",
            "-s",
            self.picture.size,
            "-r",
            FPS,
            "-i",
            source,
        ]

    def _quantiser_for(self, jpeg_bytes: int) -> int:
        """The -q:v whose pictures come nearest in size to libjpeg-turbo's at our quality."""
        best = (float("inf"), 0)
        for quantiser in range(2, 9):
            command = [
                *self._raw_input(self.picture.rgba),
                "-frames:v",
                4,
                "-c:v",
                "mjpeg",
                "-q:v",
                quantiser,
                "-f",
                "mjpeg",
                "pipe:1",
            ]
            done = subprocess.run([str(word) for word in command], capture_output=True)
            best = min(best, (abs(len(done.stdout) / 4 - jpeg_bytes), quantiser))
        return best[1]

    def launch(self) -> None:
        stamps = self.bench.scratch("stamps")
        camera = self._start(
            [
                self.bench.program("camera"),
                "pipe",
                self.picture.rgba,
                self.picture.size,
                FPS,
                stamps,
            ],
            stdout=subprocess.PIPE,
        )
        self.others = [camera]
        self.server = self._start(
            [
                *self.server_in,
                *self._raw_input("pipe:0"),
                "-fps_mode",
                "passthrough",
                "-c:v",
                "mjpeg",
                "-q:v",
                self.quantiser,
                "-f",
                "mpjpeg",
                "-listen",
                1,
                f"http://{self.host}:{self.port}/stream",
            ],
            stdin=camera.stdout,
        )
        if camera.stdout:
            camera.stdout.close()  # ffmpeg's now; the camera shall notice when it ends
        self.viewer_arguments = ["--stamps-ordinal", stamps]
