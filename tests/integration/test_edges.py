# SPDX-License-Identifier: MIT
"""More than one machine: an origin forwards what viewers at its edges want, and nothing else."""

from __future__ import annotations

import contextlib
import dataclasses
import pathlib
import re
import signal
import socket
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import zmq
from testlib.build import ROOT, SLOWNESS
from testlib.edges import Keys, edge_of, tcp_endpoint, wait_connected
from testlib.link import slow_link
from testlib.network import Crowd, Node, network
from testlib.pictures import encode, grain
from testlib.ports import free_port
from testlib.producer import Link, Producer
from testlib.http import Address
from testlib.server import Server, address_of, run_server
from testlib.waiting import hold, wait_until

#: So long after the last viewer an edge may still be sent frames.
LINGER_S = 2.0


@pytest.fixture
def start_edge(
    start_server: Callable[..., Server], directory: pathlib.Path
) -> Callable[..., Server]:
    """Starts servers that take frames of other machines."""

    def start(name: str = "edge", *flags: str, port: int = 0, **options: Any) -> Server:
        endpoint = f"ipc://{directory}/{name}.sock"
        tcp = f"tcp://127.0.0.1:{port}"
        return start_server("--ingest", tcp, *flags, endpoint=endpoint, **options)

    return start


@pytest.fixture
def start_origin(
    start_server: Callable[..., Server], directory: pathlib.Path
) -> Callable[..., Server]:
    """Starts servers that forward to these."""

    def start(*endpoints: str, flags: tuple[str, ...] = (), name: str = "origin") -> Server:
        forward = [word for endpoint in endpoints for word in ("--forward", endpoint)]
        return start_server(*forward, *flags, endpoint=f"ipc://{directory}/{name}.sock")

    return start


def test_demand_goes_up_and_frames_come_down(
    start_edge: Any, start_origin: Any, connect: Any
) -> None:
    """A viewer at an edge starts the capture, with its rate; the last one's leaving ends it."""
    edge = start_edge()
    origin = start_origin(tcp_endpoint(edge))
    jpegs = [encode(grain(64, 48, seed), 80) for seed in range(4)]
    producer = connect(
        origin, "front", 64, 48, "JPEG", stride=0, fps=30, agent="sim", version="7.5.3"
    ).play(30, *jpegs)
    wait_connected(origin)
    front = edge.wait_state("front")
    assert (front["width"], front["height"], front["nominal_fps"]) == (64, 48, 30.0)
    assert (front["agent"]["name"], front["agent"]["version"]) == ("sim", "7.5.3")
    assert not producer.is_wanted

    began_s = time.monotonic()
    with edge.watch("/stream/front?fps=10") as viewer:
        part = viewer.next("live")
        print(f"first frame after {1000 * (time.monotonic() - began_s):.0f} ms")
        assert part.jpeg in jpegs
        parts = viewer.wait_more(5)
        assert all(after.sequence > before.sequence for before, after in zip(parts, parts[1:]))
        wait_until(lambda: 10.0 in producer.wanted_rates, what="the rate of the edge's viewer")
        at_origin = origin.stream("front")
        assert (at_origin["viewers"], at_origin["edges"], at_origin["wanted_fps"]) == (0, 1, 10.0)
        second = edge.watch("/stream/front?fps=20")
        second.next("live")
        wait_until(lambda: 20.0 in producer.wanted_rates, what="the faster one's rate")
        sent = edge_of(origin)
        assert sent["streams"] == 1 and sent["frames"] > 0 and sent["bytes"] > 0
        second.close()
        edge.viewers.remove(second)
    edge.viewers.remove(viewer)
    left_s = time.monotonic()
    wait_until(lambda: not producer.is_wanted, what="the end of the demand")
    print(f"no demand {time.monotonic() - left_s:.2f} s after the last viewer left")
    assert time.monotonic() - left_s < LINGER_S * SLOWNESS
    frames = producer.sent
    hold(lambda: producer.sent == frames, 0.5, "frames are sent that nobody wants")
    assert edge_of(origin)["streams"] == 0

    snapshot = edge.get("/snapshot/front?timeout=5000")
    assert snapshot.status == 200 and snapshot.body in jpegs


