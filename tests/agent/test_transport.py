# SPDX-License-Identifier: MIT
"""transport: frames through a ring and inline, against a real socket that plays the server."""

import ctypes
import gc
import io
import os
import pathlib
import subprocess
import sys
import threading
import time

import numpy
import pytest
from conftest import ROOT
from fake_server import FakeServer, wait_until
from PIL import Image

import headcam
from headcam import ring
from headcam.wire import Location, PixelFormat, Place, State

pytestmark = pytest.mark.usefixtures("each_socket")

PIXELS = numpy.arange(3 * 4 * 4, dtype=numpy.uint8).reshape(3, 4, 4)


@pytest.fixture
def run(tmpfs):
    """The directory of the server's socket."""
    directory = tmpfs / "run"
    directory.mkdir()
    yield directory
    assert names(directory) == []


@pytest.fixture
def endpoint(run):
    return f"ipc://{run}/ingest.sock"


@pytest.fixture
def reading(endpoint):
    """A server that reads rings."""
    with FakeServer(endpoint, ring_verdict="") as fake:
        yield fake


@pytest.fixture
def camera(endpoint):
    with headcam.Publisher("front", endpoint) as publisher:
        yield publisher


@pytest.fixture
def watched(reading, camera):
    """A camera that somebody watches; its ring is confirmed."""
    by_ring(reading, camera)
    return camera


def by_ring(server, camera, pixels=PIXELS):
    """Publishes until a frame goes by the ring."""
    server.watch("front")
    assert camera.wait_wanted(10.0)
    camera.publish(pixels)
    wait_until(lambda: camera.transport == "ring")
    send(camera, pixels)
    return server.wait_frame(lambda frame: frame.header.location is Location.RING, since=0)


def send(camera, pixels, **arguments):
    """Publishes a frame, as soon as the socket takes one."""
    wait_until(lambda: camera.publish(pixels, **arguments))


def names(directory):
    return sorted(path.name for path in directory.glob("*.ring*"))


# ---- by the ring ----


def test_frames_go_by_the_ring_once_the_server_reads_it(reading, camera, run):
    frame = by_ring(reading, camera)
    first = reading.frames[0]
    assert (first.header.location, first.payload) == (Location.INLINE, PIXELS.tobytes())
    assert frame.payload == PIXELS.tobytes()
    assert (frame.header.ring, frame.header.slot, frame.header.slot_sequence) == (1, 0, 2)
    assert (frame.header.width, frame.header.height, frame.header.stride) == (4, 3, 16)
    assert names(run) == [f"headcam-{camera.instance:016x}-1.ring"]
    assert (camera.transport, camera.transport_reason) == ("ring", "")
    reading.wait_announcement(lambda a: a.ring and a.ring.confirmed, since=0)
    stats = camera.stats
    assert stats.frames_ring == 1
    assert stats.frames_inline == stats.frames_published - 1 >= 1
    assert stats.bytes_published == stats.frames_published * PIXELS.nbytes


def test_the_ring_is_offered_until_the_server_answers(server, camera):
    server.watch("front")
    assert camera.wait_wanted(10.0)
    assert camera.transport_reason == "no frame has asked for a ring yet"
    for _ in range(3):
        camera.publish(PIXELS)
        said = server.wait_announcement(lambda a: a.ring is not None)
        assert (said.ring.number, said.ring.place, said.ring.confirmed) == (1, Place.SOCKET, False)
    assert (camera.transport, camera.stats.frames_ring) == ("inline", 0)
    assert "not confirmed" in camera.transport_reason


def test_nobody_watching_makes_no_ring(reading, camera, run):
    assert not camera.publish(PIXELS)
    with camera.frame(3, 4):
        pass
    reading.wait_announcement(lambda a: a.state is State.LIVE)
    reading.wait_announcement()
    assert names(run) == []


def test_in_shared_memory_if_the_socket_is_not_on_a_tmpfs(reading, camera, run, shm, monkeypatch):
    monkeypatch.setattr(ring, "is_tmpfs", lambda fd: os.readlink(f"/proc/self/fd/{fd}") == str(shm))
    assert by_ring(reading, camera).payload == PIXELS.tobytes()
    assert (len(names(run)), len(names(shm))) == (0, 1)
    reading.wait_announcement(lambda a: a.ring and a.ring.place is Place.SHM)


