# SPDX-License-Identifier: MIT
"""Where the server listens: several addresses at a time, of TCP and of unix sockets."""

from __future__ import annotations

import pathlib
import re
import resource
import select
import stat
import subprocess
from collections.abc import Sequence
from typing import Any

import pytest
from testlib.http import Address, UnixAddress, fetch, get_request, receive_all
from testlib.mjpeg import Viewer
from testlib.ports import free_port
from testlib.server import address_of, run_server
from testlib.waiting import SOON_S, wait_until

#: Beside viewers and snapshots; see docs/operations.md.
OTHER_CONNECTIONS = 256


@pytest.fixture
def path(directory: pathlib.Path) -> pathlib.Path:
    """Where a unix socket is to be."""
    return directory / "http.sock"


def refused(*flags: str, wrapper: Sequence[str] = ()) -> str:
    """Runs the server, which is to end with one line; returns it."""
    done = run_server(*flags, wrapper=wrapper)
    assert done.returncode == 2, done
    return done.stderr.removeprefix("headcam: ").rstrip("\n")


def test_all_addresses_serve_the_same(
    start_server: Any, start_agent: Any, path: pathlib.Path
) -> None:
    """IPv4, IPv6 and a unix socket; the log names each."""
    server = start_server("--listen", f"[::1]:0,unix:{path}", "--listen", "127.0.0.1:0")
    kinds = [re.sub(r":\d+/", ":PORT/", url) for url in server.urls()]
    assert kinds == [
        "http://127.0.0.1:PORT/",
        "http://[::1]:PORT/",
        f"unix:{path}",
        "http://127.0.0.1:PORT/",
    ]
    addresses = [address_of(url) for url in server.urls()]
    start_agent(server, "front")
    server.wait_state("front")
    viewers = [Viewer(address) for address in addresses]
    server.viewers += viewers
    for viewer in viewers:
        viewer.next("live")
    for address in addresses:
        assert fetch(address, "/status").json()["viewers"] == len(addresses)
        assert fetch(address, "/snapshot/front?timeout=60000").body.startswith(b"\xff\xd8")


def test_the_environment_lists_them_with_commas(start_server: Any, path: pathlib.Path) -> None:
    """HEADCAM_LISTEN; a --listen stands in for all of it."""
    variables = {"HEADCAM_LISTEN": f"unix:{path},127.0.0.1:0"}
    server = start_server(listen=None, environment=variables)
    assert [url.partition(":")[0] for url in server.urls()] == ["unix", "http"]
    assert all(fetch(address_of(url), "/healthz").status == 200 for url in server.urls())
    server.end()
    server = start_server(environment=variables)
    assert server.urls() == [server.url] and server.url.startswith("http://127.0.0.1:")


def test_everywhere_is_ipv4_too(start_server: Any) -> None:
    """[::] takes both; the log names a place that a browser can open."""
    server = start_server(listen="[::]:0")
    assert server.url.startswith("http://localhost:")
    for host in ("127.0.0.1", "::1"):
        assert fetch(Address(host, server.address.port), "/healthz").status == 200


