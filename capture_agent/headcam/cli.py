# SPDX-License-Identifier: MIT
"""headcam-agent: publishes a test card, or raw frames from stdin, or says why none arrive.

Exit status: 0 at the input's end and after SIGINT or SIGTERM, 1 for broken input and for what the
doctor found, 2 for a wrong command line.
"""

from __future__ import annotations

import argparse
import io
import logging
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from types import FrameType
from typing import Any, NoReturn

from headcam import doctor, options
from headcam._version import __version__
from headcam.options import BadOption, Option
from headcam.publisher import Publisher
from headcam.sources import rawvideo, testcard

log = logging.getLogger("headcam")

_DESCRIPTION = """\
Publishes pictures to the headcam server, which shows them to browsers as MJPEG.
Nothing is drawn, read back or sent while nobody watches."""

_EPILOG = """\
Each option can also be given as an environment variable, named in its help; the
option wins. "headcam-agent COMMAND --help" tells about a command.

  headcam-agent testcard
  ffmpeg -re -i film.mp4 -f rawvideo -pix_fmt rgb24 -s 1280x720 - |
      headcam-agent rawvideo --size 1280x720 --format rgb24 --name film"""

_TESTCARD = """\
Publishes a moving test card: colour bars, ramps and gratings, the time of day, a
frame number, and a strip along the bottom from which a program can read the frame
number and the capture time. It shows that everything between here and the viewer
works, and how late and how smooth the picture is."""

_RAWVIDEO = """\
Publishes raw frames from stdin, one after the other without anything in between.
Stdin is read as fast as it comes, watched or not: let the writer set the pace
(ffmpeg: -re). The end of stdin ends the stream.

  ffmpeg -re -i film.mp4 -f rawvideo -pix_fmt rgb24 -s 1280x720 - |
      headcam-agent rawvideo --size 1280x720 --format rgb24 --name film"""

_DOCTOR = """\
Looks at everything that has to be right before a frame reaches the server, one line
each: Python, the endpoint, the permissions of its directory and socket, the shared
memory, and whether the server answers. Nothing is published, and the server shows
nothing of it. What fails is followed by what to do; a note is no fault. Run it where
the frames come from: in the simulator's container, as its user.

The exit status is 0 if nothing failed, else 1."""


class _Parser(argparse.ArgumentParser):
    """An ArgumentParser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


class _End:
    """Whether a signal asked for the end. The handler does no more than note it."""

    def __init__(self) -> None:
        self._is_asked = False

    def listen(self) -> None:
        """From now on SIGINT and SIGTERM ask for the end."""
        signal.signal(signal.SIGINT, self._ask)
        signal.signal(signal.SIGTERM, self._ask)

    def is_asked(self) -> bool:
        """Whether it was asked for."""
        return self._is_asked

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self._is_asked = True


def main(
    arguments: Sequence[str] | None = None, environment: Mapping[str, str] = os.environ
) -> int:
    """Runs the command line; returns the exit status. SystemExit for --help and its like."""
    parser, commands = _build_parser()
    parsed = parser.parse_args(arguments)
    table = _TABLES[parsed.command]
    try:
        values = {o.key: o.resolve(getattr(parsed, o.key), environment) for o in table}
        if parsed.command == "doctor":
            _, origin = options.ENDPOINT.find(parsed.endpoint, environment)
            return _run_doctor(values, origin)
        logging.basicConfig(
            level=values["log_level"],
            format="%(asctime)s headcam-agent %(levelname)s: %(message)s",
        )
        end = _End()
        end.listen()
        return _RUN[parsed.command](values, end)
    except BadOption as error:
        commands[parsed.command].error(str(error))


def _run_testcard(values: dict[str, Any], end: _End) -> int:
    width, height = values["size"]
    try:
        card = testcard.TestCard(width, height, values["format"], values["name"], values["fps"])
    except ValueError as error:
        raise BadOption(f"--size: {error}") from None
    with _open_publisher("testcard", values) as publisher:
        testcard.run(publisher, card, values["fps"], end.is_asked)
    return 0


def _run_rawvideo(values: dict[str, Any], end: _End) -> int:
    width, height = values["size"]
    row_bytes = width * values["format"].bytes_per_pixel
    stride = values["stride"] or row_bytes
    if stride < row_bytes:
        raise BadOption(f"--stride {stride}: a row has {row_bytes} bytes without padding")
    shape = rawvideo.FrameShape(width, height, values["format"], stride)
    with _open_stdin() as source:
        with _open_publisher("rawvideo", values) as publisher:
            try:
                frames = rawvideo.run(publisher, source, shape, end.is_asked)
            except rawvideo.TruncatedFrame as error:
                log.error("%s (%s: %d bytes a frame)", error, shape, shape.frame_bytes)
                return 1
    if frames == 0 and not end.is_asked():
        log.warning("stdin ended without a frame: did its writer start?")
    return 0


def _run_doctor(values: dict[str, Any], origin: str) -> int:
    status = 0
    try:
        for finding in doctor.examine(values["endpoint"], origin, values["timeout"]):
            print(finding, flush=True)
            if finding.verdict is doctor.Verdict.FAIL:
                status = 1
    except KeyboardInterrupt:
        status = 1
    return status


def _open_stdin() -> io.FileIO:
    try:
        source = open(0, "rb", buffering=0, closefd=False)
    except OSError as error:
        raise BadOption(f"stdin: {error.strerror}") from None
    if source.isatty():
        raise BadOption("stdin is a terminal: pipe raw frames into it")
    return source


def _open_publisher(command: str, values: dict[str, Any]) -> Publisher:
    try:
        return Publisher(
            values["name"],
            values["endpoint"],
            agent=f"headcam-agent {command}",
            version=__version__,
            fps=values["fps"],
        )
    except ValueError as error:
        raise BadOption(str(error)) from None


_TABLES = {
    "testcard": options.TESTCARD + options.COMMON,
    "rawvideo": options.RAWVIDEO + options.COMMON,
    "doctor": options.DOCTOR,
}
_RUN = {"testcard": _run_testcard, "rawvideo": _run_rawvideo}


def _build_parser() -> tuple[_Parser, dict[str, _Parser]]:
    parser = _Parser(
        prog="headcam-agent",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"headcam-agent {__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    commands = {}
    for name, summary, description in (
        ("testcard", "publish a moving test card", _TESTCARD),
        ("rawvideo", "publish raw frames from stdin", _RAWVIDEO),
        ("doctor", "say why no frames arrive, and what to do", _DOCTOR),
    ):
        commands[name] = subparsers.add_parser(
            name,
            help=summary,
            description=description,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        for option in _TABLES[name]:
            _add(commands[name], option)
    return parser, commands


def _add(parser: _Parser, option: Option) -> None:
    default = f"; default {option.default}" if option.default else ""
    text = f"{option.help} [{option.environment}{default}]"
    parser.add_argument(option.flag, metavar=option.metavar, help=text)


if __name__ == "__main__":
    sys.exit(main())
