# SPDX-License-Identifier: MIT
"""?format=png and ?format=raw: the very pixels that the agent sent; nobody else waits for them."""

from __future__ import annotations

import io
import re
import threading
from collections.abc import Callable, Iterator
from typing import Any

import cv2
import numpy
import PIL.Image
import pytest
from testlib import pictures
from testlib.build import IS_SANITIZED, SLOWNESS
from testlib.http import Response, get_request
from testlib.producer import FORMATS, Producer
from testlib.ring import Ring
from testlib.waiting import SOON_S, wait_until

import headcam

PIXEL_FORMATS = ("RGBA", "BGRA", "RGB", "BGR", "GRAY8")
SIZES = ((1, 1), (17, 1), (1, 23), (641, 479))
MIB = 1 << 20
BURST, REST_S = 12, 0.05

#: Where red, green and blue are in a pixel.
_ORDER = {"RGBA": [0, 1, 2], "BGRA": [2, 1, 0], "RGB": [0, 1, 2], "BGR": [2, 1, 0]}


def make_pixels(width: int, height: int, pixel_format: str, padding: int) -> tuple[Any, bytes]:
    """Noise in all bytes: (height, width, bytes a pixel), and the same with padded rows."""
    pixel_bytes = FORMATS[pixel_format][1]
    stride = width * pixel_bytes + padding
    rows = numpy.random.default_rng(width).integers(0, 256, (height, stride), numpy.uint8)
    pixels = rows[:, : width * pixel_bytes].reshape(height, width, pixel_bytes)
    return pixels, rows.tobytes()


def as_rgb(pixels: Any, pixel_format: str) -> Any:
    """What the pixels show: (height, width, 3), or (height, width) for GRAY8."""
    return pixels[:, :, 0] if pixel_format == "GRAY8" else pixels[:, :, _ORDER[pixel_format]]


def read_raw(response: Response) -> Any:
    """A raw snapshot as its headers describe it."""
    assert response.status == 200, response.text
    headers = response.headers
    assert headers["content-type"] == "application/octet-stream"
    width, height, stride = (
        int(headers[f"x-headcam-{name}"]) for name in ("width", "height", "stride")
    )
    assert len(response.body) == stride * height
    rows = numpy.frombuffer(response.body, numpy.uint8).reshape(height, stride)
    return rows.reshape(height, width, FORMATS[headers["x-headcam-format"]][1])


def read_png(response: Response) -> Any:
    """A PNG, decoded by Pillow and by OpenCV to the same."""
    assert response.status == 200, response.text
    assert response.headers["content-type"] == "image/png"
    with PIL.Image.open(io.BytesIO(response.body)) as image:
        assert image.format == "PNG" and image.mode in ("RGB", "L")
        picture = numpy.asarray(image)
    again = cv2.imdecode(numpy.frombuffer(response.body, numpy.uint8), cv2.IMREAD_UNCHANGED)
    assert numpy.array_equal(picture, again if again.ndim == 2 else again[:, :, ::-1])
    return picture


class RingProducer(Producer):
    """A producer whose frames go by a ring as soon as it has one."""

    ring: Ring | None = None

    def send_frame(self, pixels: bytes, **fields: Any) -> int:
        """By the ring, if there is one."""
        if not self.ring:
            return super().send_frame(pixels, **fields)
        with self._lock:
            slot = (self.sent + 1) % 2
            sequence = self.ring.write(slot, pixels)
            # The ring's number is in what was reserved.
            fields = {"location": 1, "reserved": 1, "slot": slot, "slot_sequence": sequence}
            return self._send_frame(pixels, **fields)


@pytest.fixture
def by_ring() -> Iterator[Callable[[Any, RingProducer, int], None]]:
    """Gives a producer a ring."""
    rings = []

    def offer(server: Any, camera: RingProducer, frame_bytes: int) -> None:
        ring = Ring(camera.instance, frame_bytes)
        rings.append(ring)
        camera.announce(ring={"number": 1, "place": "shm", "confirmed": False})
        start = bytes([3, len(camera.name)])
        wait_until(
            lambda: any(message.startswith(start) for message in camera.upstream),
            what="a word about the ring",
        )
        camera.announce(ring={"number": 1, "place": "shm", "confirmed": True})
        camera.ring = ring

    yield offer
    for ring in rings:
        ring.close()


# ---- the pixels ----