def test_curl_on_a_unix_socket(start_server: Any, path: pathlib.Path) -> None:
    """The client that most will try it with."""
    start_server(listen=f"unix:{path}")
    command = ["curl", "-sS", "--unix-socket", str(path), "http://localhost/healthz"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "ok\n"


# ---- limits ----


def test_viewers_are_counted_over_all(start_server: Any, path: pathlib.Path) -> None:
    """One here and one there are two."""
    server = start_server("--max-viewers", "2", "--listen", f"unix:{path}")
    unix = UnixAddress.of(path)
    first, second = server.watch(), Viewer(unix)
    server.viewers.append(second)
    first.next()
    second.next()
    for address in (server.address, unix):
        assert "--max-viewers" in fetch(address, "/stream").text
    second.close()
    wait_until(lambda: server.status()["viewers"] == 1, what="the place is free")
    server.watch().next()


def test_connections_are_counted_over_all(start_server: Any, path: pathlib.Path) -> None:
    """Who connects beyond the limit waits until another one leaves, wherever that is."""
    limits = ("--max-viewers", "0", "--max-snapshots", "0")
    server = start_server(*limits, "--listen", f"unix:{path}")
    unix = UnixAddress.of(path)
    own = open_files(server)
    idle = [server.address.connect() for _ in range(OTHER_CONNECTIONS // 2)]
    idle += [unix.connect() for _ in range(OTHER_CONNECTIONS // 2)]
    wait_until(lambda: open_files(server) >= own + OTHER_CONNECTIONS, what="all are accepted")
    full = (
        f"{OTHER_CONNECTIONS} connections are open, as many as there may be; who comes now, even "
        "for /healthz, waits until one of them ends; next: raise --max-viewers or --max-snapshots"
    )
    wait_until(lambda: server.log().count(full) == 1, what="a warning")
    late = [server.address.connect(), unix.connect()]
    for connection in late:
        connection.sendall(get_request("/healthz", "Connection: close"))
    assert not select.select(late, [], [], 1.0)[0]

    idle.pop().close()
    idle.pop(0).close()

    for connection in late:
        with connection:
            assert receive_all(connection).startswith(b"HTTP/1.1 200 ")
    for connection in idle:
        connection.close()
    assert server.get("/healthz").status == 200


def test_without_a_file_for_a_connection_it_is_taken_later(start_server: Any) -> None:
    """The log says why it waits; the server does not spin meanwhile."""
    server = start_server()
    pid = server.process.pid
    limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    idle = open_files(server)
    assert server.get("/healthz").status == 200
    wait_until(lambda: open_files(server) == idle, what="the first connection is closed")
    used = max(int(file.name) for file in pathlib.Path(f"/proc/{pid}/fd").iterdir()) + 1
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (min(used, open_files(server)), limits[1]))
    with server.address.connect() as connection:
        connection.sendall(get_request("/healthz", "Connection: close"))
        wait_until(lambda: "cannot accept connections: Too many open files" in server.log())
        before = cpu_ticks(server)
        assert not select.select([connection], [], [], 1.0)[0]
        assert cpu_ticks(server) - before < 50, "half a second of CPU in one"
        resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
        assert receive_all(connection).startswith(b"HTTP/1.1 200 ")


def test_the_limit_of_open_files_follows_all_flags(start_server: Any) -> None:
    """The soft one is raised to what they need; a hard one that is lower is told, and kept to."""
    limits = ("--max-viewers", "100", "--max-snapshots", "200", "--max-streams", "500")
    needed = 100 + 200 + OTHER_CONNECTIONS + 3 * 500 + 4 * 32

    def start(hard: int) -> Any:
        return start_server(*limits, wrapper=["prlimit", f"--nofile=256:{hard}"])

    server = start(20000)
    assert needed < server.scrape().value("process_max_fds") <= 20000
    assert "open files" not in server.log()
    server.kill()
    server = start(800)
    scrape = server.scrape()
    assert scrape.value("process_max_fds") == 800
    assert scrape.value("headcam_connections_limit") == 400
    warning = next(line for line in server.log().splitlines() if "open files" in line)
    for flag in ("--max-viewers", "--max-snapshots", "--max-streams", "--max-edges"):
        assert flag in warning


def open_files(server: Any) -> int:
    """How many files the server has open."""
    return len(list(pathlib.Path(f"/proc/{server.process.pid}/fd").iterdir()))


def cpu_ticks(server: Any) -> int:
    """CPU time of all its threads, in hundredths of a second."""
    fields = pathlib.Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


# ---- names ----


@pytest.fixture
def naming(directory: pathlib.Path) -> Any:
    """Makes a command that becomes another one, to which /etc/hosts is what it is told."""

    def become(hosts: str) -> list[str]:
        own = directory / "hosts"
        own.write_text(hosts)
        script = f'mount --bind {own} /etc/hosts && exec "$@"'
        command = ["unshare", "--map-root-user", "--mount", "sh", "-c", script, "-"]
        if subprocess.run([*command, "true"], capture_output=True).returncode != 0:
            pytest.skip("this system lets nobody mount a file of hosts")
        return command

    return become


def test_every_address_of_a_name_is_served(start_server: Any, naming: Any) -> None:
    """Each once, at the same port, as long as the machine has it."""
    hosts = "::1 camera\n127.0.0.1 camera\n127.0.0.2 camera\n127.0.0.1 camera\n192.0.2.1 camera\n"
    server = start_server(listen="camera:0", wrapper=naming(hosts))
    port = server.address.port
    assert sorted(server.urls()) == [
        f"http://127.0.0.1:{port}/", f"http://127.0.0.2:{port}/", f"http://[::1]:{port}/"
    ]  # fmt: skip
    for host in ("::1", "127.0.0.1", "127.0.0.2"):
        assert fetch(Address(host, port), "/healthz").status == 200


def test_a_name_of_which_one_address_is_in_use(start_server: Any, naming: Any) -> None:
    """Who is led to that one would reach another server: it is refused."""
    wrapper = naming("127.0.0.1 camera\n127.0.0.2 camera\n")
    with socket.create_server(("127.0.0.2", 0)) as other:
        port = other.getsockname()[1]
        line = refused("--listen", f"camera:{port}", wrapper=wrapper)
    why = "Address already in use; choose another --listen"
    assert line == f"cannot listen on camera:{port}: {why}"
    line = refused("--listen", "camera:8080", wrapper=naming("192.0.2.1 camera\n"))
    assert line.startswith("cannot listen on camera:8080: Cannot assign requested address; ")


# ---- socket files ----


@pytest.mark.parametrize(("flags", "mode"), [([], 0o660), (["--listen-mode", "0606"], 0o606)])
def test_the_mode_of_the_file(
    start_server: Any, path: pathlib.Path, flags: list[str], mode: int
) -> None:
    """The group may look, by default; nobody else."""
    start_server(*flags, listen=f"unix:{path}")
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_the_file_of_a_dead_server_is_replaced(start_server: Any, path: pathlib.Path) -> None:
    """And removed at a clean end."""
    first = start_server(listen=f"unix:{path}")
    first.kill()
    assert path.is_socket()
    second = start_server(listen=f"unix:{path}")
    assert second.get("/healthz").status == 200
    second.end()
    assert not path.exists()


def test_the_file_of_a_successor_stays(start_server: Any, path: pathlib.Path) -> None:
    """Somebody removed the first server's, and a second one took its place."""
    first = start_server(listen=f"unix:{path}")
    path.unlink()
    second = start_server(listen=f"unix:{path}", endpoint=f"{first.endpoint}.second")
    first.process.terminate()
    first.process.wait(SOON_S)
    assert second.get("/healthz").status == 200


def test_paths_that_cannot_be_listened_on(start_server: Any, path: pathlib.Path) -> None:
    """Which, why, and that --listen chooses another."""
    server = start_server(listen=f"unix:{path}")
    precious = path.parent / "file"
    precious.write_text("somebody's")
    ingest = ("--ingest", f"{server.endpoint}.other")
    for listen, why in (
        (f"unix:{path}", f"another server listens on unix:{path}; end it or choose another"),
        (f"unix:{precious}", f"{precious} exists and is no socket"),
        (f"unix:{precious}/x", f"{precious} is no directory"),
        ("unix:/proc/headcam/x", "cannot make the directory /proc/headcam"),
    ):
        line = refused(*ingest, "--listen", listen)
        assert line.startswith(why) and "--listen" in line
    assert precious.read_text() == "somebody's"
    assert server.get("/healthz").status == 200


def test_one_that_fails_leaves_nothing_of_the_others(path: pathlib.Path) -> None:
    """The files that were made before are removed."""
    line = refused("--listen", f"unix:{path}", "--listen", "192.0.2.1:0")
    assert line == (
        "cannot listen on 192.0.2.1:0: Cannot assign requested address; choose another --listen"
    )
    assert not path.exists()


def test_the_same_address_twice(path: pathlib.Path) -> None:
    """It is in use, by itself."""
    assert "another server listens on" in refused("--listen", f"unix:{path},unix:{path}")
    address = f"127.0.0.1:{free_port()}"
    line = refused("--listen", f"{address},{address}")
    assert line == f"cannot listen on {address}: Address already in use; choose another --listen"


def test_a_port_that_needs_privileges() -> None:
    """What to do about it."""
    first_free = int(pathlib.Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text())
    if first_free <= 1:
        pytest.skip("here every port is for everybody")
    unprivileged = ["setpriv", "--bounding-set=-net_bind_service", "--inh-caps=-net_bind_service"]
    if subprocess.run([*unprivileged, "true"], capture_output=True).returncode != 0:
        unprivileged = []  # nobody but root has it to give up
    line = refused("--listen", "127.0.0.1:1", wrapper=unprivileged)
    assert line == (
        "cannot listen on 127.0.0.1:1: Permission denied; this port needs CAP_NET_BIND_SERVICE, "
        "or systemd's headcam.socket; or choose another --listen"
    )
