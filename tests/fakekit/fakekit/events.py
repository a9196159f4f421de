# SPDX-License-Identifier: MIT
"""carb.events (1.0) and carb.eventdispatcher (2.0): who is called when, and until when.

Main thread. After carb/events/_events.pyi and carb/eventdispatcher/_eventdispatcher.pyi in
work-r-labs/isaacsim_typings_5. A subscription lives as long as its handle is referenced.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from fakekit.bindings import Item
from fakekit.journal import api

_sequence = itertools.count()


class Occurrence:
    """Something that happened, for listeners of both kinds; `own` ones are the fake's parts."""

    def __init__(self, event_type: int, event_name: str, payload: dict[str, Any]) -> None:
        self.stream = IEvent(event_type, payload)
        self.observer = Event(event_name, payload)
        self.own = payload


class _Subscriber:
    """One callback of a channel. kind: which form of an Occurrence it is called with."""

    def __init__(
        self, kind: str, function: Callable[[Any], None], order: int, name: str
    ) -> None:
        self.kind = kind
        self.function = function
        self.order = order
        self.name = name
        self.enabled = True
        self.is_gone = False
        self.sequence = next(_sequence)


class Channel:
    """The subscribers of one stream or event name, in their order."""

    def __init__(self, kit: Any, name: str) -> None:
        self.kit = kit
        self.name = name
        self._subscribers: list[_Subscriber] = []

    def __len__(self) -> int:
        """How many subscribers there are, without the fake's own."""
        return sum(subscriber.kind != "own" for subscriber in self._subscribers)

    def add(
        self, kind: str, function: Callable[[Any], None], order: int, name: str
    ) -> _Subscriber:
        """A new subscriber; it is not called by a dispatch that is under way."""
        if not callable(function):
            raise TypeError("incompatible function arguments: the callback cannot be called")
        subscriber = _Subscriber(kind, function, order, name)
        self._subscribers.append(subscriber)
        return subscriber

    def remove(self, subscriber: _Subscriber) -> None:
        """Ends a subscription, also in the middle of a dispatch."""
        subscriber.is_gone = True
        if subscriber in self._subscribers:
            self._subscribers.remove(subscriber)

    def dispatch(self, occurrence: Occurrence) -> int:
        """Calls everybody, lowest order first. Returns how many were called."""
        called = 0
        for subscriber in sorted(self._subscribers, key=lambda s: (s.order, s.sequence)):
            if subscriber.is_gone or not subscriber.enabled:
                continue
            if subscriber.kind == "own":
                subscriber.function(occurrence.own)
                continue
            if occurrence.stream.is_consumed:
                continue
            called += 1
            try:
                subscriber.function(getattr(occurrence, subscriber.kind))
            except Exception:
                self.kit.journal.callback_failed(f"{subscriber.name!r} on {self.name}")
        return called


class _Handle:
    """A subscription's holder. Dropping it ends the subscription."""

    __slots__ = ("_channel", "_subscriber", "__weakref__")

    def __init__(self, channel: Channel, subscriber: _Subscriber) -> None:
        self._channel = channel
        self._subscriber = subscriber

    def __del__(self) -> None:
        if not self._subscriber.is_gone:
            self._kit.journal.check_thread(f"the end of subscription {self.name!r}")
            self._channel.remove(self._subscriber)

    @property
    def _kit(self) -> Any:
        return self._channel.kit

    @property
    def name(self) -> str:
        return self._subscriber.name

    @property
    def order(self) -> int:
        return self._subscriber.order

    @order.setter
    def order(self, value: int) -> None:
        self._subscriber.order = value

    @property
    def enabled(self) -> bool:
        return self._subscriber.enabled

    @enabled.setter
    def enabled(self, value: bool) -> None:
        self._subscriber.enabled = value


class ISubscription(_Handle):
    """The handle of events 1.0."""

    __slots__ = ()

    @api("ISubscription.unsubscribe")
    def unsubscribe(self) -> None:
        self._channel.remove(self._subscriber)


class ObserverGuard(_Handle):
    """The handle of events 2.0."""

    __slots__ = ()

    @api("ObserverGuard.reset")
    def reset(self) -> None:
        self._channel.remove(self._subscriber)


