# SPDX-License-Identifier: MIT
"""The server under a service manager: its sockets, what it tells, its watchdog, its unit files."""

from __future__ import annotations

import contextlib
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from testlib import threads
from testlib.build import COMMAND, IS_SANITIZED, ROOT, SLOWNESS
from testlib.http import Address, UnixAddress, fetch, get_request, receive_all
from testlib.login import ALICE, basic, user_line, write_auth_file
from testlib.manager import NotifySocket, wrapper
from testlib.ports import free_port
from testlib.server import address_of, run_server
from testlib.waiting import SOON_S, wait_until

WAIT_S = SOON_S * SLOWNESS
WATCHDOG_S = 2.0 * SLOWNESS


@pytest.fixture
def given(directory: pathlib.Path) -> Iterator[list[socket.socket]]:
    """What a manager listens on: a TCP port, and a unix socket."""
    with contextlib.ExitStack() as ends:
        tcp = ends.enter_context(socket.create_server(("127.0.0.1", 0)))
        unix = ends.enter_context(socket.socket(socket.AF_UNIX))
        unix.bind(f"{directory}/given.sock")
        unix.listen()
        yield [tcp, unix]


@pytest.fixture
def manager(directory: pathlib.Path) -> Iterator[NotifySocket]:
    """One that wants to be told, and that watches."""
    told = NotifySocket(directory / "notify.sock", WATCHDOG_S)
    yield told
    told.close()


def handed_over(sockets: list[socket.socket]) -> dict[str, Any]:
    """A server's options that make a manager's sockets its own."""
    fds = [each.fileno() for each in sockets]
    return {"wrapper": wrapper(*fds), "pass_fds": fds}


# ---- socket activation ----


def test_sockets_of_the_manager_stand_in_for_the_default(
    start_server: Any, given: list[socket.socket], directory: pathlib.Path
) -> None:
    """It serves on both; the manager's file is not its own to remove."""
    server = start_server(listen=None, **handed_over(given))
    tcp, path = given[0].getsockname(), f"{directory}/given.sock"
    assert server.urls() == [f"http://127.0.0.1:{tcp[1]}/", f"unix:{path}"]
    for address in (Address(*tcp), UnixAddress.of(pathlib.Path(path))):
        assert fetch(address, "/healthz").status == 200
    environment = pathlib.Path(f"/proc/{server.process.pid}/cmdline").read_bytes()
    assert b"manager.py" not in environment, "the server is not the process that was started"
    server.end()
    assert pathlib.Path(path).is_socket()


def test_listen_adds_to_them(start_server: Any, given: list[socket.socket]) -> None:
    """What is asked for by name is served, too."""
    server = start_server(**handed_over(given[:1]))
    assert len(server.urls()) == 2
    for url in server.urls():
        assert fetch(address_of(url), "/healthz").status == 200


def test_sockets_meant_for_another_process_are_left_alone(start_server: Any) -> None:
    """LISTEN_PID tells whom they are for; variables may outlive that."""
    server = start_server(environment={"LISTEN_PID": "1", "LISTEN_FDS": "3"})
    assert server.urls() == [server.url]


def test_who_connects_during_a_restart_is_answered_after_it(
    start_server: Any, given: list[socket.socket]
) -> None:
    """The manager's socket is open all the time."""
    address = Address(*given[0].getsockname())
    start_server(listen=None, **handed_over(given[:1])).end()
    with address.connect() as connection:
        connection.sendall(get_request("/healthz", "Connection: close"))
        start_server(listen=None, **handed_over(given[:1]))
        assert receive_all(connection).endswith(b"\r\n\r\nok\n")


def test_a_socket_of_no_use_is_refused(directory: pathlib.Path) -> None:
    """One of datagrams, and one that is a connection already (Accept=yes)."""
    left, right = socket.socketpair()
    with left, right, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as datagrams:
        datagrams.bind(f"{directory}/datagrams")
        for useless in (datagrams, left):
            done = run_server(
                "--ingest", f"ipc://{directory}/ingest.sock", **handed_over([useless])
            )
            assert done.returncode == 2
            assert done.stderr == (
                "headcam: descriptor 3 from the service manager is no listening stream socket; "
                "use ListenStream= and Accept=no in its .socket file\n"
            )


def test_with_systemds_own_tool(directory: pathlib.Path) -> None:
    """The protocol as systemd speaks it, not as this test understands it."""
    address = Address("127.0.0.1", free_port())
    listen = f"--listen={address.host}:{address.port}"
    ingest = f"ipc://{directory}/ingest.sock"
    tool = subprocess.Popen(
        ["systemd-socket-activate", listen, *COMMAND, "--ingest", ingest],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: is_answered(address), what="an answer")
    finally:
        tool.terminate()
        tool.wait()


