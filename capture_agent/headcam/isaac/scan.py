# SPDX-License-Identifier: MIT
"""Which cameras the stage has: found by visiting all its prims, so seldom that it costs nothing."""

from __future__ import annotations

import time

from headcam.isaac.kit import Kit

_EVERY_S = 2.0
# A scan may take this share of the time: one of 40 ms comes every 40 s.
_SHARE = 0.001


class CameraScan:
    """The stage's camera prims, as of the last scan. On Kit's main thread."""

    def __init__(self, kit: Kit) -> None:
        self._kit = kit
        self._at_s = 0.0
        self._paths: tuple[str, ...] = ()

    def paths(self, now_s: float) -> tuple[str, ...]:
        """Scans if it is time to. Raises what Kit raises."""
        if now_s >= self._at_s:
            began_s = time.perf_counter()
            self._at_s = now_s + _EVERY_S  # if it raises, too
            self._paths = tuple(self._kit.camera_paths())
            took_s = time.perf_counter() - began_s
            self._at_s = now_s + max(_EVERY_S, took_s / _SHARE)
        return self._paths

    def forget(self) -> None:
        """Another stage: the next call scans."""
        self._at_s = 0.0
        self._paths = ()
