# SPDX-License-Identifier: MIT
"""carb.settings. After carb/settings/_settings.pyi in work-r-labs/isaacsim_typings_5."""

import pytest
from fakekit.settings import parse_value


@pytest.fixture
def settings(kit):
    """ISettings."""
    import carb.settings

    return carb.settings.get_settings()


def test_what_is_set_can_be_got_by_either_form_of_the_path(settings):
    settings.set("/exts/a.b/x", 3)
    assert settings.get("exts/a.b/x") == 3
    assert settings.get("/exts/a.b") == {"x": 3}
    assert settings.get("/exts/nothing") is None


def test_wrong_types_convert_or_give_the_types_zero(settings):
    settings.set("/a/text", "12")
    settings.set("/a/list", (1, 2))
    assert settings.get_as_int("/a/text") == 12
    assert settings.get_as_float("/a/list") == 0.0
    assert settings.get_as_string("/nothing") == ""
    assert settings.get_as_bool("/nothing") is False
    assert settings.get("/a/list") == [1, 2]
    with pytest.raises(TypeError):
        settings.set_int("/a/number", "12")


def test_a_default_does_not_replace_a_value(settings):
    settings.set("/a/x", 1)
    settings.set_default("/a/x", 2)
    settings.set_default_int("/a/y", 2)
    assert (settings.get("/a/x"), settings.get("/a/y")) == (1, 2)


def test_a_subscriber_hears_of_changes_until_it_is_unsubscribed(settings):
    kinds = []
    id = settings.subscribe_to_node_change_events("/a/x", lambda item, kind: kinds.append(kind))
    settings.set("/a/x", 1)
    settings.set("/a/x", 2)
    settings.set("/a/y", 2)
    settings.unsubscribe_to_change_events(id)
    settings.set("/a/x", 3)
    assert [kind.name for kind in kinds] == ["CREATED", "CHANGED"]


def test_what_the_code_under_test_writes_is_journalled(kit, settings):
    settings.set("/app/asyncRendering", False)
    kit.settings.store("/by/the/test", 1)
    assert kit.journal.settings_written == [("/app/asyncRendering", False)]


@pytest.mark.parametrize(
    "text, value",
    [
        ("true", True),
        ("7", 7),
        ("0.5", 0.5),
        ("[1,2]", [1, 2]),
        ("'7'", "7"),
        ("ipc:///run/a.sock", "ipc:///run/a.sock"),
        ("", ""),
    ],
)
def test_the_command_line_gives_values_of_their_own_type(text, value):
    assert parse_value(text) == value
    assert type(parse_value(text)) is type(value)
