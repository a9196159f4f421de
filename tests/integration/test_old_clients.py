# SPDX-License-Identifier: MIT
"""What programs that know mjpg-streamer ask, to the byte, and answers read as they read them.

Each test names the source that it follows. What they send beside the URL comes from their HTTP
libraries; what they cannot read makes the readers below fail, as it makes the programs.
"""

from __future__ import annotations

import contextlib
import http.client
import itertools
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from typing import IO

import pytest
from testlib import pictures
from testlib.build import SLOWNESS
from testlib.http import TIMEOUT_S, receive_head
from testlib.login import ALICE, PASSWORD, TOKEN, basic, standard_lines, write_auth_file
from testlib.mjpeg import MultipartParser
from testlib.producer import Producer
from testlib.server import Server
from testlib.waiting import wait_until

pytestmark = pytest.mark.no_tsan

MAINSAIL = "http://mainsail.local"
SIZE = (320, 240)
FPS = 20.0

BROWSERS = {
    "chrome": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/120.0.0.0 Safari/537.36",
    "firefox": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
}
ACCEPT_OF_IMAGES = {
    "chrome": "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8",
    "firefox": "image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5",
}
PYTHON_REQUESTS = (
    "User-Agent: python-requests/2.31.0",
    "Accept-Encoding: gzip, deflate",
    "Accept: */*",
    "Connection: keep-alive",
)
HOME_ASSISTANT = (
    "User-Agent: HomeAssistant/2024.1.0 aiohttp/3.9.1 Python/3.11",
    "Accept: */*",
    "Accept-Encoding: gzip, deflate, br",
)
GO = ("User-Agent: Go-http-client/1.1", "Accept-Encoding: gzip")


@contextlib.contextmanager
def serve(*flags: str) -> Iterator[Server]:
    """A server with a camera that moves."""
    directory = tempfile.mkdtemp(prefix="headcam-")
    try:
        server = Server(pathlib.Path(directory), "--no-signal-after", "60", *flags)
        jpegs = [pictures.encode(pictures.grain(*SIZE, seed), 80) for seed in range(4)]
        camera = Producer(server.endpoint, "front", *SIZE, "JPEG", stride=0).play(FPS, *jpegs)
        try:
            wait_until(lambda: server.get("/readyz", **ALICE).status == 200)
            yield server
        finally:
            camera.close()
            server.close()
    finally:
        shutil.rmtree(directory)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """It asks nobody who they are, and lets Mainsail's pages read."""
    with serve("--allow-origin", MAINSAIL) as server:
        yield server


def browser(name: str, accept: str) -> tuple[str, ...]:
    """What a browser adds to a request of its own."""
    return (
        "Connection: keep-alive",
        f"User-Agent: {BROWSERS[name]}",
        f"Accept: {accept}",
        "Accept-Encoding: gzip, deflate",
        "Accept-Language: en-US,en;q=0.9",
    )


@contextlib.contextmanager
def asked(
    server: Server, path: str, *headers: str, version: str = "1.1"
) -> Iterator[http.client.HTTPResponse]:
    """The answer to a request of these very bytes, its body still to be read."""
    with server.address.connect() as connection:
        yield ask(connection, server, path, *headers, version=version)


def ask(
    connection: socket.socket, server: Server, path: str, *headers: str, version: str = "1.1"
) -> http.client.HTTPResponse:
    """The same on a connection that is there."""
    host = f"Host: 127.0.0.1:{server.address.port}"
    lines = [f"GET {path} HTTP/{version}", host, *headers, "", ""]
    connection.sendall("\r\n".join(lines).encode())
    answer = http.client.HTTPResponse(connection, method="GET")
    answer.begin()
    return answer


def check_picture(jpeg: bytes) -> None:
    """It is the camera's."""
    assert pictures.size(jpeg) == SIZE and not pictures.is_no_signal(jpeg)


def check_still(answer: http.client.HTTPResponse, asked_at: float) -> None:
    """A whole picture, taken after it was asked for, that nobody keeps."""
    assert (answer.status, answer.getheader("Content-Type")) == (200, "image/jpeg")
    assert answer.getheader("Cache-Control") == "no-store"
    assert float(answer.getheader("X-Timestamp", "0")) >= asked_at
    check_picture(answer.read())


def chunks(answer: http.client.HTTPResponse, most: int = 65536) -> Iterator[bytes]:
    """The bytes of a stream as they come; it never ends."""
    while data := answer.read1(most):
        yield data
    raise AssertionError("the stream ended")


def check_pictures(jpegs: Iterator[bytes], count: int = 5) -> None:
    """So many are the camera's; before its first one there may be notices that it is awaited."""
    for jpeg in itertools.islice(itertools.dropwhile(pictures.is_no_signal, jpegs), count):
        check_picture(jpeg)


