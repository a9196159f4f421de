# SPDX-License-Identifier: MIT
"""TLS on the TCP listeners: what clients need of it, its certificates, and those who abuse it."""

from __future__ import annotations

import contextlib
import os
import pathlib
import random
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest
from testlib.certificates import Authority, Certificate
from testlib.http import (
    TIMEOUT_S,
    TlsAddress,
    UnixAddress,
    exchange,
    fetch,
    get_request,
    receive_all,
)
from testlib.mjpeg import Viewer
from testlib.server import run_server
from testlib.waiting import hold, output_until, wait_until

#: Beside viewers and snapshots; see docs/operations.md.
OTHER_CONNECTIONS = 256

#: After which the server closes a connection that has not shaken hands.
IDLE_AFTER_S = 3.0


@pytest.fixture
def certificate(authority: Authority, directory: pathlib.Path) -> Certificate:
    """The server's, in files of its own that a test may change."""
    issued = authority.issue("camera")
    own = Certificate(directory / "camera.pem", directory / "camera.key", issued.root)
    own.replace(issued)
    own.key_path.chmod(0o600)
    return own


@pytest.fixture
def server(start_server: Any, certificate: Certificate) -> Any:
    """A server with TLS and nothing but defaults."""
    return start_server(tls=certificate)


def curl_command(certificate: Certificate, url: str, *flags: str) -> list[str]:
    """curl, which trusts the certificate's root."""
    return ["curl", "-sSN", "--cacert", str(certificate.root), *flags, url]


def curl(certificate: Certificate, url: str, *flags: str) -> subprocess.CompletedProcess[bytes]:
    """Runs it to its end."""
    command = curl_command(certificate, url, "--max-time", str(TIMEOUT_S), *flags)
    return subprocess.run(command, capture_output=True)


def names_shown(server: Any) -> str:
    """The common name in the certificate that a new connection is shown."""
    with server.address.connect() as connection:
        subject = connection.getpeercert()["subject"]
    return str(dict(pair for pairs in subject for pair in pairs)["commonName"])


def hang_up(server: Any) -> None:
    """Asks the server to read its files again."""
    server.process.send_signal(signal.SIGHUP)


def refused(*flags: str) -> str:
    """Runs the server, which is to end with one line; returns it."""
    done = run_server(*flags)
    assert done.returncode == 2, done
    return done.stderr.splitlines()[-1].removeprefix("headcam: ")


# ---- clients ----


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_curl(server: Any, start_agent: Any, certificate: Certificate, version: str) -> None:
    """Checks the chain up to the root, over either version, and gets what it would get plain."""
    start_agent(server, "front")
    server.wait_state("front")
    only = ("--tlsv1", "--tls-max", version) if version == "1.2" else ("--tlsv1.3",)
    assert curl(certificate, f"{server.url}healthz", *only).stdout == b"ok\n"
    assert b'"front"' in curl(certificate, f"{server.url}status", *only).stdout
    jpeg = curl(certificate, f"{server.url}snapshot/front", *only).stdout
    assert jpeg.startswith(b"\xff\xd8") and jpeg.endswith(b"\xff\xd9")
    output_until(
        curl_command(certificate, f"{server.url}stream", *only),
        lambda output: output.count(b"X-Headcam-State: live") > 1,
    )


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_the_protocol(server: Any, certificate: Certificate) -> None:
    """HTTP/1.1 is agreed on; what came before TLS 1.2 is refused, as are ciphers without AEAD."""
    context = certificate.context()
    context.set_alpn_protocols(["h2", "http/1.1"])
    with TlsAddress("127.0.0.1", server.address.port, context).connect() as connection:
        assert connection.selected_alpn_protocol() == "http/1.1"
        assert connection.version() == "TLSv1.3"
        assert connection.cipher()[0] == "TLS_AES_128_GCM_SHA256", "the cheapest for the server"
    assert is_accepted(server, certificate, ssl.TLSVersion.TLSv1_2, "ECDHE+AESGCM")
    assert not is_accepted(server, certificate, ssl.TLSVersion.TLSv1_1, "DEFAULT@SECLEVEL=0")
    assert not is_accepted(server, certificate, ssl.TLSVersion.TLSv1_2, "ECDHE+SHA1")
    assert not is_accepted(server, certificate, ssl.TLSVersion.TLSv1_2, "kRSA")


