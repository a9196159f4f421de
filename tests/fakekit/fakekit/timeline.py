# SPDX-License-Identifier: MIT
"""omni.timeline: the simulation's clock. Main thread.

After omni.timeline 1.0's published API (extspubs). play(), pause() and stop() only ask: they take
effect at the next update, or at commit().
"""

from __future__ import annotations

from typing import Any

from fakekit.bindings import bound_enum
from fakekit.events import Broadcast
from fakekit.journal import api

TimelineEventType = bound_enum("TimelineEventType", PLAY=0, PAUSE=1, STOP=2)


class Timeline:
    """The default timeline: 60 time codes per second, no end."""

    def __init__(self, kit: Any) -> None:
        self._kit = kit
        self._events = Broadcast(kit, "timeline")
        self._state = TimelineEventType.STOP
        self._asked: Any = None
        self._time_s = 0.0
        self._asked_time_s: float | None = None

    def step(self, dt: float) -> None:
        """One update: what was asked for takes effect; the time runs while it plays."""
        self._apply(with_events=True)
        if self._state == TimelineEventType.PLAY:
            self._time_s += dt

    def ask(self, state: Any) -> None:
        """Asks for a state, as play(), pause() and stop() do."""
        self._asked = state

    @property
    def subscription_count(self) -> int:
        """Subscribers of its stream."""
        return len(self._events.stream.channel)

    def _apply(self, with_events: bool) -> None:
        if self._asked_time_s is not None:
            self._time_s, self._asked_time_s = self._asked_time_s, None
        asked, self._asked = self._asked, None
        if asked is None or asked == self._state:
            return
        self._state = asked
        if asked == TimelineEventType.STOP:
            self._time_s = 0.0
        if with_events:
            name = f"omni.timeline:{asked.name.lower()}"
            self._events.send(int(asked), name, {"currentTime": self._time_s})

    @api("Timeline.play")
    def play(
        self, start_timecode: float = 0, end_timecode: float = 0, looping: bool = True
    ) -> None:
        self.ask(TimelineEventType.PLAY)

    @api("Timeline.pause")
    def pause(self) -> None:
        self.ask(TimelineEventType.PAUSE)

    @api("Timeline.stop")
    def stop(self) -> None:
        self.ask(TimelineEventType.STOP)

    @api("Timeline.commit")
    def commit(self) -> None:
        self._apply(with_events=True)

    @api("Timeline.commit_silently")
    def commit_silently(self) -> None:
        self._apply(with_events=False)

    @api("Timeline.is_playing")
    def is_playing(self) -> bool:
        return self.is_running

    @property
    def is_running(self) -> bool:
        """As is_playing(), for the fake itself."""
        return bool(self._state == TimelineEventType.PLAY)

    @api("Timeline.is_stopped")
    def is_stopped(self) -> bool:
        return bool(self._state == TimelineEventType.STOP)

    @api("Timeline.get_current_time")
    def get_current_time(self) -> float:
        return self._time_s

    @api("Timeline.set_current_time")
    def set_current_time(self, time_in_seconds: float) -> None:
        self._asked_time_s = float(time_in_seconds)

    @api("Timeline.get_time_codes_per_seconds")
    def get_time_codes_per_seconds(self) -> float:
        return 60.0

    @api("Timeline.get_timeline_event_stream")
    def get_timeline_event_stream(self) -> Any:
        return self._events.stream
