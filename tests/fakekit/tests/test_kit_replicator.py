# SPDX-License-Identifier: MIT
"""Render products and annotators, with the bugs of each release.

After omni.replicator.core's scripts/annotators.py, orchestrator.py, utils/annotator_utils.py and
utils/viewport_manager.py, and its CHANGELOG.
"""

import fakekit
import pytest

CAMERA = "/World/robot/front"
NEW = ["4.5", "5.1", "6.0"]


@pytest.fixture
def rep(kit):
    """omni.replicator.core."""
    import omni.replicator.core

    return omni.replicator.core


def rgb(rep, path, **options):
    """An rgb annotator, attached."""
    return rep.AnnotatorRegistry.get_annotator("rgb", **options).attach([path])


# ---- render products ----


def test_without_a_name_a_product_is_used_again(rep):
    first = rep.create.render_product(CAMERA, (64, 48))
    assert rep.create.render_product(CAMERA, (64, 48)) is first
    assert rep.create.render_product(CAMERA, (64, 48), force_new=True) is not first
    assert rep.create.render_product(CAMERA, (32, 24)) is not first


def test_with_a_name_it_is_always_new_and_the_path_is_free(rep, kit):
    first = rep.create.render_product(CAMERA, (64, 48), name="mine")
    second = rep.create.render_product(CAMERA, (64, 48), name="mine")
    prefix = kit.profile.product_prefix
    assert (first.path, second.path) == (f"{prefix}mine", f"{prefix}mine_01")


def test_a_name_has_to_be_one_in_usd(rep):
    with pytest.raises(RuntimeError, match="Ill-formed SdfPath"):
        rep.create.render_product(CAMERA, (64, 48), name="my camera")


def test_a_product_is_a_prim_until_it_is_destroyed(rep, kit):
    import omni.usd

    product = rep.create.render_product(CAMERA, (64, 48), name="mine")
    prim = omni.usd.get_context().get_stage().GetPrimAtPath(product.path)
    assert prim.GetTypeName() == "RenderProduct"
    product.destroy()
    assert not prim.IsValid()
    assert product.hydra_texture is None
    assert kit.census() == fakekit.Census(0, 0, 0)


def test_destroying_while_kit_owns_the_loop_is_a_violation(kit, rep):
    import omni.kit.app

    app = omni.kit.app.get_app()
    product = rep.create.render_product(CAMERA, (64, 48), name="mine")

    def end(event):
        product.destroy()
        app.post_quit()

    kept = app.get_post_update_event_stream().create_subscription_to_pop(end)
    with pytest.raises(fakekit.ProcessExit):
        kit.run()
    assert [v.kind for v in kit.journal.violations] == ["destroy-while-kit-runs"]
    assert kept


def test_a_product_whose_updates_are_off_does_not_render(kit, rep):
    product = rep.create.render_product(CAMERA, (64, 48), name="mine")
    kit.update(10)
    product.hydra_texture.set_updates_enabled(False)
    renders = kit.renderer.products[product.path].renders
    kit.update(10)
    assert kit.renderer.products[product.path].renders == renders > 0


# ---- annotators: attaching ----


@pytest.mark.parametrize("form", [lambda p: [p.path], lambda p: p.path, lambda p: p, lambda p: [p]])
def test_attach_takes_a_product_in_these_forms(kit, rep, form):
    product = rep.create.render_product(CAMERA, (64, 48), name="mine")
    annotator = rep.AnnotatorRegistry.get_annotator("rgb")
    assert annotator.attach(form(product)) is annotator
    kit.update(10)
    assert annotator.get_data().shape == (48, 64, 4)


def test_more_than_one_product_is_not_implemented(kit, rep):
    paths = [rep.create.render_product(CAMERA, (64, 48), name=n).path for n in ("a", "b")]
    with pytest.raises(NotImplementedError, match="a list of render products"):
        rep.AnnotatorRegistry.get_annotator("rgb").attach(paths)


def test_unknown_annotators_devices_and_arguments_are_refused(kit, rep):
    errors = rep.annotators
    with pytest.raises(errors.AnnotatorRegistryError, match="`depth`"):
        rep.AnnotatorRegistry.get_annotator("depth")
    with pytest.raises(errors.AnnotatorRegistryError, match="Invalid device"):
        rep.AnnotatorRegistry.get_annotator("rgb", device="gpu")
    with pytest.raises(TypeError):
        rep.AnnotatorRegistry.get_annotator("rgb", copy=False)