def is_answered(address: Address) -> bool:
    """Whether a server is healthy there."""
    try:
        return fetch(address, "/healthz").status == 200
    except OSError:
        return False


# ---- what is told ----


def test_it_is_ready_when_it_answers(start_server: Any, manager: NotifySocket) -> None:
    """And not before."""
    server = start_server(environment=manager.environment)
    told = manager.wait("READY", WAIT_S)
    assert told == {"READY": "1", "STATUS": "streams: 0 of 0 live; viewers: 0"}
    assert server.get("/healthz").status == 200


def test_its_status_tells_what_it_does(
    start_server: Any, connect: Any, manager: NotifySocket
) -> None:
    """As `systemctl status` shows it."""
    server = start_server(environment=manager.environment)
    connect(server, "front", 16, 16).play(10)
    server.watch("/stream/front").next("live")
    while manager.wait("STATUS", WAIT_S)["STATUS"] != "streams: 1 of 1 live; viewers: 1":
        pass


def test_hangup_is_a_reload(start_server: Any, connect: Any, manager: NotifySocket) -> None:
    """It is told before and after, and nobody who watches notices."""
    server = start_server(environment=manager.environment)
    connect(server, "front", 16, 16).play(10)
    viewer = server.watch("/stream/front")
    viewer.next("live")
    server.process.send_signal(signal.SIGHUP)
    assert int(manager.wait("RELOADING", WAIT_S)["MONOTONIC_USEC"]) > 0
    manager.wait("READY", WAIT_S)
    viewer.skip().next("live")
    assert "Hangup" in server.log()


def test_a_reload_is_over_when_the_file_is_in_force(
    start_guarded: Any, auth_file: pathlib.Path, manager: NotifySocket
) -> None:
    """Who waits for `systemctl reload` may use the new password at once."""
    server = start_guarded(environment=manager.environment)
    write_auth_file(auth_file, [user_line("alice", "changed")])
    server.process.send_signal(signal.SIGHUP)
    manager.wait("RELOADING", WAIT_S)
    manager.wait("READY", WAIT_S)
    assert server.get("/status", **basic("alice", "changed")).status == 200
    assert server.get("/status", **ALICE).status == 401


def test_its_end_is_told(start_server: Any, manager: NotifySocket) -> None:
    """Before anybody is sent away."""
    server = start_server(environment=manager.environment)
    server.end()
    assert manager.wait("STOPPING", WAIT_S) == {"STOPPING": "1"}


def test_a_manager_that_is_gone_does_no_harm(start_server: Any, directory: pathlib.Path) -> None:
    """The log says that it could not be told."""
    environment = {"NOTIFY_SOCKET": f"{directory}/nobody", "WATCHDOG_USEC": "1000000"}
    server = start_server(environment=environment)
    wait_until(lambda: "cannot tell the service manager WATCHDOG=1" in server.log())
    assert server.get("/healthz").status == 200


# ---- the watchdog ----


@pytest.mark.alone
def test_while_all_is_well_it_says_so_in_time(
    start_server: Any, connect: Any, manager: NotifySocket
) -> None:
    """Idle, and at work."""
    server = start_server(environment=manager.environment)
    manager.wait("READY", WAIT_S)
    for work in range(2):
        if work:
            connect(server, "front", 640, 480).play(30)
            server.watch("/stream/front").next("live")
        times = manager.times_of("WATCHDOG", 1.5 * WATCHDOG_S)
        assert len(times) >= 3
        assert all(after - before < WATCHDOG_S for before, after in zip(times, times[1:]))
    assert "stands still" not in server.log()


@pytest.mark.parametrize("thread", ["http", "sender", "encode", "ingest"])
def test_a_thread_that_hangs_is_found(
    start_server: Any, manager: NotifySocket, thread: str
) -> None:
    """Even one that waits: no sign of life until it turns again. The log names it."""
    server = start_server(environment=manager.environment)
    manager.wait("WATCHDOG", WAIT_S)
    try:
        with threads.stopped(threads.find_thread(server.process.pid, thread)):
            wait_until(lambda: f"the {thread} thread stands still" in server.log())
            while manager.receive(0):  # what was told before
                pass
            assert not manager.times_of("WATCHDOG", WATCHDOG_S)
    except PermissionError:
        pytest.skip("threads cannot be traced here")
    manager.wait("WATCHDOG", WAIT_S)