class IEvent:
    """An event of a stream (1.0)."""

    __slots__ = ("type", "sender", "payload", "is_consumed")

    def __init__(self, type: int, payload: dict[str, Any]) -> None:
        self.type = type
        self.sender = 0
        self.payload = Item(payload)
        self.is_consumed = False

    def consume(self) -> None:
        self.is_consumed = True


class Event:
    """A dispatched event (2.0)."""

    __slots__ = ("event_name", "_payload")

    def __init__(self, event_name: str, payload: dict[str, Any]) -> None:
        self.event_name = event_name
        self._payload = payload

    @property
    def payload(self) -> dict[str, Any]:
        return dict(self._payload)

    def __getitem__(self, key_name: str) -> Any:
        return self._payload.get(key_name)

    def __contains__(self, item: object) -> bool:
        return item in self._payload

    def __len__(self) -> int:
        return len(self._payload)

    def get(self, key_name: str) -> Any:
        return self._payload.get(key_name)

    def has_key(self, key_name: str) -> bool:
        return key_name in self._payload


class IEventStream:
    """A stream of events 1.0. On Kit 107 and later it works on beside the dispatcher."""

    def __init__(self, kit: Any, channel: Channel) -> None:
        self._kit = kit
        self.name = channel.name
        self.channel = channel

    @api("IEventStream.create_subscription_to_pop")
    def create_subscription_to_pop(
        self, fn: Callable[[IEvent], None], order: int = 0, name: str | None = None
    ) -> ISubscription:
        return self._subscribe(fn, order, name)

    @api("IEventStream.create_subscription_to_pop_by_type")
    def create_subscription_to_pop_by_type(
        self,
        event_type: int,
        fn: Callable[[IEvent], None],
        order: int = 0,
        name: str | None = None,
    ) -> ISubscription:
        wanted = int(event_type)

        def of_type(event: IEvent) -> None:
            if event.type == wanted:
                fn(event)

        return self._subscribe(of_type, order, name)

    def _subscribe(
        self, fn: Callable[[IEvent], None], order: int, name: str | None
    ) -> ISubscription:
        subscriber = self.channel.add("stream", fn, order, name or "<python>")
        return ISubscription(self.channel, subscriber)


class EventDispatcher:
    """IEventDispatcher: observers by the name of the event."""

    def __init__(self, kit: Any) -> None:
        self._kit = kit
        self._channels: dict[str, Channel] = {}

    @property
    def observer_count(self) -> int:
        """Observers of all events."""
        return sum(len(channel) for channel in self._channels.values())

    def channel(self, event_name: str) -> Channel:
        """The channel of an event name."""
        return self._channels.setdefault(event_name, Channel(self._kit, event_name))

    def emit(self, event_name: str, payload: dict[str, Any]) -> int:
        """Dispatches an event of Kit's own."""
        return self.channel(event_name).dispatch(Occurrence(0, event_name, payload))

    @api("IEventDispatcher.observe_event")
    def observe_event(
        self,
        *,
        order: int = 0,
        event_name: str,
        on_event: Callable[[Event], None],
        filter: dict[str, Any] | None = None,
        observer_name: str = "<python>",
    ) -> ObserverGuard:
        if not isinstance(event_name, str):
            raise TypeError(f"incompatible function arguments: event_name={event_name!r}")
        if filter is not None:
            raise NotImplementedError("fakekit: observe_event() without a filter only")
        channel = self.channel(event_name)
        return ObserverGuard(channel, channel.add("observer", on_event, order, observer_name))

    @api("IEventDispatcher.dispatch_event")
    def dispatch_event(self, event_name: str, payload: dict[str, Any] | None = None) -> int:
        return self.emit(event_name, dict(payload or {}))


class Broadcast:
    """One source of events, for the listeners of both kinds: a stream, and names to observe."""

    def __init__(self, kit: Any, name: str) -> None:
        self._kit = kit
        self.stream = IEventStream(kit, Channel(kit, name))

    def send(self, event_type: int, event_name: str, payload: dict[str, Any]) -> None:
        """Calls the stream's subscribers, then, on Kit 107 and later, the name's observers."""
        self.stream.channel.dispatch(Occurrence(event_type, event_name, payload))
        if self._kit.profile.has_events_2:
            self._kit.dispatcher.emit(event_name, payload)
