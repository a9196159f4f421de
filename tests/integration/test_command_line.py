# SPDX-License-Identifier: MIT
"""Flags, environment, addresses, signals: what the person sees who starts and stops the server."""

from __future__ import annotations

import os
import pathlib
import re
import signal
import stat
import sys
from typing import Any

import pytest
from testlib.build import SLOWNESS
from testlib.edges import tcp_endpoint
from testlib.http import get_request, receive_all
from testlib.server import run_server
from testlib.waiting import SOON_S, wait_until

pytestmark = pytest.mark.no_tsan


def fail(*flags: str, environment: dict[str, str] | None = None) -> str:
    """Runs the server, which is to end with exit code 2 and one line; returns that line."""
    done = run_server(*flags, environment=environment)
    assert done.returncode == 2, done
    assert done.stdout == ""
    assert done.stderr.startswith("headcam: ") and done.stderr.endswith("\n")
    line = done.stderr.removeprefix("headcam: ").rstrip("\n")
    assert line and "\n" not in line
    return line


@pytest.fixture
def endpoint(directory: pathlib.Path) -> str:
    """An ingest endpoint that nobody has."""
    return f"ipc://{directory}/ingest.sock"


def test_help_lists_every_flag(start_server: Any) -> None:
    """With its default and a line on what it is for."""
    for flag in ("--help", "-h"):
        done = run_server(flag)
        assert (done.returncode, done.stderr) == (0, "")
    flags = re.findall(r"^  (--[a-z-]+) ", done.stdout, re.MULTILINE)
    assert {"--listen", "--ingest", "--quality", "--max-viewers", "--version"} <= set(flags)
    assert all(len(line) <= 110 for line in done.stdout.splitlines())
    # Every flag that is listed exists, and wants a value.
    for flag in set(flags) - {"--help", "--version"}:
        assert f"{flag} needs a value" in fail(flag)


def test_the_manual_page_lists_the_same_flags() -> None:
    """Each with its variable: both are made from one table."""
    listed = re.findall(r"^  --([a-z-]+) ", run_server("--help").stdout, re.MULTILINE)
    done = run_server("--help=man")
    assert (done.returncode, done.stderr) == (0, "")
    page = done.stdout.replace("\\-", "-")
    head = re.compile(r"^\.TP\n\\fB--([a-z-]+)\\fR .*\\fB(HEADCAM_[A-Z_]+)\\fR$", re.MULTILINE)
    entries = head.findall(page)
    assert [flag for flag, _ in entries] == [f for f in listed if f not in ("help", "version")]
    for flag, variable in entries:
        assert variable == "HEADCAM_" + flag.upper().replace("-", "_")


def test_version(server: Any) -> None:
    """The same as in /status and in the log."""
    done = run_server("--version")
    assert (done.returncode, done.stderr) == (0, "")
    version = done.stdout.removeprefix("headcam ").rstrip("\n")
    assert re.fullmatch(r"\d+\.\d+\.\d+\S*", version)
    assert server.status()["version"] == version
    assert f"headcam {version} serves {server.url}" in server.log()


@pytest.mark.parametrize("argument", ["--nonsense", "--qualit", "-q", "80", "", "--", "-", "--=1"])
def test_an_unknown_argument_is_named(argument: str, endpoint: str) -> None:
    """And where to find the known ones."""
    line = fail("--ingest", endpoint, argument)
    assert f"'{argument}'" in line and "--help" in line


BAD_VALUES = [
    ("--quality", ["0", "101", "x", "", "80.5", "-1", "1e1", " 80", "99999999999999999999"]),
    ("--encode-threads", ["0", "65"]),
    ("--max-streams", ["0", "4097"]),
    ("--max-variants", ["-1", "33"]),
    ("--max-viewers", ["-1", "100001"]),
    ("--max-snapshots", ["many"]),
    ("--max-frame-bytes", ["65535", "128M"]),
    ("--no-signal-after", ["0.4", "3601", "nan", "3s", ".", "1e1"]),
    ("--stuck-after", ["0", "inf"]),
    ("--idle-after", ["0", "3601"]),
    ("--forget-after", ["1", "-5"]),
    ("--socket-mode", ["0888", "rw", "01777", ""]),
    ("--default", ["a b", "", "x" * 65, "a/b"]),
    ("--subsampling", ["4:1:1", "420"]),
    ("--log-level", ["loud", "INFO"]),
    ("--listen", ["8080", ":8080", "localhost", "localhost:", "127.0.0.1:65536", "::1:80"]),
    ("--listen", ["[::1]80", "[]:80", "127.0.0.1:http", "x" * 300 + ":80"]),
    ("--ingest", [""]),
    ("--auth-file", [""]),
    ("--login-failures", ["0", "1001"]),
    ("--login-recovery", ["0", "3601", "1m"]),
    ("--login-addresses", ["0", "1000001"]),
    ("--max-logins", ["0", "10001"]),
    ("--allow-origin", ["example.org", "https://a.example/", "https://A.example", "null", ""]),
]


