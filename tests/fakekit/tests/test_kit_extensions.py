# SPDX-License-Identifier: MIT
"""Kit extensions: how they are found, started, ended and started again.

After omni.ext's _impl/_internal.py and the Kit manual's page on extension.toml.
"""

import sys
import textwrap

import pytest
from fakekit.extensions import ExtensionError

TOML = """
[package]
version = "1.2.3"
title = "Demo"

[dependencies]
"omni.replicator.core" = {optional = true}

[[python.module]]
name = "demo_extension"

[settings]
exts."demo.ext".fps = 10
exts."demo.ext".name = "front"
"""
CODE = """
    import carb.settings
    import omni.ext

    events = []

    class Demo(omni.ext.IExt):
        def on_startup(self, ext_id):
            events.append(("start", ext_id))
            self.fps = carb.settings.get_settings().get("/exts/demo.ext/fps")

        def on_shutdown(self):
            events.append(("stop", self.fps))
"""


@pytest.fixture
def write_extension(tmp_path):
    """Writes an extension into the folder that it returns."""

    def write(toml=TOML, code=CODE, name="demo.ext"):
        folder = tmp_path / "exts" / name
        (folder / "config").mkdir(parents=True)
        (folder / "config/extension.toml").write_text(toml)
        (folder / "demo_extension").mkdir()
        (folder / "demo_extension/__init__.py").write_text(textwrap.dedent(code))
        return str(tmp_path / "exts")

    return write


@pytest.fixture
def start(make_kit, write_extension):
    """A Kit in which an extension was enabled; and whether that went well."""

    def start(toml=TOML, code=CODE, profile="5.1", **options):
        kit = make_kit(profile, **options)
        kit.extensions.add_folder(write_extension(toml, code))
        return kit, kit.extensions.switch("demo.ext", True)

    yield start
    sys.modules.pop("demo_extension", None)
    sys.path[:] = [path for path in sys.path if "/exts/" not in path]


def test_it_starts_with_its_id_and_its_settings(start):
    kit, is_on = start()
    module = sys.modules["demo_extension"]
    assert is_on
    assert module.events == [("start", "demo.ext-1.2.3")]
    assert kit.settings.load("/exts/demo.ext") == {"fps": 10, "name": "front"}


def test_the_command_lines_settings_win(start):
    kit, _ = start(settings=(("/exts/demo.ext/fps", 25),))
    module = sys.modules["demo_extension"]
    kit.extensions.switch("demo.ext", False)
    assert module.events[-1] == ("stop", 25)
    assert kit.settings.load("/exts/demo.ext/name") == "front"


def test_the_manager_tells_about_it(start):
    start()
    import omni.kit.app

    manager = omni.kit.app.get_app().get_extension_manager()
    assert manager.is_extension_enabled("demo.ext")
    assert manager.get_enabled_extension_id("demo.ext") == "demo.ext-1.2.3"
    assert manager.get_extension_dict("demo.ext-1.2.3")["package"]["title"] == "Demo"
    assert manager.get_extension_path("demo.ext-1.2.3").endswith("/exts/demo.ext")
    assert manager.get_enabled_extension_id("other.ext") is None


def test_it_can_be_disabled_and_enabled_again_with_new_code(start):
    kit, _ = start()
    first = sys.modules["demo_extension"]
    path = kit.extensions.find("demo.ext").path
    assert kit.extensions.switch("demo.ext", False)
    assert first.events[-1] == ("stop", 10)
    assert "demo_extension" not in sys.modules
    assert path not in sys.path
    assert kit.extensions.switch("demo.ext", True)
    assert sys.modules["demo_extension"] is not first
    assert not kit.journal.violations


def test_its_folder_is_the_last_on_the_path(start):
    kit, _ = start()
    assert sys.path[-1] == kit.extensions.find("demo.ext").path


