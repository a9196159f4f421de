# SPDX-License-Identifier: MIT
"""Users and tokens: the server's file of them, and what they send."""

from __future__ import annotations

import base64
import functools
import hashlib
import os
import pathlib
import subprocess
from collections.abc import Sequence

from testlib.build import COMMAND, SLOWNESS
from testlib.waiting import SOON_S


def run_passwd(*arguments: str, secret: str | None = None) -> subprocess.CompletedProcess[str]:
    """`headcam passwd`; the secret is its standard input."""
    return subprocess.run(
        [*COMMAND, "passwd", *arguments],
        input="" if secret is None else secret,
        capture_output=True,
        text=True,
        timeout=SOON_S * SLOWNESS,
    )


@functools.lru_cache(maxsize=None)
def user_line(name: str, password: str, *rest: str) -> str:
    """A line of the file, by the program itself."""
    done = run_passwd("user", name, *rest, secret=f"{password}\n")
    assert done.returncode == 0, done
    return done.stdout


def token_line(name: str, token: str, *rest: str) -> str:
    """A line of the file, written by hand."""
    return " ".join(["token", name, hashlib.sha256(token.encode()).hexdigest(), *rest]) + "\n"


def write_auth_file(path: pathlib.Path, lines: Sequence[str]) -> pathlib.Path:
    """Puts a file in its place at once, as whoever edits it should."""
    new = path.with_suffix(".new")
    new.write_text("".join(lines))
    os.chmod(new, 0o600)
    new.rename(path)
    return path


def basic(name: str, password: str) -> dict[str, str]:
    """The header of a user."""
    pair = base64.b64encode(f"{name}:{password}".encode()).decode()
    return {"authorization": f"Basic {pair}"}


def bearer(token: str) -> dict[str, str]:
    """The header of a token."""
    return {"authorization": f"Bearer {token}"}


def with_token(path: str, token: str) -> str:
    """The path with ?token=."""
    return f"{path}{'&' if '?' in path else '?'}token={token}" if token else path


# ---- the standard file ----

PASSWORD, TOKEN = "correct horse: battery", "tok-0123456789abcdefghij_KLM"
LIMITED_PASSWORD, LIMITED_TOKEN = "only the front", "tok-limited-0123456789abcdef"
STREAMS = "streams=front,left"
ALICE, BOB = basic("alice", PASSWORD), basic("bob", LIMITED_PASSWORD)


def standard_lines() -> list[str]:
    """alice and all may see everything, bob and few a part."""
    return [
        "# who may look\n",
        user_line("alice", PASSWORD),
        user_line("bob", LIMITED_PASSWORD, STREAMS),
        token_line("all", TOKEN),
        token_line("few", LIMITED_TOKEN, STREAMS),
    ]
