# SPDX-License-Identifier: MIT
"""The Kit extension's extension.toml: it says the same as the package it brings."""

import tomllib

from conftest import ROOT

from headcam import __version__
from headcam.isaac import settings

EXTENSION = ROOT / "capture_agent" / "exts" / "headcam.capture"
MANIFEST = tomllib.loads((EXTENSION / "config" / "extension.toml").read_text())


def test_the_version_is_the_packages():
    assert MANIFEST["package"]["version"] == __version__


def test_every_setting_is_there_and_empty():
    """An empty one has its default; so the defaults are written in one place."""
    kept = MANIFEST["settings"]["exts"]
    assert list(kept) == [settings.PREFIX.strip("/").removeprefix("exts/")]
    assert kept["headcam.capture"] == {line[0]: "" for line in settings.TABLE}


def test_the_module_is_found_from_the_extensions_folder():
    """By a link that goes wherever the folder above goes."""
    (module,) = MANIFEST["python"]["module"]
    path = EXTENSION.joinpath(*module["name"].split(".")).with_suffix(".py")
    assert path.is_file()
    link = EXTENSION / "headcam"
    assert link.is_symlink() and not link.readlink().is_absolute()


def test_what_it_imports_before_all_else_is_there_by_then():
    """Kit starts an extension after those that it depends on; an optional one may be missing."""
    needed = {name for name, options in MANIFEST["dependencies"].items() if not options}
    assert needed == {"omni.usd", "omni.timeline"}


def test_pip_brings_every_package_that_the_link_brings():
    project = tomllib.loads((ROOT / "capture_agent" / "pyproject.toml").read_text())
    folder = ROOT / "capture_agent"
    found = {path.parent.relative_to(folder) for path in folder.glob("headcam/**/__init__.py")}
    listed = project["tool"]["setuptools"]["packages"]
    assert set(listed) == {str(path).replace("/", ".") for path in found}


def test_the_folder_is_named_after_the_extension():
    """Kit takes the id from it."""
    assert f"/exts/{EXTENSION.name}/" == settings.PREFIX
