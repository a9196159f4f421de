# SPDX-License-Identifier: MIT
"""carb.settings: a tree of values by path. Main thread.

After carb/settings/_settings.pyi in work-r-labs/isaacsim_typings_5. `store` and `load` are for the
fake itself; what comes by ISettings is journalled as written by the code under test.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fakekit.bindings import Item, bound_enum
from fakekit.journal import api

ChangeEventType = bound_enum("ChangeEventType", CREATED=0, CHANGED=1, DESTROYED=2)


class SubscriptionId:
    """The handle of a subscription to changes."""

    __slots__ = ("path", "function")

    def __init__(self, path: str, function: Callable[[Item, Any], None]) -> None:
        self.path = path
        self.function = function


def parse_value(text: str) -> Any:
    """A value as the command line has it: true, 7, 0.5, [1,2], "text" or text."""
    lowered = text.lower()
    if lowered in ("true", "false"):
        return lowered == "true"
    if text[:1] == "[" and text[-1:] == "]":
        return [parse_value(part.strip()) for part in text[1:-1].split(",") if part.strip()]
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1]
    for convert in (int, float):
        try:
            return convert(text)
        except ValueError:
            pass
    return text


class Settings:
    """ISettings."""

    def __init__(self, kit: Any) -> None:
        self._kit = kit
        self._values: dict[str, Any] = {}
        self._subscriptions: list[SubscriptionId] = []

    def load(self, path: str) -> Any:
        """The value at `path`, a dict where there is a tree, None where there is nothing."""
        key = _key(path)
        if key in self._values:
            return self._values[key]
        tree: dict[str, Any] = {}
        for name, value in self._values.items():
            if key == "" or name.startswith(key + "/"):
                *parents, leaf = name[len(key):].strip("/").split("/")
                branch = tree
                for parent in parents:
                    branch = branch.setdefault(parent, {})
                branch[leaf] = value
        return tree or None

    def store(self, path: str, value: Any) -> None:
        """Sets a value, or the values of a dict below `path`; subscribers hear of it."""
        if isinstance(value, dict):
            for name, child in value.items():
                self.store(f"{path}/{name}", child)
            return
        key = _key(path)
        kind = ChangeEventType.CHANGED if key in self._values else ChangeEventType.CREATED
        self._values[key] = list(value) if isinstance(value, tuple) else value
        for subscription in [s for s in self._subscriptions if s.path == key]:
            try:
                subscription.function(Item({key.rpartition("/")[2]: value}), kind)
            except Exception:
                self._kit.journal.callback_failed(f"a subscriber of the setting {path}")

    def store_default(self, path: str, value: Any) -> None:
        """As store(), where there is no value yet."""
        if isinstance(value, dict):
            for name, child in value.items():
                self.store_default(f"{path}/{name}", child)
        elif self.load(path) is None:
            self.store(path, value)

    def _write(self, path: str, value: Any) -> None:
        self._kit.journal.settings_written.append((path, value))
        self.store(path, value)

    def _write_default(self, path: str, value: Any) -> None:
        if self.load(path) is None:
            self._write(path, value)

    @property
    def subscription_count(self) -> int:
        """How many subscriptions to changes there are."""
        return len(self._subscriptions)

    @api("ISettings.get")
    def get(self, path: str) -> Any:
        value = self.load(path)
        return list(value) if isinstance(value, list) else value

    @api("ISettings.get_as_bool")
    def get_as_bool(self, path: str, /) -> bool:
        value = self.load(path)
        if isinstance(value, str):
            return value.lower() in ("true", "1", "yes")
        return bool(value) if isinstance(value, (bool, int, float)) else False

    @api("ISettings.get_as_int")
    def get_as_int(self, path: str, /) -> int:
        return int(_number(self.load(path)))

    @api("ISettings.get_as_float")
    def get_as_float(self, path: str, /) -> float:
        return float(_number(self.load(path)))

    @api("ISettings.get_as_string")
    def get_as_string(self, path: str, /) -> str:
        value = self.load(path)
        if isinstance(value, bool):
            return "true" if value else "false"
        return str(value) if isinstance(value, (str, int, float)) else ""

    @api("ISettings.set")
    def set(self, path: str, value: Any) -> None:
        self._write(path, value)

    @api("ISettings.set_bool")
    def set_bool(self, path: str, value: bool, /) -> None:
        self._write(path, _checked(value, bool))

    @api("ISettings.set_int")
    def set_int(self, path: str, value: int, /) -> None:
        self._write(path, _checked(value, int))

    @api("ISettings.set_float")
    def set_float(self, path: str, value: float, /) -> None:
        self._write(path, float(_checked(value, (int, float))))

    @api("ISettings.set_string")
    def set_string(self, path: str, value: str, /) -> None:
        self._write(path, _checked(value, str))

    @api("ISettings.set_default")
    def set_default(self, path: str, value: Any) -> None:
        self._write_default(path, value)

    @api("ISettings.set_default_bool")
    def set_default_bool(self, path: str, value: bool, /) -> None:
        self._write_default(path, _checked(value, bool))

    @api("ISettings.set_default_int")
    def set_default_int(self, path: str, value: int, /) -> None:
        self._write_default(path, _checked(value, int))

    @api("ISettings.set_default_float")
    def set_default_float(self, path: str, value: float, /) -> None:
        self._write_default(path, float(_checked(value, (int, float))))

    @api("ISettings.set_default_string")
    def set_default_string(self, path: str, value: str, /) -> None:
        self._write_default(path, _checked(value, str))

    @api("ISettings.destroy_item")
    def destroy_item(self, path: str, /) -> None:
        key = _key(path)
        for name in [n for n in self._values if n == key or n.startswith(key + "/")]:
            del self._values[name]
        self._kit.journal.settings_written.append((path, None))

    @api("ISettings.subscribe_to_node_change_events")
    def subscribe_to_node_change_events(
        self, path: str, function: Callable[[Item, Any], None], /
    ) -> SubscriptionId:
        subscription = SubscriptionId(_key(path), function)
        self._subscriptions.append(subscription)
        return subscription

    @api("ISettings.unsubscribe_to_change_events")
    def unsubscribe_to_change_events(self, id: SubscriptionId) -> None:
        if id in self._subscriptions:
            self._subscriptions.remove(id)


def _key(path: str) -> str:
    return path.strip("/")


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return 0.0


def _checked(value: Any, kinds: Any) -> Any:
    """pybind11 converts no strings to numbers, and raises TypeError."""
    if not isinstance(value, kinds):
        raise TypeError(f"incompatible function arguments: {value!r}")
    return value
