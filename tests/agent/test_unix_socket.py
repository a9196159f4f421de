# SPDX-License-Identifier: MIT
"""unix: what only the built-in socket has to care for. test_sockets has what both do."""

import os
import random
import secrets
import select
import signal
import socket
import subprocess
import sys
import time

import pytest
from conftest import ROOT
from fake_server import DEADLINE_S, FakeServer, wait_until
from test_sockets import LARGE, Driven

import headcam
from headcam import sockets
from headcam.sockets import unix, zmtp
from headcam.sockets.unix import UnixSocket
from headcam.wire import State

READY_SUBSCRIBER = zmtp.GREETING + zmtp.ready(b"XSUB")


@pytest.fixture(autouse=True)
def built_in(monkeypatch):
    """Without pyzmq."""
    monkeypatch.setattr(sockets, "_choose", lambda: (UnixSocket, "built-in"))


@pytest.fixture
def driven(endpoint):
    driven = Driven(endpoint)
    yield driven
    driven.socket.close(0.0)


@pytest.fixture
def listener(endpoint):
    """A server by hand."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(endpoint[len("ipc://"):])
        listener.settimeout(DEADLINE_S)
        listener.listen()
        yield listener


def accept(driven, listener):
    """The connection that a driven socket makes."""
    driven.until(lambda: select.select([listener], [], [], 0.0)[0], "a connection")
    connection, _ = listener.accept()
    connection.settimeout(DEADLINE_S)
    return connection


# ---- endpoints ----


@pytest.mark.parametrize(
    "endpoint, sentence",
    [
        ("tcp://127.0.0.1:9", "without pyzmq .* ./python.sh -m pip install pyzmq --no-deps"),
        ("inproc://front", "without pyzmq"),
        ("nowhere", "should look like ipc:///run/headcam/ingest.sock"),
        ("ipc://", "should look like"),
        ("ipc://@", "should look like"),
        ("ipc:///a\0b", "should look like"),
        (7, "should look like"),
        ("ipc:///" + "x" * 107, "at most 107 bytes, this one 108"),
    ],
)
def test_an_endpoint_that_never_can_be_is_refused_with_the_next_step(endpoint, sentence):
    with pytest.raises(ValueError, match=sentence):
        sockets.connect(endpoint)


def test_an_abstract_endpoint_will_do():
    endpoint = f"ipc://@headcam-{secrets.token_hex(8)}"
    with FakeServer(endpoint):
        driven = Driven(endpoint)
        driven.hear(b"\x01@")
        driven.socket.close(0.0)


# ---- servers that are none ----


@pytest.mark.parametrize(
    "said, sentence",
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "it says 'HTTP/1.1 400"),
        (b"\xff" + bytes(8) + b"\x7f\x01\x00", "older than ZMTP 3.0"),
        (zmtp.GREETING.replace(b"NULL\0", b"CURVE"), "mechanism 'CURVE'"),
        (zmtp.GREETING + zmtp.ready(b"DEALER"), "type 'DEALER'"),
        (READY_SUBSCRIBER + zmtp.frame_head(1 << 40), "a message of 1099511627776 bytes"),
        (READY_SUBSCRIBER + b"\x01\x02\x01@" + b"\xff", "flags 0xff"),
        (b"", "hangs up at once"),
    ],
    ids=["http", "old", "curve", "dealer", "too much", "flags", "nothing"],
)
def test_who_is_no_server_is_told_apart_left_and_tried_again(driven, listener, said, sentence):
    for _ in range(2):
        with accept(driven, listener) as connection:
            connection.sendall(said)
            if not said:
                connection.close()
            driven.until(lambda: driven.socket._connection is None, "the end of the connection")
            assert sentence in driven.socket.trouble
    with accept(driven, listener) as connection:
        connection.sendall(READY_SUBSCRIBER + b"\x00\x02\x01@")
        driven.until(lambda: b"\x01@" in driven.heard)
        assert driven.socket.trouble == ""


def test_the_wait_from_one_attempt_to_the_next_grows_to_a_second_and_begins_anew(
    driven, listener, endpoint
):
    os.unlink(endpoint[len("ipc://"):])
    for wait_s in (0.1, 0.2, 0.4, 0.8, 1.0, 1.0, 1.0):
        before_s = time.monotonic()
        driven.turn(0.0)
        assert before_s + wait_s <= driven.socket.wake_at_s <= time.monotonic() + wait_s
        driven.socket.wake_at_s = 0.0
    with FakeServer(endpoint):
        driven.hear(b"\x01@")
    driven.hear(b"\x00@")
    assert driven.socket.wake_at_s - time.monotonic() <= 0.1


def test_a_server_that_never_answers_is_left_in_the_end(driven, listener, monkeypatch):
    monkeypatch.setattr(unix, "HANDSHAKE_S", 0.2)
    with accept(driven, listener) as first:
        driven.turn(0.0)
        assert first.recv(4096) == zmtp.GREETING
        driven.until(lambda: driven.socket._connection is None, "the end of its patience")
        assert first.recv(4096) == b""
    with accept(driven, listener):
        assert "does not answer: is it stopped?" in driven.socket.trouble


def test_a_server_that_accepts_nobody_is_told_apart(driven, listener, endpoint):
    listener.listen(0)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
        other.connect(endpoint[len("ipc://"):])
        driven.until(lambda: "accepts no connections" in driven.socket.trouble)


def test_a_file_that_is_no_socket_or_not_for_us_is_waited_out(driven, tmp_path, endpoint):
    path = tmp_path / "ingest.sock"
    path.touch()
    driven.turn(0.0)
    path.unlink()
    with FakeServer(endpoint):
        path.chmod(0)
        user = os.geteuid()
        if user == 0:
            os.seteuid(65534)
        try:
            driven.socket.wake_at_s = 0.0
            driven.turn(0.0)
            assert driven.socket._connection is None
        finally:
            os.seteuid(user)
        path.chmod(0o700)
        driven.hear(b"\x01@")


def test_a_publisher_says_who_is_no_server(driven, listener, endpoint, caplog):
    """The log names what answers, not only that headcam does not."""
    driven.socket.close(0.0)
    with headcam.Publisher("front", endpoint):
        while not caplog.records:
            with listener.accept()[0] as connection:
                connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
                connection.settimeout(DEADLINE_S)
                wait_until(lambda: connection.recv(4096) == b"", "the end of the connection")
    assert "it says 'SSH-2.0-OpenSSH" in caplog.text


# ---- while it is connected ----


def test_a_ping_is_answered_between_messages(driven, listener):
    with accept(driven, listener) as connection:
        connection.sendall(READY_SUBSCRIBER + b"\x00\x01\x01")
        driven.hear(b"\x01")
        assert driven.send(b"front/", LARGE)
        connection.sendall(zmtp.command(b"PING", b"\x00\x00abc"))
        frame = b"\x01\x06front/" + zmtp.frame_head(len(LARGE)) + LARGE
        expected = zmtp.GREETING + zmtp.ready(b"XPUB") + frame + zmtp.command(b"PONG", b"abc")
        came = bytearray()

        def reads_all():
            driven.turn(0.0)
            came.extend(connection.recv(1 << 20))
            return len(came) == len(expected)

        wait_until(reads_all, "the pong")
        assert came == expected


def test_who_asks_for_answers_and_reads_none_costs_no_memory(driven, listener):
    ping = zmtp.command(b"PING", bytes(18))
    with accept(driven, listener) as connection:
        connection.sendall(READY_SUBSCRIBER + b"\x00\x01\x01")
        driven.hear(b"\x01")
        while driven.send(b"front/", LARGE, copy=False):
            pass
        for _ in range(100):
            connection.sendall(ping * 500)
            driven.turn()
        assert len(driven.socket._connection.outbox) == sockets.HIGH_WATER_MARK


def test_a_server_that_dies_under_a_default_sigpipe_kills_nobody(endpoint):
    """An embedding program may not ignore the signal as Python does."""
    code = """if True:
        import signal, socket, sys
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        from headcam.sockets import zmtp
        from headcam.sockets.unix import UnixSocket
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(sys.argv[1][len("ipc://"):])
        listener.listen()
        publisher = UnixSocket(sys.argv[1])
        publisher.receive()
        peer, _ = listener.accept()
        peer.sendall(zmtp.GREETING + zmtp.ready(b"SUB") + bytes([0, 1, 1]))
        while publisher.receive() != bytes([1]): pass
        peer.close()
        assert publisher.send((b"topic", b"message")) is False
        assert publisher.receive() == bytes([0])
    """
    path = {**os.environ, "PYTHONPATH": str(ROOT / "capture_agent")}
    subprocess.run([sys.executable, "-c", code, endpoint], env=path, check=True)


def test_a_forked_child_leaves_the_parents_connection_alone(driven, endpoint):
    """Whatever it calls: what it has is a copy."""
    with FakeServer(endpoint) as server:
        driven.hear(b"\x01@")
        child = os.fork()
        if child == 0:
            is_good = driven.socket.send((b"@", LARGE)) is False
            is_good &= driven.socket.receive() is None
            driven.socket.close(1.0)
            os._exit(0 if is_good else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert driven.send(b"@", b"from the parent", b"") is True
        wait_until(lambda: server.others, "the parent's message")
        assert server.others == [[b"@", b"from the parent", b""]]


def test_a_connection_that_an_exception_left_in_doubt_is_made_anew(driven, endpoint, monkeypatch):
    """What was read and not yet understood is lost; the next connection tells it again."""

    def interrupted(self, data):
        raise KeyboardInterrupt

    with FakeServer(endpoint) as server:
        driven.hear(b"\x01@")
        server.watch("front")
        with monkeypatch.context() as patch:
            patch.setattr(zmtp.Session, "receive", interrupted)
            with pytest.raises(KeyboardInterrupt):
                driven.until(lambda: False)
        assert driven.send(b"@", b"not now") is False
        driven.hear(b"\x01front/")
        assert driven.heard[0:2] == [b"\x01@", b"\x00@"]
        assert driven.send(b"@", b"now", b"") is True
        wait_until(lambda: server.others == [[b"@", b"now", b""]], "the message")


def test_interruptions_anywhere_spoil_no_frame(server, endpoint):
    """KeyboardInterrupt at 200 random moments; pixels are drawn over as soon as publish() ends."""

    def interrupt(*arguments):
        raise KeyboardInterrupt

    generator = random.Random(5)
    pixels = bytearray(1 << 20)
    shape = {"width": 1024, "height": 1024, "format": "GRAY8"}
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        with headcam.Publisher("front", endpoint) as camera:
            server.watch("front")
            assert camera.wait_wanted(DEADLINE_S)
            for number in range(200):
                pixels[:] = bytes([number]) * len(pixels)
                try:
                    signal.setitimer(signal.ITIMER_REAL, generator.uniform(1e-5, 2e-3))
                    camera.publish(pixels, **shape)
                    while True:
                        time.sleep(0.001)
                except KeyboardInterrupt:
                    pass
            seen = len(server.frames)
            wait_until(lambda: camera.wanted and camera.publish(pixels, **shape), "a last frame")
            server.wait_frame(since=seen)
        server.wait_announcement(lambda a: a.state is State.ENDED, since=0)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)
    assert all(len(set(frame.payload)) == 1 for frame in server.frames)


def test_nothing_is_left_open(endpoint):
    def count():
        return len(os.listdir("/proc/self/fd"))

    counts = []
    for _ in range(4):
        with FakeServer(endpoint):
            driven = Driven(endpoint)
            driven.hear(b"\x01@")
        driven.hear(b"\x00@")
        driven.socket.close(0.0)
        counts.append(count())
    assert len(set(counts)) == 1