def show_in_image(answer: http.client.HTTPResponse) -> None:
    """What an <img> shows."""
    assert answer.status == 200
    parser = MultipartParser()
    check_pictures(part.jpeg for data in chunks(answer) for part in parser.feed(data))


# ------------------------------------------------------------------------------------ OctoPrint


@pytest.mark.parametrize("name", BROWSERS)
@pytest.mark.parametrize("path", ["/?action=stream", "/?action=stream&1608049999000"])
def test_octoprint_shows_the_stream(server: Server, path: str, name: str) -> None:
    """An <img>, perhaps with the time behind its URL (cacheBuster).

    OctoPrint/OctoPrint, src/octoprint/plugins/classicwebcam/static/js/classicwebcam.js,
    _switchToMjpgWebcam.
    """
    with asked(server, path, *browser(name, ACCEPT_OF_IMAGES[name])) as answer:
        show_in_image(answer)


@pytest.mark.parametrize("auth", ["none", "basic", "bearer"])
def test_octoprint_takes_a_snapshot(server: Server, guarded_server: Server, auth: str) -> None:
    """requests.get(stream=True, timeout=5), raise_for_status() and 1024 bytes at a time.

    OctoPrint/OctoPrint, src/octoprint/plugins/classicwebcam/__init__.py, take_webcam_snapshot.
    """
    login = {"none": [], "basic": [basic_line()], "bearer": [f"Authorization: Bearer {TOKEN}"]}
    asked_at = time.time()
    where = server if auth == "none" else guarded_server
    with asked(where, "/?action=snapshot", *PYTHON_REQUESTS, *login[auth]) as answer:
        assert answer.status == 200
        jpeg = b"".join(iter(lambda: answer.read(1024), b""))
    check_picture(jpeg)
    assert float(answer.getheader("X-Timestamp", "0")) >= asked_at


# ------------------------------------------------------------------------------- Home Assistant


@pytest.fixture(scope="module")
def guarded_server() -> Iterator[Server]:
    """It asks who one is."""
    with tempfile.TemporaryDirectory(prefix="headcam-") as directory:
        path = write_auth_file(pathlib.Path(directory) / "auth", standard_lines())
        with serve("--auth-file", str(path)) as server:
            server.login = ALICE
            yield server


def basic_line(password: str = PASSWORD) -> str:
    """The header as all of them write it, without being asked."""
    return f"Authorization: {basic('alice', password)['authorization']}"


@pytest.mark.parametrize("path", ["/stream/front", "/?action=stream", "/snapshot/front"])
def test_home_assistant_accepts_the_address(guarded_server: Server, path: str) -> None:
    """Its form asks for each URL once, and tries a digest where Basic is refused: in vain here.

    home-assistant/core, homeassistant/components/mjpeg/config_flow.py, validate_url.
    """
    with asked(guarded_server, path, *PYTHON_REQUESTS, basic_line()) as answer:
        assert answer.status == 200
    with asked(guarded_server, path, *PYTHON_REQUESTS, basic_line(password="no")) as answer:
        assert answer.status == 401
        assert "digest" not in answer.getheader("WWW-Authenticate", "").lower()


def test_home_assistant_takes_stills_on_one_connection(guarded_server: Server) -> None:
    """aiohttp keeps the connection and reads what Content-Length says.

    home-assistant/core, homeassistant/components/mjpeg/camera.py, async_camera_image.
    """
    with guarded_server.address.connect() as connection:
        for _ in range(3):
            asked_at = time.time()
            check_still(
                ask(connection, guarded_server, "/snapshot", *HOME_ASSISTANT, basic_line()),
                asked_at,
            )


def test_home_assistant_finds_a_still_in_the_stream(server: Server) -> None:
    """Without a URL of stills: from the first FFD8 to the first FFD9, in chunks of 102400.

    home-assistant/core, homeassistant/components/mjpeg/camera.py,
    async_extract_image_from_mjpeg.
    """
    with server.watch("/stream/front") as viewer:  # or the first still might be a notice
        viewer.next("live")
    with asked(server, "/?action=stream", *HOME_ASSISTANT) as answer:
        data = b""
        for chunk in chunks(answer, 102400):
            data += chunk
            if b"\xff\xd9" in data:
                break
    check_picture(data[data.find(b"\xff\xd8"):data.find(b"\xff\xd9") + 2])


