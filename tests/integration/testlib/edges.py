# SPDX-License-Identifier: MIT
"""Headcams that forward to others, and what that needs."""

from __future__ import annotations

import dataclasses
import pathlib
import re
import subprocess
from typing import Any

from testlib.build import COMMAND
from testlib.server import Server
from testlib.waiting import wait_until

_TCP = re.compile(r"takes frames of other machines at (\S+), ")


@dataclasses.dataclass(frozen=True)
class Keys:
    """The two files of `headcam keygen`."""

    secret: pathlib.Path

    @property
    def public(self) -> pathlib.Path:
        """The one that is for others."""
        return self.secret.with_name(self.secret.name + ".pub")

    @classmethod
    def make(cls, path: pathlib.Path) -> Keys:
        """Lets headcam make them."""
        subprocess.run([*COMMAND, "keygen", str(path)], check=True, capture_output=True, timeout=60)
        return cls(path)


def tcp_endpoint(server: Server) -> str:
    """Where a server takes frames of other machines; its port was its own choice."""
    found = wait_until(lambda: _TCP.search(server.log()), what="a tcp endpoint in the log")
    assert found
    return found[1]


def edge_of(server: Server, index: int = 0) -> Any:
    """What an origin's /status says of an edge."""
    return server.status()["edges"][index]


def wait_connected(server: Server, index: int = 0) -> Any:
    """An edge's entry, once it is connected."""

    def look() -> Any:
        edge = edge_of(server, index)
        return edge if edge["state"] == "connected" else None

    return wait_until(look, what="a connection to the edge")
