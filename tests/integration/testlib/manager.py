# SPDX-License-Identifier: MIT
"""A service manager's side: sockets handed over, its notify socket, and its system call filter.

As a program, `python3 manager.py FD... -- COMMAND`, it becomes COMMAND with these files as systemd
hands them over; with `--seccomp UNIT` first, under that unit's SystemCallFilter=.
"""

from __future__ import annotations

import ctypes
import os
import pathlib
import re
import socket
import subprocess
import sys
import time

FIRST_FD = 3


def wrapper(*fds: int, unit: pathlib.Path | None = None) -> list[str]:
    """The command line before a server's own that hands it these sockets."""
    filtered = ["--seccomp", str(unit)] if unit else []
    return [sys.executable, __file__, *filtered, *map(str, fds), "--"]


class NotifySocket:
    """Where a service tells how it fares; `environment` is what the service needs to know."""

    def __init__(self, path: pathlib.Path, watchdog_s: float | None = None) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self.environment = {"NOTIFY_SOCKET": str(path)}
        if watchdog_s is not None:
            self.environment["WATCHDOG_USEC"] = str(int(watchdog_s * 1e6))

    def close(self) -> None:
        """Nobody listens any more."""
        self._socket.close()

    def receive(self, timeout_s: float) -> dict[str, str] | None:
        """The next assignments, or None when none come in time."""
        self._socket.settimeout(max(timeout_s, 0.001))
        try:
            message = self._socket.recv(65536).decode()
        except TimeoutError:
            return None
        return dict(line.split("=", 1) for line in message.split("\n"))

    def wait(self, key: str, timeout_s: float) -> dict[str, str]:
        """The next assignments that have this key, passing over others."""
        deadline_s = time.monotonic() + timeout_s
        while (left_s := deadline_s - time.monotonic()) > 0:
            told = self.receive(left_s)
            if told and key in told:
                return told
        raise AssertionError(f"{key} was not told within {timeout_s:g} s")

    def times_of(self, key: str, duration_s: float) -> list[float]:
        """When this key was told, in the time from now on."""
        times = []
        end_s = time.monotonic() + duration_s
        while (left_s := end_s - time.monotonic()) > 0:
            told = self.receive(left_s)
            if told and key in told:
                times.append(time.monotonic())
        return times


def allowed_system_calls(unit: pathlib.Path) -> set[str]:
    """What a unit's SystemCallFilter= lines leave, the first of which lists what is allowed."""
    allowed = _expand("@default")
    for line in re.findall(r"^SystemCallFilter=(.*)$", unit.read_text(), re.MULTILINE):
        names = set().union(*map(_expand, line.removeprefix("~").split()))
        allowed = allowed - names if line.startswith("~") else allowed | names
    return allowed


def _expand(name: str) -> set[str]:
    if not name.startswith("@"):
        return {name}
    command = ["systemd-analyze", "syscall-filter", "--no-pager", name]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    names = [line.strip() for line in lines[1:] if line.strip() and "#" not in line]
    return set().union(*map(_expand, names))


def forbid_other_system_calls(allowed: set[str]) -> None:
    """From now on, in this process and those that it becomes: EPERM for all others."""
    allow, forbid = 0x7FFF0000, 0x00050000 | 1
    seccomp = ctypes.CDLL("libseccomp.so.2")
    seccomp.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(seccomp.seccomp_init(ctypes.c_uint32(forbid)))
    for name in allowed:
        number = seccomp.seccomp_syscall_resolve_name(name.encode())
        if number >= 0:  # this machine has it
            failed = seccomp.seccomp_rule_add(context, ctypes.c_uint32(allow), number, 0)
            assert not failed, f"no rule for {name}: {failed}"
    assert seccomp.seccomp_load(context) == 0, "seccomp is not to be had here"


def main(arguments: list[str]) -> None:
    """Becomes the command."""
    unit = None
    if arguments[0] == "--seccomp":
        unit, arguments = pathlib.Path(arguments[1]), arguments[2:]
    at = arguments.index("--")
    fds, command = [int(fd) for fd in arguments[:at]], arguments[at + 1:]
    # Out of the way first, so that none is overwritten before it is moved.
    kept = [os.dup2(fd, 100 + i) for i, fd in enumerate(fds)]
    for i, fd in enumerate(kept):
        os.dup2(fd, FIRST_FD + i)
        os.close(fd)
    if fds:
        os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": str(len(fds))}
    if unit:
        forbid_other_system_calls(allowed_system_calls(unit))
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