def is_accepted(
    server: Any, certificate: Certificate, version: ssl.TLSVersion, ciphers: str
) -> bool:
    """Whether a client that insists on these can connect; that it asks so much is checked, too."""
    context = certificate.context()
    context.set_ciphers(ciphers)
    context.minimum_version = context.maximum_version = version
    assert client_hello(context), "this client does not even ask"
    try:
        TlsAddress("127.0.0.1", server.address.port, context).connect().close()
    except (ssl.SSLError, ConnectionError):
        return False
    return True


def client_hello(context: ssl.SSLContext) -> bytes:
    """The first bytes of such a client."""
    output = ssl.MemoryBIO()
    try:
        context.wrap_bio(ssl.MemoryBIO(), output, server_hostname="127.0.0.1").do_handshake()
    except ssl.SSLWantReadError:
        pass
    return output.read()


def test_a_connection_is_kept(server: Any) -> None:
    """Several requests on one connection, and one that comes together with its successor."""
    with server.address.connect() as connection:
        connection.sendall(get_request("/healthz") + get_request("/readyz"))
        connection.sendall(get_request("/healthz", "Connection: close"))
        answers = receive_all(connection)
    assert answers.count(b"HTTP/1.1 200 ") == 2 and answers.count(b"HTTP/1.1 503 ") == 1


def test_a_hundred_viewers(server: Any, start_agent: Any) -> None:
    """Each gets whole and live frames; what Viewer checks byte by byte is what was decrypted."""
    start_agent(server, "front")
    server.wait_state("front")
    viewers = [server.watch() for _ in range(100)]
    for viewer in viewers:
        viewer.next("live")
    assert server.status()["viewers"] == 100
    for viewer in viewers:
        viewer.skip().next("live")


def test_who_leaves_is_seen_at_once(server: Any) -> None:
    """Politely, with a close_notify, or not."""
    for is_polite in (True, False):
        with server.address.connect() as connection:
            connection.sendall(get_request("/stream"))
            wait_until(lambda: server.status()["viewers"] == 1, what="the viewer")
            if is_polite:
                connection.setblocking(False)
                with pytest.raises((ssl.SSLError, OSError)):
                    connection.unwrap()
        wait_until(lambda: server.status()["viewers"] == 0, 2.0, "it has left")


def test_a_snapshot_waits_encrypted(server: Any, start_agent: Any) -> None:
    """A request that is suspended until a frame comes, and one whose client leaves."""
    start_agent(server, "front")
    server.wait_state("front")
    jpeg = server.snapshot("/front").body
    assert jpeg.startswith(b"\xff\xd8") and jpeg.endswith(b"\xff\xd9")
    reason = server.get("/snapshot/nobody?timeout=200")
    assert reason.status == 503 and "nobody" in reason.text


def test_unix_sockets_stay_plain(
    start_server: Any, certificate: Certificate, directory: pathlib.Path
) -> None:
    """TLS is for what leaves the machine; limits hold for both together."""
    path = directory / "http.sock"
    limit = ("--max-viewers", "1")
    server = start_server(*limit, "--listen", f"unix:{path}", tls=certificate)
    assert server.urls() == [server.url, f"unix:{path}"] and server.url.startswith("https://")
    unix = UnixAddress.of(path)
    with Viewer(unix) as viewer:
        viewer.next()
        assert fetch(unix, "/status").json()["viewers"] == 1
        assert server.status()["viewers"] == 1
        assert "--max-viewers" in server.get("/stream").text


