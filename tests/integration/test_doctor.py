# SPDX-License-Identifier: MIT
"""headcam-agent doctor and the real server, which must not notice."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from testlib.build import AGENT_PATH, SLOWNESS
from testlib.server import clean_environment

pytestmark = pytest.mark.no_tsan


def ask(endpoint: str, *python_flags: str) -> subprocess.CompletedProcess[str]:
    """Runs the doctor."""
    return subprocess.run(
        [sys.executable, *python_flags, "-m", "headcam", "doctor", "--endpoint", endpoint],
        env=clean_environment({"PYTHONPATH": str(AGENT_PATH)}),
        capture_output=True,
        text=True,
        timeout=20.0 * SLOWNESS,
    )


@pytest.mark.parametrize("python_flags", [(), ("-S",)], ids=["with pyzmq", "without pyzmq"])
def test_the_doctor_finds_the_server_and_leaves_nothing_there(
    server: Any, python_flags: tuple[str, ...]
) -> None:
    """No stream, no message, no line in the log."""
    log = server.log()
    done = ask(server.endpoint, *python_flags)
    assert (done.returncode, done.stderr) == (0, "")
    assert "FAIL" not in done.stdout
    assert done.stdout.splitlines()[-1].startswith("ok    server     answers")
    status = server.status()
    assert status["streams"] == []
    assert status["ingest"]["messages"] == 0
    assert status["ingest"]["rejected"]["total"] == 0
    assert server.log() == log


def test_a_server_that_has_ended_is_missed(server: Any) -> None:
    """Whether its socket is left or not."""
    server.kill()
    done = ask(server.endpoint)
    assert done.returncode == 1
    assert "is headcam running?" in done.stdout
