# SPDX-License-Identifier: MIT
"""sockets: both of them against libzmq, as Link uses them; and which one is chosen."""

import os
import select
import signal
import subprocess
import sys
import threading
import time

import pytest
import zmq
from conftest import ROOT
from fake_server import DEADLINE_S, FakeServer, wait_until

import headcam
from headcam import sockets
from headcam.sockets.unix import UnixSocket

RESTARTS = 20
LARGE = bytes(8 << 20)


class Driven:
    """A socket, driven as Link drives it. `heard` is all that it received."""

    def __init__(self, endpoint):
        self.socket = sockets.connect(endpoint)
        self.heard = []

    def turn(self, most_s=0.05):
        wait_s = min(most_s, self.socket.wake_at_s - time.monotonic())
        select.select([self.socket], [], [], max(0.0, wait_s))
        self.drain()

    def drain(self):
        while (message := self.socket.receive()) is not None:
            self.heard.append(message)

    def until(self, predicate, what="the condition"):
        deadline = time.monotonic() + DEADLINE_S
        while not predicate():
            assert time.monotonic() < deadline, f"waited in vain for {what}; {self.heard}"
            self.turn()

    def hear(self, message):
        self.until(lambda: message in self.heard, message)

    def send(self, *parts, copy=True):
        sent = self.socket.send(parts, copy)
        self.drain()
        return sent


class Subscriber:
    """A bound libzmq socket. Its own thread drives the I/O, but a call is needed to accept."""

    def __init__(self, endpoint, kind):
        self._context = zmq.Context()
        self.socket = self._context.socket(kind)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.RCVTIMEO, int(DEADLINE_S * 1000))
        self.socket.bind(endpoint)

    def subscribe(self, topic):
        if self.socket.type == zmq.SUB:
            self.socket.setsockopt(zmq.SUBSCRIBE, topic)
        else:
            self.socket.send(b"\x01" + topic)

    def unsubscribe(self, topic):
        if self.socket.type == zmq.SUB:
            self.socket.setsockopt(zmq.UNSUBSCRIBE, topic)
        else:
            self.socket.send(b"\x00" + topic)

    def close(self):
        self.socket.close()
        self._context.term()


@pytest.fixture
def driven(each_socket, endpoint):
    driven = Driven(endpoint)
    yield driven
    driven.socket.close(0.0)


@pytest.fixture(params=[zmq.XSUB, zmq.SUB], ids=["XSUB", "SUB"])
def subscriber(request, endpoint):
    subscriber = Subscriber(endpoint, request.param)
    yield subscriber
    subscriber.close()


def hear(driven, subscriber, message):
    """Like driven.hear(), and lets the subscriber accept."""
    driven.until(lambda: subscriber.socket.poll(1) or message in driven.heard, message)


# ---- with libzmq at the other end ----


@pytest.mark.parametrize("count", [0, 1, 255, 256, 4096, 4097, 65536, len(LARGE)])
def test_messages_of_any_size_arrive_as_they_were(driven, subscriber, count):
    subscriber.subscribe(b"front/")
    hear(driven, subscriber, b"\x01front/")
    payload = os.urandom(count)
    for copy in (True, False):
        assert driven.send(b"front/", bytearray(b"head"), payload, copy=copy)
        driven.until(lambda: subscriber.socket.poll(1), "the message")
        assert subscriber.socket.recv_multipart() == [b"front/", b"head", payload]


def test_what_nobody_subscribed_to_is_not_sent_and_is_no_failure(driven, subscriber):
    assert driven.send(b"front/", b"too early") is True
    subscriber.subscribe(b"fr")
    hear(driven, subscriber, b"\x01fr")
    assert driven.send(b"rear/", b"no") is True
    assert driven.send(b"front/", b"yes") is True
    assert subscriber.socket.recv_multipart() == [b"front/", b"yes"]
    subscriber.unsubscribe(b"fr")
    hear(driven, subscriber, b"\x00fr")
    assert driven.send(b"front/", b"too late") is True
    assert not subscriber.socket.poll(50)


