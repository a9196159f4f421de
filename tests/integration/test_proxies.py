# SPDX-License-Identifier: MIT
"""nginx, HAProxy and Caddy with the configurations in docker/: everything gets through, at once."""

from __future__ import annotations

import contextlib
import json
import pathlib
import re
import shutil
import ssl
import statistics
import tempfile
from collections.abc import Iterator

import pytest
import websocket
from testlib import pictures
from testlib.agents import Agent, TestCard
from testlib.certificates import Authority
from testlib.http import UnixAddress, fetch
from testlib.login import ALICE, PASSWORD, TOKEN, basic, standard_lines, write_auth_file
from testlib.mjpeg import Part, Viewer
from testlib.producer import Producer
from testlib.proxies import (
    Caddy,
    CurlViewer,
    Haproxy,
    Nginx,
    PlainViewer,
    Proxy,
    namespace,
)
from testlib.server import Server
from testlib.waiting import wait_until

pytestmark = pytest.mark.once

KINDS = [Nginx, Haproxy, Caddy]
FPS = 30.0
FRAME_S = 1 / FPS
TEN_MBIT = 10e6 / 8


@pytest.fixture(scope="module")
def shared() -> Iterator[pathlib.Path]:
    """A directory for all tests here."""
    path = tempfile.mkdtemp(prefix="headcam-")
    yield pathlib.Path(path)
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def server(shared: pathlib.Path) -> Iterator[Server]:
    """A server on TCP and on a unix socket, with a test card."""
    server = Server(shared, "--listen", f"unix:{shared}/http.sock", "--no-signal-after", "1")
    card = TestCard(server, "front", "640x480", FPS)
    try:
        server.wait_state("front")
        yield server
    finally:
        card.kill()
        server.close()


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: kind.__name__)
def proxy(
    request: pytest.FixtureRequest, shared: pathlib.Path, server: Server, authority: Authority
) -> Iterator[Proxy]:
    """Each of them before that server."""
    proxy: Proxy = request.param(shared, server.address, authority.issue("proxy"))
    yield proxy
    proxy.close()


def ages_ms(parts: list[Part]) -> list[float]:
    """From capture to arrival."""
    return [1000 * part.age_s for part in parts if part.state == "live"]


def test_the_page_works_below_a_path(proxy: Proxy) -> None:
    """All that it loads has a relative address; without its slash it is redirected, with query."""
    bare = fetch(proxy.address, "/cam?token=x")
    assert bare.status in (301, 308)
    assert bare.headers["location"] == "/cam/?token=x"
    assert fetch(proxy.address, "/").headers["location"] == "/cam/"

    page = fetch(proxy.address, "/cam/")
    assert page.status == 200 and page.headers["content-type"].startswith("text/html")
    links = set(re.findall(r'(?:href|src)="([^"#]+)"', page.text))
    assert {"viewer.js", "viewer.css", "icon.svg", "status"} <= links
    for link in links - {"stream"}:
        assert not re.match(r"/|\w+:", link), f"{link} leads out of the path"
        assert fetch(proxy.address, f"/cam/{link}").status == 200, link


def test_answers_come_through_as_they_are(proxy: Proxy, server: Server) -> None:
    """Parameters, status, headers and errors."""
    assert fetch(proxy.address, "/cam/status").json()["streams"][0]["name"] == "front"
    snapshot = fetch(proxy.address, "/cam/snapshot/front?width=320&quality=50&timeout=60000")
    assert pictures.size(snapshot.body) == (320, 240)
    assert snapshot.headers["cache-control"] == "no-store"
    assert float(snapshot.headers["x-timestamp"]) > 0
    for path in ("snapshot/front?width=1", "snapshot/none?timeout=0", "nothing"):
        direct, proxied = server.get(f"/{path}"), fetch(proxy.address, f"/cam/{path}")
        assert (proxied.status, proxied.text) == (direct.status, direct.text)


