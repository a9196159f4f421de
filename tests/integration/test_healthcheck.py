# SPDX-License-Identifier: MIT
"""`headcam healthcheck`: asks a server that was given the same flags or variables."""

from __future__ import annotations

import contextlib
import pathlib
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator

import pytest
from testlib.certificates import Authority
from testlib.server import Server, run_server

pytestmark = pytest.mark.no_tsan


def check(*flags: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs it to its end."""
    return run_server("healthcheck", *flags, environment=variables)


def complaint(*flags: str) -> str:
    """What it says of a server that is not well."""
    done = check(*flags)
    assert (done.returncode, done.stdout) == (1, "")
    return done.stderr.removeprefix("headcam: ").rstrip("\n")


@contextlib.contextmanager
def answering(answer: bytes | None) -> Iterator[str]:
    """The address of a server that gives this answer and closes, or accepts and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            with contextlib.suppress(OSError):
                connection = listening.accept()[0]
                with connection:
                    connection.recv(4096)
                    connection.sendall(answer or b"")

        thread = threading.Thread(target=serve)
        if answer is not None:
            thread.start()
        yield f"127.0.0.1:{listening.getsockname()[1]}"
        listening.shutdown(socket.SHUT_RDWR)
        if answer is not None:
            thread.join()


def test_each_address_of_a_server_is_asked_by_flags_or_environment(
    start_server: Callable[..., Server], directory: pathlib.Path
) -> None:
    """TCP and unix sockets; 0.0.0.0 means this machine. Silent where all is well."""
    path = f"unix:{directory}/http.sock"
    server = start_server("--listen", path, listen="0.0.0.0:0")
    listen = f"0.0.0.0:{server.address.port},{path}"
    for done in (check("--listen", listen), check(HEADCAM_LISTEN=listen)):
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    missing = f"unix:{directory}/missing.sock"
    told = complaint("--listen", listen, "--listen", missing)
    assert told == f"{missing}: cannot connect: No such file or directory"


def test_a_server_with_tls_and_passwords_is_asked_without_either_s_secrets(
    start_guarded: Callable[..., Server], authority: Authority
) -> None:
    """The certificate need not be one that this machine trusts."""
    certificate = authority.issue("camera")
    server = start_guarded(tls=certificate)
    listen = ("--listen", f"127.0.0.1:{server.address.port}")
    assert check(*listen, *certificate.flags).returncode == 0
    assert "answers HTTP/1.1 400 Bad Request; give --tls-cert" in complaint(*listen)


def test_it_says_what_is_wrong() -> None:
    """Nobody listens, another answer, no answer, none of HTTP, no TLS; and a flag that is wrong."""
    with answering(b"") as address:
        pass
    assert complaint("--listen", address) == f"{address}: cannot connect: Connection refused"
    with answering(b"HTTP/1.1 503 Service Unavailable\r\n\r\n") as address:
        told = complaint("--listen", address)
        assert told == f"{address}: /healthz answers HTTP/1.1 503 Service Unavailable"
    with answering(b"SSH-2.0-OpenSSH_9.2\r\n") as address:
        assert "the answer is not HTTP" in complaint("--listen", address)
    with answering(b"HTTP/1.1 400 Bad Request\r\n\r\n") as address:
        told = complaint("--listen", address, "--tls-cert", "/etc/headcam/chain.pem")
        assert told.startswith(f"{address}: TLS: ")
    assert "choose one with --listen" in complaint("--listen", "127.0.0.1:0")
    wrong = check("--listen", "nonsense")
    assert wrong.returncode == 2 and "--listen must be" in wrong.stderr


@pytest.mark.once
@pytest.mark.parametrize("flags", [(), ("--tls-cert", "/etc/headcam/chain.pem")])
def test_it_does_not_wait_for_a_server_that_hangs(flags: tuple[str, ...]) -> None:
    """The kernel takes the connection; nobody answers."""
    with answering(None) as address:
        told = complaint("--listen", address, *flags)
    assert told == f"{address}: no answer within 3 s"
