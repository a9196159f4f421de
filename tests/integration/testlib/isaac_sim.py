# SPDX-License-Identifier: MIT
"""The fake Isaac Sim as a process, started as NVIDIA's start script starts the real one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import Any

from testlib.build import AGENT_PATH, ROOT
from testlib.server import Server, clean_environment

START_SCRIPT = ROOT / "tests" / "fakekit" / "isaac-sim"
EXTENSIONS = AGENT_PATH / "exts"


class IsaacSim:
    """`isaac-sim --ext-folder ... --enable headcam.capture`, with settings for the extension.

    The process has nothing but Python's own modules: no pyzmq, no numpy, no headcam on its path.
    """

    def __init__(
        self, server: Server, profile: str = "5.1", *arguments: str, **settings: Any
    ) -> None:
        settings = {"endpoint": server.endpoint, **settings}
        self._log = server.socket_path.parent / f"isaac-{id(self)}.log"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [
                    sys.executable, "-S", str(START_SCRIPT), "--profile", profile, "--control",
                    "--option", "with_numpy=false", "--no-window", "--allow-root",
                    "--ext-folder", str(EXTENSIONS), "--enable", "headcam.capture",
                    *(f"--/exts/headcam.capture/{key}={value}" for key, value in settings.items()),
                    *arguments,
                ],
                env={k: v for k, v in clean_environment().items() if k != "PYTHONPATH"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )  # fmt: skip

    def say(self, command: str) -> dict[str, Any]:
        """Has it obey a line, and returns its answer."""
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            if line.startswith("{"):
                answer: dict[str, Any] = json.loads(line)
                assert answer["ok"], answer
                return answer
        raise AssertionError(f"the simulator has ended:\n{self.log()}")

    def report(self) -> dict[str, Any]:
        """What was done to it so far; nothing of it may be wrong."""
        report: dict[str, Any] = self.say("report")["value"]
        assert report["violations"] == []
        assert report["errors"] == []
        return report

    def log(self) -> str:
        """Its console."""
        return self._log.read_text(errors="replace")

    def end(self) -> None:
        """SIGINT: Kit ends as with post_quit()."""
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(timeout=30) == 0, self.log()

    def pause(self) -> None:
        """SIGSTOP."""
        os.kill(self.process.pid, signal.SIGSTOP)

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()
        self.process.communicate()
