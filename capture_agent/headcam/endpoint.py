# SPDX-License-Identifier: MIT
"""Where the server listens, and what may be wrong when it does not answer.

Every look returns at once: at the file system, never at the server.
"""

from __future__ import annotations

import dataclasses
import grp
import os
import pathlib
import pwd
import stat
from collections.abc import Callable, Mapping

VARIABLE = "HEADCAM_INGEST"
DEFAULT = "ipc:///run/headcam/ingest.sock"

_IPC = "ipc://"
# Docker makes the one, podman the other.
_CONTAINER_MARKS = ("/.dockerenv", "/run/.containerenv")


@dataclasses.dataclass(frozen=True)
class Step:
    """A step on the way to the server's socket, as this process sees it.

    `status` is None where nothing can be seen. `trouble` says why the way ends here, "" where it
    does not, and `remedy` what to do about it.
    """

    path: str
    status: os.stat_result | None = None
    trouble: str = ""
    remedy: str = ""

    @property
    def access(self) -> str:
        """Its owner, group and mode, as far as they can be seen. Looks the names up."""
        if self.status is None:
            return ""
        uid, gid = self.status.st_uid, self.status.st_gid
        owner = _name(lambda: pwd.getpwuid(uid).pw_name, uid)
        group = _name(lambda: grp.getgrgid(gid).gr_name, gid)
        return f"owner {owner}, group {group}, mode {stat.S_IMODE(self.status.st_mode):04o}"


def resolve(endpoint: str | None, environment: Mapping[str, str] = os.environ) -> str:
    """The endpoint to use: the one given, else $HEADCAM_INGEST, else the default."""
    return endpoint or environment.get(VARIABLE) or DEFAULT


def socket_path(endpoint: str) -> str | None:
    """The file of an ipc:// endpoint; None for another one, or an abstract socket (ipc://@)."""
    path = endpoint[len(_IPC):]
    return path if endpoint.startswith(_IPC) and path and path[0] != "@" else None


def diagnose(endpoint: str) -> str:
    """Why nobody answers at `endpoint`, as far as this process can see, and what to do."""
    way = steps(endpoint)
    if not way:
        if endpoint.startswith(_IPC):
            return "is headcam running, and in this network namespace?"
        return "is headcam running, and reachable from here?"
    last = way[-1]
    if last.trouble:
        return f"{last.trouble}: {last.remedy}"
    return f"{last.path} exists: is headcam running?"


def steps(endpoint: str) -> list[Step]:
    """The way to the endpoint's socket: its directory, and its file, as far as the way goes.

    Nothing for an endpoint without a file.
    """
    path = socket_path(endpoint)
    if path is None:
        return []
    directory = _look_at_directory(os.path.dirname(path) or ".")
    return [directory] if directory.trouble else [directory, _look_at_socket(path, endpoint)]


def is_in_container() -> bool:
    """Whether this process runs in a container, whose directories are not the server's."""
    return any(map(os.path.exists, _CONTAINER_MARKS))


def _look_at_directory(directory: str) -> Step:
    try:
        status = os.stat(directory)
    except PermissionError:
        parents = map(str, reversed(pathlib.Path(os.path.abspath(directory)).parents))
        closed = next((path for path in parents if not _may(path, os.X_OK)), directory)
        return _closed(directory, None, closed)
    except OSError:
        remedy = "is headcam running, is its directory mounted here?" + _mount_hint(directory)
        return Step(directory, None, f"{directory} does not exist", remedy)
    if not stat.S_ISDIR(status.st_mode):
        return Step(directory, status, f"{directory} is no directory", "choose another endpoint")
    if not _may(directory, os.X_OK):
        return _closed(directory, status, directory)
    return Step(directory, status)


def _closed(directory: str, status: os.stat_result | None, closed: str) -> Step:
    trouble = f"{_who()} may not enter {closed}"
    return Step(directory, status, trouble, f"open it: sudo chmod a+x {closed}")


def _look_at_socket(path: str, endpoint: str) -> Step:
    try:
        status = os.stat(path)
    except OSError:
        remedy = f"is headcam running? It is started with: headcam --ingest {endpoint}."
        hint = _mount_hint(os.path.dirname(path) or ".")
        return Step(path, None, f"{path} does not exist", remedy + hint)
    if not stat.S_ISSOCK(status.st_mode):
        return Step(path, status, f"{path} is no socket", "remove it, or choose another endpoint")
    if _may(path, os.W_OK):
        return Step(path, status)
    remedy = f"start the server with --socket-mode 0666, or for now: sudo chmod 0666 {path}"
    if status.st_mode & stat.S_IWGRP and status.st_gid:
        remedy = f"join group {status.st_gid} (docker run --group-add {status.st_gid}), or {remedy}"
    return Step(path, status, f"{_who()} may not write to {path}", remedy)


def _mount_hint(directory: str) -> str:
    """What is missing in a container that has no directory of the server's."""
    if not is_in_container() or _is_mounted(directory):
        return ""
    return f" Into this container it is mounted with: docker run -v {directory}:{directory}"


def _is_mounted(path: str) -> bool:
    """Whether it is there, and not on the container's own file system."""
    try:
        return os.stat(path).st_dev != os.stat("/").st_dev
    except OSError:
        return False


def _may(path: str, mode: int) -> bool:
    return os.access(path, mode, effective_ids=os.access in os.supports_effective_ids)


def _who() -> str:
    return f"uid {os.geteuid()} (gid {os.getegid()})"


def _name(find: Callable[[], str], number: int) -> str:
    """The number, and its name where this system has one: a container's may not be the host's."""
    try:
        return f"{number} ({find()})"
    except KeyError:
        return str(number)
