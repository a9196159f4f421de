# SPDX-License-Identifier: MIT
"""A single thread of a process, stopped: to the process it is as if that thread hung.

SIGSTOP stops all of a process; a tracer can stop one thread.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import pathlib
from collections.abc import Iterator

_SEIZE, _INTERRUPT, _DETACH = 0x4206, 0x4207, 17
_WAIT_ALL = 0x40000000

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
_libc.ptrace.restype = ctypes.c_long


def find_thread(process: int, name: str) -> int:
    """The id of a thread (the first) with this name."""
    for task in sorted(pathlib.Path(f"/proc/{process}/task").iterdir()):
        if (task / "comm").read_text().strip() == name:
            return int(task.name)
    raise AssertionError(f"no thread is called {name}")


@contextlib.contextmanager
def stopped(thread: int) -> Iterator[None]:
    """The thread stands still; PermissionError where processes may not trace their children."""
    _trace(_SEIZE, thread)
    try:
        _trace(_INTERRUPT, thread)
        os.waitpid(thread, _WAIT_ALL)
        yield
    finally:
        _trace(_DETACH, thread)


def _trace(request: int, thread: int) -> None:
    if _libc.ptrace(request, thread, None, None) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