def test_metadata_passes_through(start_edge: Any, start_origin: Any, connect: Any) -> None:
    """Over two hops: sequence, capture time, simulation time and the simulator's update."""
    last = start_edge("last")
    middle = start_edge("middle", "--forward", tcp_endpoint(last))
    origin = start_origin(tcp_endpoint(middle))
    producer = connect(origin, "front", 64, 48, "JPEG", stride=0)
    wait_connected(middle)
    last.wait_state("front")
    viewer = last.watch("/stream/front")
    viewer.wait_status()
    producer.wait_wanted()
    capture_ns = time.time_ns() - 20_000_000
    producer.send_frame(
        encode(grain(64, 48, 1), 80),
        sequence=4711,
        capture_ns=capture_ns,
        sim_ns=1_500_000_000,
        update=99,
    )
    part = viewer.next("live")
    assert part.sequence == 4711
    assert abs(float(part.headers["X-Timestamp"]) - capture_ns / 1e9) < 2e-6
    assert part.headers["X-Headcam-Sim-Time"] == "1.500000000"
    assert part.headers["X-Headcam-Update"] == "99"


def test_states_and_reasons_pass(start_edge: Any, start_origin: Any, connect: Any) -> None:
    """What the agent says, and that it fell silent, ended, or was forgotten."""
    edge = start_edge()
    origin = start_origin(tcp_endpoint(edge), flags=("--forget-after", "6"))
    producer = connect(origin, "front", state="starting", reason="loading the scene")
    assert edge.wait_state("front", "starting")["reason"] == "loading the scene"
    producer.announce(state="live", reason="the picture is black: no light")
    assert edge.wait_state("front")["reason"] == "the picture is black: no light"
    viewer = edge.watch("/stream/front")
    producer.play(30)
    viewer.next("live")

    producer.close()  # as a killed agent does
    stalled = edge.wait_state("front", "stalled")
    assert "went silent" in stalled["reason"]
    viewer.next("no-signal")
    ended = edge.wait_state("front", "ended")
    assert "its agent is gone" in ended["reason"]
    connect(origin, "front", state="live").play(30)
    viewer.next("live")


def test_both_ends_may_restart(start_edge: Any, start_origin: Any, connect: Any) -> None:
    """Each goes on by itself, and so do those who watch."""
    port = free_port()
    edge = start_edge("edge", port=port)
    origin = start_origin(f"tcp://127.0.0.1:{port}")
    connect(origin, "front", 64, 48).play(30)
    edge.watch("/stream/front").next("live")

    edge.kill()
    wait_until(lambda: edge_of(origin)["state"] == "connecting", what="the loss of the edge")
    assert origin.stream("front")["edges"] == 0
    edge = start_edge("edge", port=port)
    viewer = edge.watch("/stream/front")
    viewer.next("live")

    origin.kill()
    viewer.next("no-signal")
    assert edge.wait_state("front", "lost")
    origin = start_origin(f"tcp://127.0.0.1:{port}")
    connect(origin, "front", 64, 48).play(30)
    viewer.next("live")

    origin.end()
    assert "was stopped" in edge.wait_state("front", "ended")["reason"]


def test_an_edge_that_stands_still(start_edge: Any, start_origin: Any, connect: Any) -> None:
    """Little is on its way to it meanwhile; others do not notice; it goes on with a fresh frame."""
    stuck, other = start_edge("stuck"), start_edge("other")
    origin = start_origin(tcp_endpoint(stuck), tcp_endpoint(other))
    jpegs = [encode(grain(640, 480, seed), 90) for seed in range(4)]
    connect(origin, "front", 640, 480, "JPEG", stride=0).play(30, *jpegs)
    viewer, beside = stuck.watch("/stream/front"), other.watch("/stream/front")
    viewer.next("live")
    beside.next("live")
    stuck.process.send_signal(signal.SIGSTOP)
    try:
        beside.skip().wait_more(30)
        frames = edge_of(origin)["frames"]
        beside.skip().wait_more(30)
        assert edge_of(origin)["frames"] == frames, "frames pile up"
        assert edge_of(origin)["in_flight"] <= 4
    finally:
        stuck.process.send_signal(signal.SIGCONT)
    gone_on_s = time.time()
    fresh = viewer.skip().next("live", where=lambda part: part.arrived_at - part.age_s > gone_on_s)
    assert fresh.age_s < 0.5 * SLOWNESS
    wait_until(lambda: edge_of(origin)["skipped_slow"] > 30, what="what it missed, counted")