@pytest.mark.parametrize(
    "pixels, arguments",
    [
        (bytes(range(47)), {"width": 5, "height": 3, "stride": 16, "format": "BGR"}),
        (bytearray(b"abcdef"), {"width": 3, "height": 2, "format": "GRAY8"}),
        ((ctypes.c_uint8 * 4)(1, 2, 3, 4), {"width": 1, "height": 1, "format": "BGRA"}),
        (numpy.arange(6, dtype=numpy.uint8).reshape(2, 3), {}),
    ],
    ids=["padded rows", "bytearray", "ctypes", "numpy"],
)
def test_whatever_publish_takes_goes_by_the_ring(reading, watched, pixels, arguments):
    seen = len(reading.frames)
    send(watched, pixels, **arguments)
    frame = reading.wait_frame(since=seen)
    assert frame.header.location is Location.RING
    assert frame.payload == bytes(pixels)


def test_a_jpeg_goes_inline(reading, watched):
    file = io.BytesIO()
    Image.new("RGB", (16, 9)).save(file, "JPEG")
    send(watched, file.getvalue(), format="JPEG")
    frame = reading.wait_frame(lambda frame: frame.header.format is PixelFormat.JPEG, since=0)
    assert (frame.header.location, frame.payload) == (Location.INLINE, file.getvalue())
    assert watched.stats.frames_inline >= 2


def test_without_a_copy_nothing_is_pending(watched):
    pixels = bytes(1 << 12)
    shape = {"width": 64, "height": 64, "format": "GRAY8"}
    send(watched, pixels, copy=False, **shape)
    assert not watched.pending(pixels)


def test_slots_and_sequences_go_on(reading, watched):
    seen = len(reading.frames)
    for index in range(9):
        send(watched, PIXELS + index)
        frame = reading.wait_frame(since=seen + index)
        assert frame.payload == (PIXELS + index).tobytes()
        assert (frame.header.slot, frame.header.slot_sequence) == (
            (index + 1) % 4, 2 + 2 * ((index + 1) // 4)
        )  # fmt: skip


def test_a_server_that_is_late_sees_that_its_frame_was_overwritten(endpoint):
    with FakeServer(endpoint, ring_verdict="") as server:
        with headcam.Publisher("front", endpoint) as camera:
            by_ring(server, camera)
            server.pause()
            while camera.stats.frames_ring < 6:
                camera.publish(PIXELS)
            server.go_on()
            wait_until(lambda: any(frame.payload is None for frame in server.frames))


def test_many_threads_may_publish(reading, watched):
    count = 50
    seen = len(reading.frames)

    def work(value):
        for _ in range(count):
            wait_until(lambda: watched.publish(numpy.full((32, 32), value, numpy.uint8)))
            with watched.frame(32, 32, "GRAY8") as pixels:
                numpy.asarray(pixels)[:] = value

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30.0)
    stats = watched.stats
    wait_until(lambda: len(reading.frames) == stats.frames_published)
    for frame in reading.frames[seen:]:
        assert frame.payload is None or len(set(frame.payload)) == 1


# ---- larger frames, other servers ----


def test_larger_frames_get_a_larger_ring(reading, watched, run):
    large = numpy.full((64, 64, 4), 7, numpy.uint8)
    send(watched, large)
    wait_until(lambda: watched.transport == "ring")
    send(watched, large)
    frame = reading.wait_frame(lambda frame: frame.header.ring == 2, since=0)
    assert frame.payload == large.tobytes()
    assert names(run) == [f"headcam-{watched.instance:016x}-2.ring"]
    send(watched, PIXELS)
    wanted = (PIXELS.shape[1], 2)
    frame = reading.wait_frame(lambda f: (f.header.width, f.header.ring) == wanted, since=0)
    assert frame.payload == PIXELS.tobytes()


def test_refused_frames_go_on_inline_and_the_reason_is_told(endpoint, run, caplog):
    with FakeServer(endpoint, ring_verdict="the ring is too pretty") as server:
        with headcam.Publisher("front", endpoint) as camera:
            server.watch("front")
            assert camera.wait_wanted(10.0)
            camera.publish(PIXELS)
            said = server.wait_announcement(lambda a: a.ring_reason, since=0)
            assert said.ring is None
            assert said.ring_reason.startswith(f"{run}: the ring is too pretty; ")
            wait_until(lambda: camera.publish(PIXELS))
            assert (camera.transport, names(run)) == ("inline", [])
            assert "the ring is too pretty" in camera.transport_reason
    assert [record.levelname for record in caplog.records].count("WARNING") == 1


