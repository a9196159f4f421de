# SPDX-License-Identifier: MIT
"""ring: the file, as the server sees it, and what happens to it."""

import ctypes
import errno
import fcntl
import os
import pathlib
import signal
import stat
import subprocess
import sys
import time

import numpy
import pytest
from conftest import ROOT
from fake_server import ReadRing

from headcam import ring, wire
from headcam.ring import RingError, Site
from headcam.wire import Place

INSTANCE = 0x0123456789ABCDEF
NAME = "headcam-0123456789abcdef-1.ring"


@pytest.fixture
def site(tmpfs):
    (tmpfs / "run").mkdir()
    return Site(Place.SOCKET, str(tmpfs / "run"), None)


@pytest.fixture
def directory(site):
    return pathlib.Path(site.directory)


@pytest.fixture
def made(site):
    """A ring of four slots of two pages."""
    it = ring.create(site, INSTANCE, 1, 8192)
    yield it
    it.close()


@pytest.fixture
def reader(made):
    it = ReadRing(made.path, INSTANCE, 1)
    yield it
    it.close()


def write(made, data):
    slot = made.begin()
    made.write(slot, memoryview(data))
    return slot, made.end(slot)


def is_locked(path):
    with open(path, "rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


# ---- where ----


def test_rings_are_beside_the_socket_or_in_shared_memory(shm):
    assert ring.sites("ipc:///run/headcam/ingest.sock") == (
        Site(Place.SOCKET, "/run/headcam", "/run/headcam/ingest.sock"),
        Site(Place.SHM, str(shm), "/run/headcam/ingest.sock"),
    )


def test_an_abstract_socket_has_no_directory_and_tcp_no_ring(shm):
    assert ring.sites("ipc://@headcam") == (Site(Place.SHM, str(shm), None),)
    assert ring.sites("tcp://127.0.0.1:5555") == ()


def test_a_relative_socket_is_in_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert ring.sites("ipc://ingest.sock")[0].directory == str(tmp_path)


def test_only_a_tmpfs_will_do(tmpfs):
    for path, expected in ((tmpfs, True), ("/proc", False)):
        fd = os.open(path, os.O_RDONLY)
        try:
            assert ring.is_tmpfs(fd) is expected
        finally:
            os.close(fd)
    with pytest.raises(RingError, match="/proc is not on a tmpfs"):
        ring.create(Site(Place.SOCKET, "/proc", None), INSTANCE, 1, 4096)
    with pytest.raises(OSError):
        ring.is_tmpfs(-1)


# ---- the file ----


def test_the_file_is_as_the_interface_describes_it(made, reader, directory):
    assert os.listdir(directory) == [NAME]
    assert made.path == f"{directory}/{NAME}"
    assert reader.header == wire.RingHeader(INSTANCE, 1, 4, 8192)
    assert [reader.sequence(slot) for slot in range(4)] == [0, 0, 0, 0]
    data = pathlib.Path(made.path).read_bytes()
    assert data[:8] == b"HCRING01" and len(data) == 4096 + 4 * 8192
    assert not any(data[wire.RING_PAGE:])


def test_all_its_memory_is_there(made):
    assert os.stat(made.path).st_blocks * 512 >= 4096 + 4 * 8192


def test_a_frame_is_found_by_its_sequence(made, reader):
    slot, sequence = write(made, b"pixels")
    assert sequence == reader.sequence(slot) == 2
    assert reader.pixels(slot, 6) == b"pixels"


def test_a_sequence_is_odd_while_its_slot_is_written(made, reader):
    for n in range(3):
        slot = made.begin()
        assert reader.sequence(slot) == 2 * n + 1
        assert made.end(slot) == reader.sequence(slot) == 2 * n + 2


def test_slots_take_turns_once_they_are_sent(made):
    slots = []
    for _ in range(6):
        slot, _ = write(made, b"x")
        made.sent(slot)
        slots.append(slot)
    assert slots == [0, 1, 2, 3, 0, 1]


def test_what_nobody_heard_of_is_overwritten_first(made):
    assert [write(made, b"x")[0] for _ in range(3)] == [0, 0, 0]


def test_a_slot_that_is_drawn_in_is_nobody_elses(made):
    assert [made.begin() for _ in range(5)] == [0, 1, 2, 3, None]
    made.end(2)
    assert made.begin() == 2


@pytest.mark.parametrize(
    "pixels",
    [
        b"abcdefghijkl",
        bytearray(b"abcdefghijkl"),
        (ctypes.c_uint8 * 12).from_buffer_copy(b"abcdefghijkl"),
        (ctypes.c_char * 12).from_buffer_copy(b"abcdefghijkl"),
        numpy.frombuffer(b"abcdefghijkl", numpy.uint8).reshape(2, 2, 3),
        numpy.frombuffer(b"abcdefghijkl", numpy.dtype("S1")),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_buffer_is_copied_as_it_is(made, reader, pixels):
    slot, _ = write(made, pixels)
    assert reader.pixels(slot, 13) == b"abcdefghijkl\0"


def test_a_full_slot_does_not_touch_the_next(made, reader):
    first, second = made.begin(), made.begin()
    made.write(first, memoryview(b"x" * 8192))
    assert reader.pixels(second, 8192) == bytes(8192)


def test_a_slot_can_be_drawn_in_directly(made, reader):
    slot = made.begin()
    with made.view(slot, 3) as view:
        assert (view.nbytes, view.readonly) == (3, False)
        view[:] = b"abc"
    made.end(slot)
    assert reader.pixels(slot, 4) == b"abc\0"


@pytest.mark.parametrize("frame_bytes, slot_bytes", [(1, 4096), (4096, 4096), (4097, 8192)])
def test_a_slot_is_whole_pages(frame_bytes, slot_bytes):
    assert ring.slot_bytes_for(frame_bytes) == slot_bytes


# ---- who may read it ----


def mode_of(path):
    return stat.S_IMODE(os.stat(path).st_mode)


@pytest.mark.parametrize(
    "socket_mode, is_ours, expected",
    [(0o660, True, 0o600), (0o660, False, 0o640), (0o600, False, 0o600), (0o666, False, 0o644)],
    ids=["our own server", "a server in a group", "root", "a socket open to all"],
)
def test_who_may_use_the_socket_may_read_the_ring(
    site, tmp_path, monkeypatch, socket_mode, is_ours, expected
):
    socket = tmp_path / "ingest.sock"
    socket.touch()
    socket.chmod(socket_mode)
    if not is_ours:
        monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    old_mask = os.umask(0o077)
    try:
        made = ring.create(Site(site.place, site.directory, str(socket)), INSTANCE, 1, 4096)
    finally:
        os.umask(old_mask)
    assert mode_of(made.path) == expected
    assert os.stat(made.path).st_gid == os.stat(socket).st_gid
    made.close()


def test_without_a_socket_file_only_our_own_user_may_read_it(made):
    assert mode_of(made.path) == 0o600


def test_a_group_that_we_are_not_in_gets_nothing(site, tmp_path, monkeypatch):
    def refuse(*arguments):
        raise PermissionError(errno.EPERM, "no")

    (tmp_path / "ingest.sock").touch(0o660)
    (tmp_path / "ingest.sock").chmod(0o660)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    monkeypatch.setattr(os, "fchown", refuse)
    socket = str(tmp_path / "ingest.sock")
    made = ring.create(Site(site.place, site.directory, socket), INSTANCE, 1, 4096)
    assert mode_of(made.path) == 0o600
    made.close()


# ---- the end ----


def test_it_is_locked_as_long_as_it_is_open_and_then_removed(made, directory):
    assert is_locked(made.path)
    made.close()
    made.close()
    assert os.listdir(directory) == []


def test_a_view_that_is_still_out_keeps_the_memory(made, directory):
    view = made.view(made.begin(), 3)
    array = numpy.asarray(view)
    made.close()
    assert os.listdir(directory) == []
    array[:] = 7
    assert bytes(view) == b"\7\7\7"


def test_another_file_of_that_name_is_not_removed(made, directory):
    os.rename(made.path, directory / "elsewhere")
    pathlib.Path(made.path).write_text("not ours")
    assert not made.is_in_place()
    made.close()
    assert sorted(os.listdir(directory)) == ["elsewhere", NAME]


def test_a_forked_child_does_not_remove_it(made):
    pid = os.fork()
    if pid == 0:
        made.close()
        os._exit(0)
    os.waitpid(pid, 0)
    assert made.is_in_place() and is_locked(made.path)


def test_a_cut_file_is_noticed(made):
    assert made.is_whole()
    os.truncate(made.path, 4096)
    assert not made.is_whole()


def replace_by_symlink(path):
    os.unlink(path)
    os.symlink("/etc/hostname", path)


def replace_by_fifo(path):
    os.unlink(path)
    os.mkfifo(path)


@pytest.mark.parametrize("change", [os.unlink, replace_by_symlink, replace_by_fifo])
def test_a_file_that_is_gone_is_noticed_and_still_written_to(made, reader, change):
    assert made.is_in_place()
    change(made.path)
    assert not made.is_in_place() and made.is_whole()
    slot, sequence = write(made, b"abc")
    assert (reader.pixels(slot, 3), reader.sequence(slot)) == (b"abc", sequence)


# ---- where it cannot be ----


@pytest.mark.parametrize(
    "module, function, number, reason",
    [
        (os, "posix_fallocate", errno.ENOSPC, "no room for its 0 MB"),
        (os, "posix_fallocate", errno.EFBIG, "File too large"),
        (ring.mmap, "mmap", errno.ENOMEM, "no room"),
        (os, "rename", errno.EACCES, "may not create files"),
    ],
)
def test_a_failure_names_the_place_and_leaves_nothing(
    site, directory, monkeypatch, module, function, number, reason
):
    def fail(*arguments, **keywords):
        raise OSError(number, os.strerror(number))

    descriptors = len(os.listdir("/proc/self/fd"))
    monkeypatch.setattr(module, function, fail)
    with pytest.raises(RingError, match=f"no ring in {directory}: .*{reason}"):
        ring.create(site, INSTANCE, 1, 4096)
    assert os.listdir(directory) == []
    assert len(os.listdir("/proc/self/fd")) == descriptors


def test_a_missing_directory_is_named(tmpfs):
    with pytest.raises(RingError, match="run/headcam: it does not exist"):
        ring.create(Site(Place.SOCKET, f"{tmpfs}/run/headcam", None), INSTANCE, 1, 4096)


def test_the_room_for_a_ring_is_what_the_tmpfs_has(site, directory):
    status = os.statvfs(directory)
    used = ring.create(site, INSTANCE, 1, 1 << 20)
    assert 0 < ring.room(site) <= status.f_blocks * status.f_frsize
    used.close()
    assert os.listdir(directory) == []


def test_where_a_ring_cannot_be_there_is_no_room(site, directory, monkeypatch):
    with pytest.raises(RingError, match="run/headcam: it does not exist"):
        ring.room(Site(Place.SOCKET, f"{directory}/run/headcam", None))
    with pytest.raises(RingError, match="is not on a tmpfs"):
        ring.room(Site(Place.SOCKET, "/proc", None))

    def refuse(*arguments, **keywords):
        raise PermissionError(errno.EACCES, "Permission denied")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fstatvfs", refuse)
        with pytest.raises(RingError, match="this user may not create files there"):
            ring.room(site)


@pytest.mark.parametrize("plant", [os.mkfifo, lambda path: os.symlink("/etc/hostname", path)])
def test_a_trap_under_the_unfinished_name_is_not_opened(site, directory, plant):
    plant(directory / (NAME + ".new"))
    with pytest.raises(RingError, match="File exists"):
        ring.create(site, INSTANCE, 1, 4096)


def test_without_zeros_to_read_there_is_a_ring_all_the_same(site, monkeypatch):
    def fail(*arguments, **keywords):
        raise FileNotFoundError

    monkeypatch.setattr("builtins.open", fail)
    made = ring.create(site, INSTANCE, 1, 4096)
    monkeypatch.undo()
    write(made, b"x" * 4096)
    made.close()


# ---- what dead agents left ----


def test_a_killed_agents_ring_is_removed_by_the_next(site, directory):
    code = (
        "import sys, time; from headcam import ring; from headcam.wire import Place;"
        "made = ring.create(ring.Site(Place.SOCKET, sys.argv[1], None), 7, 3, 4096);"
        "print('made', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(directory)],
        env={**os.environ, "PYTHONPATH": str(ROOT / "capture_agent")},
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdout.readline() == b"made\n"
        others = directory / "headcam-0000000000000007-3.ring"
        ring.create(site, INSTANCE, 1, 4096).close()
        assert is_locked(others)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
    assert others.exists()
    ring.create(site, INSTANCE, 1, 4096).close()
    assert not others.exists()


def test_an_unfinished_ring_is_removed_once_it_is_old(site, directory):
    old, young = directory / "headcam-00000000000000aa-1.ring.new", directory / (
        "headcam-00000000000000bb-1.ring.new"
    )
    for path in (old, young):
        path.touch()
    os.utime(old, (time.time() - 61, time.time() - 61))
    ring.create(site, INSTANCE, 1, 4096).close()
    assert os.listdir(directory) == [young.name]


def test_only_regular_files_with_a_rings_name_are_removed(site, directory):
    os.mkfifo(directory / "headcam-00000000000000aa-1.ring")
    os.symlink("/etc/hostname", directory / "headcam-00000000000000aa-2.ring")
    (directory / "headcam-00000000000000aa-3.ring").mkdir()
    for name in ("ingest.sock", "headcam.ring", "headcam-aa-1.ring", f"x{NAME}", f"{NAME}x"):
        (directory / name).touch()
    before = set(os.listdir(directory))
    ring.create(site, INSTANCE, 1, 4096).close()
    assert set(os.listdir(directory)) == before