def test_only_unix_sockets(
    start_server: Any, certificate: Certificate, directory: pathlib.Path
) -> None:
    """Then the certificate is not for anybody, which may not be what was meant."""
    server = start_server(listen=f"unix:{directory}/http.sock", tls=certificate)
    server.wait_log("warn  --tls-cert is of no use: headcam listens on unix sockets only")
    assert server.get("/healthz").status == 200


# ---- certificates ----


def test_reload_under_viewers(
    server: Any, start_agent: Any, authority: Authority, certificate: Certificate
) -> None:
    """Those who watch stay; who comes is shown the new one."""
    start_agent(server, "front")
    viewers = [server.watch() for _ in range(3)]
    for viewer in viewers:
        viewer.next("live")
    assert names_shown(server) == "camera"
    for name in ("second", "third"):
        certificate.replace(authority.issue(name))
        hang_up(server)
        wait_until(lambda: names_shown(server) == name, what="the new certificate")
        server.wait_log(f"TLS shows the certificate of CN={name}, valid until 20")
        for viewer in viewers:
            viewer.skip().wait_more(5)


def test_a_bad_reload_changes_nothing(
    server: Any, authority: Authority, certificate: Certificate
) -> None:
    """The log says what is wrong; the next good one is taken."""
    old = certificate.path.read_bytes()
    other = authority.issue("other")
    for change, why in (
        (lambda: certificate.path.write_bytes(other.path.read_bytes()), "is not that of"),
        (lambda: certificate.path.write_text("nothing"), "holds no certificate in PEM"),
        (certificate.path.unlink, "No such file or directory"),
        (lambda: os.mkfifo(certificate.path), "is no regular file"),
    ):
        change()
        hang_up(server)
        server.wait_log(why)
        assert names_shown(server) == "camera"
    assert server.log().count("TLS goes on with the certificate it has: ") == 4
    certificate.path.unlink()
    certificate.path.write_bytes(old)
    certificate.replace(other)
    hang_up(server)
    wait_until(lambda: names_shown(server) == "other", what="the new certificate")


def test_reloads_beside_handshakes(
    server: Any, authority: Authority, certificate: Certificate
) -> None:
    """A connection that began before a reload ends its handshake with what it began with."""
    half = [server.address.plain().connect() for _ in range(4)]
    hello = client_hello(certificate.context())
    for connection in half:
        connection.sendall(hello[:20])
    certificate.replace(authority.issue("second"))
    hang_up(server)
    wait_until(lambda: names_shown(server) == "second", what="the new certificate")
    for connection in half:
        with connection:
            connection.sendall(hello[20:])
            assert connection.recv(1) == b"\x16", "a ServerHello"


def test_key_and_certificate_in_one_file(
    start_server: Any, certificate: Certificate, directory: pathlib.Path
) -> None:
    """--tls-key left out; both flags come from the environment as well."""
    both = directory / "both.pem"
    both.write_bytes(certificate.key_path.read_bytes() + certificate.path.read_bytes())
    both.chmod(0o600)
    server = start_server("--tls-cert", str(both))
    assert curl(certificate, f"{server.url}healthz").stdout == b"ok\n"
    server.kill()
    variables = {"HEADCAM_TLS_CERT": str(certificate.path)}
    variables["HEADCAM_TLS_KEY"] = str(certificate.key_path)
    server = start_server(environment=variables)
    assert curl(certificate, f"{server.url}healthz").stdout == b"ok\n"
    server.kill()