def test_an_annotator_that_was_never_attached_raises(rep):
    with pytest.raises(rep.annotators.AnnotatorError, match="Unable to get data"):
        rep.AnnotatorRegistry.get_annotator("rgb").get_data()


@pytest.mark.parametrize("profile, raises", [("2023.1.1", False), ("4.5", False), ("5.1", True)])
def test_detaching_twice_raises_since_1_12_22(make_kit, reader, profile, raises):
    annotator = reader(make_kit(profile)).annotator
    import omni.replicator.core as rep

    annotator.detach()
    if raises:
        with pytest.raises(rep.annotators.AnnotatorError, match="Unable to detach"):
            annotator.detach()
    else:
        annotator.detach()


def test_it_can_be_asked_whether_a_product_has_an_annotator(kit, rep, reader):
    from omni.syntheticdata import SyntheticData

    one = reader(kit)
    template = one.annotator.template_name
    ask = SyntheticData.Get().is_node_template_activated
    assert ask(template, one.product.path, True)
    assert not ask(template, "/Render/another", True)
    assert not ask("LdrColorSDbuffPtr", one.product.path, True)
    one.annotator.detach()
    assert not ask(template, one.product.path, True)


def test_a_detached_annotator_says_it_is_attached_and_has_no_node(kit, rep, reader):
    """annotators.py: detach() keeps _node_path, get_node() looks for the node."""
    annotator = reader(kit).annotator
    annotator.detach()
    assert annotator.is_attached
    with pytest.raises(rep.annotators.AnnotatorRegistryError, match="not attached"):
        annotator.get_data()
    assert kit.census().annotators == 0


def test_all_annotators_of_a_product_lose_their_node_with_the_first_detach(kit, rep, reader):
    """SyntheticData.deactivate_node_template() removes the one node that they share."""
    mine = reader(kit)
    other = rgb(rep, mine.product.path)
    mine.wait()
    other.detach()
    with pytest.raises(rep.annotators.AnnotatorRegistryError):
        mine.annotator.get_data()


@pytest.mark.parametrize("profile, toggles", [("2023.1.1", 0), ("4.5", 0), ("5.1", 2), ("6.0", 0)])
def test_attaching_the_wrapper_toggles_its_updates_on_5_x(make_kit, profile, toggles):
    kit = make_kit(profile)
    import omni.replicator.core as rep

    product = rep.create.render_product(CAMERA, (64, 48), name="mine")
    rep.AnnotatorRegistry.get_annotator("rgb").attach(product)
    assert kit.journal.calls["HydraTexture.set_updates_enabled"] == toggles
    assert product.hydra_texture.updates_enabled


# ---- annotators: what they give ----


def test_before_the_first_picture_there_is_nothing_in_every_form(make_kit, reader):
    kit = make_kit("6.0", warmup_updates=10)
    annotator = reader(kit).annotator
    empties = [annotator.get_data() for _ in range(4)]
    assert (empties[0].shape, empties[0].dtype) == ((0,), "float64")
    assert empties[1].shape == (0, 0, 4)
    assert empties[2]["data"].size == 0
    assert empties[3] is None
    kit.update(20)
    assert annotator.get_data().shape == (240, 320, 4)


@pytest.mark.parametrize("profile, late", [("2023.1.1", 1), ("4.5", 0), ("5.1", 0), ("6.0", 0)])
def test_the_first_frame_is_empty_before_1_11_20(make_kit, reader, profile, late):
    kit = make_kit(profile, warmup_updates=0, latency_updates=0)
    mine = reader(kit)
    kit.update()
    assert kit.renderer.products[mine.product.path].renders == 1
    assert (mine.picture() is None) == bool(late)
    kit.update()
    assert mine.picture() is not None


def test_a_picture_is_contiguous_rgba(kit, reader):
    picture = reader(kit).wait()
    assert picture.dtype == "uint8"
    assert picture.shape == (240, 320, 4)
    assert picture.flags["C_CONTIGUOUS"]
    assert (picture[..., 3] == 255).all()