@pytest.mark.parametrize("version", ["--http2", "--http1.1"])
def test_a_stream_comes_through(proxy: Proxy, server: Server, version: str) -> None:
    """Unchanged, also while the agent is gone; and the server sees its viewers leave."""
    with CurlViewer(proxy, "stream/front?fps=20", version) as viewer:
        parts = viewer.wait_more(10)
        assert viewer.head[0].startswith(version[2:].replace("http", "http/"))
        assert "content-type: multipart/x-mixed-replace; boundary=frame" in viewer.head
        assert not any(line.startswith("content-encoding") for line in viewer.head)
        assert len({part.sequence for part in parts}) > 5
    wait_until(lambda: server.status()["viewers"] == 0, what="the viewer is gone")


def connect_websocket(proxy: Proxy, origin: str) -> websocket.WebSocket:
    """A WebSocket of a page of that origin."""
    url = f"wss://127.0.0.1:{proxy.port}/cam/ws/front"
    trust = {"ca_certs": str(proxy.certificate.root), "cert_reqs": ssl.CERT_REQUIRED}
    return websocket.create_connection(url, origin=origin, sslopt=trust, timeout=15)


def test_a_websocket_comes_through(proxy: Proxy) -> None:
    """From the page's own origin, https though headcam speaks http; not from another one's."""
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        connect_websocket(proxy, f"https://127.0.0.2:{proxy.port}")
    assert refused.value.status_code == 403

    connection = connect_websocket(proxy, f"https://127.0.0.1:{proxy.port}")
    assert json.loads(connection.recv())["name"] == "front"
    for _ in range(5):
        message = connection.recv()
        assert message[:4] == b"HCWS"
        assert pictures.size(message[int.from_bytes(message[6:8], "little"):]) == (640, 480)
    connection.send(json.dumps({"width": 320}))

    def is_narrow() -> bool:
        message = connection.recv()
        return isinstance(message, str) and json.loads(message)["width"] == 320

    wait_until(is_narrow, what="a description of the new width")
    connection.close()


@pytest.mark.alone
def test_no_proxy_adds_a_frame_of_delay(proxy: Proxy, server: Server) -> None:
    """The age of each frame at its arrival, beside that of a viewer without a proxy.

    At a low rate: what a proxy holds until the next frame comes is older then than by any load.
    """
    fps = 5
    proxied = CurlViewer(proxy, f"stream/front?fps={fps}", "--http2")
    with proxied, Viewer(server.address, f"/stream/front?fps={fps}") as direct:
        for viewer in (proxied, direct):
            viewer.wait_more(3)
        medians = [statistics.median(ages_ms(v.wait_more(10))) for v in (proxied, direct)]
    assert medians[0] < medians[1] + 1000 / fps / 2, f"proxied, direct: {medians} ms"


def test_a_stalled_simulator_cuts_nobody_off(
    proxy: Proxy, server: Server, shared: pathlib.Path
) -> None:
    """Through the proxy, too, its viewers are told, and go on with the next frame."""
    card: Agent = TestCard(server, "stalling", "320x240", 10)
    server.wait_state("stalling")
    try:
        with CurlViewer(proxy, "stream/stalling") as viewer:
            viewer.wait_more(3)
            card.pause()
            wait_until(lambda: viewer.parts[-1].state == "no-signal", what="no signal")
            card.go_on()
            wait_until(lambda: viewer.parts[-1].state == "live", what="the next frame")
    finally:
        card.kill()


