# SPDX-License-Identifier: MIT
"""doctor: each thing that keeps frames from arriving is named, with what to do about it."""

import os
import pathlib
import socket
import stat
import subprocess
import sys
import time

import pytest
from conftest import ROOT
from fake_server import FakeServer

from headcam import doctor, ring
from headcam import endpoint as endpoints
from headcam.doctor import Verdict

NOBODY = 65534


@pytest.fixture(autouse=True)
def no_container(monkeypatch):
    """These tests may themselves run in one."""
    monkeypatch.setattr(endpoints, "_CONTAINER_MARKS", ())


@pytest.fixture
def container(monkeypatch, tmp_path):
    """What makes this process take itself for one in a container."""
    mark = tmp_path / ".dockerenv"
    mark.touch()
    monkeypatch.setattr(endpoints, "_CONTAINER_MARKS", (str(mark),))


@pytest.fixture
def running(tmpfs):
    """A server with its socket on a tmpfs."""
    with FakeServer(f"ipc://{tmpfs}/ingest.sock") as fake:
        fake.endpoint = f"ipc://{tmpfs}/ingest.sock"
        yield fake


def examine(endpoint, timeout_s=5.0):
    """All findings, by subject."""
    return {said.subject: said for said in doctor.examine(endpoint, "--endpoint", timeout_s)}


def examine_as_nobody(endpoint):
    """The lines of a process that may do less than this one."""
    script = (
        "import os, sys; sys.path.insert(0, sys.argv[1]); from headcam import doctor, sockets;"
        " from headcam import endpoint as endpoints; endpoints._CONTAINER_MARKS = ();"
        " sockets.describe();"  # imports what the checkout may hide from others
        f" os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY});"
        " print(*doctor.examine(sys.argv[2], 'here', 5.0), sep='\\n')"
    )
    return subprocess.run(
        [sys.executable, "-c", script, str(ROOT / "capture_agent"), endpoint],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


def test_all_is_well(running):
    found = examine(running.endpoint)
    assert list(found) == ["python", "zmq", "endpoint", "directory", "socket", "ring", "server"]
    assert {said.verdict for said in found.values()} == {Verdict.OK}
    assert not any(said.advice for said in found.values())
    assert "from --endpoint" in found["endpoint"].found


def test_the_server_hears_nothing_of_it(running):
    assert examine(running.endpoint)["server"].verdict is Verdict.OK
    assert (running.announcements, running.frames, running.others) == ([], [], [])


def test_no_file_stays_behind(running, tmpfs, shm):
    before = sorted(tmpfs.rglob("*"))
    examine(running.endpoint)
    assert sorted(tmpfs.rglob("*")) == before


def test_a_directory_that_is_not_there(tmp_path):
    found = examine(f"ipc://{tmp_path}/run/ingest.sock")
    assert found["directory"].verdict is Verdict.FAIL
    assert f"{tmp_path}/run does not exist" in found["directory"].found
    assert "is headcam running" in found["directory"].advice
    assert "docker" not in found["directory"].advice
    assert "socket" not in found
    assert found["server"].verdict is Verdict.NOTE


def test_a_container_without_the_directory_is_told_how_to_mount_it(container, tmp_path):
    found = examine(f"ipc://{tmp_path}/run/ingest.sock")
    assert f"docker run -v {tmp_path}/run:{tmp_path}/run" in found["directory"].advice


def test_a_socket_that_is_not_there(endpoint):
    found = examine(endpoint)
    assert found["directory"].verdict is Verdict.OK
    assert found["socket"].verdict is Verdict.FAIL
    assert f"headcam --ingest {endpoint}" in found["socket"].advice


def test_a_file_that_is_no_socket(endpoint, tmp_path):
    (tmp_path / "ingest.sock").touch()
    assert "is no socket" in examine(endpoint)["socket"].found


def test_a_directory_that_is_none(tmp_path):
    (tmp_path / "run").touch()
    found = examine(f"ipc://{tmp_path}/run/ingest.sock")
    assert f"{tmp_path}/run is no directory" in found["directory"].found


@needs_root
def test_a_directory_that_this_user_may_not_enter(running, tmpfs):
    tmpfs.chmod(0o750)
    said = examine_as_nobody(running.endpoint)
    assert f"FAIL  directory  uid {NOBODY} (gid {NOBODY}) may not enter {tmpfs} " in said
    assert "owner 0 (root), group 0 (root), mode 0750" in said
    assert f"sudo chmod a+x {tmpfs}" in said


@needs_root
def test_a_directory_above_it_that_this_user_may_not_enter(tmpfs):
    """It is there; to say that it does not exist would send people the wrong way."""
    tmpfs.chmod(0o700)
    (tmpfs / "run").mkdir()
    said = examine_as_nobody(f"ipc://{tmpfs}/run/ingest.sock")
    assert f"may not enter {tmpfs}\n" in said
    assert "does not exist:" not in said


@needs_root
def test_a_socket_that_this_user_may_not_write_to(running, tmpfs):
    tmpfs.chmod(0o1777)
    path = tmpfs / "ingest.sock"
    path.chmod(0o660)
    os.chown(path, 0, 1234)
    said = examine_as_nobody(running.endpoint)
    assert f"may not write to {path} (owner 0 (root), group 1234" in said
    assert "mode 0660)" in said
    assert "join group 1234 (docker run --group-add 1234), or start the server with" in said
    assert f"--socket-mode 0666, or for now: sudo chmod 0666 {path}" in said
    path.chmod(0o666)
    assert "ok    server     answers" in examine_as_nobody(running.endpoint)


def test_an_endpoint_that_cannot_be_one():
    found = examine("nonsense")
    assert found["endpoint"].verdict is Verdict.FAIL
    assert "ipc:///run/headcam/ingest.sock" in found["endpoint"].advice
    assert "server" not in found


def test_a_server_that_died_left_its_socket(endpoint, tmp_path):
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "ingest.sock"))
    found = examine(endpoint, timeout_s=0.1)
    assert found["socket"].verdict is Verdict.OK
    assert found["server"].verdict is Verdict.FAIL
    assert found["server"].found == "no headcam answered within 0.1 s"
    assert "is headcam running?" in found["server"].advice


