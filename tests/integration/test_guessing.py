# SPDX-License-Identifier: MIT
"""What guessing costs those who guess, and that it costs nobody else anything."""

from __future__ import annotations

import contextlib
import http.client
import os
import pathlib
import select
import socket
from typing import Any

import pytest
from testlib.http import Response, fetch, get_request, receive_all
from testlib.login import (
    ALICE,
    BOB,
    PASSWORD,
    TOKEN,
    basic,
    bearer,
    standard_lines,
    user_line,
    with_token,
    write_auth_file,
)
from testlib.pictures import STILL
from testlib.server import address_of
from testlib.threads import find_thread
from testlib.waiting import wait_until


def get_from(source: str, server: Any, path: str, headers: dict[str, str]) -> Response:
    """A request from another address of this machine: all of 127.0.0.0/8 are."""
    connection = http.client.HTTPConnection(
        "127.0.0.1", server.address.port, timeout=60, source_address=(source, 0)
    )
    with contextlib.closing(connection):
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        names = {name.lower(): value for name, value in answer.getheaders()}
        return Response(answer.status, names, answer.read())


def test_guessing_is_slowed_down(start_guarded: Any) -> None:
    """After so many failures an address is told to wait, with the flag's name; others are not."""
    server = start_guarded("--login-failures", "3", "--login-recovery", "3600")
    for headers, token in ((basic("alice", "a"), ""), (basic("nobody", "b"), ""), ({}, "c")):
        assert server.get(with_token("/status", token), **headers).status == 401
    for headers, token in ((basic("alice", "d"), ""), ({}, "e"), (ALICE, "")):
        response = server.get(with_token("/status", token), **headers)
        assert response.status == 429
        assert "--login-failures" in response.text
        assert 3000 < int(response.headers["retry-after"]) <= 3600
    # A token cannot be guessed: who has one is not locked out by others at the same address.
    assert server.get(f"/status?token={TOKEN}").status == 200
    assert server.get("/status").status == 401
    assert get_from("127.0.0.2", server, "/status", ALICE).status == 200
    assert get_from("127.0.0.2", server, "/status", basic("alice", "x")).status == 401
    scrape = server.scrape()
    for outcome, count in (("wrong", 4), ("throttled", 3), ("missing", 1), ("busy", 0)):
        assert scrape.value("headcam_logins_total", outcome=outcome) == count, outcome


def test_a_user_of_a_unix_socket_is_slowed_down(
    start_guarded: Any, directory: pathlib.Path
) -> None:
    """Each by itself, as the kernel tells who it is; who comes by TCP is somebody else."""
    listen = f"127.0.0.1:0,unix:{directory}/http.sock"
    server = start_guarded("--login-failures", "1", "--login-recovery", "3600", listen=listen)
    unix = address_of(server.urls()[1])
    assert fetch(unix, "/status", headers=ALICE).status == 200
    assert fetch(unix, "/status", headers=basic("alice", "a")).status == 401
    assert f"login alice from user {os.getuid()} failed" in server.log()
    assert fetch(unix, "/status", headers=ALICE).status == 429
    assert fetch(unix, f"/status?token={TOKEN}").status == 200
    assert server.get("/status", **ALICE).status == 200


def test_after_the_time_that_was_told_one_may_try_again(start_guarded: Any) -> None:
    """One try comes back each --login-recovery."""
    server = start_guarded("--login-failures", "1", "--login-recovery", "1")
    assert server.get("/status", **basic("alice", "a")).status == 401
    wait_until(lambda: server.get("/status", **ALICE).status == 200, what="another try")


def test_logging_in_costs_no_tries(start_guarded: Any) -> None:
    """Who is right may be so as often as he likes."""
    server = start_guarded("--login-failures", "1", "--login-recovery", "3600")
    for _ in range(10):
        assert server.get("/status", **ALICE).status == 200
        assert server.get("/status", **BOB).status == 200


def test_a_wall_of_streams_may_log_in_at_once(start_guarded: Any) -> None:
    """As after a restart: more than --login-failures requests, with one password, that is right."""
    server = start_guarded("--login-failures", "4", "--login-recovery", "3600")
    with contextlib.ExitStack() as ends:
        logins = [
            ends.enter_context(send_login(server, "127.0.0.1", PASSWORD)) for _ in range(3 * 4)
        ]
        for connection in logins:
            assert receive_all(connection).startswith(b"HTTP/1.1 200 ")
        assert server.get("/status", **basic("alice", "wrong")).status == 401, "no try was spent"


def test_guessing_at_once_is_slowed_down_as_one_by_one(start_guarded: Any) -> None:
    """Different passwords are tries, whether or not the first was checked already."""
    server = start_guarded("--login-failures", "4", "--login-recovery", "3600")
    with contextlib.ExitStack() as ends:
        logins = [
            ends.enter_context(send_login(server, "127.0.0.1", f"guess {i}")) for i in range(3 * 4)
        ]
        answers = [receive_all(connection)[:12] for connection in logins]
    assert answers.count(b"HTTP/1.1 401") == 4
    assert answers.count(b"HTTP/1.1 429") == 2 * 4


def send_login(server: Any, source: str, password: str) -> socket.socket:
    """A request with a password, whose answer is not waited for."""
    connection = socket.create_connection(
        ("127.0.0.1", server.address.port), source_address=(source, 0), timeout=60
    )
    header = f"Authorization: {basic('alice', password)['authorization']}"
    connection.sendall(get_request("/status", header, "Connection: close"))
    return connection


