# SPDX-License-Identifier: MIT
"""One ring: a file on a tmpfs, in which frames reach the server without being sent.

docs/api.md describes the file. Here it is made, filled and removed, and so are the rings that
dead producers left. Making one takes milliseconds and belongs in a thread of its own; what is
called for each frame never waits. A ring's methods are called by one thread at a time; it does
not survive a fork.
"""

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
import errno
import fcntl
import logging
import mmap
import os
import re
import stat
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

from headcam import endpoint as endpoints
from headcam import wire
from headcam.wire import Place

log = logging.getLogger("headcam")

#: One is being written, one being read, one waits; the fourth forgives a reader that is late.
SLOTS = 4
SHM = "/dev/shm"

_NAME = re.compile(r"headcam-[0-9a-f]{16}-[0-9]{1,10}\.ring(\.new)?", re.ASCII)
_UNFINISHED = ".new"
_ABANDONED_AFTER_S = 60.0

_TMPFS_MAGIC = 0x01021994
_RAMFS_MAGIC = 0x858458F6
# More than any platform's struct statfs; f_type comes first in all of them.
_STATFS_BYTES = 512

_U64_BYTES = 8
_HINTS = {
    errno.ENOENT: "it does not exist",
    errno.EACCES: "this user may not create files there",
    errno.EPERM: "this user may not create files there",
    errno.EROFS: "it is mounted read-only",
}


class RingError(Exception):
    """There is no ring; the text says why, for people."""


@dataclasses.dataclass(frozen=True)
class Site:
    """Where a ring could be. `socket` is the server's socket file, None for an abstract one."""

    place: Place
    directory: str
    socket: str | None


def sites(endpoint: str) -> tuple[Site, ...]:
    """Where the server at `endpoint` looks for rings, the best first; none if it is not ipc://."""
    if not endpoint.startswith("ipc://"):
        return ()
    socket = endpoints.socket_path(endpoint)
    shm = Site(Place.SHM, SHM, socket)
    if socket is None:
        return (shm,)
    return (Site(Place.SOCKET, os.path.dirname(os.path.abspath(socket)), socket), shm)


