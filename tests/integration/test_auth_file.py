# SPDX-License-Identifier: MIT
"""The file of users and tokens: at the start, on SIGHUP, and that no secret leaves it."""

from __future__ import annotations

import os
import pathlib
import pty
import re
import subprocess
from typing import Any

import pytest
from testlib import websocket
from testlib.build import COMMAND, SLOWNESS
from testlib.http import exchange
from testlib.login import (
    ALICE,
    BOB,
    LIMITED_PASSWORD,
    LIMITED_TOKEN,
    PASSWORD,
    TOKEN,
    basic,
    bearer,
    standard_lines,
    token_line,
    user_line,
    write_auth_file,
)
from testlib.server import clean_environment, run_server
from testlib.waiting import wait_until

pytestmark = pytest.mark.no_tsan


def test_a_bad_file_ends_the_start(directory: pathlib.Path, auth_file: pathlib.Path) -> None:
    """Exit code 2, and one line with the file's line and what to do."""

    def fail(file: pathlib.Path) -> str:
        endpoint = f"ipc://{directory}/ingest.sock"
        done = run_server("--auth-file", str(file), "--listen", "127.0.0.1:0", "--ingest", endpoint)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("headcam: ") and done.stderr.count("\n") == 1
        return done.stderr.removeprefix("headcam: ").rstrip("\n")

    auth_file.chmod(0o644)
    assert fail(auth_file) == (
        f"--auth-file {auth_file} can be read or changed by others (mode 0644); "
        f"do: chmod 640 {auth_file}"
    )
    write_auth_file(auth_file, [*standard_lines(), "alice:hunter2\n"])
    assert fail(auth_file) == (
        f"{auth_file}:6: a line begins with 'user', 'token' or '#'; "
        "'headcam passwd user NAME' prints one"
    )
    write_auth_file(auth_file, ["user alice hunter2\n"])
    line = fail(auth_file)
    assert line.startswith(f"{auth_file}:1: the hash of user alice ") and "hunter2" not in line
    assert "No such file" in fail(directory / "missing")


def test_a_reload_changes_who_gets_in(guarded: Any, auth_file: pathlib.Path) -> None:
    """From the next request on."""
    lines = [user_line("alice", "changed"), user_line("carol", "new", "streams=rear")]
    write_auth_file(auth_file, [*lines, token_line("all", TOKEN)])
    assert guarded.get("/status", **BOB).status == 200, "not before it is told"
    assert guarded.reload().endswith(f"--auth-file {auth_file} read again: 2 users, 1 tokens")
    for headers, status in (
        (ALICE, 401),
        (basic("alice", "changed"), 200),
        (BOB, 401),
        (basic("carol", "new"), 200),
        (bearer(TOKEN), 200),
        (bearer(LIMITED_TOKEN), 401),
    ):
        assert guarded.get("/status", **headers).status == status, headers
    assert guarded.get("/snapshot/front?timeout=0", **basic("carol", "new")).status == 403


def test_who_would_not_get_in_again_is_out(
    guarded: Any, cameras: Any, auth_file: pathlib.Path
) -> None:
    """A reload ends those whose line is gone, or covers their stream no more; no others."""

    def watch(path: str, login: dict[str, str]) -> Any:
        viewer = guarded.watch(path, f"Authorization: {login['authorization']}")
        viewer.next()
        return viewer

    stay = [watch("/stream/front", BOB), watch("/stream", bearer(TOKEN))]
    end = [watch("/stream/front", ALICE), watch("/stream/front", bearer(LIMITED_TOKEN))]
    login = f"Authorization: {ALICE['authorization']}"
    socket = websocket.Client(guarded.address, "/ws/rear", login)
    socket.picture()
    lines = [line for line in standard_lines() if not line.startswith("user alice")]
    lines[-1] = token_line("few", LIMITED_TOKEN, "streams=left")
    write_auth_file(auth_file, lines)
    guarded.reload()
    assert socket.wait_closed() == (1008, "this login does not cover the stream any more")
    for viewer in end:
        viewer.wait_closed()
    wait_until(lambda: guarded.log().count("its login is in --auth-file no more") == 3)
    for viewer in stay:
        viewer.skip().wait_more(2)
        viewer.check()
    scrape = guarded.scrape()
    assert scrape.value("headcam_viewers_left_total", reason="revoked") == 3


def test_a_bad_file_on_reload_changes_nothing(guarded: Any, auth_file: pathlib.Path) -> None:
    """The old one stays in force, and the log says why, with the line."""
    for lines, why in (
        ([*standard_lines(), "token x\n"], f"{auth_file}:6: the hash of token x is missing"),
        ([], f"{auth_file} lists nobody"),
    ):
        write_auth_file(auth_file, lines)
        line = guarded.reload()
        assert f" error {why}" in line and line.endswith("; what was in force before stays so")
        assert guarded.get("/status", **ALICE).status == 200
    write_auth_file(auth_file, standard_lines()).chmod(0o604)
    assert "chmod 640" in guarded.reload()
    auth_file.unlink()
    assert "No such file" in guarded.reload()
    assert guarded.get("/status", **ALICE).status == 200