@pytest.fixture
def flood() -> Any:
    """Sends wrong passwords, each from an address of its own; closes the connections at the end."""
    with contextlib.ExitStack() as ends:

        def start(server: Any, count: int) -> list[socket.socket]:
            return [
                ends.enter_context(send_login(server, f"127.1.0.{i + 1}", f"guess {i}"))
                for i in range(count)
            ]

        yield start


def has_answer(connection: socket.socket) -> bool:
    """Whether anything came, without waiting for it."""
    return bool(select.select([connection], [], [], 0)[0])


def test_others_are_served_while_passwords_are_checked(
    guarded: Any, cameras: Any, flood: Any
) -> None:
    """A hundred guesses take seconds; who is in already, and who brings a token, passes them by."""
    assert guarded.get("/status", **ALICE).status == 200
    viewer = guarded.watch("/stream/front", f"Authorization: {ALICE['authorization']}")
    viewer.next()
    guesses = flood(guarded, 100)
    wait_until(lambda: has_answer(guesses[0]), what="the first answer")
    assert guarded.get("/status", **ALICE).status == 200
    assert guarded.get(f"/snapshot/front?max_age=3600000&token={TOKEN}").body == STILL
    assert guarded.get("/healthz").status == 200
    assert not has_answer(guesses[-1]), "they were all answered before: this shows nothing"
    viewer.skip().next()
    for connection in guesses:
        assert receive_all(connection).startswith(b"HTTP/1.1 401 ")


def test_only_so_many_passwords_wait(start_guarded: Any, flood: Any) -> None:
    """Beyond --max-logins: 503, which names it, and soon there is room again."""
    server = start_guarded("--max-logins", "2")
    answers = [receive_all(connection) for connection in flood(server, 40)]
    busy = [answer for answer in answers if answer.startswith(b"HTTP/1.1 503 ")]
    assert busy and all(b"\r\nRetry-After: 1\r\n" in answer for answer in busy)
    assert all(answer.endswith(b"2 passwords wait to be checked, as many as --max-logins allows\n")
               for answer in busy)  # fmt: skip
    assert sum(answer.startswith(b"HTTP/1.1 401 ") for answer in answers) == 40 - len(busy) > 0
    assert server.get("/status", **ALICE).status == 200


def test_clients_that_leave_during_the_check_do_no_harm(guarded: Any, flood: Any) -> None:
    """Their passwords are checked for nobody."""
    for connection in flood(guarded, 30):
        connection.close()
    assert guarded.get("/status", **ALICE).status == 200


def test_it_ends_while_passwords_wait(guarded: Any, flood: Any) -> None:
    """Promptly, and each connection is ended."""
    guesses = flood(guarded, 100)
    wait_until(lambda: has_answer(guesses[0]), what="the first answer")
    guarded.end()
    for connection in guesses:
        answer = receive_all(connection)
        assert not answer or answer.startswith((b"HTTP/1.1 401 ", b"HTTP/1.1 503 "))


def test_it_ends_while_a_password_takes_long(
    start_server: Any, auth_file: pathlib.Path
) -> None:
    """Hashes may be made as dear as one likes; nobody waits for this one's minutes."""
    dear = "$6$rounds=999999999$salt$" + 86 * "."
    write_auth_file(auth_file, [f"user alice {dear}\n"])
    server = start_server("--auth-file", str(auth_file))
    connection = send_login(server, "127.0.0.1", PASSWORD)
    checker = find_thread(server.process.pid, "passwords")
    wait_until(lambda: used_ticks(server, checker) > 2, what="it is at work")
    server.end()
    assert not receive_all(connection).startswith(b"HTTP/1.1 2")


def used_ticks(server: Any, thread: int) -> int:
    """A thread's CPU time, in hundredths of a second."""
    path = pathlib.Path(f"/proc/{server.process.pid}/task/{thread}/stat")
    fields = path.read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def test_reloads_and_logins_at_the_same_time(
    guarded: Any, auth_file: pathlib.Path, flood: Any
) -> None:
    """Whatever comes first: no answer but the two that there are."""
    one, other = standard_lines(), [user_line("alice", "other"), *standard_lines()[2:]]
    for i in range(20):
        guesses = flood(guarded, 3)
        write_auth_file(auth_file, other if i % 2 == 0 else one)
        guarded.reload()
        password = "other" if i % 2 == 0 else PASSWORD
        assert guarded.get("/status", **basic("alice", password)).status == 200
        for connection in guesses:
            assert receive_all(connection).startswith((b"HTTP/1.1 401 ", b"HTTP/1.1 429 "))


def test_failures_are_logged_with_the_address(
    start_guarded: Any, directory: pathlib.Path
) -> None:
    """What a firewall's rules can be made from; a name only if there is one of that name."""
    many, few = [
        start_guarded("--login-failures", tries, endpoint=f"ipc://{directory}/{tries}.sock")
        for tries in ("1000", "1")
    ]
    for server, headers, line in (
        (many, basic("alice", "x"), "login alice from 127.0.0.3 failed"),
        (many, basic("mallory", "x"), "login of an unknown user from 127.0.0.3 failed"),
        (many, bearer("x"), "login with an unknown token from 127.0.0.3 failed"),
        (few, bearer("x"), "login with an unknown token from 127.0.0.3 put off: too many failed"),
    ):
        # Of several in a second only the first is told.
        wait_until(
            lambda: get_from("127.0.0.3", server, "/status", headers)
            and f" warn  {line}" in server.log(),
            what=line,
        )
