# SPDX-License-Identifier: MIT
"""What was done to the fake: calls, what they did wrong, what Kit would have logged.

Owned by Kit; every call of a faked interface enters here (see `api`), from any thread. It also
holds the failures that a test wants injected.
"""

from __future__ import annotations

import collections
import dataclasses
import functools
import threading
import traceback
from collections.abc import Callable
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])

#: The names that calls are counted by, and that failures can be injected into.
API_NAMES: set[str] = set()


@dataclasses.dataclass(frozen=True)
class Violation:
    """Something that the real Kit punishes, at once or later. kind: a short name."""

    kind: str
    what: str


@dataclasses.dataclass(frozen=True)
class LogLine:
    """A line of Kit's log. level: "info", "warn" or "error"."""

    level: str
    text: str


@dataclasses.dataclass
class _Failure:
    error: BaseException
    times: int | None


class Journal:
    """The record of one Kit."""

    def __init__(self) -> None:
        self.calls: collections.Counter[str] = collections.Counter()
        self.violations: list[Violation] = []
        self.log: list[LogLine] = []
        self.settings_written: list[tuple[str, Any]] = []
        #: Called with each line of the log, in the thread that logs.
        self.on_log: Callable[[LogLine], None] | None = None
        self._main_thread = threading.get_ident()
        self._failures: dict[str, _Failure] = {}

    def enter(self, name: str) -> None:
        """A call of the interface `name` begins. Raises the failure injected into it."""
        self.calls[name] += 1
        self.check_thread(name)
        failure = self._failures.get(name)
        if failure is None:
            return
        if failure.times is not None:
            failure.times -= 1
            if failure.times == 0:
                del self._failures[name]
        raise failure.error

    def check_thread(self, what: str) -> None:
        """Kit is used in this thread: that has to be the main one."""
        if threading.get_ident() != self._main_thread:
            self.violate("thread", f"{what} in thread {threading.current_thread().name}")

    def fail(self, name: str, error: BaseException, times: int | None = 1) -> None:
        """The next `times` calls of `name` raise; None: all calls, until heal()."""
        self._check_name(name)
        if times is not None and times < 1:
            raise ValueError(f"times is {times}: use 1 or more, or None for always")
        self._failures[name] = _Failure(error, times)

    def heal(self, name: str) -> None:
        """Calls of `name` work again."""
        self._check_name(name)
        self._failures.pop(name, None)

    def violate(self, kind: str, what: str) -> None:
        """Records a violation."""
        self.violations.append(Violation(kind, what))

    def callback_failed(self, where: str) -> None:
        """The code under test raised into Kit, which logs that and goes on."""
        self.violate("callback-raised", f"{where}: {traceback.format_exc()}")
        self.write("error", f"Exception in {where}:\n{traceback.format_exc()}")

    def write(self, level: str, text: str) -> None:
        """Writes a line of Kit's log."""
        line = LogLine(level, text)
        self.log.append(line)
        if self.on_log:
            self.on_log(line)

    @staticmethod
    def _check_name(name: str) -> None:
        if name not in API_NAMES:
            raise KeyError(f"no fake call is named {name!r}; there are {sorted(API_NAMES)}")


def api(name: str) -> Callable[[Function], Function]:
    """Makes a method a call of Kit's interface: counted, checked, and able to fail.

    The method's class has the kit in `_kit`.
    """
    API_NAMES.add(name)

    def decorate(function: Function) -> Function:
        @functools.wraps(function)
        def call(self: Any, *args: Any, **kwargs: Any) -> Any:
            self._kit.journal.enter(name)
            return function(self, *args, **kwargs)

        return call  # type: ignore[return-value]

    return decorate