def test_a_watchdog_for_another_process_is_not_fed(
    start_server: Any, manager: NotifySocket
) -> None:
    """WATCHDOG_PID tells whom it watches."""
    start_server(environment=manager.environment | {"WATCHDOG_PID": "1"})
    manager.wait("READY", WAIT_S)
    assert not manager.times_of("WATCHDOG", WATCHDOG_S)


# ---- unit files ----


@pytest.fixture
def units(directory: pathlib.Path) -> pathlib.Path:
    """Where `make install` puts them; the server is below the same prefix."""
    install = ["make", "--no-print-directory", "-C", str(ROOT), "install-systemd"]
    subprocess.run([*install, f"PREFIX={directory}"], capture_output=True, check=True)
    (directory / "bin").mkdir()
    shutil.copy(COMMAND[-1], directory / "bin/headcam")
    return directory / "lib/systemd/system"


def analyze(*arguments: str) -> str:
    """systemd-analyze, which is to find no fault; what it says."""
    done = subprocess.run(
        ["systemd-analyze", "--no-pager", *arguments], capture_output=True, text=True
    )
    assert done.returncode == 0, done
    return done.stdout + done.stderr


def test_systemd_understands_the_units(units: pathlib.Path) -> None:
    """With the paths of the installation."""
    files = [str(units / name) for name in ("headcam.service", "headcam.socket")]
    assert analyze("verify", "--man=no", *files) == ""
    assert f"ExecStart={units.parents[2]}/bin/headcam\n" in pathlib.Path(files[0]).read_text()


@pytest.mark.once
def test_a_proxy_is_given_a_unix_socket_as_the_guide_says(units: pathlib.Path) -> None:
    """systemd listens there, for the proxy's group, and nowhere else; the service could not."""
    guide = (ROOT / "docs/operations.md").read_text()
    (drop_in,) = re.findall(r"```ini\n(\[Socket\]\n.*?)```", guide, re.DOTALL)
    (path,) = re.findall(r"^ListenStream=(/.+)$", drop_in, re.MULTILINE)
    assert f"--listen unix:{path}" in guide
    service = (units / "headcam.service").read_text()
    (writable,) = re.findall(r"^RuntimeDirectory=(.+)$", service, re.MULTILINE)
    assert "\nProtectSystem=strict\n" in service and not path.startswith(f"/run/{writable}/")
    directory = units / "headcam.socket.d"
    directory.mkdir()
    (directory / "override.conf").write_text(drop_in)
    assert analyze("verify", "--man=no", str(units / "headcam.socket")) == ""


def test_the_service_may_do_little(units: pathlib.Path) -> None:
    """By systemd's own measure, from 0 to 10: it listens, and reads what others share with it."""
    said = analyze("security", "--offline=true", "--threshold=15", str(units / "headcam.service"))
    level = re.search(r"Overall exposure level for headcam.service: (\S+)", said)
    assert level and float(level[1]) <= 1.5


def test_the_user_is_made(units: pathlib.Path, directory: pathlib.Path) -> None:
    """By systemd-sysusers, in a system of its own: with the name that the service runs as."""
    root = directory / "root"
    (root / "etc").mkdir(parents=True)
    declared = directory / "lib/sysusers.d/headcam.conf"
    subprocess.run(["systemd-sysusers", f"--root={root}", str(declared)], check=True)
    assert (root / "etc/passwd").read_text().startswith("headcam:")
    assert (root / "etc/group").read_text().startswith("headcam:")
    assert {"User=headcam", "Group=headcam"} <= set(
        (units / "headcam.service").read_text().splitlines()
    )


@pytest.mark.skipif(IS_SANITIZED, reason="sanitizers call what the server does not")
def test_the_system_calls_that_are_left_are_enough(
    start_guarded: Any, start_agent: Any, units: pathlib.Path, directory: pathlib.Path
) -> None:
    """A whole life under the unit's SystemCallFilter=: a ring, viewers, logins, the end."""
    unit = units / "headcam.service"
    server = start_guarded(
        "--listen", f"unix:{directory}/http.sock", wrapper=wrapper(unit=unit)
    )
    assert os.path.exists(f"/proc/{server.process.pid}/status")
    status = pathlib.Path(f"/proc/{server.process.pid}/status").read_text()
    assert re.search(r"^Seccomp:\s+2$", status, re.MULTILINE)
    start_agent(server, "front")
    server.wait_state("front")
    server.watch("/stream/front", f"Authorization: {ALICE['authorization']}").next("live")
    assert server.snapshot("/front", **ALICE).status == 200
    passwords = threads.find_thread(server.process.pid, "passwords")
    assert os.getpriority(os.PRIO_PROCESS, passwords) >= 10
