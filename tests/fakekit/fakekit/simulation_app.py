# SPDX-License-Identifier: MIT
"""SimulationApp: the way a standalone script starts and ends Kit. Main thread.

After isaac-sim/IsaacSim, source/extensions/isaacsim.simulation_app/.../simulation_app.py. Kit's
modules can be imported once a SimulationApp was made, not before.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from typing import Any

from fakekit.journal import api
from fakekit.kit import Kit

#: Makes and installs the Kit of a SimulationApp, given its launch configuration.
MakeKit = Callable[[dict[str, Any]], Kit]

_DEFAULT_CONFIG: dict[str, Any] = {
    "headless": False,
    "width": 1280,
    "height": 720,
    "renderer": "RaytracedLighting",
    "create_new_stage": True,
    "fast_shutdown": True,
}
# A SimulationApp updates until the viewport has a picture, and this often at least.
_VIEWPORT_UPDATES = 120
_DOCKING_UPDATES = 10


def in_running_app(*_args: Any, **_kwargs: Any) -> None:
    """SimulationApp(), called within an app that runs already."""
    raise RuntimeError("SimulationApp() starts Kit, which runs already: use omni.kit.app.get_app()")


def offer(module_name: str, make_kit: MakeKit) -> None:
    """Makes `from MODULE import SimulationApp` work, and nothing else of Kit yet."""

    class SimulationApp(_SimulationApp):
        """The class that scripts see."""

        _make_kit = staticmethod(make_kit)
        _module_name = module_name

    parent = ""
    for name in module_name.split("."):
        path = f"{parent}.{name}" if parent else name
        module = types.ModuleType(path)
        module.__path__ = []
        sys.modules[path] = module
        if parent:
            setattr(sys.modules[parent], name, module)
        parent = path
    sys.modules[module_name].SimulationApp = SimulationApp  # type: ignore[attr-defined]


class _SimulationApp:
    """What all profiles have of SimulationApp."""

    DEFAULT_LAUNCHER_CONFIG = _DEFAULT_CONFIG
    _make_kit: MakeKit
    _module_name: str

    def __init__(self, launch_config: dict[str, Any] | None = None, experience: str = "") -> None:
        self.config = {**_DEFAULT_CONFIG, **(launch_config or {})}
        self._is_exiting = False
        self._kit = self._make_kit(self.config)
        self._kit.settings.store("/app/fastShutdown", bool(self.config["fast_shutdown"]))
        if self.config["create_new_stage"]:
            self._kit.context.new_stage()
        self._wait_for_viewport()

    def _wait_for_viewport(self) -> None:
        updates = 0
        while updates < _VIEWPORT_UPDATES and not self._has_picture():
            self._kit.update()
            updates += 1
        self._kit.update(max(0, _DOCKING_UPDATES - updates))

    def _has_picture(self) -> bool:
        viewports = [p for p in self._kit.renderer.products.values() if p.is_viewport]
        return all(viewport.renders for viewport in viewports)

    @api("SimulationApp.update")
    def update(self) -> None:
        self._kit.app.step()

    @api("SimulationApp.set_setting")
    def set_setting(self, setting: str, value: Any) -> None:
        self._kit.settings.set(setting, value)

    @api("SimulationApp.is_running")
    def is_running(self) -> bool:
        return self._kit.app.quit_code is None and not self._is_exiting

    @api("SimulationApp.is_exiting")
    def is_exiting(self) -> bool:
        return self._is_exiting

    @api("SimulationApp.close")
    def close(self, wait_for_replicator: bool = True, skip_cleanup: bool = False) -> None:
        if self._is_exiting:
            return
        self._is_exiting = True
        if not skip_cleanup:
            self._kit.context.close()
        self._kit.app.close()

    @property
    def app(self) -> Any:
        return self._kit.app

    @property
    def context(self) -> Any:
        return self._kit.context
