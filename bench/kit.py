# SPDX-License-Identifier: MIT
"""headcam inside the fake Isaac Sim: how long its update loop spends in the agent.

Usage: kit.py ENDPOINT NAME FRAMES SIZE FPS ring RESULT

The viewport, at 60 updates a second, is streamed as NAME; the fake draws its own picture, and does
not look at FRAMES. At SIGTERM it writes JSON to RESULT: for each update in which nobody watched,
and for each that published a frame, the time inside the agent's callback; and for each frame that
of copying as many bytes, measured just after it. In ns.
"""

import json
import os
import pathlib
import signal
import sys
import time

import fakekit

from headcam.isaac import settings
from headcam.isaac.kit import Kit
from headcam.isaac.session import Session

WARM_UP_UPDATES = 120


class TimedKit(Kit):
    """Kit, with a stopwatch around what it calls after each update."""

    last_ns = 0

    def on_update(self, call):
        def timed():
            began = time.perf_counter_ns()
            call()
            self.last_ns = time.perf_counter_ns() - began

        return super().on_update(timed)


def main() -> None:
    endpoint, name, _, size, fps, _, result = sys.argv[1:]
    is_over = []
    signal.signal(signal.SIGTERM, lambda *_: is_over.append(True))
    simulator = fakekit.Kit("5.1", fakekit.Options(real_time=True))
    times = {"unwatched": [], "frame": [], "copy": []}
    width, height = map(int, size.split("x"))
    source, target = os.urandom(width * height * 4), bytearray(width * height * 4)
    with fakekit.install(simulator):
        kit = TimedKit()
        arguments = {"endpoint": endpoint, "streams": f"{name}=viewport@{size}", "fps": fps}
        session = Session(kit, settings.resolve(kit.setting, arguments, {}))
        (feed,) = session.feeds
        simulator.update(WARM_UP_UPDATES)
        while not is_over:
            before = feed.publisher.stats.frames_published
            simulator.update()
            if not feed.publisher.wanted:
                times["unwatched"].append(kit.last_ns)
            elif feed.publisher.stats.frames_published > before:
                times["frame"].append(kit.last_ns)
                began = time.perf_counter_ns()
                target[:] = source
                times["copy"].append(time.perf_counter_ns() - began)
        session.stop()
    pathlib.Path(result).write_text(json.dumps(times))


main()
