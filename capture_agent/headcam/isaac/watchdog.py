# SPDX-License-Identifier: MIT
"""Notices that the application does not update: a thread of its own, which never touches Kit."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

_SILENT_AFTER_S = 3.0
_TURN_S = 0.5


class Watchdog:
    """Calls `tell` once each time that there was no beat() for 3 s; with the wall clock's time of
    the last one, in seconds. Not before the first beat: until then nothing is late."""

    def __init__(self, tell: Callable[[float], None]) -> None:
        self._tell = tell
        self._beat_s: float | None = None
        self._is_ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="headcam-watchdog", daemon=True)

    def start(self) -> None:
        """Begins to watch."""
        self._thread.start()

    def beat(self) -> None:
        """An update."""
        self._beat_s = time.monotonic()

    def end(self) -> None:
        """No call of `tell` any more."""
        self._is_ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        told_s: float | None = None
        while not self._is_ended.wait(_TURN_S):
            beat_s, now_s = self._beat_s, time.monotonic()
            if beat_s is None or beat_s == told_s or now_s - beat_s < _SILENT_AFTER_S:
                continue
            told_s = beat_s
            self._tell(time.time() - (now_s - beat_s))
