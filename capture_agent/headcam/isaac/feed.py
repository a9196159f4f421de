# SPDX-License-Identifier: MIT
"""One stream: its source read when a frame is due, its state told when there is none.

Called on Kit's main thread. Nothing here raises: what goes wrong is logged, told, and tried again.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable
from typing import Any

from headcam.isaac import reasons
from headcam.isaac.kit import Buffer, NoReplicator
from headcam.isaac.pictures import brightness
from headcam.isaac.sources import Source
from headcam.publisher import Publisher
from headcam.wire import PixelFormat, State

log = logging.getLogger("headcam")

# So long without a picture is no news yet: a viewer has come, an annotator has been attached.
_PATIENCE_S = 0.5
_BRIGHTNESS_EVERY_S = 1.0
# Where a due picture is not there yet, it is asked for so often, however low the rate is.
_ASK_AGAIN_S = 0.05
_RETRY_S = 1.0
_RETRY_MOST_S = 30.0


@dataclasses.dataclass(frozen=True)
class Moment:
    """One update: its number, the monotonic clock, and the simulation's time."""

    update: int
    now_s: float
    sim_time_ns: int


class Feed:
    """What a session keeps of one stream.

    `rest_after_s`: so long after the last viewer its source is detached.
    """

    def __init__(
        self, name: str, publisher: Publisher, fps: float, rest_after_s: float
    ) -> None:
        self.name = name
        self.publisher = publisher
        self.source: Source | None = None  # set once, by whoever makes it
        self.has_picture = False  #: since the stage was opened
        self._fps = fps
        self._rest_after_s = rest_after_s
        self._wanted_s: float | None = None
        self._without_since_s: float | None = None
        self._ask_again_at_s = 0.0
        self._brightness_at_s = 0.0
        self._retry_at_s = 0.0
        self._retry_s = _RETRY_S
        self._failure = ""
        self._no_replicator = ""
        self._black = ""
        self._moment: Moment | None = None

    def capture(self, now_s: float, moment: Callable[[], Moment]) -> None:
        """Somebody watches: publishes a frame if one is due."""
        self._wanted_s = now_s
        if now_s < self._retry_at_s or not self._is_due(now_s):
            return
        try:
            self._moment = moment()
            self._read(self._moment)
        except NoReplicator as error:
            self._no_replicator = str(error)
            self._retry_later(now_s)
        except Exception as error:
            self._fail(error, now_s)

    def deliver(self, buffer: Buffer) -> None:
        """A picture that came by itself; it counts as of the update that asked for it."""
        if self._moment is None:
            return
        try:
            self._publish_buffer(buffer, self._moment)
        except Exception as error:
            self._fail(error, self._moment.now_s)

    def _publish_buffer(self, buffer: Buffer, moment: Moment) -> None:
        self.publisher.publish(
            buffer.pixels,
            width=buffer.width,
            height=buffer.height,
            stride=buffer.stride,
            format=buffer.format,
            sim_time_ns=moment.sim_time_ns,
            update=moment.update,
        )
        self._has_published(buffer.pixels, moment.now_s)

    def look(self, now_s: float, app: reasons.Facts) -> None:
        """About once a second, watched or not: rests, and tells what has changed.

        `app` has what is known of the application.
        """
        try:
            self._look(now_s, app)
        except Exception as error:
            self._fail(error, now_s)

    def drop(self) -> None:
        """The stage closes."""
        self._guard("drop")
        self.has_picture = False
        self._failure = self._black = ""
        self._retry_at_s, self._retry_s = 0.0, _RETRY_S

    def tell(self, reason: str) -> None:
        """Tells why there is no picture, where that is known without a look."""
        self.publisher.announce(self._missing_state, reason)

    def close(self) -> None:
        """Undoes what was done in Kit. The publisher is somebody else's to close."""
        self._guard("close")

    def _is_due(self, now_s: float) -> bool:
        if self._without_since_s is None:
            return self.publisher.due(self._fps)
        return now_s >= self._ask_again_at_s

    def _read(self, moment: Moment) -> None:
        assert self.source
        picture = self.source.read(moment.update, moment.now_s)
        if picture is None:
            if self._without_since_s is None:
                self._without_since_s = moment.now_s
            self._ask_again_at_s = moment.now_s + _ASK_AGAIN_S
            return
        self.publisher.publish(
            picture, sim_time_ns=moment.sim_time_ns, update=moment.update
        )
        self._has_published(picture, moment.now_s)

    def _has_published(self, picture: Any, now_s: float) -> None:
        self.has_picture = True
        self._without_since_s = None
        self._failure = self._no_replicator = ""
        self._retry_s = _RETRY_S
        if now_s >= self._brightness_at_s:
            self._brightness_at_s = now_s + _BRIGHTNESS_EVERY_S
            seen = brightness(picture)
            self._black = reasons.explain_black(seen.mean) if seen.is_black else ""
            self.publisher.announce(State.LIVE, self._black)

    def _look(self, now_s: float, app: reasons.Facts) -> None:
        assert self.source
        self.source.look()
        if self.publisher.wanted:
            if self._without_since_s is None or now_s - self._without_since_s < _PATIENCE_S:
                return
        else:
            self._without_since_s = None
            if now_s >= self._retry_at_s:
                self._failure = ""  # for all that is known, the next viewer gets pictures
            if self._wanted_s is not None and now_s - self._wanted_s >= self._rest_after_s:
                self._wanted_s = None
                self.source.rest()
        self._tell(self._explain(app))

    def _explain(self, app: reasons.Facts) -> str:
        """What is missing; "" where, as far as can be seen, a viewer would get pictures."""
        assert self.source
        if self._failure:
            return self._failure
        facts = dataclasses.replace(
            self.source.facts(),
            is_renderer_enabled=app.is_renderer_enabled,
            no_replicator=self._no_replicator,
            has_stage=app.has_stage,
            loading=app.loading,
            cameras=app.cameras,
            missing_extensions=app.missing_extensions,
            failure=app.failure,
        )
        if facts.loading and self.has_picture and not self.publisher.wanted:
            facts = dataclasses.replace(facts, loading=None)
        reason = reasons.explain(facts)
        if reason:
            return reason
        if self.publisher.wanted:
            return reasons.WARMING_UP
        if facts.has_rendered is None and not self.has_picture:
            return reasons.FIRST_VIEWER
        return ""

    def _tell(self, reason: str) -> None:
        size = self.source.size if self.source else None
        width, height = size or (None, None)
        self.publisher.announce(
            self._missing_state if reason else State.LIVE,
            reason or self._black,
            width=width,
            height=height,
            format=PixelFormat.RGBA if size else None,
        )

    @property
    def _missing_state(self) -> State:
        return State.STALLED if self.has_picture else State.STARTING

    def _fail(self, error: Exception, now_s: float) -> None:
        failure = reasons.explain_failure(error)
        if failure != self._failure:
            log.warning("stream %s: %s", self.name, failure, exc_info=error)
        self._failure = failure
        self._guard("fail")
        self._retry_later(now_s)
        self.tell(failure)

    def _retry_later(self, now_s: float) -> None:
        self._without_since_s = now_s - _PATIENCE_S
        self._retry_at_s = now_s + self._retry_s
        self._retry_s = min(2 * self._retry_s, _RETRY_MOST_S)

    def _guard(self, what: str) -> None:
        """Calls a method of the source; what that raises is no news any more."""
        try:
            getattr(self.source, what)()
        except Exception as error:
            log.debug("stream %s: %s failed: %s", self.name, what, error)