def test_the_peers_own_messages_are_heard_in_their_order(each_socket, driven, endpoint):
    with FakeServer(endpoint) as server:
        driven.hear(b"\x01@")
        said = [b"\x02" + bytes([n]) * n for n in range(255)] + [b"\x03" + bytes(4000)]
        for message in said:
            server.send(message)
        driven.hear(said[-1])
        assert driven.heard[1:] == said


def test_a_server_that_is_restarted_again_and_again_is_found(driven, endpoint):
    for number in range(RESTARTS):
        driven.heard.clear()
        with FakeServer(endpoint) as server:
            server.watch("front")
            driven.hear(b"\x01front/")
            assert driven.heard == [b"\x01@", b"\x01front/"]
            assert driven.send(b"front/", b"%d" % number, b"") is True
            wait_until(lambda: server.others, "the message")
            assert server.others == [[b"front/", b"%d" % number, b""]]
        driven.until(lambda: len(driven.heard) == 4, "the end of the subscriptions")
        assert sorted(driven.heard[2:]) == [b"\x00@", b"\x00front/"]
        assert driven.send(b"front/", b"to nobody") is True


def test_a_full_socket_takes_nothing_and_what_it_took_arrives_whole(driven, endpoint):
    with FakeServer(endpoint, high_water_mark=1) as server:
        server.watch("front")
        driven.hear(b"\x01front/")
        server.pause()
        taken = [n for n in range(50) if driven.send(b"front/", b"%d" % n + bytes(1 << 20), b"")]
        assert 3 <= len(taken) < 20
        server.go_on()
        driven.until(lambda: len(server.others) == len(taken), "what was taken")
        assert [parts[1] for parts in server.others] == [b"%d" % n + bytes(1 << 20) for n in taken]
        driven.until(lambda: driven.send(b"front/", b"again", b""), "room")


def test_lent_memory_is_done_when_it_was_sent_or_when_the_server_is_gone(driven, endpoint):
    server = FakeServer(endpoint, high_water_mark=1)
    try:
        server.watch("front")
        driven.hear(b"\x01front/")
        server.pause()
        trackers = [driven.send(b"front/", LARGE, copy=False) for _ in range(10)]
        pending = [tracker for tracker in trackers if not isinstance(tracker, bool)]
        assert pending and not pending[-1].done
    finally:
        server.close()
    driven.until(lambda: all(tracker.done for tracker in pending), "the memory")


def test_to_close_takes_no_longer_than_it_is_given(each_socket, endpoint):
    with FakeServer(endpoint, high_water_mark=1) as server:
        driven = Driven(endpoint)
        server.watch("front")
        driven.hear(b"\x01front/")
        server.pause()
        while driven.send(b"front/", LARGE):
            pass
        began = time.monotonic()
        driven.socket.close(0.2)
        assert 0.1 < time.monotonic() - began < 10.0


def test_what_waits_at_the_close_still_leaves(each_socket, endpoint):
    with FakeServer(endpoint, high_water_mark=1) as server:
        driven = Driven(endpoint)
        server.watch("front")
        driven.hear(b"\x01front/")
        assert driven.send(b"front/", LARGE, b"")
        assert driven.send(b"front/", b"last", b"")
        driven.socket.close(5.0)
        wait_until(lambda: len(server.others) == 2, "the last message")
        assert server.others == [[b"front/", LARGE, b""], [b"front/", b"last", b""]]


# ---- a publisher's view ----


