# SPDX-License-Identifier: MIT
"""A ring of shared memory, made from docs/api.md and nothing else, and what a bad one may be."""

from __future__ import annotations

import fcntl
import os
import pathlib
import struct

SHM = pathlib.Path("/dev/shm")
PAGE = 4096
SLOTS = 2


def path_of(instance: int, number: int = 1) -> pathlib.Path:
    """Where the server looks for a ring whose place is "shm"."""
    return SHM / f"headcam-{instance:016x}-{number}.ring"


class Ring:
    """A ring with two slots, held by a lock until it is closed."""

    def __init__(self, instance: int, frame_bytes: int, number: int = 1) -> None:
        self.path = path_of(instance, number)
        self.slot_bytes = -(-frame_bytes // PAGE) * PAGE
        self._sequences = [0] * SLOTS
        self._file = self.path.with_suffix(".new").open("wb+")
        fcntl.flock(self._file, fcntl.LOCK_EX)
        os.posix_fallocate(self._file.fileno(), 0, PAGE + SLOTS * self.slot_bytes)
        head = struct.pack("<8sQIIQ", b"HCRING01", instance, number, SLOTS, self.slot_bytes)
        os.pwrite(self._file.fileno(), head, 0)
        self.path.with_suffix(".new").rename(self.path)

    def close(self) -> None:
        """Removes it, as an agent that ends."""
        self.path.unlink(missing_ok=True)
        self._file.close()

    def write(self, slot: int, pixels: bytes) -> int:
        """Writes a frame; returns its slot's sequence."""
        self._mark(slot)
        os.pwrite(self._file.fileno(), pixels, PAGE + slot * self.slot_bytes)
        return self._mark(slot)

    def truncate(self) -> None:
        """Takes the slots away from under the server."""
        os.truncate(self._file.fileno(), PAGE)

    def _mark(self, slot: int) -> int:
        self._sequences[slot] += 1
        sequence = struct.pack("<Q", self._sequences[slot])
        os.pwrite(self._file.fileno(), sequence, 64 + 64 * slot)
        return self._sequences[slot]
