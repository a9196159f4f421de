# SPDX-License-Identifier: MIT
"""Capture agents as processes."""

from __future__ import annotations

import pathlib
import signal
import subprocess
import sys
from collections.abc import Sequence
from typing import IO

from testlib.build import AGENT_PATH
from testlib.server import Server, clean_environment


class Agent:
    """`python3 -m headcam COMMAND ...`, publishing to a server."""

    #: The command line of the interpreter.
    python: tuple[str, ...] = (sys.executable,)

    def __init__(
        self, server: Server, arguments: Sequence[str], stdin: IO[bytes] | None = None
    ) -> None:
        self._log = pathlib.Path(f"{server.socket_path.parent}/agent-{id(self)}.log")
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [*self.python, "-m", "headcam", *arguments, "--endpoint", server.endpoint],
                env=clean_environment({"PYTHONPATH": str(AGENT_PATH)}),
                stdin=stdin or subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def log(self) -> str:
        """Everything that it wrote."""
        return self._log.read_text(errors="replace")

    def pause(self) -> None:
        """SIGSTOP: neither frames nor announcements, as in a simulator that loads a scene."""
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """SIGCONT."""
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """SIGKILL, as in a simulator that crashed."""
        self.process.kill()
        self.process.wait()


class TestCard(Agent):
    """A test card, from which pictures.code_of() reads frame number and time."""

    __test__ = False  # pytest: no test, whatever its name says

    def __init__(
        self, server: Server, name: str = "front", size: str = "320x240", fps: float = 30
    ) -> None:
        super().__init__(
            server, ["testcard", "--name", name, "--size", size, "--fps", f"{fps:g}"]
        )


class Film(Agent):
    """ffmpeg's picture, piped into `headcam rawvideo`."""

    def __init__(self, server: Server, name: str, source: str, size: str) -> None:
        command = ["ffmpeg", "-nostdin", "-loglevel", "error", "-re", "-f", "lavfi", "-i", source]
        self._ffmpeg = subprocess.Popen(
            [*command, "-pix_fmt", "rgb24", "-f", "rawvideo", "-"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )
        assert self._ffmpeg.stdout
        super().__init__(
            server,
            ["rawvideo", "--name", name, "--size", size, "--format", "rgb24"],
            self._ffmpeg.stdout,
        )
        self._ffmpeg.stdout.close()

    def kill(self) -> None:
        """Both ends of the pipe."""
        self._ffmpeg.kill()
        self._ffmpeg.wait()
        super().kill()