def test_another_server_is_asked_again(endpoint, run):
    with headcam.Publisher("front", endpoint) as camera:
        for _ in range(3):
            with FakeServer(endpoint, ring_verdict="") as server:
                frame = by_ring(server, camera)
                assert (frame.header.ring, frame.payload) == (1, PIXELS.tobytes())
            wait_until(lambda: not camera.wanted)
            assert camera.transport == "inline"
            assert not camera.publish(PIXELS)
        assert len(names(run)) == 1


def test_a_service_directory_that_is_made_anew_gets_a_new_ring(tmpfs):
    run = tmpfs / "service"
    endpoint = f"ipc://{run}/ingest.sock"
    with headcam.Publisher("front", endpoint) as camera:
        for number in (1, 2, 3):
            run.mkdir()
            with FakeServer(endpoint, ring_verdict="") as server:
                assert by_ring(server, camera).header.ring == number
            wait_until(lambda: not camera.connected)
            for path in run.iterdir():
                path.unlink()
            run.rmdir()


def test_over_tcp_it_says_why_there_is_none(each_socket, caplog):
    if each_socket != "pyzmq":
        pytest.skip("tcp:// is pyzmq's alone")
    with FakeServer("tcp://127.0.0.1:*", ring_verdict="") as server:
        with headcam.Publisher("front", server.endpoint) as camera:
            server.watch("front")
            assert camera.wait_wanted(10.0)
            send(camera, PIXELS)
            assert server.wait_frame(since=0).payload == PIXELS.tobytes()
            said = server.wait_announcement(lambda a: a.ring_reason, since=0)
            assert said.ring_reason == "a ring needs an ipc:// endpoint"
    assert not [record for record in caplog.records if record.levelname == "WARNING"]


# ---- what may happen to the file ----


def test_a_ring_that_is_cut_while_frames_go_by_it_costs_no_more_than_frames(reading, watched, run):
    os.truncate(run / f"headcam-{watched.instance:016x}-1.ring", 4096)
    send(watched, PIXELS)
    assert watched.stats.frames_inline >= 2
    wait_until(lambda: watched.transport == "ring")
    send(watched, PIXELS)
    reading.wait_frame(lambda frame: frame.header.ring == 2, since=0)
    assert names(run) == [f"headcam-{watched.instance:016x}-2.ring"]


def test_a_ring_that_is_cut_while_a_frame_is_drawn_costs_that_frame(reading, watched, run):
    with watched.frame(3, 4) as pixels:
        pixels[0, 0, 0] = 1
        os.truncate(run / f"headcam-{watched.instance:016x}-1.ring", 4096 * 5)
        os.truncate(run / f"headcam-{watched.instance:016x}-1.ring", 4096 * 4)
    assert watched.stats.frames_dropped == 1
    watched.publish(PIXELS)
    wait_until(lambda: watched.transport == "ring")


def test_a_removed_file_does_not_matter_to_the_server_that_has_it(reading, watched, run):
    (run / f"headcam-{watched.instance:016x}-1.ring").unlink()
    seen = len(reading.frames)
    send(watched, PIXELS)
    frame = reading.wait_frame(since=seen)
    assert (frame.header.location, frame.payload) == (Location.RING, PIXELS.tobytes())


def test_no_room_is_said_once_and_frames_go_inline(reading, camera, monkeypatch, caplog):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    reading.watch("front")
    assert camera.wait_wanted(10.0)
    camera.publish(PIXELS)
    said = reading.wait_announcement(lambda a: a.ring_reason, since=0)
    assert "no room for its 0 MB" in said.ring_reason
    for _ in range(20):
        wait_until(lambda: camera.publish(PIXELS))
    assert camera.stats.frames_ring == 0
    assert len([r for r in caplog.records if "no room" in r.getMessage()]) == 1


def test_close_removes_it_also_while_it_is_being_made(reading, endpoint, run, monkeypatch):
    def slow(fd, count, original=ring._reserve):
        time.sleep(0.3)
        return original(fd, count)

    monkeypatch.setattr(ring, "_reserve", slow)
    with headcam.Publisher("front", endpoint) as camera:
        reading.watch("front")
        assert camera.wait_wanted(10.0)
        began = time.monotonic()
        camera.publish(PIXELS)
        assert time.monotonic() - began < 0.2, "publish() waited for the ring"
        wait_until(lambda: names(run))
    assert names(run) == []


