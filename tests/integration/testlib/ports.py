# SPDX-License-Identifier: MIT
"""Ports for what has to know its own before it listens, or to keep it over a restart."""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
import pathlib
import random
import socket
from collections.abc import Iterator

_RANGE = pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range")

#: Below it are those of well-known services.
_FIRST = 10_000

#: So many are enough for all that run side by side.
_ENOUGH = 2_000


def free_port() -> int:
    """One that nobody listens on, nor gets by chance: the kernel gives it to no socket by itself.

    No other test is given it either, where several run side by side.
    """
    return next(port for port in _candidates() if _is_free(port))


@functools.cache
def _candidates() -> Iterator[int]:
    """This worker's (of pytest-xdist), again and again, from any on: there may be other runs."""
    first, last = map(int, _RANGE.read_text().split())
    ports = [port for port in range(_FIRST, 65536) if not first <= port <= last]
    if len(ports) < _ENOUGH:
        ports = list(range(_FIRST, 65536))
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    mine = ports[worker::workers]
    start = random.randrange(len(mine))
    return itertools.cycle(mine[start:] + mine[:start])


def _is_free(port: int) -> bool:
    has_both = socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if has_both else socket.AF_INET
    with contextlib.suppress(OSError):
        socket.create_server(("", port), family=family, dualstack_ipv6=has_both).close()
        return True
    return False