def test_dimensions_of_one_are_squeezed(kit, rep):
    """annotator_utils.py, _reshape_output_ptr()."""
    annotator = rgb(rep, rep.create.render_product(CAMERA, (64, 1), name="flat").path)
    kit.update(10)
    assert annotator.get_data().shape == (64, 4)


def test_a_view_is_overwritten_by_the_next_render_and_a_copy_is_not(kit, reader, read_code):
    mine = reader(kit, do_array_copy=False)
    view = mine.wait()
    copy = mine.annotator.get_data(do_array_copy=True)
    first = read_code(copy).frame
    kit.update(3)
    assert read_code(view).frame == first + 3
    assert read_code(copy).frame == first


def test_who_attaches_first_decides_whether_others_get_views(kit, rep, reader, read_code):
    """annotators.py, attach(): the node's __do_array_copy is set where it does not exist."""
    first = reader(kit, do_array_copy=False)
    first.wait()
    second = rgb(rep, first.product.path, do_array_copy=True)
    picture = second.get_data()
    before = read_code(picture).frame
    kit.update()
    assert read_code(picture).frame == before + 1


def test_cuda_gives_an_array_that_is_no_buffer(kit, rep):
    path = rep.create.render_product(CAMERA, (64, 48), name="mine").path
    annotator = rgb(rep, path, device="cuda")
    kit.update(10)
    array = annotator.get_data()
    assert (array.shape, array.ndim, array.size) == ((48, 64, 4), 3, 48 * 64 * 4)
    assert array.ptr
    with pytest.raises(TypeError):
        memoryview(array)
    assert array.numpy().shape == annotator.get_data(device="cpu").shape == (48, 64, 4)


@pytest.mark.parametrize("profile, is_known", [("2023.1.1", 0), ("4.5", 0), ("5.1", 1), ("6.0", 1)])
def test_use_legacy_structure_is_not_known_before_1_12(make_kit, reader, profile, is_known):
    mine = reader(make_kit(profile))
    mine.wait()
    if is_known:
        assert set(mine.annotator.get_data(use_legacy_structure=False)) == {"data"}
    else:
        with pytest.raises(TypeError):
            mine.annotator.get_data(use_legacy_structure=False)


def test_pictures_can_come_in_a_dict(make_kit, reader):
    kit = make_kit("4.5", data_in_dict=True)
    mine = reader(kit)
    kit.update(10)
    assert mine.annotator.get_data()["data"].shape == (240, 320, 4)


@pytest.mark.parametrize("profile", NEW)
def test_reference_time_tells_a_new_frame_from_an_old_one(make_kit, reader, profile):
    kit = make_kit(profile)
    import omni.replicator.core as rep

    mine = reader(kit)
    clock = rep.AnnotatorRegistry.get_annotator("ReferenceTime").attach([mine.product.path])
    mine.wait()
    is_new = []
    for is_enabled in (False, True):
        mine.product.hydra_texture.set_updates_enabled(is_enabled)
        before = clock.get_data()["referenceTimeNumerator"]
        kit.update()
        is_new.append(clock.get_data()["referenceTimeNumerator"] > before)
    assert is_new == [False, True]


def test_reads_and_bytes_are_counted(kit, reader):
    mine = reader(kit)
    kit.update(20)
    reads = mine.annotator.reads
    mine.annotator.get_data()
    assert mine.annotator.reads == reads + 1
    assert mine.annotator.bytes_read == 320 * 240 * 4


# ---- known bugs ----


@pytest.mark.parametrize("profile", sorted(fakekit.PROFILES))
def test_toggling_updates_silences_an_annotator_before_1_11_2(make_kit, reader, profile):
    kit = make_kit(profile)
    mine = reader(kit)
    mine.wait()
    mine.product.hydra_texture.set_updates_enabled(False)
    kit.update()
    mine.product.hydra_texture.set_updates_enabled(True)
    kit.update(100)
    assert (mine.picture() is None) == (profile == "2023.1.1")


def test_the_size_is_cached_per_node_before_1_10_13(make_kit, reader):
    for replicator, size in (("1.10.12", (240, 320)), ("1.10.20", (48, 64))):
        kit = make_kit(fakekit.Profile("2023.1.0", "105.1.0", replicator))
        mine = reader(kit)
        mine.wait()
        mine.product.destroy()
        assert reader(kit, size=(64, 48)).wait().shape[:2] == size