def test_what_is_no_certificate(
    authority: Authority, certificate: Certificate, directory: pathlib.Path
) -> None:
    """Exit code 2, and which file, why, and what to do."""
    path, key = certificate.path, certificate.key_path
    other = authority.issue("other")
    locked = directory / "locked.key"
    command = ["openssl", "pkey", "-aes128", "-passout", "pass:x", "-in", key, "-out", locked]
    subprocess.run(command, check=True)
    cert = ["--tls-cert", str(path)]
    fifo, empty, large = (directory / name for name in ("fifo", "empty.pem", "large.pem"))
    os.mkfifo(fifo, 0o600)
    empty.touch(0o600)
    large.touch(0o600)
    os.truncate(large, 1024 * 1024 + 1)
    for flags, why in (
        (["--tls-cert", "/none"], "cannot open --tls-cert /none: No such file or directory"),
        (["--tls-cert", "/"], "--tls-cert / is no regular file"),
        (["--tls-cert", str(fifo)], f"--tls-cert {fifo} is no regular file"),
        ([*cert, "--tls-key", str(fifo)], f"--tls-key {fifo} is no regular file"),
        (["--tls-cert", str(empty)], f"--tls-cert {empty} holds no certificate in PEM: "),
        (["--tls-cert", str(large)], f"--tls-cert {large} is larger than 1048576 bytes"),
        (["--tls-cert", str(key)], f"--tls-cert {key} holds no certificate in PEM: "),
        (cert, f"--tls-cert {path} holds no private key in PEM: "),
        ([*cert, "--tls-key", str(path)], f"--tls-key {path} holds no private key in PEM"),
        (
            [*cert, "--tls-key", str(other.key_path)],
            f"--tls-key {other.key_path}: the key is not that of the first certificate in "
            f"--tls-cert {path}",
        ),
        (
            [*cert, "--tls-key", str(locked)],
            f"--tls-key {locked}: the key has a password; "
            f"next: openssl pkey -in {locked} -out FILE",
        ),
        (["--tls-key", str(key)], "--tls-key is of no use without --tls-cert FILE"),
    ):
        assert refused(*flags).startswith(why)
    assert refused(*cert).endswith("; --tls-key names another file")


def test_warnings(
    start_server: Any, authority: Authority, certificate: Certificate
) -> None:
    """A key that everybody reads, and a certificate that clients refuse."""
    certificate.path.chmod(0o644)
    certificate.key_path.chmod(0o640)
    server = start_server(tls=certificate)
    assert " warn " not in server.log()
    certificate.key_path.chmod(0o644)
    expired = authority.issue("expired", days=-1)
    certificate.path.write_bytes(expired.path.read_bytes())
    certificate.key_path.write_bytes(expired.key_path.read_bytes())
    hang_up(server)
    key = certificate.key_path
    told = f"--tls-key {key} can be read or changed by others (mode 0644); do: chmod 640 {key}"
    server.wait_log(told)
    server.wait_log(f"the certificate in {certificate.path} has expired")
    server.kill()


# ---- abuse ----


def test_plain_http_is_told_so(server: Any) -> None:
    """Whoever forgot the s; the log has at most a line a second of it."""
    plain = server.address.plain()
    began_s = time.monotonic()
    for _ in range(20):
        answer = fetch(plain, "/stream")
        assert answer.status == 400
        assert answer.text == "this port speaks TLS; ask it with https://"
    lines = server.log().count("plain HTTP on a TLS port, from 127.0.0.1:")
    assert 1 <= lines <= 1 + time.monotonic() - began_s


def test_garbage(server: Any) -> None:
    """Closes; nobody else notices."""
    dice = random.Random(1)
    hello = client_hello(ssl.create_default_context())
    watching = server.watch()
    watching.next()
    for round_number in range(60):
        bytes_sent = bytearray(b"\x00" + dice.randbytes(dice.randint(1, 600)))
        if round_number % 3 == 1:
            bytes_sent[:3] = b"\x16\x03\x01"  # a handshake, of rubbish
        elif round_number % 3 == 2:
            bytes_sent = bytearray(hello)  # a good one, but for some bytes
            for _ in range(3):
                bytes_sent[dice.randrange(len(hello))] ^= 1 << dice.randrange(8)
        with server.address.plain().connect() as connection:
            with contextlib.suppress(OSError):  # it may be closed already
                connection.sendall(bytes_sent)
                connection.shutdown(socket.SHUT_WR)
            assert b"HTTP" not in receive_all(connection)
    assert b"HTTP" not in exchange(server.address.plain(), bytes(5))
    assert server.get("/healthz").status == 200
    watching.skip().next()


