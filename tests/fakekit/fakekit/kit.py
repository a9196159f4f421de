# SPDX-License-Identifier: MIT
"""The fake Kit: its parts, its options, and what a test can ask of it. Main thread.

A Kit is made, installed (its modules can be imported then), and updated, by a test or by run().
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

from fakekit import app, modules, replicator, usd
from fakekit.events import EventDispatcher
from fakekit.extensions import Extensions
from fakekit.hydra import Renderer
from fakekit.journal import Journal
from fakekit.profiles import PROFILES, Profile
from fakekit.replicator import Replicator
from fakekit.settings import Settings
from fakekit.timeline import Timeline
from fakekit.viewport import Viewports


class ProcessExit(BaseException):
    """Kit ends the process, past atexit and every handler. `code` is its status."""

    def __init__(self, code: int) -> None:
        super().__init__(f"Kit ends the process with status {code}")
        self.code = code


@dataclasses.dataclass(frozen=True)
class Options:
    """How this Kit behaves, beside what its profile says."""

    #: Updates with something to render until the first picture (shaders are compiled).
    warmup_updates: int = 3
    #: How many updates a picture is behind the state that it shows.
    latency_updates: int = 1
    #: Updates from OPENED to ASSETS_LOADED.
    load_updates: int = 2
    #: From which update on the first viewport is seen; None: there is none.
    viewport_after_updates: int | None = 0
    #: Extensions that are there, but off; and those that are not there at all.
    disabled_extensions: frozenset[str] = frozenset()
    missing_extensions: frozenset[str] = frozenset()
    #: The forms of "no data yet", in turn: flat, shaped, dict, none.
    empties: tuple[str, ...] = ("flat", "shaped", "dict", "none")
    #: Pictures come in a dict with "data".
    data_in_dict: bool = False
    #: Annotators never get data (stages of 8000 prims; shader trouble), viewport captures do.
    annotators_stay_empty: bool = False
    #: Data is a frame old until the SDGPipeline graph is evaluated.
    pipeline_lags: bool = False
    #: Viewport captures: how late, which format, and bytes behind each row.
    capture_latency_updates: int = 2
    capture_format: str = "RGBA8_UNORM"
    capture_padding: int = 0
    #: Arrays are numpy's; else the stand-ins of arrays.py.
    with_numpy: bool = True
    is_headless: bool = True
    updates_per_second: int = 60
    real_time: bool = False
    #: Settings before anything starts, as from the command line.
    settings: tuple[tuple[str, Any], ...] = ()


@dataclasses.dataclass(frozen=True)
class Census:
    """What is alive, for tests of leaks. Viewports' products are not counted; what is attached to
    a product counts once, whether or not anybody still knows the annotator.
    """

    products: int
    annotators: int
    subscriptions: int


# As in Isaac Sim's app files.
_DEFAULT_SETTINGS: dict[str, Any] = {
    "/app/renderer/enabled": True,
    "/app/asyncRendering": True,
    "/app/fastShutdown": True,
    "/app/viewport/grid/enabled": True,
    "/app/viewport/outline/enabled": True,
    "/app/viewport/show/lights": True,
    "/app/viewport/show/camera": True,
    "/persistent/omni/replicator/captureOnPlay": True,
    "/exts/omni.replicator.core/Orchestrator/enabled": True,
}


class Kit:
    """A Kit of one profile. `prims` is the stage that it starts with."""

    def __init__(
        self,
        profile: Profile | str = "5.1",
        options: Options | None = None,
        prims: list[dict[str, Any]] | None = None,
    ) -> None:
        self.profile = PROFILES[profile] if isinstance(profile, str) else profile
        self.options = options or Options()
        #: Whether run() owns the main thread; whether the app is on its way out.
        self.is_looping = False
        self.is_shutting_down = False
        #: Called with the status where Kit ends the process.
        self.exit_process: Callable[[int], None] = _raise_exit
        clock = app.RealClock if self.options.real_time else app.VirtualClock
        self.clock = clock(self.options.updates_per_second)
        self.journal = Journal()
        self.settings = Settings(self)
        for path, value in self.options.settings:
            self.settings.store(path, value)
        for path, value in _DEFAULT_SETTINGS.items():
            self.settings.store_default(path, value)
        self.settings.store(
            replicator.CAPTURE_ON_PLAY,
            self.settings.load("/persistent/omni/replicator/captureOnPlay"),
        )
        self.dispatcher = EventDispatcher(self)
        self.modules = modules.Modules(self)
        self.extensions = Extensions(
            self, self._built_in_extensions(), self.options.disabled_extensions
        )
        self.app = (app.App106 if self.profile.has_kernel_version else app.App)(self)
        self.timeline = Timeline(self)
        self.renderer = Renderer(self)
        self.replicator = Replicator(self)
        self.viewports = Viewports(self)
        self.context = (usd.UsdContext2 if self.profile.has_events_2 else usd.UsdContext)(self)
        self.viewports.open_first()
        self.context.show(usd.BUILT_IN if prims is None else prims, "anon:fakekit")

    def _built_in_extensions(self) -> dict[str, str]:
        versions = {name: self.profile.kit for name in modules.BUILT_IN}
        versions["omni.replicator.core"] = self.profile.replicator
        for name in self.options.missing_extensions:
            del versions[name]
        return versions

    @contextlib.contextmanager
    def installed(self) -> Iterator[Kit]:
        """The modules can be imported while this lasts."""
        self.modules.install()
        try:
            yield self
        finally:
            self.modules.remove()

    def update(self, count: int = 1) -> None:
        """Runs updates, as a standalone script does."""
        for _ in range(count):
            self.app.step()

    def update_until(self, condition: Callable[[], Any], limit: int = 1000) -> None:
        """Updates until the condition holds. Raises AssertionError after `limit` updates."""
        for _ in range(limit):
            if condition():
                return
            self.update()
        raise AssertionError(f"not within {limit} updates: {condition}")

    def run(self) -> int:
        """Kit's own loop, until post_quit(). Returns the status, or ends the process."""
        self.is_looping = True
        try:
            while self.app.quit_code is None:
                self.app.step()
            self.app.close()
        finally:
            self.is_looping = False
        return self.app.quit_code or 0

    def census(self) -> Census:
        """What the code under test keeps alive."""
        return Census(
            products=sum(not p.is_viewport for p in self.renderer.products.values()),
            annotators=self.replicator.node_count,
            subscriptions=self.dispatcher.observer_count
            + self.app.shutdown_subscription_count
            + self.context.subscription_count
            + self.timeline.subscription_count
            + self.settings.subscription_count,
        )


def _raise_exit(code: int) -> None:
    raise ProcessExit(code)