@pytest.mark.parametrize("kind", KINDS)
def test_logins_go_through_to_a_unix_socket(
    kind: type[Proxy], shared: pathlib.Path, directory: pathlib.Path, authority: Authority
) -> None:
    """Basic, tokens, and the question for them; each client's failures are its own."""
    path = write_auth_file(directory / "auth", standard_lines())
    socket = directory / "http.sock"
    flags = ["--auth-file", str(path), "--trusted-proxy", "unix", "--login-failures", "2"]
    server = Server(directory, *flags, listen=f"unix:{socket}")
    server.login = ALICE
    card = TestCard(server, "front", "320x240", 10)
    with contextlib.ExitStack() as ends:
        ends.callback(server.process.wait)
        ends.callback(server.process.terminate)
        ends.callback(card.kill)
        proxy = kind(directory, UnixAddress.of(socket), authority.issue("proxy"))
        ends.callback(proxy.close)
        server.wait_state("front")
        refused = fetch(proxy.address, "/cam/status")
        assert refused.status == 401 and "Basic" in refused.headers["www-authenticate"]
        assert fetch(proxy.address, f"/cam/status?token={TOKEN}").status == 200
        assert fetch(proxy.address, "/cam/status", headers=ALICE).status == 200
        assert fetch(proxy.address, "/cam/healthz").status == 200
        with CurlViewer(proxy, "stream/front", "-u", f"alice:{PASSWORD}") as viewer:
            viewer.wait_more(3)
        server.wait_log(" viewer 127.0.0.1 through user ")
        wrong = basic("alice", "guessed")
        claim = {"X-Forwarded-For": "203.0.113.9"}
        for _ in range(2):
            assert fetch(proxy.address, "/cam/status", headers=wrong | claim).status == 401
        assert fetch(proxy.address, "/cam/status", headers=wrong).status == 429
        assert server.get("/status", **wrong).status == 401, "it is not the proxy's client"
    assert server.process.returncode == 0


#: What a slow client may have before it, beside its own 64 KiB, with each of them.
QUEUE_BYTES = 512 * 1024
#: What docs/operations.md gives those that cannot be told how large their kernel buffers are.
SYSCTLS = {"tcp_notsent_lowat": "65536", "tcp_rmem": "4096 65536 131072"}


@pytest.mark.alone
@pytest.mark.parametrize("kind", KINDS)
def test_who_reads_slowly_or_nothing_has_little_before_it(
    kind: type[Proxy], directory: pathlib.Path, authority: Authority
) -> None:
    """Of what was sent only so much is on its way, however long it takes; then the server closes.

    Caddy has no settings for its sockets' buffers: it gets them from its namespace.
    """
    socket = directory / "http.sock"
    server = Server(directory, "--stuck-after", "2", listen=f"unix:{socket}")
    jpegs = [pictures.encode(pictures.grain(320, 240, seed), 85) for seed in range(4)]
    camera = Producer(server.endpoint, "front", 320, 240, "JPEG", stride=0).play(FPS, *jpegs)
    server.wait_state("front")

    def check(proxy: Proxy) -> None:
        with PlainViewer(proxy) as viewer:
            # Nothing is in a queue: the youngest of several would be as old as that.
            fast = ages_ms(viewer.read(1.0))[-5:]
            assert min(fast) < 3 * 1000 * FRAME_S, f"{fast} ms"
            slow = ages_ms(viewer.read(2.0, TEN_MBIT))[-5:]
            assert min(slow) < 500, f"10 Mbit/s: {slow} ms"
            before = proxy.memory_bytes()
            wait_until(lambda: server.status()["viewers"] == 0, what="the stuck one is closed")
            on_its_way = server.stream("front")["sent"]["bytes"] - viewer.read_bytes
            assert on_its_way <= QUEUE_BYTES
            assert proxy.memory_bytes() - before <= QUEUE_BYTES
        server.wait_log("it read nothing for 2 s (--stuck-after)")

    with contextlib.ExitStack() as ends:
        ends.callback(server.close)
        ends.callback(camera.close)
        inside = ends.enter_context(namespace(**SYSCTLS)) if kind is Caddy else None
        proxy = kind(directory, server.address, authority.issue("proxy"), inside)
        ends.callback(proxy.close)
        check(proxy)