@pytest.mark.parametrize(("flag", "values"), BAD_VALUES)
def test_a_bad_value_is_told_with_the_rule(flag: str, values: list[str], endpoint: str) -> None:
    """As a flag, and in the environment."""
    variable = "HEADCAM_" + flag[2:].upper().replace("-", "_")
    for value in values:
        line = fail("--ingest", endpoint, f"{flag}={value}")
        assert line.startswith(f"{flag} must be ") and f"not '{value[:100]}" in line
        assert fail("--ingest", endpoint, flag, value) == line
        if value:  # an empty variable is none
            told = fail("--ingest", endpoint, environment={variable: value})
            assert told == line.replace(flag, variable)


def test_the_flag_wins_over_the_environment(start_server: Any, directory: pathlib.Path) -> None:
    """HEADCAM_* stand in for the flags that are not given."""
    variables = {"HEADCAM_MAX_VIEWERS": "7", "HEADCAM_DEFAULT": "rear", "HEADCAM_QUALITY": ""}
    first = start_server(environment=variables)
    assert (first.status()["max_viewers"], first.status()["default"]) == (7, "rear")
    first.end()
    second = start_server("--max-viewers", "8", "--max-viewers=9", environment=variables)
    assert (second.status()["max_viewers"], second.status()["default"]) == (9, "rear")


# ---- addresses ----


def test_addresses_that_cannot_be_listened_on(server: Any, endpoint: str) -> None:
    """A port in use, a host that is not here, a name that does not exist: which, why, what next."""
    for address, why in (
        (f"127.0.0.1:{server.address.port}", "Address already in use"),
        ("192.0.2.1:0", "Cannot assign requested address"),
        ("no-such-host.invalid:0", ""),
    ):
        line = fail("--listen", address, "--ingest", f"{endpoint}.other")
        assert line.startswith(f"cannot listen on {address}: {why}")
        assert line.endswith("; choose another --listen")
    assert server.get("/healthz").status == 200


def test_endpoints_that_cannot_be_bound(directory: pathlib.Path) -> None:
    """Which, why, and that --ingest chooses another."""
    (directory / "file").write_text("somebody's")
    (directory / "folder").mkdir()
    for endpoint, why in (
        (f"ipc://{directory}/file", "is no socket"),
        (f"ipc://{directory}/folder", "is no socket"),
        (f"ipc://{directory}/file/ingest.sock", "is no directory"),
        ("ipc:///proc/headcam/ingest.sock", "cannot make the directory /proc/headcam"),
        (f"ipc://{directory}/no/such/x.sock", f"cannot make the directory {directory}/no/such"),
        (f"ipc://{directory}/{'x' * 120}", "must have 1 to 107 characters"),
        ("ipc://", "ipc:///PATH or tcp://HOST:PORT, not 'ipc://'"),
        ("/run/headcam.sock", "not '/run/headcam.sock'"),
        ("carrier-pigeon://roof", "not 'carrier-pigeon://roof'"),
        ("tcp://127.0.0.1", "not 'tcp://127.0.0.1'"),
        ("tcp://192.0.2.1:5555", "cannot bind tcp://192.0.2.1:5555"),
        ("tcp://no-such-host.invalid:5555", "cannot take frames at tcp://no-such-host.invalid"),
    ):
        line = fail("--listen", "127.0.0.1:0", "--ingest", endpoint, "--curve-key", "none")
        assert why in line
        assert "--ingest" in line or "must have" in line
    assert (directory / "file").read_text() == "somebody's"


