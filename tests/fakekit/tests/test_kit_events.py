# SPDX-License-Identifier: MIT
"""Subscriptions: how long they last, in which order they are called, what they are told.

After carb/events/_events.pyi and carb/eventdispatcher/_eventdispatcher.pyi in
work-r-labs/isaacsim_typings_5.
"""

import pytest


@pytest.fixture
def stream(kit):
    """The post-update stream."""
    import omni.kit.app

    return omni.kit.app.get_app().get_post_update_event_stream()


def test_a_subscription_ends_with_its_handle(kit, stream):
    calls = []
    handle = stream.create_subscription_to_pop(lambda e: calls.append(1), name="test")
    kit.update()
    assert kit.census().subscriptions == 1
    del handle
    kit.update()
    assert len(calls) == 1
    assert kit.census().subscriptions == 0


def test_unsubscribe_ends_it_too(kit, stream):
    calls = []
    handle = stream.create_subscription_to_pop(lambda e: calls.append(1))
    handle.unsubscribe()
    kit.update()
    assert not calls
    assert kit.census().subscriptions == 0


def test_a_handle_that_is_not_kept_is_never_called(kit, stream):
    calls = []
    stream.create_subscription_to_pop(lambda e: calls.append(1))
    kit.update()
    assert not calls


def test_lower_orders_are_called_first(kit, stream):
    calls = []
    kept = [
        stream.create_subscription_to_pop(lambda e, n=n: calls.append(n), order=n)
        for n in (5, -5, 0)
    ]
    kit.update()
    assert calls == [-5, 0, 5]
    assert kept


def test_an_exception_is_logged_and_the_others_are_called(kit, stream):
    def fail(event):
        raise ValueError("broken callback")

    calls = []
    kept = [
        stream.create_subscription_to_pop(fail, name="bad"),
        stream.create_subscription_to_pop(calls.append),
    ]
    kit.update()
    assert len(calls) == 1
    assert [v.kind for v in kit.journal.violations] == ["callback-raised"]
    assert "broken callback" in kit.journal.log[-1].text
    assert kept


def test_events_of_streams_have_a_type_and_items_in_their_payload(kit, stream):
    seen = []
    kept = stream.create_subscription_to_pop(seen.append)
    kit.update()
    assert seen[0].payload["dt"] == pytest.approx(1 / 60)
    assert seen[0].payload["nothing"] is None
    with pytest.raises(AttributeError):
        seen[0].event_name
    assert kept


@pytest.mark.parametrize("profile", ["5.1", "6.0"])
def test_an_observer_ends_with_its_guard_or_by_reset(make_kit, profile):
    kit = make_kit(profile)
    import carb.eventdispatcher
    import omni.kit.app

    def observe(calls):
        return carb.eventdispatcher.get_eventdispatcher().observe_event(
            event_name=omni.kit.app.GLOBAL_EVENT_POST_UPDATE,
            on_event=calls.append,
            observer_name="test",
        )

    dropped, reset, kept = [], [], []
    guards = [observe(dropped), observe(reset), observe(kept)]
    guards[1].reset()
    del guards[0]
    kit.update()
    assert (len(dropped), len(reset), len(kept)) == (0, 0, 1)
    assert kit.census().subscriptions == 1


def test_observe_event_takes_keywords_alone(make_kit):
    make_kit("5.1")
    import carb.eventdispatcher

    with pytest.raises(TypeError):
        carb.eventdispatcher.get_eventdispatcher().observe_event("postUpdate", print)
