# SPDX-License-Identifier: MIT
"""Where the server listens, and what may be wrong when it does not answer."""

from __future__ import annotations

import os
from collections.abc import Mapping

VARIABLE = "HEADCAM_INGEST"
DEFAULT = "ipc:///run/headcam/ingest.sock"

_IPC = "ipc://"


def resolve(endpoint: str | None, environment: Mapping[str, str] = os.environ) -> str:
    """The endpoint to use: the one given, else $HEADCAM_INGEST, else the default."""
    return endpoint or environment.get(VARIABLE) or DEFAULT


def socket_path(endpoint: str) -> str | None:
    """The file of an ipc:// endpoint; None for another one, or an abstract socket (ipc://@)."""
    path = endpoint[len(_IPC):]
    return path if endpoint.startswith(_IPC) and path and path[0] != "@" else None


def diagnose(endpoint: str) -> str:
    """Why nobody answers at `endpoint`, as far as this process can see."""
    if not endpoint.startswith(_IPC):
        return "is headcam running, and reachable from here?"
    path = endpoint[len(_IPC):]
    directory = os.path.dirname(path) or "."
    if not os.path.isdir(directory):
        return f"{directory} does not exist: is headcam running, is its directory mounted here?"
    if not os.access(directory, os.X_OK):
        return f"uid {os.getuid()} may not enter {directory}"
    if not os.path.exists(path):
        return f"{path} does not exist: is headcam running?"
    if not os.access(path, os.W_OK):
        return f"uid {os.getuid()} may not write to {path}: see its owner and mode"
    return f"{path} exists: is headcam running?"