@pytest.mark.parametrize("transport", ["inline", "ring"])
@pytest.mark.parametrize("padding", [0, 12], ids=["", "padded"])
@pytest.mark.parametrize("pixel_format", PIXEL_FORMATS)
def test_each_pixel_is_the_one_that_was_sent(
    server: Any,
    connect: Any,
    by_ring: Callable[..., None],
    pixel_format: str,
    padding: int,
    transport: str,
) -> None:
    """In each pixel format, with and without padding, in odd sizes, whichever way it came."""
    for number, (width, height) in enumerate(SIZES):
        name = f"camera{number}"
        pixels, payload = make_pixels(width, height, pixel_format, padding)
        stride = width * FORMATS[pixel_format][1] + padding
        camera = connect(
            server, name, width, height, pixel_format, stride=stride, kind=RingProducer
        )
        server.wait_state(name)
        if transport == "ring":
            by_ring(server, camera, len(payload))
        camera.play(20, payload)
        raw = server.snapshot(f"/{name}?format=raw")
        assert raw.headers["x-headcam-format"] == pixel_format
        assert numpy.array_equal(read_raw(raw), pixels)
        png = server.snapshot(f"/{name}?format=png")
        assert numpy.array_equal(read_png(png), as_rgb(pixels, pixel_format))
        assert server.stream(name)["transport"] == transport
        camera.close()


def test_a_picture_is_never_a_mix_of_two(server: Any) -> None:
    """A producer overwrites its ring as fast as it can: each picture is of one frame.

    It rests between bursts, or a slow reader would be overtaken each time; a request that ends
    without a frame is no flaw.
    """
    publisher = headcam.Publisher("front", server.endpoint)
    shades = (20, 90, 160, 230)
    frames = [numpy.full((1080, 1920, 4), value, numpy.uint8) for value in shades]
    over = threading.Event()

    def overwrite() -> None:
        turn = 0
        while not over.is_set():
            if publisher.publish(frames[turn % len(frames)]):
                turn += 1
                if turn % BURST == 0:
                    over.wait(REST_S * SLOWNESS)

    writer = threading.Thread(target=overwrite)
    try:
        publisher.announce("live", width=1920, height=1080, format="RGBA")
        server.wait_state("front")
        writer.start()
        seen = {"raw": 0, "png": 0}

        def is_enough() -> bool:
            for form, read in (("raw", read_raw), ("png", read_png)):
                response = server.snapshot(f"?format={form}")
                if response.status == 503:
                    continue
                values = numpy.unique(read(response))
                assert len(values) == 1 and values[0] in shades, "a picture of two frames"
                seen[form] += 1
            frames = server.stream("front")["frames"]
            return min(seen.values()) >= 4 and frames["torn"] > 0

        wait_until(is_enough, 4 * SOON_S, "pictures, and frames that were overtaken")
        assert publisher.transport == "ring"
    finally:
        over.set()
        writer.join()
        publisher.close()


@pytest.mark.parametrize("form", ["raw", "png"])
def test_it_is_never_older_than_the_request(server: Any, start_agent: Any, form: str) -> None:
    """The time that the picture itself shows is past the request, and its stamp."""
    start_agent(server, "front", size="640x360")
    server.wait_state("front")
    server.watch().next("live")
    for _ in range(5):
        asked_ms = server_time_ms(server)
        response = server.snapshot(f"/front?format={form}")
        stamp_ms = float(response.headers["x-timestamp"]) * 1000
        assert stamp_ms >= asked_ms
        if form == "png":
            code = pictures.code_of(response.body)
            assert code and abs(code.time_ms - stamp_ms) < 2


def server_time_ms(server: Any) -> float:
    """The clock of this machine as the server tells it, rounded down."""
    return float(server.status()["time"]) * 1000 - 1


def test_it_has_the_stamps_of_its_frame_and_nothing_else_is_made_for_it(
    server: Any, connect: Any
) -> None:
    """The same headers as a JPEG has; no JPEG is encoded for those who want none."""
    camera = connect(server, "front", 16, 16)
    server.wait_state("front")
    with server.address.connect() as connection:
        connection.sendall(get_request("/snapshot?format=raw&timeout=60000", "Connection: close"))
        camera.wait_wanted()
        camera.send_frame(bytes(range(256)) * 3, sequence=41, sim_ns=-1_500_000_000)
        answer = b""
        while data := connection.recv(65536):
            answer += data
    head, _, body = answer.partition(b"\r\n\r\n")
    assert body == bytes(range(256)) * 3
    for line in (
        b"X-Headcam-Sequence: 41",
        b"X-Headcam-State: live",
        b"X-Headcam-Sim-Time: -1.500000000",
        b"X-Headcam-Stride: 48",
        b"Cache-Control: no-store",
    ):
        assert line in head.split(b"\r\n")
    wait_until(lambda: server.stream("front")["frames"]["encoded"] == 1, what="it is counted")
    stream = server.stream("front")
    assert stream["variants"][0]["encoded"] == 0
    assert len(stream["variants"]) == 1 and stream["jpeg_bytes"] is None