def test_an_edge_that_asks_for_everything(start_origin: Any) -> None:
    """It is not given all it asks for, and the log says so."""
    with zmq.Context() as context, context.socket(zmq.XSUB) as edge:
        edge.setsockopt(zmq.LINGER, 0)
        edge.setsockopt(zmq.SNDHWM, 0)
        edge.bind("tcp://127.0.0.1:*")
        origin = start_origin(edge.getsockopt_string(zmq.LAST_ENDPOINT))
        edge.send(b"\x01@")
        wait_connected(origin)
        for index in range(5000):
            edge.send(b"\x01camera-%d/" % index)
        wait_until(
            lambda: "one too many: an edge may ask for 4096" in origin.log(), what="the limit"
        )
        assert edge_of(origin)["state"] == "connected"


def test_a_frame_that_is_too_large_for_an_edge(
    start_edge: Any, start_origin: Any, connect: Any
) -> None:
    """The edge's log says so; where the connection ends with it, the origin has an idea why."""
    edge = start_edge("edge", "--max-frame-bytes", "65536")
    origin = start_origin(tcp_endpoint(edge))
    refused, fatal = encode(grain(320, 240, 1), 95), encode(grain(640, 480, 1), 95)
    assert 65536 < len(refused) < 2 * 65536 < len(fatal)
    small = connect(origin, "small", 64, 48).play(30)
    producer = connect(origin, "front", 320, 240, "JPEG", stride=0).play(30, refused)
    viewer = edge.watch("/stream/small")
    edge.watch("/stream/front").wait_status()
    wait_until(lambda: "--max-frame-bytes" in edge.log(), what="the reason in the edge's log")
    viewer.skip().wait_more(30)
    assert edge_of(origin)["state"] == "connected" and edge_of(origin)["reason"] == ""
    producer.close()
    small.pause()

    connect(origin, "front", 640, 480, "JPEG", stride=0).play(30, fatal)
    wait_until(
        lambda: "is that more than its --max-frame-bytes?" in edge_of(origin)["reason"],
        what="a reason at the origin",
    )
    origin.wait_log(f"a frame of {len(fatal)} bytes")
    losses = edge_of(origin)["frames"] + 3
    wait_until(lambda: edge_of(origin)["frames"] > losses, what="more of them")
    assert origin.log().count("is that more than its --max-frame-bytes?") == 1


def test_edges_by_name(start_edge: Any, start_origin: Any, connect: Any) -> None:
    """An address of a name that does not answer gives way to the next; or each is an edge."""
    port = free_port()
    family, _, _, _, where = socket.getaddrinfo("localhost", port, type=socket.SOCK_STREAM)[0]
    host = f"[{where[0]}]" if family == socket.AF_INET6 else where[0]
    one = start_edge("one")  # by IPv4, whatever localhost is first
    every = start_edge("every", "--ingest", f"tcp://{host}:{port}")
    by_name = tcp_endpoint(one).replace("127.0.0.1", "localhost")
    origin = start_origin(by_name, f"dns+tcp://localhost:{port}", flags=("--max-edges", "2"))
    connect(origin, "front").play(30)
    for edge in (one, every):
        edge.watch("/stream/front").next("live")
    endpoints = {edge["endpoint"] for edge in origin.status()["edges"]}
    assert endpoints == {by_name, f"tcp://{host}:{port}"}


def test_a_name_that_is_taken_at_the_edge(start_edge: Any, start_origin: Any, connect: Any) -> None:
    """The first one keeps it; the other origin says so, and asks its agent for nothing."""
    edge = start_edge()
    first = connect(edge, "front").play(30)
    edge.wait_state("front")
    origin = start_origin(tcp_endpoint(edge))
    second = connect(origin, "front").play(30)
    edge.watch("/stream/front").next("live")
    wait_until(lambda: "another producer has this name" in edge_of(origin)["reason"])
    origin.wait_log("does not take stream front: another producer has this name")
    assert edge.rejected("conflict") > 0
    assert not second.is_wanted
    first.close()
    wait_until(lambda: second.is_wanted, what="the other one's turn")