def test_a_second_server_leaves_the_first_alone(server: Any, connect: Any) -> None:
    """Its socket is not taken away from under its agents."""
    connect(server, "front", 16, 16).play(20)
    viewer = server.watch("/stream/front")
    viewer.next("live")
    line = fail("--listen", "127.0.0.1:0", "--ingest", server.endpoint)
    assert line.startswith(f"another server listens on {server.endpoint}")
    viewer.skip().next("live")


def test_the_directory_of_the_socket_is_made(start_server: Any, directory: pathlib.Path) -> None:
    """One level of it, as /run/headcam after a reboot."""
    server = start_server(endpoint=f"ipc://{directory}/headcam/ingest.sock")
    assert server.socket_path.is_socket()


@pytest.mark.parametrize(
    ("flags", "mode"),
    [([], 0o660), (["--socket-mode", "0600"], 0o600), (["--socket-mode=777"], 0o777)],
)
def test_the_mode_of_the_socket(start_server: Any, flags: list[str], mode: int) -> None:
    """The group may publish, by default; nobody else."""
    server = start_server(*flags)
    assert stat.S_IMODE(server.socket_path.stat().st_mode) == mode


def test_the_socket_goes_with_its_server(start_server: Any, directory: pathlib.Path) -> None:
    """At a clean end; what a killed one left behind is replaced."""
    first = start_server()
    first.kill()
    assert first.socket_path.is_socket()
    second = start_server()
    second.end()
    assert not second.socket_path.exists()


def test_the_socket_of_a_successor_stays(start_server: Any, connect: Any) -> None:
    """Somebody removed the first server's file, and a second one took its place."""
    first = start_server()
    first.socket_path.unlink()
    second = start_server()
    first.end()
    connect(second, "front", 16, 16).play(20)
    second.watch("/stream/front").next("live")


def test_an_endpoint_need_not_be_a_file(start_server: Any, connect: Any) -> None:
    """TCP, for an agent on another machine."""
    server = start_server(endpoint="tcp://127.0.0.1:0")
    server.endpoint = tcp_endpoint(server)
    connect(server, "front", 16, 16).play(20)
    server.watch("/stream/front").next("live")


# ---- signals ----


@pytest.mark.alone
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_within_a_second(
    start_server: Any, connect: Any, start_agent: Any, number: signal.Signals
) -> None:
    """With frames on their way, viewers that do not read, and snapshots that wait."""
    server = start_server()
    start_agent(server, "front")
    server.wait_state("front")
    viewers = [server.watch("/stream/front"), server.watch("/stream?advance_headers=1")]
    for viewer in viewers:
        viewer.next()
    server.watch("/stream", receive_buffer=4096, is_reading=False)
    waiting = [server.address.connect() for _ in range(5)]
    for connection in waiting:
        connection.sendall(get_request("/snapshot/nobody?timeout=60000"))
    wait_until(lambda: server.status()["viewers"] == 3, what="all viewers")

    assert server.end(number) <= 1.0 * SLOWNESS

    for viewer in viewers:
        viewer.wait_closed()
        assert viewer.flaw is None
    for connection in waiting:
        with connection:
            answer = receive_all(connection)
            assert not answer or answer.startswith(b"HTTP/1.1 503 ")
    assert "ending" in server.log()
    with pytest.raises(ConnectionRefusedError):
        server.address.connect()


def test_it_ends_with_its_terminal(start_server: Any) -> None:
    """A hangup by the kernel is no request to reload."""
    master, terminal = os.openpty()
    attach = (
        "import os, sys; os.setsid(); os.open(sys.argv[1], os.O_RDWR); "
        "os.execvp(sys.argv[2], sys.argv[2:])"
    )
    server = start_server(wrapper=[sys.executable, "-c", attach, os.ttyname(terminal)])
    os.close(terminal)
    os.close(master)
    assert server.process.wait(SOON_S) == 0
    assert "Hangup: ending" in server.log()


def test_the_log_is_as_quiet_as_one_wants(start_server: Any, connect: Any) -> None:
    """--log-level debug tells more; every line has its time and level."""
    server = start_server("--log-level", "debug")
    connect(server, "front")
    server.wait_state("front")
    server.end()
    line = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (error|warn |info |debug) .+"
    assert all(re.fullmatch(line, text) for text in server.log().splitlines())
    server.wait_log("stream front: live")