def test_head_tells_the_size_and_sends_no_picture(server: Any, connect: Any) -> None:
    """What GET would say."""
    connect(server, "front", 32, 16).play(20)
    server.wait_state("front")
    raw = server.snapshot("?format=raw", "HEAD")
    assert (raw.status, raw.body, raw.headers["content-length"]) == (200, b"", "1536")
    png = server.snapshot("?format=png", "HEAD")
    assert (png.status, png.headers["content-type"]) == (200, "image/png")


def test_one_at_hand_will_do_if_the_request_says_so(server: Any, connect: Any) -> None:
    """max_age= takes the picture that another request has just been answered with."""
    camera = connect(server, "front", 16, 16).play(20)
    server.wait_state("front")
    first = server.snapshot("?format=png")
    camera.pause()
    again = server.get("/snapshot?format=png&max_age=60000&timeout=0")
    assert (again.status, again.body) == (200, first.body)


# ---- what is refused ----


def test_a_request_that_cannot_be_met_is_refused_with_the_reason(
    server: Any, connect: Any
) -> None:
    """400 names what there is, and what does not go together."""
    connect(server, "front", 16, 16).play(20)
    server.wait_state("front")
    for form in ("", "jpg", "PNG", "bmp", "raw%00"):
        response = server.get(f"/snapshot?format={form}")
        assert (response.status, response.text) == (400, "format must be jpeg, png or raw")
    for query in ("width=100", "quality=50", "quality=80&width=16"):
        for form in ("png", "raw"):
            response = server.get(f"/snapshot?format={form}&{query}")
            assert response.status == 400
            assert "exactly the pixels" in response.text
            assert "width= and quality=" in response.text
    jpeg = server.snapshot("?format=jpeg&width=16&quality=50")
    assert (jpeg.status, jpeg.headers["content-type"]) == (200, "image/jpeg")
    assert server.get("/?action=snapshot&format=png").headers["content-type"] == "image/png"


def test_ready_jpegs_have_no_exact_pixels(server: Any, connect: Any) -> None:
    """409 at once, also for those who came before the agent; pixels that come later are given."""
    waiting = server.address.connect()
    waiting.sendall(get_request("/snapshot?format=png&timeout=60000", "Connection: close"))
    jpeg = pictures.encode(pictures.scene(64, 48))
    camera = connect(server, "front", 64, 48, "JPEG", stride=0).play(20, jpeg)
    with waiting:
        assert waiting.recv(12) == b"HTTP/1.1 409"
    for form in ("png", "raw"):
        response = server.get(f"/snapshot?format={form}&timeout=60000")
        assert response.status == 409
        assert "ready JPEGs" in response.text and "format=jpeg" in response.text
        assert "retry-after" not in response.headers
    assert server.snapshot("?format=jpeg").body == jpeg
    camera.announce(state="ended")
    server.wait_state("front", "ended")
    connect(server, "front", 16, 16).play(20)
    server.wait_state("front")
    assert server.snapshot("?format=png").status == 200


def test_without_a_frame_the_answer_says_why(
    server: Any, connect: Any, start_agent: Any
) -> None:
    """503, Retry-After, and the same words as for a JPEG."""
    for form in ("png", "raw"):
        response = server.get(f"/snapshot/left?format={form}&timeout=0")
        assert (response.status, response.headers["retry-after"]) == (503, "1")
        assert response.text.startswith("no agent has announced stream 'left'")
    connect(server, "front", 16, 16)
    server.wait_state("front")
    assert "no frame" in server.get("/snapshot/front?format=raw&timeout=50").text
    agent = start_agent(server, "left")
    server.wait_state("left")
    assert server.snapshot("/left?format=png").status == 200
    agent.kill()
    server.wait_state("left", "lost")
    assert "went silent" in server.get("/snapshot/left?format=png&timeout=50").text


def test_the_limits_name_their_flags(start_server: Any, connect: Any) -> None:
    """--max-snapshots counts them, --max-exact-bytes bounds them; viewers notice neither."""
    server = start_server("--max-exact-bytes", "1048576", "--max-snapshots", "1")
    connect(server, "large", 640, 480, "RGBA").play(10)
    server.wait_state("large")
    viewer = server.watch("/stream/large")
    viewer.next("live")
    for form in ("raw", "png"):
        response = server.get(f"/snapshot/large?format={form}&timeout=300")
        assert response.status == 503 and "--max-exact-bytes" in response.text
    assert server.snapshot("/large").status == 200
    viewer.skip().next("live")
    waiting = server.address.connect()
    with waiting:
        waiting.sendall(get_request("/snapshot/none?format=png&timeout=60000"))
        wait_until(
            lambda: "--max-snapshots" in server.get("/snapshot/large?format=raw").text,
            what="the limit",
        )