def test_somebody_else_who_listens_there_is_no_server(endpoint, tmp_path):
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(tmp_path / "ingest.sock"))
        other.listen()
        began_s = time.monotonic()
        assert examine(endpoint, timeout_s=0.2)["server"].verdict is Verdict.FAIL
        assert time.monotonic() - began_s < 5.0


def test_an_endpoint_without_a_file_has_no_permissions(monkeypatch):
    name = f"ipc://@headcam-test-{os.getpid()}"
    with FakeServer(name):
        found = examine(name)
    assert "directory" not in found and "socket" not in found
    assert found["server"].verdict is Verdict.OK


def test_the_python_is_old():
    said = doctor._check_python((3, 9, 2))
    assert said.verdict is Verdict.FAIL
    assert "3.10 or later" in said.advice
    assert doctor._check_python((3, 10, 0)).verdict is Verdict.OK


# ---- the ring ----


def test_the_ring_goes_beside_the_socket(running, tmpfs):
    assert f"rings go to {tmpfs}, a tmpfs with" in examine(running.endpoint)["ring"].found


def test_the_ring_goes_to_shm_where_the_socket_is_on_a_disk(endpoint, shm, monkeypatch):
    monkeypatch.setattr(ring, "is_tmpfs", lambda fd: os.readlink(f"/proc/self/fd/{fd}") == str(shm))
    said = examine(endpoint)["ring"]
    assert said.verdict is Verdict.OK
    assert f"rings go to {shm}" in said.found
    assert "is not on a tmpfs" in said.found


def test_a_containers_own_shm_is_worth_a_note(endpoint, shm, monkeypatch, container):
    monkeypatch.setattr(ring, "is_tmpfs", lambda fd: os.readlink(f"/proc/self/fd/{fd}") == str(shm))
    said = examine(endpoint)["ring"]
    assert said.verdict is Verdict.NOTE
    assert "--ipc=host" in said.advice


@pytest.mark.parametrize(
    "free, words",
    [(64_000_000, "--shm-size"), (20_000_000, "has 20 MB free, a 1080p camera takes 33 MB")],
)
def test_dockers_small_shm_is_worth_a_note(endpoint, monkeypatch, free, words):
    monkeypatch.setattr(ring, "room", lambda site: free)
    name = f"ipc://@headcam-test-{os.getpid()}"
    said = examine(name, timeout_s=0.0)["ring"]
    assert said.verdict is Verdict.NOTE
    assert words in str(said)


def test_without_a_place_for_it_frames_go_inline(endpoint, monkeypatch):
    monkeypatch.setattr(ring, "is_tmpfs", lambda fd: False)
    said = examine(endpoint)["ring"]
    assert said.verdict is Verdict.NOTE
    assert said.found.startswith("no ring: ")
    assert "inline" in said.advice
    assert examine("tcp://127.0.0.1:1", timeout_s=0.0)["ring"].verdict is Verdict.NOTE


# ---- the summary ----


def test_the_summary_is_one_line_that_says_what_is_missing(running, tmp_path):
    said = doctor.summary(running.endpoint)
    assert "\n" not in said
    assert f"Python {sys.version_info.major}.{sys.version_info.minor}." in said
    assert f"the server at {running.endpoint}, whose socket is there" in said
    said = doctor.summary(f"ipc://{tmp_path}/run/ingest.sock")
    assert f"{tmp_path}/run does not exist" in said


def test_the_summary_raises_nothing(monkeypatch):
    too_long = "ipc:///" + "x" * 5000
    for endpoint in ("", "nonsense", "ipc://", "ipc://\0", "ipc://@", "tcp://*:1", too_long):
        assert doctor.summary(endpoint)
    monkeypatch.setattr(ring, "room", lambda site: 1 / 0)
    assert "more cannot be said" in doctor.summary("ipc:///run/headcam/ingest.sock")


def test_the_summary_asks_nobody(endpoint, tmp_path):
    """A simulator starts while a server hangs."""
    with socket.socket(socket.AF_UNIX) as other:
        path = pathlib.Path(tmp_path / "ingest.sock")
        other.bind(str(path))
        other.listen(1)
        other.setblocking(False)
        assert stat.S_ISSOCK(path.stat().st_mode)
        doctor.summary(endpoint)
        with pytest.raises(BlockingIOError):
            other.accept()
