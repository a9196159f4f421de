# SPDX-License-Identifier: MIT
"""A capture agent that costs nothing but its publishing: headcam's Publisher over ready frames.

Usage: agent.py ENDPOINT NAME FRAMES SIZE FPS ring|inline

What its process spends while somebody watches, less what it spends while nobody does, is the figure
of "agent CPU a frame".
"""

import math
import signal
import sys
import time

import numpy

from headcam import Publisher, ring


def main() -> None:
    endpoint, name, path, size, rate, transport = sys.argv[1:]
    width, height = map(int, size.split("x"))
    frames = numpy.fromfile(path, numpy.uint8).reshape(-1, height, width, 4)
    order = [*range(len(frames)), *range(len(frames) - 2, 0, -1)]
    fps = float(rate)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))

    if transport == "inline":
        ring.sites = lambda _: ()  # nowhere to put one; there is no option for that

    with Publisher(name, endpoint) as camera:
        # On the bench's grid of CLOCK_MONOTONIC, as the producer in C.
        tick = math.ceil(time.monotonic() * fps)
        while True:
            time.sleep(max(0.0, tick / fps - time.monotonic()))
            if camera.due():
                camera.publish(frames[order[tick % len(order)]])
            tick += 1


main()