def test_a_loop_is_cut_off(start_edge: Any, start_origin: Any, connect: Any) -> None:
    """Two that forward to each other: a stream never comes back, and its demand ends."""
    ports = [free_port(), free_port()]
    one, two = (
        start_edge(
            name, "--forward", f"tcp://127.0.0.1:{ports[1 - index]}", port=ports[index]
        )
        for index, name in enumerate(("one", "two"))
    )
    producer = connect(one, "front").play(30)
    wait_connected(one)
    wait_connected(two)
    two.wait_state("front")
    wait_until(lambda: "came back by --forward" in edge_of(two)["reason"])
    for server in (one, two):
        with server.watch("/stream/front") as viewer:
            viewer.next("live")
        server.viewers.remove(viewer)
    wait_until(lambda: not producer.is_wanted, what="the end of the demand")
    assert one.rejected("loop") > 0
    assert [one.stream("front")["conflicts"], two.stream("front")["conflicts"]] == [0, 0]


def test_garbage_of_a_peer_is_counted(start_edge: Any, connect: Any) -> None:
    """What comes by tcp goes through the same checks."""
    edge = start_edge()
    link = connect(edge, kind=Link, is_open=True)
    far = Link(tcp_endpoint(edge), is_open=True)
    try:
        far.wait_connected()
        for parts in ((b"front/", b"HCAM"), (b"@front/", b"{"), (b"@a b/", b"{}"), (b"front/",)):
            far.send(*parts)
            wait_until(lambda: edge.rejected() > 0)
        wait_until(lambda: edge.rejected() == 4, what="four refusals")
        ring = {"headcam": 1, "instance": "1" * 16, "state": "live"}
        ring["ring"] = {"number": 1, "place": "shm", "confirmed": False}
        far.send(b"@front/", str(ring).replace("'", '"').replace("False", "false").encode())
        wait_until(lambda: any(message[:1] == b"\3" for message in far.upstream))
        assert "needs an ipc:// endpoint" in edge.stream("front")["transport_reason"]
    finally:
        far.close()
        link.close()


# ---- keys ----


@pytest.fixture
def keys(directory: pathlib.Path) -> dict[str, Keys]:
    """Of three headcams."""
    return {name: Keys.make(directory / f"{name}.key") for name in ("edge", "origin", "other")}


def test_keys_let_the_right_one_in(
    start_edge: Any, start_origin: Any, connect: Any, keys: dict[str, Keys]
) -> None:
    """Who has none, another, or the wrong idea of the edge's is told why, and gets nothing."""
    allowed = keys["edge"].secret.with_name("allowed")
    allowed.write_bytes(keys["origin"].public.read_bytes())
    allowed.chmod(0o644)
    edge = start_edge(
        "edge", "--curve-key", str(keys["edge"].secret), "--curve-allow", str(allowed)
    )
    to = tcp_endpoint(edge)

    def flags(own: str, of_edge: str) -> tuple[str, ...]:
        return (
            "--curve-key", str(keys[own].secret), "--curve-edge", str(keys[of_edge].public)
        )  # fmt: skip

    plain = start_origin(to, name="plain")
    unknown = start_origin(to, flags=flags("other", "edge"), name="unknown")
    mistaken = start_origin(to, flags=flags("origin", "other"), name="mistaken")
    origin = start_origin(to, flags=flags("origin", "edge"))
    wait_connected(origin)
    wait_until(lambda: "--curve-allow must list that" in edge_of(unknown)["reason"])
    wait_until(lambda: "no handshake" in edge_of(plain)["reason"])
    wait_until(lambda: "is --curve-edge its public key" in edge_of(mistaken)["reason"])
    wait_until(lambda: "was turned away" in edge.log(), what="who was turned away, in the log")
    for name, server in (("a", plain), ("b", unknown), ("c", mistaken), ("front", origin)):
        connect(server, name).play(30)
    edge.watch("/stream/front").next("live")
    assert [stream["name"] for stream in edge.status()["streams"]] == ["front"]

    # One more key is let in without a restart.
    with allowed.open("ab") as more:
        more.write(keys["other"].public.read_bytes())
    assert "read again: 2 keys" in edge.reload()
    wait_connected(unknown)
    edge.wait_state("b")
    for server in (edge, origin, unknown):
        text = server.log() + server.get("/status").text + server.get("/metrics").text
        for pair in keys.values():
            secret = re.search(r'secret-key = "(.{40})"', pair.secret.read_text())
            assert secret and secret[1] not in text


def test_without_keys_nothing_goes_beyond_this_machine(directory: pathlib.Path) -> None:
    """The refusals name the flags."""
    ingest = f"ipc://{directory}/ingest.sock"
    for flags, told in (
        (("--ingest", "tcp://0.0.0.0:0"), "--curve-key none if that is meant"),
        (("--forward", "tcp://192.0.2.1:5555"), "--curve-edge FILE"),
        (("--curve-key", str(directory / "none.key")), "cannot open --curve-key"),
    ):
        done = run_server("--listen", "127.0.0.1:0", "--ingest", ingest, *flags)
        assert (done.returncode, done.stdout) == (2, ""), done
        assert done.stderr.count("\n") == 1 and told in done.stderr, done.stderr