def test_home_assistant_hands_the_stream_on(server: Server) -> None:
    """The browser gets the bytes as they come, with this Content-Type and no other header.

    home-assistant/core, homeassistant/helpers/aiohttp_client.py, async_aiohttp_proxy_web.
    """
    with asked(server, "/stream/front", *HOME_ASSISTANT) as answer:
        kind = answer.getheader("Content-Type", "")
        assert kind == "multipart/x-mixed-replace; boundary=frame"
        assert answer.getheader("Content-Encoding") is None
        show_in_image(answer)


# --------------------------------------------------------------------------- Mainsail and Fluidd


def length_in(head: str) -> int:
    """The last Content-Length of some lines; -1 without one."""
    length = -1
    for line in head.split("\n"):
        name, _, value = line.partition(":")
        if name.lower() == "content-length":
            length = int(value.partition(":")[0])
    return length


class MainsailReader:
    """Looks for FFD8, and counts the bytes that the head announced; has no idea of boundaries."""

    def __init__(self) -> None:
        self._head = ""
        self._picture = bytearray()
        self._length = -1

    def feed(self, chunk: bytes) -> list[bytes]:
        """The pictures that a chunk of any size ends.

        Of a start between two it knows nothing, and loses a picture.
        """
        done = []
        at = 0
        while at < len(chunk):
            if self._length > 0:
                missing = self._length - len(self._picture)
                self._picture += chunk[at:at + missing]
                at += missing
                if at < len(chunk):  # one byte behind the picture ends it
                    done.append(bytes(self._picture))
                    self._picture.clear()
                    self._length, self._head = 0, ""
                    at += 1
                continue
            start = chunk.find(b"\xff\xd8", at)
            end = len(chunk) if start < 0 else start
            self._head += chunk[at:end].decode("latin-1")
            at = end
            if start >= 0:
                self._length = length_in(self._head)
                assert self._length > 0, "new ArrayBuffer(-1): a RangeError in the browser"
        return done


@pytest.mark.parametrize("name", BROWSERS)
@pytest.mark.parametrize("origin", [MAINSAIL, None])
def test_mainsail_reads_the_stream_in_a_worker(
    server: Server, name: str, origin: str | None
) -> None:
    """fetch() in the mode cors, of its own origin and of another one.

    mainsail-crew/mainsail, src/components/webcams/streamers/mjpegstreamer.worker.ts.
    """
    headers = [*browser(name, "*/*"), *([f"Origin: {origin}"] if origin else [])]
    with asked(server, "/?action=stream&timestamp=1608049999000", *headers) as answer:
        assert answer.status == 200
        if origin:
            assert answer.getheader("Access-Control-Allow-Origin") == origin
        reader = MainsailReader()
        check_pictures(jpeg for data in chunks(answer) for jpeg in reader.feed(data))


@pytest.mark.parametrize("buster", ["bypassCache", "cacheBust"])
@pytest.mark.parametrize("name", BROWSERS)
def test_mainsail_and_fluidd_load_one_still_after_the_other(
    server: Server, name: str, buster: str
) -> None:
    """An <img> with another URL ten times a second, on a connection that is kept.

    mainsail-crew/mainsail, src/components/webcams/streamers/MjpegstreamerAdaptive.vue;
    fluidd-core/fluidd, src/components/widgets/camera/services/MjpegstreamerAdaptiveCamera.vue.
    """
    headers = browser(name, ACCEPT_OF_IMAGES[name])
    with server.address.connect() as connection:
        for number in range(3):
            asked_at = time.time()
            path = f"/?action=snapshot&{buster}={1608049999000 + number}"
            check_still(ask(connection, server, path, *headers), asked_at)


def test_fluidd_shows_the_stream_of_another_origin(server: Server) -> None:
    """An <img crossorigin>.

    fluidd-core/fluidd, src/components/widgets/camera/services/MjpegstreamerCamera.vue.
    """
    headers = browser("chrome", ACCEPT_OF_IMAGES["chrome"])
    path = "/?action=stream&cacheBust=1608049999000"
    with asked(server, path, *headers, f"Origin: {MAINSAIL}") as answer:
        assert answer.getheader("Access-Control-Allow-Origin") == MAINSAIL
        show_in_image(answer)


def test_moonraker_timelapse_takes_frames(server: Server) -> None:
    """`wget URL -O FILE`.

    mainsail-crew/moonraker-timelapse, component/timelapse.py, newframe.
    """
    wget = ("User-Agent: Wget/1.21.3", "Accept: */*", "Accept-Encoding: identity")
    asked_at = time.time()
    with asked(server, "/?action=snapshot", *wget, "Connection: Keep-Alive") as answer:
        check_still(answer, asked_at)


# --------------------------------------------------------------------------------------- go2rtc


