# SPDX-License-Identifier: MIT
"""cli: the program itself, as users and service managers start it."""

import contextlib
import os
import signal
import subprocess
import sys
import time

import pytest
from conftest import ROOT

from headcam import __version__, cli
from headcam.sources import testcode
from headcam.wire import PixelFormat, State


@contextlib.contextmanager
def agent(*arguments, **environment):
    """headcam-agent as a process; killed at the end if it is still there."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("HEADCAM_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "headcam", *arguments],
        env={**kept, "PYTHONPATH": str(ROOT / "capture_agent"), **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_the_test_card_is_watched(server, endpoint):
    with agent("testcard", "--endpoint", endpoint, "--size", "320x240", "--format", "gray"):
        said = server.wait_announcement(lambda a: a.state is State.LIVE)
        assert (said.agent, said.version) == ("headcam-agent testcard", __version__)
        assert (said.width, said.height, said.fps) == (320, 240, 30.0)
        server.watch("testcard")
        frame = server.wait_frame(since=0)
        assert testcode.decode(frame.payload, 320, 240).frame == 1


def test_the_environment_will_do(server, endpoint):
    with agent(
        "testcard",
        HEADCAM_INGEST=endpoint,
        HEADCAM_AGENT_NAME="front",
        HEADCAM_AGENT_SIZE="160x120",
        HEADCAM_AGENT_FORMAT="BGR",
        HEADCAM_AGENT_FPS="12.5",
    ):
        said = server.wait_announcement(lambda a: a.state is State.LIVE)
        assert (said.width, said.format, said.fps) == (160, PixelFormat.BGR, 12.5)
        server.watch("front")
        assert server.wait_frame(since=0).topic == b"front/"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_a_goodbye(server, endpoint, number):
    with agent("testcard", "--endpoint", endpoint, "--size", "320x240") as process:
        server.wait_announcement(lambda a: a.state is State.LIVE)
        process.send_signal(number)
        assert process.wait(10.0) == 0
        server.wait_announcement(lambda a: a.state is State.ENDED, since=0)
        assert b"Traceback" not in process.stderr.read()


def test_a_signal_ends_it_without_a_server(endpoint):
    with agent("testcard", "--endpoint", endpoint, "--size", "320x240") as process:
        # The warning that nobody answers also tells that it runs.
        assert b"does not exist: is headcam running?" in process.stderr.readline()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10.0) == 0


def test_raw_video_is_published_until_stdin_ends(server, endpoint):
    arguments = ("--endpoint", endpoint, "--size", "4x3", "--format", "rgb24", "--name", "front")
    with agent("rawvideo", *arguments) as process:
        server.watch("front")
        process.stdin.write(bytes(36))
        process.stdin.flush()
        server.wait_announcement(lambda a: a.state is State.LIVE, since=0)
        for i in range(1, 250):
            process.stdin.write(bytes([i]) * 36)
            process.stdin.flush()
            if server.frames:
                break
            time.sleep(0.01)
        assert server.wait_frame(since=0).header.format is PixelFormat.RGB
        process.stdin.close()
        process.stdin = None
        assert process.wait(10.0) == 0
        server.wait_announcement(lambda a: a.state is State.ENDED, since=0)


def test_raw_video_that_ends_inside_a_frame_says_so(endpoint):
    arguments = ("--endpoint", endpoint, "--size", "4x3", "--format", "rgb24")
    with agent("rawvideo", *arguments) as process:
        _, errors = process.communicate(bytes(40), timeout=10.0)
        assert process.returncode == 1
        assert b"after 4 of 36 bytes" in errors
        assert b"4x3 RGB, stride 12" in errors


def test_raw_video_without_a_frame_is_worth_a_warning(endpoint):
    arguments = ("--endpoint", endpoint, "--size", "4x3", "--format", "rgb24")
    with agent("rawvideo", *arguments) as process:
        _, errors = process.communicate(b"", timeout=10.0)
        assert process.returncode == 0
        assert b"without a frame" in errors


def test_the_doctor_finds_nothing_wrong(server, endpoint):
    with agent("doctor", HEADCAM_INGEST=endpoint) as process:
        lines, _ = process.communicate(timeout=10.0)
    assert process.returncode == 0
    assert b"(from HEADCAM_INGEST)" in lines
    assert lines.splitlines()[-1].startswith(b"ok    server")
    assert server.announcements == []


def test_the_doctor_says_what_is_wrong_and_what_to_do(endpoint):
    with agent("doctor", "--endpoint", endpoint) as process:
        lines, errors = process.communicate(timeout=10.0)
    assert (process.returncode, errors) == (1, b"")
    assert b"(from --endpoint)" in lines
    failed = [line for line in lines.splitlines() if line.startswith(b"FAIL")]
    assert len(failed) == 1 and b"does not exist" in failed[0]
    assert b"\n                 is headcam running?" in lines


def test_the_doctor_names_the_default_endpoint_as_such(capsys):
    cli.main(["doctor", "--timeout", "0"], {})
    assert "ipc:///run/headcam/ingest.sock (from the default)" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        ([], "COMMAND"),
        (["film"], "invalid choice: 'film'"),
        (["testcard", "--size", "12"], "--size: '12' is no size"),
        (["testcard", "--size", "12x12"], "--size: a test card of 12x12"),
        (["testcard", "--fps", "0"], "--fps: '0' is no frame rate"),
        (["testcard", "--name", "a/b"], "--name: 'a/b' cannot name a stream"),
        (["testcard", "--format", "JPEG"], "--format: 'JPEG' is no pixel format"),
        (["testcard", "--endpoint", "nowhere"], "endpoint 'nowhere'"),
        (["testcard", "--sise", "1x1"], "--sise"),
        (["rawvideo", "--format", "rgb24"], "--size WxH is needed"),
        (["rawvideo", "--size", "4x3"], "--format FORMAT is needed"),
        (["rawvideo", "--size", "4x3", "--format", "rgb", "--stride", "11"], "12 bytes"),
        (["doctor", "--timeout", "soon"], "--timeout: 'soon': write seconds"),
    ],
)
def test_a_wrong_command_line_is_one_line_and_exit_2(arguments, sentence, capsys, monkeypatch):
    monkeypatch.setattr(cli._End, "listen", lambda self: None)
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments, {})
    assert caught.value.code == 2
    errors = capsys.readouterr().err
    assert sentence in errors
    assert errors.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["testcard", "--help"], ["rawvideo", "--help"], ["doctor", "--help"]],
)
def test_help_is_documentation(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments, {})
    assert caught.value.code == 0
    text = capsys.readouterr().out
    assert len(text) > 400
    if len(arguments) == 2:
        assert "HEADCAM_INGEST" in text
        assert ("HEADCAM_AGENT_SIZE" in text) == (arguments[0] != "doctor")


def test_the_version_is_told(capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main(["--version"], {})
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"headcam-agent {__version__}\n"
