# SPDX-License-Identifier: MIT
"""A slow link, and clients at its other end.

It is the benchmark's: two network namespaces, which only root can make.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import ctypes
import dataclasses
import os
import pathlib
import socket
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from testlib.build import ROOT
from testlib.http import Address

sys.path.append(str(ROOT / "bench"))

import harness  # noqa: E402

_CLONE_NEWNET = 0x40000000


def enter_namespace(path: pathlib.Path) -> None:
    """From now on the calling thread, and no other, is in a network namespace."""
    libc = ctypes.CDLL(None, use_errno=True)
    with path.open("rb") as namespace:
        if libc.setns(namespace.fileno(), _CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


@dataclasses.dataclass(frozen=True)
class FarAddress(Address):
    """An address that is reached from within a network namespace."""

    namespace: pathlib.Path
    address: Address

    @classmethod
    def of(cls, link: Any, address: Address) -> FarAddress:
        """`address` as seen from the link's other end."""
        namespace = pathlib.Path("/run/netns") / link.viewers_in[-1]
        return cls(address.host, address.port, namespace, address)

    def connect(self, receive_buffer: int | None = None) -> socket.socket:
        """A connection. A thread that is in the namespace makes it; the socket stays there."""
        with concurrent.futures.ThreadPoolExecutor(1) as inside:
            return inside.submit(self._connect_inside, receive_buffer).result()

    def _connect_inside(self, receive_buffer: int | None) -> socket.socket:
        enter_namespace(self.namespace)
        return self.address.connect(receive_buffer)


@contextlib.contextmanager
def slow_link(mbit: float) -> Iterator[Any]:
    """A link of so many Mbit/s with a queue of 50 KB; skips the test where it cannot be made."""
    with contextlib.ExitStack() as ends:
        try:
            link = ends.enter_context(harness.slow_link(mbit))
        except harness.Skip as reason:
            pytest.skip(str(reason))
        yield link
