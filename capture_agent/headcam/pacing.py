# SPDX-License-Identifier: MIT
"""When the next frame is due. Pure: the caller brings the time."""

from __future__ import annotations

import math

# How far a frame may be late and still keep the grid. A camera whose own rhythm is the wanted rate
# settles one period late, its jitter included: more than one, or it would lose frames for ever.
_FORGIVEN_PERIODS = 1.5
# A frame as little early as that is on time.
_EARLY_S = 0.0005


class Pacer:
    """Lets frames through at a rate that does not drift.

    Frames are due on a grid of one period, so a frame that comes late does not push the later
    ones back. A caller that falls far behind starts a new grid instead of catching up in a burst.
    Times in seconds on any clock that never goes back; rates in frames per second, 0 for none and
    math.inf for all.
    """

    def __init__(self) -> None:
        self._due_s: float | None = None
        self._fps = 0.0

    def reset(self) -> None:
        """Makes the next frame due at once."""
        self._due_s = None

    def delay(self, now_s: float, fps: float) -> float:
        """Seconds until a frame is due: 0.0 for now, math.inf for never."""
        if fps <= 0.0:
            return math.inf
        if self._due_s is None or math.isinf(fps):
            return 0.0
        self._change_rate(fps)
        delay_s = self._due_s - now_s
        return delay_s if delay_s > _EARLY_S else 0.0

    def take(self, now_s: float, fps: float) -> bool:
        """Whether a frame may be taken now; if so, the next one is due a period later."""
        if self.delay(now_s, fps) > 0.0:
            return False
        period_s = 0.0 if math.isinf(fps) else 1.0 / fps
        if self._due_s is None or self._due_s < now_s - _FORGIVEN_PERIODS * period_s:
            self._due_s = now_s
        self._due_s += period_s
        self._fps = fps
        return True

    def _change_rate(self, fps: float) -> None:
        """Moves the next frame to where the new rate has it, seen from the last frame."""
        if fps == self._fps or self._due_s is None:
            return
        old_period_s = 0.0 if math.isinf(self._fps) else 1.0 / self._fps
        self._due_s += 1.0 / fps - old_period_s
        self._fps = fps
