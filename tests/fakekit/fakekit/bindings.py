# SPDX-License-Identifier: MIT
"""What pybind11 makes of C++: enums that are no ints, and carb's dictionary items. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar


class BoundEnum:
    """A pybind11 enum: equal to its own members alone. `event.type == Type.OPENED` is False where
    event.type is an int, as in Kit; `int(Type.OPENED)` compares.
    """

    __slots__ = ("name", "value")
    __members__: ClassVar[dict[str, Any]] = {}

    def __init__(self, value: int) -> None:
        for member in type(self).__members__.values():
            if member.value == value:
                self.name, self.value = member.name, value
                return
        self.name, self.value = "???", value

    def __int__(self) -> int:
        return int(self.value)

    __index__ = __int__

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and int(self) == int(other)  # type: ignore[call-overload]

    def __hash__(self) -> int:
        return hash(self.value)

    def __str__(self) -> str:
        return f"{type(self).__name__}.{self.name}"

    def __repr__(self) -> str:
        return f"<{self}: {self.value}>"


def bound_enum(name: str, **members: int) -> Any:
    """A new enum class with these members, derived from BoundEnum."""
    made: Any = type(name, (BoundEnum,), {"__slots__": (), "__members__": {}})
    for member_name, value in members.items():
        member = object.__new__(made)
        member.name, member.value = member_name, value
        made.__members__[member_name] = member
        setattr(made, member_name, member)
    return made


class Item:
    """A carb.dictionary item: mostly a dict, without being one."""

    __slots__ = ("_values",)

    def __init__(self, values: dict[str, Any]) -> None:
        self._values = values

    def __getitem__(self, key: str) -> Any:
        return self.get(key)

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: str, default: Any = None) -> Any:
        """The value, an Item where it is a dictionary itself; `default` without one."""
        value = self._values.get(key, default)
        return Item(value) if isinstance(value, dict) else value

    def get_keys(self) -> list[str]:
        """All keys."""
        return list(self._values)

    def get_dict(self) -> dict[str, Any]:
        """A copy as a dict."""
        return {
            key: Item(value).get_dict() if isinstance(value, dict) else value
            for key, value in self._values.items()
        }

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)
