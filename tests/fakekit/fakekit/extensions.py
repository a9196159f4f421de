# SPDX-License-Identifier: MIT
"""omni.ext: which extensions there are, and how those of a folder start and end. Main thread.

After omni.ext's _impl/_internal.py (sys.path, the search for classes, the check that they are
gone) and _extensions.pyi, both in Kit's kernel; the Kit manual for extension.toml. What the fake
does not know in an extension.toml is refused, where Kit may do something that it does not.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import os
import pathlib
import sys
import traceback
import types
import weakref
from typing import Any

from fakekit.bindings import Item
from fakekit.journal import api

_TABLES = {"core", "package", "dependencies", "python", "settings", "documentation", "test"}
_MODULE_KEYS = {"name", "path", "public", "searchExt"}
_DEPENDENCY_KEYS = {"optional", "version", "order", "exact"}


class ExtensionError(Exception):
    """An extension that cannot be loaded; the text says why."""


class ICppExt:
    """The base of all extension classes."""


class IExt(ICppExt):
    """The base of extension classes in Python."""


@dataclasses.dataclass
class Extension:
    """One extension that is known, on or off. path is empty for Kit's own."""

    name: str
    version: str
    path: str = ""
    config: dict[str, Any] = dataclasses.field(default_factory=dict)
    is_on: bool = False
    objects: list[Any] = dataclasses.field(default_factory=list)
    added_paths: list[str] = dataclasses.field(default_factory=list)

    @property
    def id(self) -> str:
        """Name and version."""
        return f"{self.name}-{self.version}"


def read_extension(folder: pathlib.Path) -> Extension:
    """The extension in a folder. Raises ExtensionError."""
    import tomllib  # Python 3.11, as in Isaac Sim 5

    toml = folder / "config" / "extension.toml"
    try:
        config = tomllib.loads(toml.read_text())
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ExtensionError(f"{toml}: {error}") from error
    _refuse(toml, "table", set(config) - _TABLES)
    for module in config.get("python", {}).get("module", []):
        _refuse(toml, "key of [[python.module]]", set(module) - _MODULE_KEYS)
    _refuse(toml, "key of [python]", set(config.get("python", {})) - {"module", "pipapi"})
    for name, options in config.get("dependencies", {}).items():
        _refuse(toml, f"option of {name!r}", set(options) - _DEPENDENCY_KEYS)
    package = config.get("package", {})
    if "version" not in package:
        raise ExtensionError(f"{toml}: [package] has no version")
    name = package.get("name") or folder.name.partition("-")[0]
    return Extension(name, str(package["version"]), str(folder), config)


def _refuse(toml: pathlib.Path, what: str, names: set[str]) -> None:
    if names:
        raise ExtensionError(f"{toml}: fakekit knows no {what} named {', '.join(sorted(names))}")


class ExtensionManager:
    """IExtensionManager: what of it the Python side sees."""

    def __init__(self, kit: Any) -> None:
        self._kit = kit

    @api("ExtensionManager.is_extension_enabled")
    def is_extension_enabled(self, ext_name: str) -> bool:
        return bool(self._kit.extensions.is_on(ext_name))

    @api("ExtensionManager.get_enabled_extension_id")
    def get_enabled_extension_id(self, ext_name: str) -> str | None:
        extension = self._kit.extensions.find(ext_name)
        return extension.id if extension and extension.is_on else None

    @api("ExtensionManager.get_extension_dict")
    def get_extension_dict(self, ext_id: str) -> Item | None:
        extension = self._kit.extensions.find(ext_id)
        if extension is None:
            return None
        package = {"name": extension.name, "version": extension.version}
        package.update(extension.config.get("package", {}))
        return Item({**extension.config, "package": package, "path": extension.path})

    @api("ExtensionManager.get_extension_path")
    def get_extension_path(self, ext_id: str) -> str:
        extension = self._kit.extensions.find(ext_id)
        return str(extension.path) if extension else ""

    @api("ExtensionManager.get_extensions")
    def get_extensions(self) -> tuple[dict[str, Any], ...]:
        return tuple(
            {"id": e.id, "name": e.name, "enabled": e.is_on, "path": e.path}
            for e in self._kit.extensions.known
        )

    @api("ExtensionManager.add_path")
    def add_path(self, path: str) -> None:
        self._kit.extensions.add_folder(path)

    @api("ExtensionManager.set_extension_enabled")
    def set_extension_enabled(self, extension_id: str, enabled: bool) -> None:
        self._kit.extensions.switch_later(extension_id, enabled)

    @api("ExtensionManager.set_extension_enabled_immediate")
    def set_extension_enabled_immediate(self, extension_id: str, enabled: bool) -> bool:
        return bool(self._kit.extensions.switch(extension_id, enabled))