def test_a_killed_agent_leaves_a_file_that_the_next_removes(reading, endpoint, run):
    code = (
        "import headcam, sys;"
        "p = headcam.Publisher('front', sys.argv[1]); p.wait_wanted();"
        "exec('while True: p.publish(bytes(48), width=4, height=3, format=\"RGBA\")')"
    )
    reading.watch("front")
    process = subprocess.Popen(
        [sys.executable, "-c", code, endpoint],
        env={**os.environ, "PYTHONPATH": str(ROOT / "capture_agent")},
    )
    try:
        reading.wait_frame(lambda frame: frame.header.location is Location.RING, since=0)
    finally:
        process.kill()
        process.wait()
    left = names(run)
    assert len(left) == 1
    with headcam.Publisher("rear", endpoint) as camera:
        reading.watch("rear")
        assert camera.wait_wanted(10.0)
        camera.publish(PIXELS)
        wait_until(lambda: names(run) == [f"headcam-{camera.instance:016x}-1.ring"])


# ---- frame() ----


def test_a_frame_is_drawn_in_the_ring_itself(reading, watched, run):
    frame = watched.frame(3, 4, sim_time_ns=5)
    with frame as pixels:
        assert (pixels.shape, pixels.format, pixels.readonly) == ((3, 4, 4), "B", False)
        numpy.asarray(pixels)[:] = PIXELS
        path = pathlib.Path(f"{run}/headcam-{watched.instance:016x}-1.ring")
        assert PIXELS.tobytes() in path.read_bytes()
        frame.capture_time_ns = 77
        frame.update = 3021
    assert frame.is_sent
    came = reading.wait_frame(lambda frame: frame.header.capture_time_ns == 77, since=0)
    assert (came.header.location, came.payload) == (Location.RING, PIXELS.tobytes())
    assert (came.header.sim_time_ns, came.header.update) == (5, 3021)


def test_without_a_ring_it_is_sent_inline(server, camera):
    server.watch("front")
    assert camera.wait_wanted(10.0)
    sent = []
    while len(sent) < 10:
        drawing = camera.frame(300, 400, "GRAY8")
        with drawing as pixels:
            assert pixels.shape == (300, 400)
            numpy.asarray(pixels)[:] = len(sent)
        if drawing.is_sent:
            sent.append(server.wait_frame(since=len(sent)))
    for index, frame in enumerate(sent):
        assert frame.header.location is Location.INLINE
        assert frame.payload == bytes([index]) * 120000
    assert camera.stats.frames_inline == 10


def test_inline_frames_that_wait_are_not_drawn_over(endpoint):
    with FakeServer(endpoint, high_water_mark=1) as server:
        with headcam.Publisher("front", endpoint) as camera:
            server.watch("front")
            assert camera.wait_wanted(10.0)
            server.pause()
            for index in range(40):
                with camera.frame(500, 500) as pixels:
                    numpy.asarray(pixels)[:] = index
            assert camera.stats.frames_dropped > 0
            server.go_on()
            wait_until(lambda: len(server.frames) == camera.stats.frames_published)
            assert all(len(set(frame.payload)) == 1 for frame in server.frames)


def test_with_a_stride_it_is_flat(reading, watched):
    with watched.frame(3, 5, "BGR", stride=16) as pixels:
        assert (pixels.shape, pixels.nbytes) == ((48,), 48)
        pixels[:] = bytes(range(48))
    frame = reading.wait_frame(lambda frame: frame.header.width == 5, since=0)
    assert (frame.header.stride, frame.payload) == (16, bytes(range(48)))


def test_while_nobody_watches_there_is_memory_and_nothing_is_sent(reading, camera):
    frame = camera.frame(3, 4)
    with frame as pixels:
        numpy.asarray(pixels)[:] = PIXELS
    assert not frame.is_sent
    assert camera.stats.frames_skipped_unwanted == 1
    said = reading.wait_announcement(lambda a: a.state is State.LIVE, since=0)
    assert (said.width, said.height) == (4, 3)
    by_ring(reading, camera)
    reading.leave("front")
    wait_until(lambda: not camera.wanted)
    seen = len(reading.frames)
    with camera.frame(3, 4) as pixels:
        pixels[2, 3, 3] = 1
    assert camera.stats.frames_skipped_unwanted == 2
    assert len(reading.frames) == seen


