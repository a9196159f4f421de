# SPDX-License-Identifier: MIT
"""Conditions with a deadline, instead of sleeping."""

from __future__ import annotations

import time
from collections.abc import Callable
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


def hold(condition: Callable[[], object], duration_s: float, what: str = "it changed") -> None:
    """Fails, saying `what`, if the condition ends to be true within the time."""
    end_s = time.monotonic() + duration_s
    while time.monotonic() < end_s:
        assert condition(), what
        time.sleep(_LOOK_EVERY_S)
