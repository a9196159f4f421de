# SPDX-License-Identifier: MIT
"""A fake of the parts of Omniverse Kit and Isaac Sim that a capture agent uses. See README.md."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from fakekit.journal import API_NAMES, Violation
from fakekit.kit import Census, Kit, Options, ProcessExit
from fakekit.picture import colors_of, testcode
from fakekit.profiles import PROFILES, Profile

__all__ = [
    "API_NAMES",
    "PROFILES",
    "Census",
    "Kit",
    "Options",
    "ProcessExit",
    "Profile",
    "Violation",
    "colors_of",
    "install",
    "testcode",
]


@contextlib.contextmanager
def install(kit: Kit) -> Iterator[Kit]:
    """`with install(Kit("2023.1.1")) as kit:` Kit's modules can be imported within."""
    with kit.installed():
        yield kit