def test_keygen(directory: pathlib.Path) -> None:
    """Two files, one of them secret; what is there stays; both are what ZeroMQ's tools read."""
    auth = pytest.importorskip("zmq.auth")
    pair = Keys.make(directory / "key")
    assert pair.secret.stat().st_mode & 0o777 == 0o600
    assert pair.public.stat().st_mode & 0o777 == 0o644
    public, secret = auth.load_certificate(str(pair.secret))
    assert len(public) == len(secret) == 40
    assert auth.load_certificate(str(pair.public)) == (public, None)
    before = pair.secret.read_bytes()
    again = run_server("keygen", str(pair.secret))
    assert again.returncode == 1 and "File exists" in again.stderr
    assert pair.secret.read_bytes() == before
    assert secret.decode() not in again.stdout + again.stderr
    assert run_server("keygen").returncode == 2
    pair.secret.chmod(0o644)
    refused = run_server("--curve-key", str(pair.secret), "--ingest", f"ipc://{directory}/i.sock")
    assert refused.returncode == 2 and "do: chmod 640" in refused.stderr


# ---- the network ----


@pytest.mark.alone
def test_frames_stay_young_behind_a_slow_link(
    start_server: Any, directory: pathlib.Path, connect: Any
) -> None:
    """At an edge behind 10 Mbit/s a frame is little older than its bytes need."""
    jpegs = [encode(grain(480, 360, seed), 80) for seed in range(4)]
    with slow_link(10.0) as link:
        # The link is slow in the direction from the server's namespace: the origin's.
        edge = start_server(
            "--ingest", f"tcp://{link.viewers_address}:5555", "--curve-key", "none",
            endpoint=f"ipc://{directory}/edge.sock",
            listen=f"unix:{directory}/edge-http.sock", wrapper=link.viewers_in,
        )  # fmt: skip
        origin = start_server(
            "--forward", f"tcp://{link.viewers_address}:5555", "--curve-key", "none",
            listen=f"unix:{directory}/origin-http.sock", wrapper=link.server_in,
        )  # fmt: skip
        producer: Producer = connect(origin, "front", 480, 360, "JPEG", stride=0)
        producer.play(30, *jpegs)
        viewer = edge.watch("/stream/front")
        viewer.next("live")
        viewer.wait_more(5)
        parts = viewer.wait_more(20)
        frame_s = max(map(len, jpegs)) * 8 / link.bits_per_s
        ages = [part.age_s for part in parts]
        print(f"frame {frame_s:.3f} s; age {statistics.median(ages):.3f}, most {max(ages):.3f} s")
        assert statistics.median(ages) < 2 * frame_s + 0.1 * SLOWNESS
        assert edge_of(origin)["in_flight"] <= 2


FPS = 5.0


@dataclasses.dataclass(frozen=True)
class Site:
    """Two edges behind HAProxy, their origin, and a producer at that; each machine has its node."""

    origin: Server
    origin_node: Node
    edges: list[Server]
    producer: Producer
    jpegs: list[bytes]
    front_node: Node

    @contextlib.contextmanager
    def crowd(self, count: int) -> Iterator[Crowd]:
        """Viewers who come to HAProxy."""
        address = Address(self.front_node.address, 8080)
        with contextlib.closing(Crowd(self.front_node, address, "/stream/front", count)) as crowd:
            yield crowd