def test_garbage_within_a_session(server: Any, start_agent: Any) -> None:
    """A viewer that sends records which nobody can decrypt is not read; the others see nothing."""
    start_agent(server, "front")
    server.wait_state("front")
    watching = server.watch()
    connection = server.address.connect()
    connection.sendall(get_request("/stream"))
    assert connection.recv(12) == b"HTTP/1.1 200"
    with socket.socket(fileno=os.dup(connection.fileno())) as raw:
        raw.sendall(b"\x17\x03\x03\x00\x20" + bytes(32))
    wait_until(lambda: server.status()["viewers"] == 2, what="both viewers")
    connection.close()
    wait_until(lambda: server.status()["viewers"] == 1, what="it has left")
    watching.skip().next("live")


@pytest.fixture
def begun(
    server: Any, certificate: Certificate
) -> Iterator[tuple[float, list[socket.socket]]]:
    """As many as there may be connections, each half through its ClientHello; and since when."""
    hello = client_hello(certificate.context())
    began_s = time.monotonic()
    connections = [server.address.plain().connect() for _ in range(OTHER_CONNECTIONS)]
    for connection in connections:
        connection.sendall(hello[: len(hello) // 2])
    yield began_s, connections
    for connection in connections:
        connection.close()


class TestHalfHandshakes:
    """They take the places of others only until a time is up."""

    @pytest.fixture
    def server(self, start_server: Any, certificate: Certificate) -> Any:
        """A server whose connections are few."""
        limits = ("--max-viewers", "0", "--max-snapshots", "0", "--idle-after", str(IDLE_AFTER_S))
        return start_server(*limits, tls=certificate)

    def test_others_come_in_when_the_time_is_up(
        self, server: Any, begun: tuple[float, list[socket.socket]]
    ) -> None:
        """Nobody is let in before."""
        began_s, half_handshakes = begun
        with server.address.plain().connect() as late:
            late.sendall(get_request("/healthz"))
            assert late.recv(12) == b"HTTP/1.1 400"
        assert time.monotonic() - began_s >= IDLE_AFTER_S
        for connection in half_handshakes:
            assert b"HTTP" not in receive_all(connection), "closed, and not served"


def test_the_end_beside_half_handshakes(server: Any, certificate: Certificate) -> None:
    """Nobody is waited for."""
    hello = client_hello(certificate.context())
    half = [server.address.plain().connect() for _ in range(9)]
    for count, connection in enumerate(half):
        connection.sendall(hello[: len(hello) - count * 20])
    assert server.get("/healthz").status == 200, "and they are there"
    server.end()
    for connection in half:
        with connection:
            assert b"HTTP" not in receive_all(connection)


def test_nothing_spins(server: Any, certificate: Certificate) -> None:
    """Not for a half handshake, and not for a viewer whose client sends what nobody reads."""
    with server.address.plain().connect() as half, server.address.connect() as watching:
        half.sendall(client_hello(certificate.context())[:-20])
        watching.sendall(get_request("/stream"))
        assert watching.recv(12) == b"HTTP/1.1 200"
        watching.sendall(b"?" * 1000)
        before = cpu_s(server, "http", "sender")
        hold(lambda: server.process.poll() is None, 1.0)
        assert cpu_s(server, "http", "sender") - before < 0.3


def cpu_s(server: Any, *threads: str) -> float:
    """CPU time of some of its threads."""
    ticks = 0
    for stat in pathlib.Path(f"/proc/{server.process.pid}/task").glob("*/stat"):
        name, _, fields = stat.read_text().partition("(")[2].rpartition(")")
        if name in threads:
            ticks += sum(map(int, fields.split()[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")
