# SPDX-License-Identifier: MIT
"""The update loop: who is called when, which versions are told, how it ends."""

import sys

import fakekit
import pytest


def test_the_versions_are_the_profiles(kit):
    import omni.kit.app

    app = omni.kit.app.get_app()
    assert app.get_app_version() == kit.profile.isaac
    assert app.get_kit_version().startswith(kit.profile.kit + "+")
    replicator = app.get_extension_manager().get_enabled_extension_id("omni.replicator.core")
    assert replicator == f"omni.replicator.core-{kit.profile.replicator}"


def test_events_2_came_with_kit_107(kit):
    """Kit manual 107, Legacy Events; _app.pyi in work-r-labs/isaacsim_typings_5."""
    import omni.kit.app

    has_names = hasattr(omni.kit.app, "GLOBAL_EVENT_POST_UPDATE")
    assert has_names == (kit.profile.isaac in ("5.1.0", "6.0.0"))
    if not has_names:
        with pytest.raises(ModuleNotFoundError):
            import carb.eventdispatcher  # noqa: F401


def test_an_update_callback_comes_before_its_rendering_and_post_update_after(kit, reader):
    """omni.kit.app, UPDATE_ORDER_HYDRA_RENDER = 30."""
    import omni.kit.app

    app, seen = omni.kit.app.get_app(), []
    product = kit.renderer.products[reader(kit).product.path]
    kit.update_until(lambda: product.renders)
    before = product.renders
    subscriptions = [
        stream.create_subscription_to_pop(lambda e, name=name: seen.append((name, product.renders)))
        for name, stream in (
            ("update", app.get_update_event_stream()),
            ("post", app.get_post_update_event_stream()),
        )
    ]
    kit.update()
    assert seen == [("update", before), ("post", before + 1)]
    assert len(subscriptions) == 2


@pytest.mark.parametrize("profile", ["5.1", "6.0"])
def test_observers_keep_their_order_among_the_streams_subscribers(make_kit, profile):
    """An observer of GLOBAL_EVENT_UPDATE is before the rendering, too."""
    kit = make_kit(profile)
    import carb.eventdispatcher
    import omni.kit.app

    seen = []
    stream = omni.kit.app.get_app().get_update_event_stream()
    kept = [
        stream.create_subscription_to_pop(lambda e: seen.append("stream 5"), order=5),
        carb.eventdispatcher.get_eventdispatcher().observe_event(
            event_name=omni.kit.app.GLOBAL_EVENT_UPDATE,
            on_event=lambda e: seen.append(f"observer {e['dt']:.4f}"),
        ),
    ]
    kit.update()
    assert seen == ["observer 0.0167", "stream 5"]
    assert kept


def test_update_within_an_update_is_a_violation(kit):
    import omni.kit.app

    app = omni.kit.app.get_app()
    kept = app.get_post_update_event_stream().create_subscription_to_pop(lambda e: app.update())
    kit.update()
    assert [v.kind for v in kit.journal.violations] == ["nested-update", "callback-raised"]
    assert kept


def test_post_quit_ends_the_loop_and_says_so_first(kit):
    import omni.kit.app

    kinds = []
    app = omni.kit.app.get_app()
    kept = [
        app.get_shutdown_event_stream().create_subscription_to_pop(lambda e: kinds.append(e.type)),
        app.get_post_update_event_stream().create_subscription_to_pop(lambda e: app.post_quit(7)),
    ]
    with pytest.raises(fakekit.ProcessExit) as ended:
        kit.run()
    assert ended.value.code == 7
    assert kinds == [omni.kit.app.POST_QUIT_EVENT_TYPE, omni.kit.app.PRE_SHUTDOWN_EVENT_TYPE]
    assert not app.is_running()
    assert kept


@pytest.mark.parametrize("profile", ["5.1", "6.0"])
def test_pre_shutdown_can_be_observed(make_kit, profile):
    kit = make_kit(profile, settings=(("/app/fastShutdown", False),))
    import carb.eventdispatcher
    import omni.kit.app

    names = []
    guard = carb.eventdispatcher.get_eventdispatcher().observe_event(
        event_name=omni.kit.app.GLOBAL_EVENT_PRE_SHUTDOWN,
        on_event=lambda e: names.append(e.event_name),
    )
    kit.app.quit(0)
    assert kit.run() == 0
    assert names == [omni.kit.app.GLOBAL_EVENT_PRE_SHUTDOWN]
    assert guard


def test_what_kit_does_not_have_is_not_there(kit):
    import omni.kit.app

    with pytest.raises(AttributeError):
        omni.kit.app.get_app().get_frame_number()
    with pytest.raises(TypeError):
        omni.kit.app.get_app().post_quit(code=1)
    with pytest.raises(ModuleNotFoundError):
        import omni.kit.nothing  # noqa: F401
    has_kernel_version = hasattr(omni.kit.app.get_app(), "get_kernel_version")
    assert has_kernel_version == (kit.profile.isaac != "2023.1.1")


def test_nothing_is_left_in_sys_modules(make_kit):
    before = {name for name in sys.modules if name.split(".")[0] in ("omni", "carb", "pxr")}
    with fakekit.install(fakekit.Kit()):
        import omni.kit.app  # noqa: F401
    after = {name for name in sys.modules if name.split(".")[0] in ("omni", "carb", "pxr")}
    assert before == after == set()


def test_two_kits_at_once_are_refused(make_kit):
    make_kit()
    with pytest.raises(RuntimeError, match="installed already"):
        with fakekit.install(fakekit.Kit()):
            pass
