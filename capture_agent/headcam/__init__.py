# SPDX-License-Identifier: MIT
"""headcam's capture agent: hands frames to the headcam server, while somebody watches.

    import headcam

    with headcam.Publisher("front") as camera:
        while running:
            if camera.due():
                camera.publish(render())        # numpy uint8, (H, W, 4) RGBA
"""

from headcam._version import __version__
from headcam.publisher import Frame, Publisher
from headcam.transport import Stats
from headcam.wire import PixelFormat, State

__all__ = ["Frame", "PixelFormat", "Publisher", "State", "Stats", "__version__"]