@contextlib.contextmanager
def haproxy(config: pathlib.Path, node: Node, edges: list[Node]) -> Iterator[None]:
    """HAProxy in a namespace, with the configuration that is in the documentation."""
    addresses = {f"HEADCAM_EDGE_{i}": f"{edge.address}:8080" for i, edge in enumerate(edges, 1)}
    process = subprocess.Popen(
        [*node.inside, "env", *(f"{key}={value}" for key, value in addresses.items()),
         "haproxy", "-db", "-f", str(config)],
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def site(start_server: Any, directory: pathlib.Path, connect: Any) -> Iterator[Site]:
    """All of it, with a stream `front` that is live at both edges."""
    jpegs = [encode(grain(160, 120, seed), 80) for seed in range(4)]
    with network("origin", "edge1", "edge2", "front") as nodes:
        edge_nodes = [nodes["edge1"], nodes["edge2"]]
        edges = [
            start_server(
                "--ingest", f"tcp://{node.address}:5555", "--curve-key", "none",
                "--auth-file", "none", "--listen", f"unix:{directory}/{name}-http.sock",
                "--no-signal-after", "1",
                endpoint=f"ipc://{directory}/{name}.sock", listen=f"{node.address}:8080",
                wrapper=node.inside,
            )
            for name, node in zip(("edge1", "edge2"), edge_nodes)
        ]  # fmt: skip
        for server in edges:
            server.address = address_of(server.urls()[1])
        forward = ",".join(f"tcp://{node.address}:5555" for node in edge_nodes)
        origin = start_server(
            "--forward", forward, "--curve-key", "none", listen=f"unix:{directory}/origin.http",
            endpoint=f"ipc://{directory}/origin.sock", wrapper=nodes["origin"].inside,
        )  # fmt: skip
        producer = connect(origin, "front", 160, 120, "JPEG", stride=0).play(FPS, *jpegs)
        for server in edges:
            server.wait_state("front")
        with haproxy(ROOT / "docker/haproxy-edges.cfg", nodes["front"], edge_nodes):
            yield Site(origin, nodes["origin"], edges, producer, jpegs, nodes["front"])


VIEWERS = 500


@pytest.mark.alone
@pytest.mark.once
def test_a_crowd_at_two_edges_behind_haproxy(site: Site) -> None:
    """One copy of the stream goes to each edge; when one dies its viewers go on at the other."""
    origin, edges = site.origin, site.edges
    with site.crowd(VIEWERS) as crowd:
        crowd.wait_all(time.monotonic(), timeout_s=60)
        assert all(server.status()["viewers"] > VIEWERS / 4 for server in edges)

        before = site.origin_node.sent_bytes(), [e["bytes"] for e in origin.status()["edges"]]
        frames = origin.stream("front")["frames"]["received"]
        wait_until(lambda: origin.stream("front")["frames"]["received"] > frames + 20)
        sent = site.origin_node.sent_bytes() - before[0]
        pictures = [e["bytes"] - b for e, b in zip(origin.status()["edges"], before[1])]
        received = origin.stream("front")["frames"]["received"] - frames
        print(f"{VIEWERS} viewers; to the edges {sent} bytes for pictures of {pictures}")
        mean = statistics.mean(map(len, site.jpegs))
        least, most = 0.7 * received * mean, 1.3 * (received + 2) * mean
        assert all(least < size < most for size in pictures), (received, mean, pictures)
        assert sent < 1.3 * sum(pictures) + 50_000

        killed_s = time.monotonic()
        edges[0].kill()
        crowd.wait_all(killed_s + 0.5, timeout_s=60)
        print(f"all go on {time.monotonic() - killed_s:.1f} s after; {crowd.gaps(killed_s)}")
        wait_until(lambda: edges[1].status()["viewers"] >= VIEWERS, what="all are there")
        wait_until(lambda: edge_of(origin, 0)["state"] == "connecting")


#: HAProxy asks each edge once a second, and gives it up when that fails twice.
GIVEN_UP_S = 3.5


@pytest.mark.alone
@pytest.mark.once
def test_haproxy_cuts_nobody_off_when_the_simulator_stalls(site: Site) -> None:
    """Those who watch stay, those who come are let in, and all see the picture that says why."""
    with site.crowd(20) as crowd:
        crowd.wait_all(time.monotonic(), timeout_s=20)
        before = crowd.turned_away  # while HAProxy was not up yet
        site.producer.pause()
        for edge in site.edges:
            wait_until(lambda: edge.get("/readyz").status == 503, what="an edge that is not ready")
        hold(lambda: crowd.turned_away == before, GIVEN_UP_S, "viewers are cut off")
        with site.crowd(4) as late:
            late.wait_all(time.monotonic(), timeout_s=20)
            assert late.turned_away == 0
        crowd.wait_all(time.monotonic(), timeout_s=20)
        for edge in site.edges:
            assert edge.stream("front")["sent"]["no_signal"] > 0
        site.producer.play(FPS, *site.jpegs)
        for edge in site.edges:
            edge.wait_state("front")
        crowd.wait_all(time.monotonic(), timeout_s=20)
        assert crowd.turned_away == before