class Extensions:
    """All extensions that are known: Kit's own, and those of the folders."""

    def __init__(self, kit: Any, built_in: dict[str, str], off: frozenset[str]) -> None:
        self._kit = kit
        self.manager = ExtensionManager(kit)
        self.known = [
            Extension(name, version, is_on=name not in off) for name, version in built_in.items()
        ]
        self._asked: list[tuple[str, bool]] = []

    def find(self, name_or_id: str) -> Extension | None:
        """The extension of that name or id."""
        return next((e for e in self.known if name_or_id in (e.name, e.id)), None)

    def is_on(self, name: str) -> bool:
        """Whether the extension is known and enabled."""
        extension = self.find(name)
        return extension is not None and extension.is_on

    def add_folder(self, folder: str) -> None:
        """Learns the extensions in the folders of `folder`; none of them is enabled by that."""
        for toml in sorted(pathlib.Path(folder).glob("*/config/extension.toml")):
            extension = read_extension(toml.parent.parent.resolve())
            if self.find(extension.id) is None:
                self.known.append(extension)

    def switch_later(self, name_or_id: str, enabled: bool) -> None:
        """As switch(), in the next update."""
        self._asked.append((name_or_id, enabled))

    def step(self) -> None:
        """One update: does what was asked for."""
        asked, self._asked = self._asked, []
        for name_or_id, enabled in asked:
            self.switch(name_or_id, enabled)

    def switch(self, name_or_id: str, enabled: bool) -> bool:
        """Enables or disables an extension. Returns whether that worked; the log says why not."""
        extension = self.find(name_or_id)
        if extension is None:
            self._kit.journal.write("error", f"Can't find extension: {name_or_id}")
            return False
        if extension.is_on == enabled:
            return True
        try:
            if enabled:
                self._start(extension)
            else:
                self._stop(extension)
        except ExtensionError as error:
            self._kit.journal.write("error", f"[ext: {extension.id}] {error}")
            return False
        return True

    def shut_down_all(self) -> None:
        """Ends the extensions of the folders, the last one first."""
        for extension in reversed(self.known):
            if extension.is_on and extension.path:
                self._stop(extension)

    def _start(self, extension: Extension) -> None:
        for name, options in extension.config.get("dependencies", {}).items():
            # An optional one is not enabled for that; it only starts before, if it is on.
            if not options.get("optional") and not self.switch(name, True):
                raise ExtensionError(f"dependency {name} is missing: cannot be resolved")
        for path, value in _flat(extension.config.get("settings", {})):
            self._kit.settings.store_default(path, value)
        extension.is_on = True
        self._kit.modules.refresh()
        modules = extension.config.get("python", {}).get("module", [])
        for module in modules:
            self._add_path(extension, module.get("path", "."))
        for module in modules:
            if module.get("name"):
                self._start_module(extension, module["name"], module.get("searchExt", True))

    def _add_path(self, extension: Extension, path: str) -> None:
        # At the end, as in Kit: what is on the path already wins.
        folder = str((pathlib.Path(extension.path) / path).resolve())
        if folder not in sys.path:
            sys.path.append(folder)
            extension.added_paths.append(folder)

    def _start_module(self, extension: Extension, name: str, search: bool) -> None:
        importlib.invalidate_caches()
        try:
            module = importlib.import_module(name)
        except Exception as error:
            self._kit.journal.write(
                "error",
                f"Failed to import python module {name} from {extension.path}. Error: {error}."
                f" Traceback:\n{traceback.format_exc()}",
            )
            return
        if search:
            self._start_classes(extension, module)

    def _start_classes(self, extension: Extension, module: types.ModuleType) -> None:
        for name in dir(module):
            value = getattr(module, name)
            if not (isinstance(value, type) and issubclass(value, IExt)):
                continue
            try:
                instance = value()
                if hasattr(instance, "on_startup"):
                    takes_id = inspect.signature(instance.on_startup).parameters
                    instance.on_startup(*([extension.id] if takes_id else []))
            except Exception:
                self._kit.journal.callback_failed(f"{extension.id}: {name}.on_startup")
            else:
                extension.objects.append(instance)

    def _stop(self, extension: Extension) -> None:
        extension.is_on = False
        while extension.objects:
            instance = extension.objects.pop()
            name = type(instance).__name__
            try:
                if hasattr(instance, "on_shutdown"):
                    instance.on_shutdown()
            except Exception:
                self._kit.journal.callback_failed(f"{extension.id}: {name}.on_shutdown")
            alive = weakref.ref(instance)
            instance.__dict__.clear()
            del instance
            if alive() is not None:
                self._kit.journal.violate(
                    "extension-object-alive",
                    f"{extension.id} -> {name}: something holds a reference on it",
                )
        for folder in extension.added_paths:
            self._forget_modules(folder)
            sys.path.remove(folder)
        extension.added_paths.clear()
        self._kit.modules.refresh()

    @staticmethod
    def _forget_modules(folder: str) -> None:
        """Modules below an extension's folder are imported anew when it is enabled again."""
        for name, module in list(sys.modules.items()):
            file = getattr(module, "__file__", None)
            # A link on the way to it is not followed (_internal.py, find_modules_in_folder).
            if file and pathlib.Path(folder) in pathlib.Path(os.path.abspath(file)).parents:
                del sys.modules[name]


def _flat(tree: dict[str, Any], path: str = "") -> list[tuple[str, Any]]:
    """[settings] as paths: exts."a.b".c = 1 is /exts/a.b/c."""
    flat: list[tuple[str, Any]] = []
    for name, value in tree.items():
        below = f"{path}/{name}"
        flat += _flat(value, below) if isinstance(value, dict) else [(below, value)]
    return flat
