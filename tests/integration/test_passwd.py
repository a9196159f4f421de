# SPDX-License-Identifier: MIT
"""`headcam passwd`: prints lines for --auth-file; secrets are typed or shown, never written."""

from __future__ import annotations

import hashlib
import os
import pty
import re
import subprocess
import termios
from typing import Any

import pytest
from testlib.build import COMMAND
from testlib.login import run_passwd
from testlib.waiting import wait_until

pytestmark = pytest.mark.no_tsan

HASH = r"\$y\$[./A-Za-z0-9]+\$[./A-Za-z0-9]{1,86}\$[./A-Za-z0-9]{43}"


def test_a_user_from_standard_input() -> None:
    """The first line is the password; the hash is yescrypt with a new salt each time."""
    texts = ("secret\n", "secret", "secret\nx\n")
    lines = [run_passwd("user", "alice", secret=text) for text in texts]
    for done in lines:
        assert (done.returncode, done.stderr) == (0, "")
        assert re.fullmatch(rf"user alice {HASH}\n", done.stdout)
    assert len({done.stdout for done in lines}) == 3


def test_a_token_is_shown_once_and_stored_hashed() -> None:
    """The token on standard error, its line on standard output."""
    done = run_passwd("token", "ci")
    assert done.returncode == 0
    shown = re.fullmatch(r"the token, which is shown only now: ([A-Za-z0-9_-]{32})\n", done.stderr)
    assert shown
    assert done.stdout == f"token ci {hashlib.sha256(shown[1].encode()).hexdigest()}\n"


@pytest.mark.parametrize("kind", ["user", "token"])
def test_streams_limit_the_line(kind: str) -> None:
    """As they will stand in the file."""
    done = run_passwd(kind, "a@b.c", "streams=front,rear", secret="x\n")
    assert done.returncode == 0
    assert re.fullmatch(rf"{kind} a@b\.c \S+ streams=front,rear\n", done.stdout)


@pytest.mark.parametrize(
    ("arguments", "secret", "code", "line"),
    [
        (["user", "a"], "", 1, "the password is empty; nothing was made"),
        (["user", "a"], "\n", 1, "the password is empty; nothing was made"),
        (["user", "a"], "x" * 512, 1, "the password is longer than 511 bytes; nothing was made"),
        (["user", "a"], "a\tb", 1, "the password has a control character"),
        (["user", "a b"], "x", 2, "the name must be 1 to 64 characters of A-Z a-z 0-9 . _ - @"),
        (["token", ""], "", 2, "the name must be 1 to 64 characters"),
        (["token", "x" * 65], "", 2, "the name must be 1 to 64 characters"),
        (["user", "a", "front"], "x", 2, "only streams=NAME,NAME may follow"),
        (["token", "a", "streams=a/b"], "", 2, "only streams=NAME,NAME may follow"),
    ],
)
def test_what_is_wrong_is_told(arguments: list[str], secret: str, code: int, line: str) -> None:
    """And nothing is printed that could end up in a file."""
    done = run_passwd(*arguments, secret=secret)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith(f"headcam: {line}") and done.stderr.count("\n") == 1


@pytest.mark.parametrize("arguments", ["", "user", "group a", "user a b c", "-h x"])
def test_usage(arguments: str) -> None:
    """How it is called, and what next."""
    done = run_passwd(*arguments.split())
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == run_passwd("--help").stdout
    assert done.stderr.startswith("usage: headcam passwd user NAME")


def own_terminal() -> None:
    """Makes a new session's standard input its own terminal, which is where /dev/tty leads."""
    os.close(os.open(os.ttyname(0), os.O_RDWR))


class Terminal:
    """A terminal that a program runs in, and somebody who types."""

    def __init__(self, *arguments: str) -> None:
        self._master, slave = pty.openpty()
        self.process = subprocess.Popen(
            [*COMMAND, "passwd", *arguments],
            stdin=slave,
            stdout=subprocess.PIPE,
            stderr=slave,
            start_new_session=True,
            preexec_fn=own_terminal,
            text=True,
        )
        self.slave = slave
        self.seen = ""
        os.set_blocking(self._master, False)

    def echoes(self) -> bool:
        """Whether what is typed is to be seen."""
        return bool(termios.tcgetattr(self.slave)[3] & termios.ECHO)

    def wait(self, text: str) -> None:
        """Until the program has written this, and shows nothing that is typed."""

        def has_come() -> bool:
            try:
                self.seen += os.read(self._master, 4096).decode()
            except BlockingIOError:
                pass
            return text in self.seen and not self.echoes()

        wait_until(has_come, what=f"{text!r} at the terminal")
        self.seen = self.seen.partition(text)[2]

    def type(self, text: str) -> None:
        """Presses keys."""
        os.write(self._master, text.encode())

    def end(self) -> tuple[int, str]:
        """The exit code, and what was written to standard output."""
        output, _ = self.process.communicate(timeout=60)
        wait_until(self.echoes, what="an ordinary terminal again")
        try:
            self.seen += os.read(self._master, 4096).decode()
        except BlockingIOError:
            pass
        os.close(self._master)
        os.close(self.slave)
        return self.process.returncode, output


@pytest.mark.parametrize(("again", "code"), [("secret", 0), ("Secret", 1)])
def test_a_terminal_shows_no_password(again: str, code: int) -> None:
    """It is typed twice; the terminal is as before afterwards."""
    terminal = Terminal("user", "alice")
    terminal.wait("Password: ")
    terminal.type("secret\n")
    terminal.wait("Again: ")
    terminal.type(f"{again}\n")
    ended, output = terminal.end()
    assert ended == code
    assert bool(re.fullmatch(rf"user alice {HASH}\n", output)) == (code == 0)
    assert "ecret" not in terminal.seen
    assert ("the two passwords differ" in terminal.seen) == (code == 1)


def test_control_c_at_the_prompt() -> None:
    """Ends it, and leaves a terminal that shows what is typed."""
    terminal = Terminal("user", "alice")
    terminal.wait("Password: ")
    terminal.type("sec\x03")
    ended, output = terminal.end()
    assert (ended, output) == (-2, "")


def test_what_it_prints_lets_one_in(start_server: Any, directory: Any) -> None:
    """The whole way, as a person would go it."""
    file = directory / "auth"
    user = run_passwd("user", "alice", secret="käse & brot\n")
    token = run_passwd("token", "ci")
    file.write_text(user.stdout + token.stdout)
    file.chmod(0o640)
    server = start_server("--auth-file", str(file))
    shown = token.stderr.split()[-1]
    curl = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}"]
    url = f"{server.url}status"
    for arguments, status in (
        (["-u", "alice:käse & brot", url], "200"),
        (["-u", "alice:kase & brot", url], "401"),
        (["-H", f"Authorization: Bearer {shown}", url], "200"),
        ([f"{url}?token={shown}"], "200"),
        ([url], "401"),
    ):
        done = subprocess.run([*curl, *arguments], capture_output=True, text=True, timeout=60)
        assert done.stdout == status, arguments