# ---- many, and their memory ----


def test_fifty_at_once_share_one_frame_and_one_png(server: Any, connect: Any) -> None:
    """The frame that they all waited for."""
    noise = pictures.pack(pictures.grain(1280, 720), "RGB")
    camera = connect(server, "front", 1280, 720, "RGB")
    server.wait_state("front")
    answers: list[Response] = []

    def ask(form: str) -> None:
        answers.append(server.get(f"/snapshot?format={form}&timeout=60000"))

    crowd = [
        threading.Thread(target=ask, args=("raw" if i % 5 == 0 else "png",)) for i in range(50)
    ]
    for thread in crowd:
        thread.start()
    wait_until(lambda: server.status()["snapshots"] == len(crowd), what="all wait")
    camera.wait_wanted().send_frame(noise)
    for thread in crowd:
        thread.join()
    assert len(answers) == 50 and all(answer.status == 200 for answer in answers)
    pngs = {a.body: a for a in answers if a.headers["content-type"] == "image/png"}
    assert [read_png(answer).tobytes() for answer in pngs.values()] == [noise]
    assert {a.body for a in answers if a.body not in pngs} == {noise}


def test_no_viewer_waits_for_a_png(server: Any, connect: Any) -> None:
    """While one is made, each gets the next live picture."""
    noise = [pictures.pack(pictures.grain(1920, 1080, seed), "RGB") for seed in range(3)]
    connect(server, "front", 1920, 1080, "RGB").play(10, *noise)
    server.wait_state("front")
    viewers = [server.watch("/stream/front") for _ in range(3)]

    def all_went_on() -> bool:
        for viewer in viewers:
            viewer.skip().next("live")
        seen = [len(viewer.skip().parts) for viewer in viewers]
        read_png(server.snapshot("?format=png"))
        later = [viewer.parts[count:] for viewer, count in zip(viewers, seen)]
        # The first may be the picture that the PNG is made of.
        return all(len({p.sequence for p in parts if p.state == "live"}) > 1 for parts in later)

    wait_until(all_went_on, what="two live pictures for each, and then a PNG")


def resident_bytes(server: Any) -> int:
    """The server's memory."""
    with open(f"/proc/{server.process.pid}/status", encoding="ascii") as status:
        found = re.search(r"VmRSS:\s+(\d+) kB", status.read())
    assert found
    return int(found[1]) * 1024


@pytest.mark.skipif(IS_SANITIZED, reason="a sanitizer keeps an eye on freed memory")
def test_memory_is_given_back(server: Any, connect: Any) -> None:
    """A picture is kept as long as somebody reads it, and a moment longer."""
    pixels, payload = make_pixels(3840, 2160, "RGBA", 0)
    camera = connect(server, "front", 3840, 2160, "RGBA").play(5, payload)
    server.wait_state("front")
    for query in ("", "?quality=50"):  # what the encoder keeps
        assert server.snapshot(query).status == 200
    wait_until(lambda: not camera.is_wanted, what="the end of the demand")
    before = resident_bytes(server)

    with server.address.connect(receive_buffer=4096) as slow:
        slow.sendall(get_request("/snapshot?format=raw&timeout=60000"))
        assert slow.recv(12) == b"HTTP/1.1 200"
        png = server.get("/snapshot?format=png&timeout=60000")
        assert numpy.array_equal(read_png(png), pixels[:, :, :3])
        wait_until(lambda: not camera.is_wanted, what="the end of the demand")
        assert resident_bytes(server) - before > 24 * MIB  # the slow one's
    wait_until(lambda: resident_bytes(server) - before < 8 * MIB, what="memory given back")


def test_clients_that_leave_and_a_server_that_ends_meanwhile_are_no_trouble(
    start_server: Any, connect: Any
) -> None:
    """A PNG in work holds up neither; the fixture sees to it that the server ends in time."""
    server = start_server()
    noise = numpy.random.default_rng(4).integers(0, 256, 3840 * 2160 * 3, numpy.uint8).tobytes()
    connect(server, "front", 3840, 2160, "RGB").play(5, noise)
    server.wait_state("front")
    for _ in range(5):
        with server.address.connect() as connection:
            connection.sendall(get_request("/snapshot?format=png&timeout=60000"))
    assert server.get("/snapshot?format=raw&timeout=60000").body == noise
    encoded = server.stream("front")["frames"]["encoded"]
    last = server.address.connect()
    last.sendall(get_request("/snapshot?format=png&timeout=60000"))
    wait_until(
        lambda: server.stream("front")["frames"]["encoded"] > encoded,
        what="a PNG in work",
    )
    server.end()
    last.close()
