# SPDX-License-Identifier: MIT
"""push(): pictures out of a training loop, without Kit."""

import numpy
import pytest
from fake_server import wait_until
from test_tensors import Tensor

import headcam.isaac
from headcam.wire import State

IMAGE = numpy.arange(3 * 5 * 3, dtype=numpy.uint8).reshape(3, 5, 3)


@pytest.fixture(autouse=True)
def stopped():
    yield
    headcam.isaac.stop()


@pytest.fixture
def push(endpoint):
    """push() to this test's server."""

    def call(name, image, **arguments):
        return headcam.isaac.push(name, image, endpoint=endpoint, **arguments)

    return call


def test_a_picture_reaches_the_server_once_somebody_watches(server, push):
    assert not push("front", IMAGE)
    server.wait_announcement(lambda said: said.state is State.LIVE, since=0)
    server.watch("front")
    wait_until(lambda: push("front", IMAGE, sim_time_s=1.5))
    frame = server.wait_frame(since=0)
    assert frame.payload == IMAGE.tobytes()
    assert (frame.header.width, frame.header.height) == (5, 3)
    assert frame.header.sim_time_ns == 1_500_000_000


def test_nothing_leaves_the_gpu_while_nobody_watches(server, push):
    batch = Tensor(numpy.stack([IMAGE] * 4))
    Tensor.copied_bytes = 0
    assert not push("front", batch)
    server.wait_announcement(since=0)
    for _ in range(100):
        assert not push("front", batch)
    assert Tensor.copied_bytes == 0
    server.watch("front")
    wait_until(lambda: push("front", batch, env=2))
    assert Tensor.copied_bytes == IMAGE.nbytes


def test_a_wrong_picture_is_told_to_the_viewers_and_the_loop_goes_on(server, push, caplog):
    push("front", IMAGE)
    server.watch("front")
    wait_until(lambda: push("front", IMAGE))
    wrong = IMAGE.astype(numpy.float32)
    wait_until(lambda: not push("front", wrong) and caplog.records)
    said = server.wait_announcement(lambda said: said.state is State.STALLED, since=0)
    assert "float32 values" in said.reason
    for _ in range(20):
        assert not push("front", wrong)
    assert len(caplog.records) == 1, "one line for one mistake"
    wait_until(lambda: push("front", IMAGE))
    server.wait_announcement(lambda said: (said.state, said.reason) == (State.LIVE, ""))


@pytest.mark.parametrize("name", ["a b", "", "x" * 65])
def test_a_name_that_cannot_be_one_is_logged_and_nothing_raised(server, push, caplog, name):
    for _ in range(3):
        assert not push(name, IMAGE)
    assert len(caplog.records) == 1
    assert "cannot name a stream" in caplog.text


def test_a_process_without_descriptors_left_goes_on(push, caplog, monkeypatch):
    def fail(*arguments, **named):
        raise OSError(24, "Too many open files")

    monkeypatch.setattr("headcam.isaac.pushing.Publisher", fail)
    for _ in range(3):
        assert not push("front", IMAGE)
    assert len(caplog.records) == 1
    assert "Too many open files" in caplog.text


def test_no_server_is_no_failure(tmp_path):
    for _ in range(10):
        assert not headcam.isaac.push("front", IMAGE, endpoint=f"ipc://{tmp_path}/nobody.sock")


def test_stop_says_goodbye(server, push):
    push("front", IMAGE)
    server.wait_announcement(since=0)
    headcam.isaac.stop()
    server.wait_announcement(lambda said: said.state is State.ENDED, since=0)


def test_start_outside_kit_says_what_to_do():
    with pytest.raises(headcam.isaac.NotInKit, match="after SimulationApp"):
        headcam.isaac.start()
