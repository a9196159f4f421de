# SPDX-License-Identifier: MIT
"""Conditions with a deadline, instead of sleeping."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from testlib.build import SLOWNESS

T = TypeVar("T")

#: Long enough for anything that is to happen at once, on a busy machine.
SOON_S = 15.0

_LOOK_EVERY_S = 0.02


def wait_until(
    condition: Callable[[], T], timeout_s: float = SOON_S, what: str = "it never came"
) -> T:
    """Returns the condition's first true value; fails, saying `what`, after the timeout."""
    deadline_s = time.monotonic() + timeout_s * SLOWNESS
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline_s:
            raise AssertionError(f"not within {timeout_s * SLOWNESS:g} s: {what}")
        time.sleep(_LOOK_EVERY_S)


def output_until(command: Sequence[str], condition: Callable[[bytes], object]) -> bytes:
    """What a program that would go on has written when the condition is true of it; ends it."""
    output = b""
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout
        overdue = threading.Timer(SOON_S * SLOWNESS, process.kill)
        overdue.start()
        try:
            while not condition(output):
                data = os.read(process.stdout.fileno(), 1 << 16)
                assert data, f"{command[0]} has ended: {output[-200:]!r}"
                output += data
        finally:
            overdue.cancel()
            process.kill()
    return output


def hold(condition: Callable[[], object], duration_s: float, what: str = "it changed") -> None:
    """Fails, saying `what`, if the condition ends to be true within the time."""
    end_s = time.monotonic() + duration_s
    while time.monotonic() < end_s:
        assert condition(), what
        time.sleep(_LOOK_EVERY_S)