def test_an_exception_passes_and_nothing_is_sent(reading, watched):
    published = watched.stats.frames_published
    for _ in range(10):
        with pytest.raises(ZeroDivisionError):
            with watched.frame(3, 4) as pixels:
                pixels[0, 0, 0] = 1 // 0
    assert watched.stats.frames_published == published
    send(watched, PIXELS)
    assert watched.stats.frames_ring >= 2


def test_a_discarded_frame_is_not_sent(watched):
    frame = watched.frame(3, 4)
    with frame:
        frame.discard()
    assert not frame.is_sent


def test_after_the_block_the_memory_cannot_be_written(watched):
    with watched.frame(3, 4) as pixels:
        pass
    with pytest.raises(ValueError, match="released"):
        pixels[0, 0, 0] = 1


def test_an_array_that_outlives_the_block_does_no_harm(reading, watched):
    arrays = []
    seen = len(reading.frames)
    for index in range(6):
        with watched.frame(3, 4) as pixels:
            arrays.append(numpy.asarray(pixels))
        assert reading.wait_frame(since=seen + index).header.location is Location.RING
    watched.close()
    arrays[0][:] = 1
    del arrays, pixels
    gc.collect()


def test_frames_may_be_drawn_side_by_side(reading, watched):
    """More of them than the ring has slots: the last goes inline."""
    seen = len(reading.frames)
    frames = [watched.frame(3, 4, capture_time_ns=n) for n in range(6)]
    for number, frame in enumerate(frames):
        numpy.asarray(frame.__enter__())[:] = number
    for frame in frames:
        frame.__exit__(None, None, None)
    wait_until(lambda: len(reading.frames) == seen + sum(frame.is_sent for frame in frames))
    for frame in reading.frames[seen:]:
        assert frame.payload == bytes([frame.header.capture_time_ns]) * 48


def test_a_frame_begun_for_a_ring_that_is_gone_is_dropped(reading, watched):
    frame = watched.frame(3, 4)
    with frame as pixels:
        watched.publish(numpy.zeros((64, 64, 4), numpy.uint8))
        wait_until(lambda: watched.transport == "ring")
        pixels[0, 0, 0] = 1
    assert not frame.is_sent
    assert watched.stats.frames_dropped == 1


def test_a_frame_open_at_the_close_does_no_harm(reading, watched):
    frame = watched.frame(3, 4)
    with frame as pixels:
        watched.close()
        pixels[0, 0, 0] = 1
    assert not frame.is_sent
    with watched.frame(3, 4) as pixels:
        pixels[0, 0, 0] = 1


def test_a_frame_serves_one_block(watched):
    frame = watched.frame(3, 4)
    with frame:
        pass
    with pytest.raises(ValueError, match="one with block"):
        frame.__enter__()


@pytest.mark.parametrize(
    "arguments, exception",
    [
        ({"height": 0, "width": 4}, ValueError),
        ({"height": 3, "width": 65501}, ValueError),
        ({"height": 3, "width": "4"}, TypeError),
        ({"height": 3, "width": 4, "format": "JPEG"}, ValueError),
        ({"height": 3, "width": 4, "format": "YUV"}, ValueError),
        ({"height": 3, "width": 4, "stride": 15}, ValueError),
        ({"height": 3, "width": 4, "capture_time_ns": -1}, ValueError),
        ({"height": 3, "width": 4, "sim_time_ns": 1.5}, TypeError),
        ({"height": 3, "width": 4, "update": -1}, ValueError),
    ],
)
def test_wrong_arguments_raise_at_once(camera, arguments, exception):
    with pytest.raises(exception):
        camera.frame(**arguments)


def test_a_wrong_time_raises_at_the_end_and_gives_the_slot_back(watched):
    for _ in range(6):
        frame = watched.frame(3, 4)
        with pytest.raises(ValueError, match="sim_time_ns"):
            with frame:
                frame.sim_time_ns = 2**63
    with watched.frame(3, 4) as pixels:
        pixels[0, 0, 0] = 1
    assert watched.stats.frames_ring == 2


# ---- what it costs ----


def test_publishing_keeps_no_memory(reading, watched):
    def burst(count):
        for _ in range(count):
            watched.publish(PIXELS)

    burst(200)
    gc.collect()
    before = sys.getallocatedblocks()
    # The server's lists grow in this process as well.
    received = len(reading.frames)
    burst(2000)
    gc.collect()
    grown = sys.getallocatedblocks() - before
    assert grown < 500 + 20 * (len(reading.frames) - received)