@pytest.mark.parametrize("name", ["omni.kit.viewport.window", "omni.kit.hydra_texture"])
@pytest.mark.parametrize("how", ["missing_extensions", "disabled_extensions"])
def test_without_these_extensions_annotators_stay_empty(make_kit, reader, name, how):
    """IsaacLab PR 5375."""
    kit = make_kit("5.1", **{how: frozenset({name})})
    mine = reader(kit)
    kit.update(200)
    assert mine.picture() is None
    assert kit.renderer.products[mine.product.path].renders > 100


def test_annotators_can_stay_empty_where_captures_do_not(make_kit, reader):
    kit = make_kit("5.1", annotators_stay_empty=True)
    mine = reader(kit)
    kit.update(100)
    assert mine.picture() is None


def test_data_can_be_a_frame_old_until_the_graph_is_evaluated(make_kit, reader, read_code):
    """Isaac's own Camera evaluates /Render/PostProcess/SDGPipeline before it reads."""
    kit = make_kit("5.1", pipeline_lags=True)
    import omni.graph.core as og

    mine = reader(kit)
    mine.wait()
    stale = read_code(mine.picture()).frame
    controller = og.Controller()
    controller.evaluate_sync(graph_id=controller.graph("/Render/PostProcess/SDGPipeline"))
    assert read_code(mine.picture()).frame == stale + 1


@pytest.mark.parametrize("where", ["missing_extensions", "disabled_extensions"])
def test_replicator_may_not_be_there(make_kit, where):
    """Isaac Lab without --enable_cameras."""
    kit = make_kit("5.1", **{where: frozenset({"omni.replicator.core"})})
    with pytest.raises(ModuleNotFoundError):
        import omni.replicator.core  # noqa: F401
    is_there = kit.extensions.switch("omni.replicator.core", True)
    assert is_there == (where == "disabled_extensions")
    if is_there:
        import omni.replicator.core as rep

        assert rep.create


# ---- a new stage ----


def test_a_new_stage_ends_products_and_annotators(kit, rep, reader):
    """omni.syntheticdata, extension.py: reset on CLOSING and on OPENED."""
    mine = reader(kit)
    mine.wait()
    kit.context.new_stage()
    with pytest.raises(rep.annotators.AnnotatorRegistryError):
        mine.annotator.get_data()
    assert mine.annotator.is_attached
    assert kit.census() == fakekit.Census(0, 0, 0)
    mine.product.destroy()


def test_what_is_attached_while_the_stage_closes_is_lost(kit, rep):
    import omni.usd

    context, made = omni.usd.get_context(), []

    def on_event(event):
        if event.type == int(omni.usd.StageEventType.CLOSING):
            made.append(rgb(rep, rep.create.render_product(CAMERA, (64, 48), name="early").path))

    kept = context.get_stage_event_stream().create_subscription_to_pop(on_event)
    context.new_stage()
    with pytest.raises(rep.annotators.AnnotatorRegistryError):
        made[0].get_data()
    assert kept


# ---- capture on play ----


def test_attaching_while_playing_starts_a_capture(kit, reader):
    """orchestrator.py, _on_attached() and _set_capture_settings()."""
    import omni.usd

    omni.usd.get_context().get_selection().set_selected_prim_paths(["/World/robot"])
    kit.timeline.play()
    kit.update()
    reader(kit)
    assert [v.kind for v in kit.journal.violations] == ["capture-on-play"]
    assert kit.settings.load("/app/asyncRendering") is False
    assert kit.settings.load("/app/viewport/grid/enabled") is False
    assert omni.usd.get_context().get_selection().get_selected_prim_paths() == []
    kit.update()
    assert not kit.timeline.is_playing()


@pytest.mark.parametrize("how", ["off", "stopped"])
def test_it_does_not_with_capture_on_play_off_or_the_timeline_stopped(kit, rep, reader, how):
    if how == "off":
        kit.timeline.play()
        kit.update()
        rep.orchestrator.set_capture_on_play(False)
    reader(kit)
    kit.update()
    assert not kit.journal.violations
    assert kit.settings.load("/app/asyncRendering") is True
    assert kit.timeline.is_playing() == (how == "off")
