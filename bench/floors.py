# SPDX-License-Identifier: MIT
"""The least that each part of the work costs here, and figures held against it pair by pair.

A virtual machine's cores change their speed by tens of percent within seconds. So a floor is
measured at the same time as the figure that it belongs to, on the cores in turn, in the pauses
between the source's frames; the two are compared window by window, and the median of these ratios
counts.
"""

from __future__ import annotations

import contextlib
import functools
import json
import statistics
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from harness import Bench, Measurement, Picture, Skip
from subjects import FPS, QUALITY, BareSend

SEND_BYTES = 100_000
MANY_VIEWERS = 500
BATCH = 40


@dataclass(frozen=True)
class Samples:
    """Single times of a floor: when it began in ns, CPU in ms, wall clock in ms."""

    bytes: int
    times: list[tuple[int, float, float]]

    def during(self, window: dict | None) -> list[tuple[int, float, float]]:
        if window is None:
            return self.times
        return [
            sample for sample in self.times if window["began_ns"] <= sample[0] < window["ended_ns"]
        ]

    def cpu_ms(self, window: dict | None = None) -> float:
        """The mean, as CPU time over a number of frames is one."""
        times = self.during(window)
        return statistics.fmean(cpu for _, cpu, _ in times) if times else 0.0

    def wall_ms(self, window: dict | None = None) -> float:
        """The median, as of a frame's age."""
        times = self.during(window)
        return statistics.median(wall for _, _, wall in times) if times else 0.0


@dataclass(frozen=True)
class Pairs:
    """A figure and its floor, measured several times side by side."""

    figures: list[float]
    floors: list[float]

    @classmethod
    def of(
        cls, measured: Measurement, figure: Callable[[dict], float], floor: Callable[[dict], float]
    ) -> Pairs:
        both = [(figure(window), floor(window)) for window in measured.windows if window["frames"]]
        both = [(value, least) for value, least in both if least > 0]
        if not both:
            raise Skip(f"{measured.subject}: its floor was not measured meanwhile")
        return cls([value for value, _ in both], [least for _, least in both])

    @property
    def figure(self) -> float:
        return statistics.median(self.figures)

    @property
    def floor(self) -> float:
        return statistics.median(self.floors)

    def ratios(self, extra: float = 0.0) -> list[float]:
        """Of what a figure has above extra."""
        return [(figure - extra) / floor for figure, floor in zip(self.figures, self.floors)]

    def ratio(self, extra: float = 0.0) -> float:
        return statistics.median(self.ratios(extra))


class Meanwhile:
    """A floor at work; `samples` is there afterwards."""

    samples: Samples


class Floors:
    """Measures floors, alone or while something else is measured."""

    def __init__(self, bench: Bench, big: Picture, small: Picture) -> None:
        self.bench = bench
        self.big = big
        self.small = small

    def _command(self, kind: str, picture: Picture, often: str, restart_rows: int) -> list:
        extra = [QUALITY, restart_rows] if kind == "encode" else []
        return [self.bench.program("floors"), kind, picture.rgba, picture.size, *extra, often]

    def alone(self, kind: str, picture: Picture, restart_rows: int = 0) -> Samples:
        """Without a pause between, for an overview."""
        command = [str(word) for word in self._command(kind, picture, str(BATCH), restart_rows)]
        done = subprocess.run(command, check=True, capture_output=True, timeout=60)
        return _samples(done.stdout)

    @contextlib.contextmanager
    def meanwhile(self, kind: str, picture: Picture) -> Iterator[Meanwhile]:
        """In the middle between the source's frames, for as long as the context lasts."""
        answer = self.bench.scratch("floor.json")
        work = Meanwhile()
        with open(answer, "wb") as output:
            process = self.bench.processes.start(
                "floors", self._command(kind, picture, f"{FPS}fps", 0), stdout=output
            )
        try:
            yield work
        finally:
            self.bench.processes.stop(process)
        if not answer.stat().st_size:
            raise Skip(f"the floor: {self.bench.processes.log_tail('floors')}")
        work.samples = _samples(answer.read_bytes())

    @functools.cached_property
    def encode_big(self) -> Samples:
        return self.alone("encode", self.big)

    def bare_send(self) -> BareSend:
        """A server that sends frames as headcam's, at the same rate, between headcam's."""
        return BareSend(self.bench, SEND_BYTES, FPS)

    @functools.cached_property
    def many_send(self) -> Measurement:
        """What the bare loop sends to MANY_VIEWERS."""
        with self.bare_send() as subject:
            return self.bench.measure(subject, MANY_VIEWERS, window=1.5, windows=1)

    @property
    def many_viewers(self) -> int:
        """MANY_VIEWERS, or as many as the bare loop could serve at the full rate."""
        return (
            MANY_VIEWERS
            if self.many_send.fps > 0.97 * FPS
            else int(self.many_send.frames_per_s / FPS)
        )


def _samples(output: bytes) -> Samples:
    raw = json.loads(output)
    return Samples(raw["bytes"], [(at, cpu, wall) for at, cpu, wall in raw["samples"]])