def test_a_stopped_server_costs_neither_time_nor_memory(each_socket, endpoint):
    """SIGSTOP, while 8 MB frames are published: no call waits, and few frames are kept."""
    code = (
        "import sys, zmq; s = zmq.Context().socket(zmq.XSUB); s.rcvhwm = 1; s.bind(sys.argv[1]);"
        "s.send(b'\\x01')\nwhile True: s.recv()"
    )
    server = subprocess.Popen([sys.executable, "-c", code, endpoint])
    try:
        with headcam.Publisher("front", endpoint) as camera:
            assert camera.wait_wanted(DEADLINE_S)
            pixels = {"pixels": LARGE, "width": 2048, "height": 1024, "format": "RGBA"}
            wait_until(lambda: camera.publish(**pixels), "a first frame")
            server.send_signal(signal.SIGSTOP)
            before = resident_bytes()
            slowest = 0.0
            for _ in range(100):
                began = time.monotonic()
                camera.publish(**pixels)
                slowest = max(slowest, time.monotonic() - began)
            assert camera.stats.frames_dropped > 80
            assert slowest < 1.0
            assert resident_bytes() - before < 10 * len(LARGE)
            server.send_signal(signal.SIGCONT)
            wait_until(lambda: camera.publish(**pixels), "room for a frame")
    finally:
        server.kill()
        server.wait()


def resident_bytes():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_with_pyzmq_an_interruption_inside_a_message_ends_it(server, endpoint, monkeypatch):
    """The next message would be glued to it; a short one is dropped by the server."""
    with headcam.Publisher("front", endpoint) as camera:
        server.watch("front")
        assert camera.wait_wanted(DEADLINE_S)
        send = zmq.Socket.send

        def interrupted(self, data, *arguments, **keywords):
            if bytes(data[:4]) == b"HCAM":
                raise KeyboardInterrupt
            return send(self, data, *arguments, **keywords)

        pixels = {"pixels": bytes(12), "width": 4, "height": 3, "format": "GRAY8"}
        with monkeypatch.context() as patch:
            patch.setattr(zmq.Socket, "send", interrupted)
            with pytest.raises(KeyboardInterrupt):
                camera.publish(**pixels)
        wait_until(lambda: server.others)
        assert server.others == [[b"front/", b""]]
        assert camera.publish(**pixels)
        assert server.wait_frame(since=0).payload == bytes(12)


def test_many_threads_may_call_one_after_the_other(driven, server):
    driven.hear(b"\x01@")
    lock = threading.Lock()

    def work(number):
        for count in range(50):
            with lock:
                wait_until(lambda: driven.send(b"@", b"%d.%d" % (number, count), b""))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE_S)
    wait_until(lambda: len(server.others) == 200, "all messages")


# ---- which one is chosen ----


def choose(tmp_path, module):
    """What is said in a process that finds `module` as zmq; no other one, if it is None."""
    if module is not None:
        (tmp_path / "zmq.py").write_text(module)
    code = (
        "import logging; logging.basicConfig(format='%(message)s')\n"
        "from headcam import sockets\n"
        "for _ in range(2): print(sockets.describe())"
    )
    path = {**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT / 'capture_agent'}"}
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], env=path, capture_output=True, text=True, check=True
    )
    first, second = done.stdout.splitlines()
    assert first == second
    return first, done.stderr


def test_pyzmq_is_taken_where_it_is():
    assert sockets.describe() == f"pyzmq {zmq.__version__}, libzmq {zmq.zmq_version()}"


def test_without_pyzmq_nothing_is_complained_of(tmp_path):
    assert choose(tmp_path, None) == ("built-in ZMTP, no pyzmq", "")


@pytest.mark.parametrize(
    "module, reason",
    [
        ("import zmq_backend", "No module named 'zmq_backend'"),
        ("raise ImportError('libzmq.so.5: cannot open shared object file')", "libzmq.so.5"),
        ("raise OSError('wrong ELF class')", "wrong ELF class"),
        ("", "no attribute"),
    ],
)
def test_a_broken_pyzmq_is_gone_without_and_the_reason_told_once(tmp_path, module, reason):
    description, log = choose(tmp_path, module)
    assert description.startswith("built-in ZMTP, for pyzmq cannot be used: ")
    assert reason in description
    assert log.count(reason) == log.count("\n") == 1
    assert log.startswith("pyzmq is installed and cannot be used, going on without it: ")


def test_the_built_in_is_what_it_says(each_socket, driven):
    assert isinstance(driven.socket, UnixSocket) == (each_socket == "built-in")