def test_a_class_that_the_module_does_not_import_never_starts(start):
    """omni.ext searches the module's own names, and is silent where there is none."""
    kit, is_on = start(code="import omni.ext\n")
    assert is_on
    assert not kit.journal.violations
    assert not [line for line in kit.journal.log if line.level == "error"]


def test_a_class_with_two_names_starts_twice(start):
    start(code=CODE + "\n    Alias = Demo\n")
    assert [kind for kind, _ in sys.modules["demo_extension"].events] == ["start", "start"]


def test_an_exception_at_the_start_is_logged_and_kit_goes_on(start):
    code = textwrap.dedent(CODE).replace('events.append(("start", ext_id))', "1 / 0")
    kit, is_on = start(code=code)
    assert is_on
    assert [v.kind for v in kit.journal.violations] == ["callback-raised"]
    kit.update()


def test_a_module_that_cannot_be_imported_is_logged(start):
    kit, _ = start(code="import nothing_of_this_name\n")
    assert "nothing_of_this_name" in kit.journal.log[-1].text


def test_something_that_holds_the_object_is_a_violation(start):
    """_internal.py: "extension object is still alive, something holds a reference on it"."""
    code = CODE.replace("self.fps =", "events.append((self, ext_id)); self.fps =")
    kit, _ = start(code=code)
    kit.extensions.switch("demo.ext", False)
    assert [v.kind for v in kit.journal.violations] == ["extension-object-alive"]


def test_an_optional_dependency_is_neither_needed_nor_enabled(start):
    kit, is_on = start(disabled_extensions=frozenset({"omni.replicator.core"}))
    assert is_on
    assert not kit.extensions.is_on("omni.replicator.core")


@pytest.mark.parametrize(
    "where, is_on", [("disabled_extensions", True), ("missing_extensions", False)]
)
def test_a_dependency_is_enabled_or_the_extension_is_not(start, where, is_on):
    toml = TOML.replace("{optional = true}", "{}")
    kit, result = start(toml=toml, **{where: frozenset({"omni.replicator.core"})})
    assert result == is_on == kit.extensions.is_on("demo.ext")
    errors = [line.text for line in kit.journal.log if line.level == "error"]
    assert ("omni.replicator.core is missing" in str(errors)) != is_on


def test_disabling_takes_effect_in_the_next_update_unless_immediate(start):
    kit, _ = start()
    import omni.kit.app

    manager = omni.kit.app.get_app().get_extension_manager()
    manager.set_extension_enabled("demo.ext", False)
    assert manager.is_extension_enabled("demo.ext")
    kit.update()
    assert not manager.is_extension_enabled("demo.ext")
    assert manager.set_extension_enabled_immediate("demo.ext", True)
    assert manager.is_extension_enabled("demo.ext")
    assert not manager.set_extension_enabled_immediate("other.ext", True)


@pytest.mark.parametrize(
    "more, named",
    [
        ("[surprise]\nx = 1", "surprise"),
        ("[[python.module]]\nname = 'a'\ninterpreter = 'b'", "interpreter"),
        ("[package.x", "extension.toml"),
    ],
)
def test_what_the_fake_does_not_know_is_refused_by_name(make_kit, write_extension, more, named):
    kit = make_kit()
    with pytest.raises(ExtensionError, match=named):
        kit.extensions.add_folder(write_extension(TOML + more))


@pytest.mark.parametrize("is_fast", [True, False])
def test_a_fast_shutdown_does_not_call_on_shutdown(start, is_fast):
    """IsaacSim, simulation_app.py, close(): fast shutdown terminates the process."""
    kit, _ = start(settings=(("/app/fastShutdown", is_fast),))
    module = sys.modules["demo_extension"]
    import fakekit

    kit.app.quit(0)
    if is_fast:
        with pytest.raises(fakekit.ProcessExit):
            kit.run()
    else:
        assert kit.run() == 0
    assert (module.events[-1] == ("stop", 10)) != is_fast