def next_part_in_go2rtc(stream: IO[bytes]) -> bytes:
    """A boundary, behind empty lines at most; headers; as many bytes as Content-Length says."""
    while (line := stream.readline()) == b"\r\n":
        pass
    assert line.startswith(b"--"), f"multipart: wrong boundary: {line!r}"
    headers = http.client.parse_headers(stream)
    length = headers["Content-Length"]
    assert length, "multipart: no content length"
    return stream.read(int(length))


@pytest.mark.parametrize("path", ["/stream/front", "/?action=stream"])
def test_go2rtc_takes_the_stream(guarded_server: Server, path: str) -> None:
    """Go's client, with the user and password of the URL.

    AlexxIT/go2rtc, internal/http/http.go and pkg/mpjpeg/multipart.go.
    """
    with asked(guarded_server, path, basic_line(), *GO) as answer:
        assert answer.status == 200
        kind = answer.getheader("Content-Type", "").partition(";")[0]
        assert kind == "multipart/x-mixed-replace"
        check_pictures(next_part_in_go2rtc(answer) for _ in itertools.count())


def test_go2rtc_makes_a_stream_of_snapshots(server: Server) -> None:
    """The same request again and again, on one connection; each picture is another one.

    AlexxIT/go2rtc, pkg/mjpeg/client.go.
    """
    seen = set()
    with server.address.connect() as connection:
        for _ in range(4):
            asked_at = time.time()
            answer = ask(connection, server, "/snapshot/front", *GO)
            check_still(answer, asked_at)
            seen.add(answer.getheader("X-Headcam-Sequence"))
    assert len(seen) == 4


# -------------------------------------------------------------------- motionEye, Motion, Frigate


def next_part_in_motion(stream: IO[bytes], boundary: bytes) -> bytes:
    """What follows a line with the boundary, as long as Content-Length says."""
    while boundary not in (line := stream.readline()):
        assert line, "the stream ended"
    return stream.read(int(http.client.parse_headers(stream)["Content-Length"]))


@pytest.mark.parametrize(
    ("version", "keep"), [("1.0", "close"), ("1.0", "Keep-Alive"), ("1.1", "Keep-Alive")]
)
def test_motion_takes_the_stream(guarded_server: Server, version: str, keep: str) -> None:
    """netcam_keepalive off, force and on: lines to one with the boundary, and Content-Length.

    Motion-Project/motion, src/netcam_http.c.
    """
    headers = ("User-Agent: Motion-netcam/4.5.1", f"Connection: {keep}", basic_line())
    with asked(guarded_server, "/stream/front", *headers, version=version) as answer:
        kind, _, boundary = answer.getheader("Content-Type", "").partition("boundary=")
        assert answer.status == 200 and kind.startswith("multipart/")
        check_pictures(next_part_in_motion(answer, boundary.encode()) for _ in itertools.count())


@pytest.mark.parametrize("path", ["/stream/front", "/snapshot/front"])
def test_motioneye_accepts_the_address(server: Server, path: str) -> None:
    """It looks at the status line and at Content-Type, line by line, in lower case.

    motioneye-project/motioneye, motioneye/utils/mjpeg.py, test_mjpeg_url.
    """
    tornado = ("Connection: close", "User-Agent: Tornado/6.4", "Accept-Encoding: gzip")
    with server.address.connect() as connection:
        request = [f"GET {path} HTTP/1.1", "Host: 127.0.0.1", *tornado, "", ""]
        connection.sendall("\r\n".join(request).encode())
        first, *lines = receive_head(connection).decode().lower().split("\r\n")
    assert re.match(r"http/1\.1 200 ", first)
    kinds = [line.split(":")[1].strip() for line in lines if line.startswith("content-type")]
    assert len(kinds) == 1
    assert kinds[0] == "image/jpeg" or kinds[0].startswith("multipart/x-mixed-replace")


def test_frigate_takes_the_stream(server: Server) -> None:
    """ffmpeg with the arguments of preset-http-mjpeg-generic, for recording and detection.

    blakeblackshear/frigate, frigate/ffmpeg_presets.py.
    """
    preset = (
        "-user_agent", "FFmpeg Frigate/0.14.1", "-avoid_negative_ts", "make_zero",
        "-fflags", "nobuffer", "-flags", "low_delay", "-strict", "experimental",
        "-fflags", "+genpts+discardcorrupt", "-use_wallclock_as_timestamps", "1",
    )  # fmt: skip
    done = subprocess.run(
        ["ffmpeg", "-nostdin", "-loglevel", "error", *preset, "-i", f"{server.url}stream/front",
         "-frames:v", "10", "-r", "5", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=TIMEOUT_S * SLOWNESS,
    )  # fmt: skip
    assert done.returncode == 0 and not done.stderr, done.stderr
    assert len(done.stdout) == 10 * SIZE[0] * SIZE[1] * 3 // 2
