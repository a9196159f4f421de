# SPDX-License-Identifier: MIT
"""The Kit extension headcam.capture: start() when it is enabled, stop() when it is disabled.

Kit imports this module because config/extension.toml names it, and looks in it for classes of
omni.ext.IExt.
"""

from __future__ import annotations

import importlib
import logging
from typing import Any

from headcam import isaac
from headcam.isaac.kit import Kit


# Not IExt itself: of that, too, Kit would make an object, as of every such class it finds here.
_ext: Any = importlib.import_module("omni.ext")


class HeadcamCapture(_ext.IExt):  # type: ignore[misc]
    """Streams what --/exts/headcam.capture/streams names; a wrong setting is logged."""

    def on_startup(self, ext_id: str) -> None:
        """Called by Kit."""
        try:
            isaac.start()
        except ValueError as error:
            Kit().log(logging.ERROR, f"headcam: nothing is streamed: {error}")

    def on_shutdown(self) -> None:
        """Called by Kit."""
        isaac.stop()