class Ring:
    """An open ring, made by create().

    A frame's way: begin() gives a slot, write() or view() fills it, end() makes it whole and
    gives its sequence, and sent() says that the server was told. A slot that was not sent is the
    next to be used again, so that frames which nobody hears of overwrite none that somebody may
    be reading.
    """

    def __init__(
        self, site: Site, path: str, header: wire.RingHeader, fd: int, memory: mmap.mmap
    ) -> None:
        self.site = site
        self.path = path
        self.number = header.number
        self.slots = header.slots
        self.slot_bytes = header.slot_bytes
        self.is_closed = False
        self._fd = fd
        self._memory = memory
        self._file_bytes = len(memory)
        self._next = 0
        self._taken: set[int] = set()
        self._owner_pid = os.getpid()
        self._fence_lock = threading.Lock()
        end = wire.RING_AT_SEQUENCES + header.slots * wire.RING_SEQUENCE_STRIDE
        # As native integers, so that each is stored at once and not byte by byte.
        with memoryview(memory)[wire.RING_AT_SEQUENCES:end] as view:
            self._sequences = view.cast("Q")

    def begin(self) -> int | None:
        """Takes a slot to write in; None where all are taken."""
        for offset in range(self.slots):
            slot = (self._next + offset) % self.slots
            if slot not in self._taken:
                break
        else:
            return None
        self._taken.add(slot)
        self._sequences[self._at(slot)] += 1
        self._fence()
        return slot

    def write(self, slot: int, pixels: memoryview) -> None:
        """Copies a contiguous buffer of any shape, of at most `slot_bytes`, into a taken slot."""
        start = wire.RING_PAGE + slot * self.slot_bytes
        # Into the mapping itself: unlike a memoryview it takes every format and shape as it is.
        self._memory[start:start + pixels.nbytes] = pixels

    def view(self, slot: int, count: int) -> memoryview:
        """The first `count` bytes of a taken slot, to write in."""
        start = wire.RING_PAGE + slot * self.slot_bytes
        with memoryview(self._memory) as whole:
            return whole[start:start + count]

    def end(self, slot: int) -> int:
        """Gives a slot back; returns the sequence by which the server finds it whole."""
        self._fence()
        self._taken.discard(slot)
        at = self._at(slot)
        sequence = self._sequences[at] + 1
        self._sequences[at] = sequence
        return sequence

    def sent(self, slot: int) -> None:
        """The server was told of that slot; the next frame takes another one."""
        self._next = (slot + 1) % self.slots

    def is_whole(self) -> bool:
        """Whether all of the file is there. Writing to what was cut off would be a SIGBUS.

        The file is this user's own and nobody else may write to it; it takes a mistake, between
        this look and the copy, to kill the process.
        """
        try:
            return os.fstat(self._fd).st_size == self._file_bytes
        except OSError:
            return False

    def is_in_place(self) -> bool:
        """Whether the file still is where a server looks for it."""
        try:
            there, here = os.stat(self.path, follow_symlinks=False), os.fstat(self._fd)
        except OSError:
            return False
        return (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino)

    def close(self) -> None:
        """Removes the file, and lets go of the memory once nobody has a view of it."""
        if self.is_closed or os.getpid() != self._owner_pid:
            return  # a forked child has a copy of this object, and no right to the file
        self.is_closed = True
        if self.is_in_place():
            with contextlib.suppress(OSError):
                os.unlink(self.path)
        self._sequences.release()
        with contextlib.suppress(BufferError):  # a view that is still out keeps the memory
            self._memory.close()
        os.close(self._fd)

    def _at(self, slot: int) -> int:
        return slot * (wire.RING_SEQUENCE_STRIDE // _U64_BYTES)

    def _fence(self) -> None:
        """Keeps what was written before it before what is written after it.

        Processors like ARM's may let another one see two writes in the other order. Python has
        no fence, but a lock's release and a later acquire stay in order, with everything that
        was before the one and after the other. In a single round a write could still slip in
        from either side, and there pass another one.
        """
        for _ in range(2):
            self._fence_lock.acquire()
            self._fence_lock.release()


def slot_bytes_for(frame_bytes: int) -> int:
    """The slot that a frame of that many bytes needs: whole pages."""
    return -(-frame_bytes // wire.RING_PAGE) * wire.RING_PAGE


def create(site: Site, instance: int, number: int, slot_bytes: int, slots: int = SLOTS) -> Ring:
    """Makes a ring, with all its memory in place; before that, removes what dead agents left.

    `slot_bytes` is a multiple of wire.RING_PAGE. Raises RingError. It may take long, as memory
    goes (a few ms for each 10 MB), but lets other threads run.
    """
    if sys.byteorder != "little":
        raise RingError("this processor is not little-endian")
    header = wire.RingHeader(instance, number, slots, slot_bytes)
    try:
        with _open_tmpfs(site.directory) as directory:
            clean(directory)
            return _create_in(directory, site, header)
    except OSError as error:
        reason = _explain(error, slots * slot_bytes)
        raise RingError(f"no ring in {site.directory}: {reason}") from None


def room(site: Site) -> int:
    """How many bytes a ring could have there, sys.maxsize for any number. Leaves no trace.

    Returns at once. Raises RingError where a ring cannot be.
    """
    try:
        with _open_tmpfs(site.directory) as directory:
            # A file without a name: it meets what the ring's would meet.
            os.close(os.open(".", os.O_TMPFILE | os.O_WRONLY, 0o600, dir_fd=directory))
            status = os.fstatvfs(directory)
    except OSError as error:
        raise RingError(f"no ring in {site.directory}: {_explain(error)}") from None
    # A tmpfs without a limit has no blocks either.
    return status.f_bavail * status.f_frsize if status.f_blocks else sys.maxsize


def is_tmpfs(fd: int) -> bool:
    """Whether that file or directory is on a tmpfs or ramfs. Raises OSError.

    Asked of the kernel, as the server does: the list of mounts would have to be searched by
    name, and may be hidden.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    buffer = ctypes.create_string_buffer(_STATFS_BYTES)
    if libc.fstatfs(fd, buffer) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return int.from_bytes(buffer.raw[:4], sys.byteorder) in (_TMPFS_MAGIC, _RAMFS_MAGIC)


def clean(directory: int) -> None:
    """Removes the rings of dead producers from a directory. Raises OSError if it is unreadable."""
    for name in os.listdir(directory):
        match = _NAME.fullmatch(name)
        if match and _is_dead(directory, name, is_unfinished=match[1] is not None):
            with contextlib.suppress(OSError):  # another agent was faster, or it is not ours
                os.unlink(name, dir_fd=directory)
                log.info("removed %s: its agent is gone", name)


def _is_dead(directory: int, name: str, is_unfinished: bool) -> bool:
    """A producer holds the lock as long as it lives, and takes it before the last renaming."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        fd = os.open(name, flags, dir_fd=directory)
    except OSError:
        return False
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            return False
        if is_unfinished and time.time() - status.st_mtime < _ABANDONED_AFTER_S:
            return False  # its producer may be about to take the lock
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except OSError:
        return False
    finally:
        os.close(fd)


@contextlib.contextmanager
def _open_tmpfs(path: str) -> Iterator[int]:
    """A directory in which a ring may be. Raises OSError, and RingError if it is no tmpfs."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if not is_tmpfs(fd):
            raise RingError(f"{path} is not on a tmpfs")
        yield fd
    finally:
        os.close(fd)


def _create_in(directory: int, site: Site, header: wire.RingHeader) -> Ring:
    """Makes the file under another name, so that nobody finds it before it is ready."""
    name = f"headcam-{header.instance:016x}-{header.number}.ring"
    unfinished = name + _UNFINISHED
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(unfinished, flags, 0o600, dir_fd=directory)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _admit_readers(fd, site.socket)
        memory = _reserve(fd, wire.RING_PAGE + header.slots * header.slot_bytes)
        packed = wire.pack_ring_header(header)
        memory[:len(packed)] = packed
        os.rename(unfinished, name, src_dir_fd=directory, dst_dir_fd=directory)
        return Ring(site, os.path.join(site.directory, name), header, fd, memory)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(unfinished, dir_fd=directory)
        os.close(fd)
        raise


def _admit_readers(fd: int, socket: str | None) -> None:
    """Lets those read the ring who may use the server's socket, and nobody else.

    A ring holds pictures. The server is who made the socket: if that is another user, it reads
    as a member of the socket's group, to which the producer then belongs as well, or as one of
    all others where the socket is open to all.
    """
    try:
        status = os.stat(socket) if socket is not None else None
    except OSError:
        status = None
    if status is None or status.st_uid == os.geteuid():
        return
    if status.st_mode & stat.S_IWOTH:
        os.fchmod(fd, 0o644)
    elif status.st_mode & stat.S_IWGRP:
        with contextlib.suppress(PermissionError):  # not a member: only root can have connected
            os.fchown(fd, -1, status.st_gid)
            os.fchmod(fd, 0o640)


def _reserve(fd: int, count: int) -> mmap.mmap:
    """Gives the file its memory, and maps it.

    Reserved, it cannot run out while frames are written, which would be a SIGBUS. Filled with
    zeros by a read, which lets other threads run, each page is in place before the first frame.
    """
    os.posix_fallocate(fd, 0, count)
    memory = mmap.mmap(fd, count, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
    # Without /dev/zero the first frames take a little longer.
    with contextlib.suppress(OSError), memoryview(memory) as view:
        with open("/dev/zero", "rb", buffering=0) as zeros:
            zeros.readinto(view)
    return memory


def _explain(error: OSError, size_bytes: int = 0) -> Any:
    if error.errno in (errno.ENOSPC, errno.ENOMEM, errno.EDQUOT) and size_bytes:
        return (
            f"no room for its {size_bytes / 1e6:.0f} MB; make that tmpfs larger"
            " (/dev/shm in Docker: --shm-size)"
        )
    return _HINTS.get(error.errno or 0, error.strerror)
