# SPDX-License-Identifier: MIT
"""headcam inside Isaac Sim and Isaac Lab.

In a standalone script, after SimulationApp(...):

    import headcam.isaac

    headcam.isaac.start("viewport,front=/World/Robot/Camera@1280x720")

From a loop that has the pictures itself, with or without Kit:

    import headcam.isaac

    headcam.isaac.push("front", camera.data.output["rgb"], env=0)

The extension headcam.capture does start() with one flag: see docs/isaac-sim.md. To be called
from the main thread. Nothing of Kit is imported before start().
"""

from __future__ import annotations

import os
from typing import Any

from headcam.isaac import settings
from headcam.isaac.kit import Kit, NotInKit
from headcam.isaac.pushing import Pusher
from headcam.isaac.session import Session

__all__ = ["NotInKit", "Session", "push", "start", "stop"]

_session: Session | None = None
_pusher = Pusher()


def start(
    streams: str | None = None,
    *,
    endpoint: str | None = None,
    fps: float | None = None,
    resolution: str | tuple[int, int] | None = None,
    max_streams: int | None = None,
    rest_after: float | None = None,
) -> Session:
    """Streams cameras of the running application; ends what an earlier start() began.

    streams: "viewport", "NAME=/CAMERA/PRIM@WIDTHxHEIGHT", "NAME=viewport:WINDOW", "auto" for
        every camera prim of the stage; several with commas. By default the viewport.
    endpoint: the server's; by default $HEADCAM_INGEST, else ipc:///run/headcam/ingest.sock
    fps: frames per second, at most; by default 30
    resolution: (width, height) or "1280x720": of cameras that have none, and of the viewport
    max_streams: how many streams "auto" may make; by default 16
    rest_after: seconds after the last viewer until a stream's capture is detached; by default 10

    What is not given comes from Kit's settings (--/exts/headcam.capture/...), then from the
    environment. Raises NotInKit before SimulationApp(...), and ValueError for a wrong argument.
    """
    global _session
    kit = Kit()
    arguments = {
        "streams": streams,
        "endpoint": endpoint,
        "fps": fps,
        "resolution": resolution,
        "max_streams": max_streams,
        "rest_after": rest_after,
    }
    resolved = settings.resolve(kit.setting, arguments, os.environ)
    if _session is not None:
        _session.stop()
    _session = Session(kit, resolved)
    return _session


def stop() -> None:
    """Ends start() and push(): says goodbye, and leaves Kit as it was."""
    global _session
    session, _session = _session, None
    if session is not None:
        session.stop()
    _pusher.close()


def push(
    name: str,
    image: Any,
    *,
    env: int = 0,
    sim_time_s: float | None = None,
    endpoint: str | None = None,
) -> bool:
    """Publishes an image of the program's own if somebody watches; says whether it was sent.

    image: uint8, (height, width, 3 or 4) or (height, width); or a batch of them, (count, height,
        width, channels). A numpy array, a torch tensor or a warp array; on a GPU, too: it is
        copied to the host only if it is sent.
    env: which one of a batch
    sim_time_s: simulation time in seconds, if there is any
    endpoint: as for start(); of a stream's first image

    Raises nothing: what cannot be shown is logged, and told to the viewers.
    """
    return _pusher.push(name, image, env, sim_time_s, endpoint)
