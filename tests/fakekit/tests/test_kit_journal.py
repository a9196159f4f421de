# SPDX-License-Identifier: MIT
"""What a test sees of the code under test, and the failures that it injects."""

import threading

import pytest


def call_in_thread(function):
    """Calls it in a thread and waits for that."""
    thread = threading.Thread(target=function, name="worker")
    thread.start()
    thread.join()


def test_a_call_off_the_main_thread_is_a_violation(kit):
    import carb.settings
    import omni.timeline
    import omni.usd

    stage = omni.usd.get_context().get_stage()
    calls = [
        lambda: carb.settings.get_settings().get("/app/asyncRendering"),
        omni.timeline.get_timeline_interface().is_playing,
        lambda: stage.GetPrimAtPath("/World"),
        stage.GetPrimAtPath("/World").GetName,
    ]
    for call in calls:
        call_in_thread(call)
    assert [v.kind for v in kit.journal.violations] == ["thread"] * len(calls)
    assert all("worker" in v.what for v in kit.journal.violations)


def test_reading_from_an_annotator_in_a_thread_is_one_too(kit, reader):
    mine = reader(kit)
    mine.wait()
    call_in_thread(mine.annotator.get_data)
    assert [v.kind for v in kit.journal.violations] == ["thread"]


def test_dropping_a_subscription_in_a_thread_is_one_too(kit):
    import omni.kit.app

    stream = omni.kit.app.get_app().get_post_update_event_stream()
    kept = [stream.create_subscription_to_pop(print, name="mine")]
    call_in_thread(kept.clear)
    assert [v.kind for v in kit.journal.violations] == ["thread"]
    assert "'mine'" in kit.journal.violations[0].what
    assert kit.census().subscriptions == 0


def test_the_log_may_be_written_from_any_thread(kit):
    import carb

    call_in_thread(lambda: carb.log_warn("from a thread"))
    assert not kit.journal.violations
    assert (kit.journal.log[-1].level, kit.journal.log[-1].text) == ("warn", "from a thread")


def test_calls_are_counted(kit, reader):
    mine = reader(kit)
    for _ in range(3):
        mine.annotator.get_data()
    assert kit.journal.calls["Annotator.get_data"] == 3


def test_a_failure_can_be_injected_once_or_for_good(kit, reader):
    mine = reader(kit)
    kit.journal.fail("Annotator.get_data", RuntimeError("out of memory"))
    with pytest.raises(RuntimeError, match="out of memory"):
        mine.annotator.get_data()
    mine.wait()
    kit.journal.fail("Annotator.get_data", RuntimeError("for good"), times=None)
    for _ in range(3):
        with pytest.raises(RuntimeError, match="for good"):
            mine.annotator.get_data()
    kit.journal.heal("Annotator.get_data")
    assert mine.picture() is not None


def test_properties_can_fail_as_well(kit):
    from omni.kit.viewport.utility import get_active_viewport

    kit.journal.fail("ViewportAPI.render_product_path", RuntimeError("no product"))
    with pytest.raises(RuntimeError, match="no product"):
        get_active_viewport().render_product_path


def test_a_name_that_no_call_has_is_refused(kit):
    with pytest.raises(KeyError, match="Annotator.get_data"):
        kit.journal.fail("Annotator.read", RuntimeError())
    with pytest.raises(ValueError, match="times is 0"):
        kit.journal.fail("Annotator.get_data", RuntimeError(), times=0)
