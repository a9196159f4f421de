# SPDX-License-Identifier: MIT
"""rawvideo: frames through a pipe."""

import os
import threading

import pytest
from fake_server import wait_until

import headcam
from headcam.sources import rawvideo
from headcam.sources.rawvideo import FrameShape
from headcam.wire import PixelFormat, State

SHAPE = FrameShape(4, 3, PixelFormat.RGB, 12)


class Runner:
    """rawvideo.run() in a thread, fed by `write`."""

    def __init__(self, endpoint, shape):
        self.publisher = headcam.Publisher("front", endpoint)
        self.result = None
        self.error = None
        self.is_ended = threading.Event()
        read_end, self._write_end = os.pipe()
        self._source = open(read_end, "rb", buffering=0)
        self._thread = threading.Thread(target=self._run, args=(shape,))
        self._thread.start()

    def write(self, data):
        while data:
            data = data[os.write(self._write_end, data):]

    def end_input(self):
        if self._write_end is not None:
            os.close(self._write_end)
            self._write_end = None

    def join(self):
        self._thread.join(10.0)
        assert not self._thread.is_alive()
        return self.result

    def close(self):
        self.is_ended.set()
        self.end_input()
        self.join()
        self._source.close()
        self.publisher.close()

    def _run(self, shape):
        try:
            self.result = rawvideo.run(
                self.publisher, self._source, shape, self.is_ended.is_set
            )
        except rawvideo.TruncatedFrame as error:
            self.error = error


@pytest.fixture
def start(endpoint):
    runners = []

    def start_one(shape=SHAPE):
        runners.append(Runner(endpoint, shape))
        return runners[-1]

    yield start_one
    for runner in runners:
        runner.close()


def watched(server, runner):
    server.watch("front")
    assert runner.publisher.wait_wanted(10.0)
    return runner


def test_before_the_first_frame_it_says_what_is_missing(server, start):
    start()
    said = server.wait_announcement(lambda a: a.reason == "no frame on stdin yet")
    assert said.state is State.STARTING
    assert (said.width, said.height, said.format) == (4, 3, PixelFormat.RGB)


def test_frames_are_published_whole_however_they_were_written(server, start):
    runner = watched(server, start())
    frames = [bytes([i]) * 36 for i in range(5)]
    stream = b"".join(frames)
    for index in range(5):
        for part in (stream[:7], stream[7:30], stream[30:36]):
            runner.write(part)
        stream = stream[36:]
        assert server.wait_frame(since=index).payload == frames[index]


def test_large_frames_arrive_unharmed(server, start):
    shape = FrameShape(512, 512, PixelFormat.RGBA, 2048)
    runner = watched(server, start(shape))
    for i in range(30):
        runner.write(bytes([i]) * shape.frame_bytes)
    runner.end_input()
    assert runner.join() == 30
    wait_until(lambda: len(server.frames) == runner.publisher.stats.frames_published)
    assert server.frames
    for frame in server.frames:
        assert len(set(frame.payload)) == 1


def test_a_stride_is_passed_on(server, start):
    runner = watched(server, start(FrameShape(4, 3, PixelFormat.RGB, 16)))
    runner.write(bytes(48))
    header = server.wait_frame(since=0).header
    assert (header.width, header.stride, header.payload_bytes) == (4, 16, 48)


def test_unwatched_frames_are_read_over(server, start):
    runner = start()
    # Far more than a pipe holds: the writer would block if nobody read.
    runner.write(bytes(36) * 60000)
    server.wait_announcement(lambda a: a.state is State.LIVE)
    assert server.frames == []
    runner.end_input()
    assert runner.join() == 60000


def test_the_end_inside_a_frame_is_an_error_that_names_the_sizes(start):
    runner = start()
    runner.write(bytes(36 + 5))
    runner.end_input()
    assert runner.join() is None
    assert "inside frame 2, after 5 of 36 bytes" in str(runner.error)


def test_the_end_between_frames_is_no_error(start):
    runner = start()
    runner.end_input()
    assert runner.join() == 0


def test_asked_to_end_it_ends_inside_a_frame(start):
    runner = start()
    runner.write(bytes(5))
    runner.is_ended.set()
    assert runner.join() == 0
    assert runner.error is None


def test_silence_is_announced_and_a_frame_ends_it(server, start, monkeypatch):
    monkeypatch.setattr(rawvideo, "_STALLED_AFTER_S", 0.0)
    runner = start()
    runner.write(bytes(36))
    said = server.wait_announcement(lambda a: a.state is State.STALLED)
    assert said.reason.startswith("nothing on stdin since ")
    seen = len(server.announcements)
    runner.write(bytes(36))
    server.wait_announcement(lambda a: a.state is State.LIVE and a.reason == "", since=seen)


def test_a_plain_file_will_do(server, endpoint, tmp_path):
    (tmp_path / "frames").write_bytes(bytes(72))
    with headcam.Publisher("front", endpoint) as publisher:
        with open(tmp_path / "frames", "rb", buffering=0) as source:
            assert rawvideo.run(publisher, source, SHAPE, lambda: False) == 2
