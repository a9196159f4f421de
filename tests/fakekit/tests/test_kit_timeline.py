# SPDX-License-Identifier: MIT
"""The timeline. After omni.timeline's published API: commit() applies what is pending."""

import pytest


@pytest.fixture
def timeline(kit):
    """The default timeline."""
    import omni.timeline

    return omni.timeline.get_timeline_interface()


def test_time_runs_only_while_it_plays(kit, timeline):
    kit.update(3)
    assert timeline.get_current_time() == 0.0
    timeline.play()
    kit.update(6)
    assert timeline.get_current_time() == pytest.approx(6 / 60)
    timeline.pause()
    kit.update(3)
    assert timeline.get_current_time() == pytest.approx(6 / 60)
    assert not timeline.is_playing() and not timeline.is_stopped()
    timeline.stop()
    kit.update()
    assert timeline.get_current_time() == 0.0
    assert timeline.is_stopped()


def test_play_takes_effect_with_the_next_update_or_commit(kit, timeline):
    timeline.play()
    assert not timeline.is_playing()
    kit.update()
    assert timeline.is_playing()
    timeline.stop()
    timeline.commit()
    assert timeline.is_stopped()


def test_its_events_say_what_happened(kit, timeline):
    import omni.timeline

    seen = []
    kept = timeline.get_timeline_event_stream().create_subscription_to_pop(
        lambda e: seen.append(e.type)
    )
    timeline.play()
    kit.update()
    timeline.stop()
    timeline.commit_silently()
    assert seen == [int(omni.timeline.TimelineEventType.PLAY)]
    assert kept
