# SPDX-License-Identifier: MIT
"""reasons: each thing that can be missing has its sentence, and the first cause comes first."""

import itertools

import pytest

from headcam.isaac import reasons
from headcam.isaac.reasons import Facts, explain

CASES = {
    "renderer off": (Facts(is_renderer_enabled=False), "the renderer is off"),
    "no replicator": (Facts(no_replicator="--enable_cameras"), "--enable_cameras"),
    "no stage": (Facts(has_stage=False), "no stage is open"),
    "loading": (Facts(loading=(3, 40)), "loading the stage: 3 of 40 files"),
    "no camera": (Facts(camera="/W/Cam", has_camera=False), "no camera prim /W/Cam on the stage"),
    "no viewport": (Facts(has_viewport=False), "no viewport yet"),
    "no window": (Facts(has_viewport=False, window="Left"), "no viewport window 'Left' yet"),
    "updates off": (Facts(is_viewport_updating=False), "updates are switched off"),
    "warming up": (Facts(has_rendered=False), "warming up"),
    "extension": (
        Facts(is_empty=True, missing_extensions=("omni.kit.hydra_texture",)),
        "start with --enable omni.kit.hydra_texture",
    ),
    "empty": (Facts(is_empty=True), "stays empty"),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_missing_is_said(case):
    facts, words = CASES[case]
    assert words in explain(facts)


def test_nothing_missing_is_nothing_said():
    assert explain(Facts()) == ""
    assert explain(Facts(camera="/W/Cam")) == ""
    assert explain(Facts(has_rendered=None)) == ""
    # Extensions may be missing where the pictures come all the same.
    assert explain(Facts(missing_extensions=("omni.kit.viewport.window",))) == ""


def test_a_missing_camera_names_those_there_are():
    facts = Facts(camera="/A", has_camera=False, cameras=("/B", "/C"))
    assert explain(facts).endswith("it has /B, /C")
    many = Facts(camera="/A", has_camera=False, cameras=tuple(f"/C{n}" for n in range(9)))
    assert explain(many).endswith("/C0, /C1, /C2, /C3 and 5 more")


def test_causes_come_before_their_consequences():
    everything = Facts(
        is_renderer_enabled=False,
        no_replicator="no replicator",
        has_stage=False,
        loading=(1, 2),
        has_viewport=False,
        has_rendered=False,
    )
    order = [
        ("is_renderer_enabled", True),
        ("no_replicator", ""),
        ("loading", None),
        ("has_stage", True),
        ("has_viewport", True),
        ("has_rendered", True),
    ]
    said = []
    for field, cured in order:
        said.append(explain(everything))
        everything = reasons.dataclasses.replace(everything, **{field: cured})
    assert explain(everything) == ""
    assert len(set(said)) == len(order)
    assert all(said)


def test_every_sentence_fits_an_announcement():
    texts = [explain(facts) for facts, _ in CASES.values()]
    texts += [reasons.explain_black(0.04), reasons.explain_silence("12:00:00 UTC")]
    texts += [reasons.FIRST_VIEWER, reasons.NO_UPDATE_YET, reasons.CLOSING]
    for text in texts:
        assert text.isprintable()
        assert len(text.encode()) <= 255, text
    for first, second in itertools.combinations(texts, 2):
        assert first != second