def test_a_hangup_without_a_file(server: Any) -> None:
    """Nothing to read again, no reason to end."""
    assert "there is no --auth-file, no --tls-cert and no --curve-allow to read" in server.reload()
    assert server.get("/healthz").status == 200


def own_terminal() -> None:
    """Makes a new session's standard input its own terminal, so that its end is a SIGHUP."""
    os.close(os.open(os.ttyname(0), os.O_RDWR))


def test_a_terminal_that_is_gone_ends_it(directory: pathlib.Path) -> None:
    """That SIGHUP is the kernel's and no request to read anything."""
    log = directory / "log"
    command = [*COMMAND, "--listen", "127.0.0.1:0", "--ingest", f"ipc://{directory}/ingest.sock"]
    master, slave = pty.openpty()
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            command,
            env=clean_environment(),
            stdin=slave,
            stderr=stderr,
            start_new_session=True,
            preexec_fn=own_terminal,
        )
    os.close(slave)
    try:
        wait_until(lambda: b"serves" in log.read_bytes(), what="a server")
        os.close(master)
        assert process.wait(timeout=15 * SLOWNESS) == 0
        assert b"Hangup: ending" in log.read_bytes()
    finally:
        process.kill()
        process.wait()


# ---- secrets, and servers without any ----


def test_no_secret_leaves_the_server(
    start_guarded: Any, publish: Any, auth_file: pathlib.Path
) -> None:
    """Neither in the log, at its most talkative, nor in /status, /metrics or the command line."""
    server = start_guarded("--log-level", "debug")
    publish(server, "front")
    wrong = ["guess-in-basic", "guess-in-bearer", "guess-in-the-url"]
    server.get("/status", **ALICE)
    server.get(f"/snapshot/front?max_age=3600000&token={TOKEN}")
    server.get(f"/stream/front?token={LIMITED_TOKEN}&fps=5")
    wait_until(lambda: " of /stream/front?fps=5 left " in server.log(), what="a viewer's lines")
    server.get(f"/stream/none?token={LIMITED_TOKEN}")
    server.get(f"/?token={TOKEN}")
    server.get("/status", **basic("guess-as-a-name", wrong[0]))
    server.get("/status", **bearer(wrong[1]))
    server.get(f"/status?token={wrong[2]}")
    exchange(server.address, f"GET /status?token={TOKEN} HTTP/9.9\r\n\r\n".encode())
    exchange(server.address, f"GET /?token={TOKEN}{'x' * 50_000}\r\n\r\n".encode())
    exchange(server.address, f"NONSENSE?token={TOKEN}\r\n\r\n".encode())
    server.reload()
    status, metrics = server.get("/status", **ALICE).text, server.scrape().text
    command_line = pathlib.Path(f"/proc/{server.process.pid}/cmdline").read_text()
    server.end()
    hashes = [line.split()[2] for line in auth_file.read_text().splitlines()[1:]]
    assert len(hashes) == 4 and "login " in server.log()
    secrets = [PASSWORD, TOKEN, LIMITED_PASSWORD, LIMITED_TOKEN, "token=", "guess-", *hashes]
    secrets += [way["authorization"].split()[1] for way in (ALICE, BOB)]
    for text in (server.log(), status, metrics, command_line):
        assert not [secret for secret in secrets if secret in text]


@pytest.mark.parametrize(
    ("listen", "flags", "warns"),
    [
        ("0.0.0.0:0", [], True),
        ("[::]:0", [], True),
        ("0.0.0.0:0", ["--auth-file", "none"], False),
        ("127.0.0.1:0", [], False),
        ("localhost:0", [], False),
        ("[::1]:0", [], False),
        ("127.0.0.1:0", ["--listen", "unix:{directory}/http.sock"], False),
    ],
)
def test_a_server_for_everybody_says_so(
    start_server: Any, directory: pathlib.Path, listen: str, flags: list[str], warns: bool
) -> None:
    """Once, with the flags for both kinds of mind."""
    flags = [flag.format(directory=directory) for flag in flags]
    server = start_server(*flags, listen=listen)
    lines = [line for line in server.log().splitlines() if " warn " in line]
    assert len(lines) == warns
    assert all("--auth-file FILE" in line and "--auth-file none" in line for line in lines)


def test_each_address_for_everybody_is_named(
    start_server: Any, directory: pathlib.Path
) -> None:
    """Whatever else it listens on."""
    listen = f"127.0.0.1:0,0.0.0.0:0,unix:{directory}/http.sock,[::]:0"
    server = start_server(listen=listen)
    warned = re.findall(r" warn  everybody who reaches (\S+) sees ", server.log())
    assert warned == [server.urls()[1], server.urls()[3]]


def test_a_guarded_server_for_everybody_does_not(start_guarded: Any) -> None:
    """It asks."""
    server = start_guarded(listen="0.0.0.0:0")
    assert " warn " not in server.log()
    assert server.get("/status").status == 401
