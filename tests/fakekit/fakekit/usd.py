# SPDX-License-Identifier: MIT
"""omni.usd: the context, its stage, and the events when that changes. Main thread.

After omni/usd/_usd.pyi in work-r-labs/isaacsim_typings_5. A stage is a JSON file, whatever its
name: {"prims": [{"path": "/World/front", "type": "Camera"}, ...]}.
"""

from __future__ import annotations

import json
import pathlib
from collections.abc import Callable
from typing import Any

from fakekit import pxr
from fakekit.bindings import bound_enum
from fakekit.events import Broadcast
from fakekit.journal import api

StageEventType = bound_enum(
    "StageEventType",
    SAVED=0,
    SAVE_FAILED=1,
    OPENING=2,
    OPENED=3,
    OPEN_FAILED=4,
    CLOSING=5,
    CLOSED=6,
    SELECTION_CHANGED=7,
    ASSETS_LOADED=8,
    ASSETS_LOAD_ABORTED=9,
    ASSETS_LOADING=21,
)
StageState = bound_enum("StageState", CLOSED=0, OPENING=1, OPENED=2, CLOSING=3)

#: The stage that Kit starts with.
BUILT_IN = [
    {"path": "/World", "type": "Xform"},
    {"path": "/World/light", "type": "DistantLight"},
    {"path": "/World/robot", "type": "Xform"},
    {"path": "/World/robot/front", "type": "Camera"},
    {"path": "/World/robot/rear", "type": "Camera"},
    {"path": "/World/overview", "type": "Camera"},
]
#: The session layer's cameras, which come with a viewport.
VIEWPORT_CAMERAS = tuple(f"/OmniverseKit_{view}" for view in ("Persp", "Front", "Top", "Right"))


def read_stage(path: str) -> list[dict[str, Any]]:
    """The prims of a stage file. Raises OSError, or ValueError for what is no stage."""
    stage = json.loads(pathlib.Path(path).read_text())
    if not isinstance(stage, dict) or set(stage) != {"prims"}:
        raise ValueError(f'{path}: a stage is {{"prims": [...]}}')
    for prim in stage["prims"]:
        if not {"path", "type"} <= set(prim) <= {"path", "type", "active"}:
            raise ValueError(f"{path}: a prim has path, type and maybe active, not {prim}")
    return list(stage["prims"])


class Selection:
    """What is selected."""

    def __init__(self, kit: Any) -> None:
        self._kit = kit
        self.paths: list[str] = []

    @api("Selection.get_selected_prim_paths")
    def get_selected_prim_paths(self) -> list[str]:
        return list(self.paths)

    @api("Selection.set_selected_prim_paths")
    def set_selected_prim_paths(self, paths: list[str], expandInStage: bool = True) -> bool:
        self.paths = list(paths)
        return True

    @api("Selection.clear_selected_prim_paths")
    def clear_selected_prim_paths(self) -> bool:
        self.paths = []
        return True


class UsdContext:
    """The one context, whose name is empty."""

    def __init__(self, kit: Any) -> None:
        self._kit = kit
        self.events = Broadcast(kit, "stage")
        self.selection = Selection(kit)
        self.stage: pxr.Stage | None = None
        self.state = StageState.CLOSED
        self._url = ""
        self._loads_left = 0

    @property
    def subscription_count(self) -> int:
        """Subscribers of the stage's stream."""
        return len(self.events.stream.channel)

    def step(self) -> None:
        """One update: assets load; ASSETS_LOADED follows some updates after OPENED."""
        if self._loads_left:
            self._loads_left -= 1
            if not self._loads_left:
                self._send(StageEventType.ASSETS_LOADED)

    def show(self, prims: list[dict[str, Any]], url: str) -> None:
        """Closes the stage and opens one of these prims."""
        self.close()
        self.state = StageState.OPENING
        self._send(StageEventType.OPENING)
        self.stage = pxr.Stage(self._kit)
        if self._kit.viewports.is_available:
            for path in VIEWPORT_CAMERAS:
                self.stage.define(path, "Camera")
        for prim in prims:
            self.stage.define(prim["path"], prim["type"]).is_active = prim.get("active", True)
        self._url = url
        self._loads_left = self._kit.options.load_updates
        self.state = StageState.OPENED
        self._kit.renderer.on_stage_opened()
        # SyntheticData resets its graphs on CLOSING and again on OPENED: what was attached in
        # between is lost (omni.syntheticdata, extension.py).
        self._kit.replicator.forget_nodes()
        self._send(StageEventType.OPENED)
        self._send(StageEventType.ASSETS_LOADING)

    def close(self) -> None:
        """Closes the stage, if there is one; its prims, products and annotators end."""
        if self.stage is None:
            return
        self.state = StageState.CLOSING
        self._send(StageEventType.CLOSING)
        self._kit.replicator.forget_nodes()
        self._kit.renderer.on_stage_closed()
        self.stage.close()
        self.stage = None
        self.selection.paths = []
        self._loads_left = 0
        self.state = StageState.CLOSED
        self._send(StageEventType.CLOSED)

    def _send(self, event: Any) -> None:
        self.events.send(int(event), self._event_name(event), {})

    @staticmethod
    def _event_name(event: Any) -> str:
        return f"omni.usd.UsdContext:stage_event:{event.name.lower()}"

    @api("UsdContext.get_name")
    def get_name(self) -> str:
        return ""

    @api("UsdContext.get_stage")
    def get_stage(self) -> pxr.Stage | None:
        return self.stage

    @api("UsdContext.get_stage_state")
    def get_stage_state(self) -> Any:
        return self.state

    @api("UsdContext.get_stage_url")
    def get_stage_url(self) -> str:
        return self._url

    @api("UsdContext.get_stage_loading_status")
    def get_stage_loading_status(self) -> tuple[str, int, int]:
        total = self._kit.options.load_updates if self._loads_left else 0
        return "", total - self._loads_left, total

    @api("UsdContext.get_stage_event_stream")
    def get_stage_event_stream(self) -> Any:
        return self.events.stream

    @api("UsdContext.get_selection")
    def get_selection(self) -> Selection:
        return self.selection

    @api("UsdContext.can_close_stage")
    def can_close_stage(self) -> bool:
        return self.stage is not None

    @api("UsdContext.new_stage")
    def new_stage(self) -> bool:
        self.show([], f"anon:0x{id(self):x}:World0.usd")
        return True

    @api("UsdContext.open_stage")
    def open_stage(
        self, url: str, on_finish_fn: Callable[[bool, str], None] | None = None
    ) -> bool:
        try:
            prims = read_stage(url)
        except (OSError, ValueError) as error:
            self._send(StageEventType.OPEN_FAILED)
            is_open, problem = False, str(error)
        else:
            self.show(prims, url)
            is_open, problem = True, ""
        if on_finish_fn:
            on_finish_fn(is_open, problem)
        return is_open

    @api("UsdContext.close_stage")
    def close_stage(self, on_finish_fn: Callable[[bool, str], None] | None = None) -> bool:
        had_stage = self.stage is not None
        self.close()
        if on_finish_fn:
            on_finish_fn(had_stage, "" if had_stage else "no stage is open")
        return had_stage


class UsdContext2(UsdContext):
    """The context of Kit 107 and later, whose events have names."""

    @api("UsdContext.stage_event_name")
    def stage_event_name(self, event: Any) -> str:
        if type(event) is not StageEventType:
            raise TypeError(f"incompatible function arguments: {event!r}")
        return self._event_name(event)

    @api("UsdContext.stage_event_type")
    def stage_event_type(self, event: str) -> Any:
        for member in StageEventType.__members__.values():
            if self._event_name(member) == event:
                return member
        raise RuntimeError(f"{event} is no stage event")


class Usd:
    """The functions of omni.usd."""

    def __init__(self, kit: Any) -> None:
        self._kit = kit

    @api("omni.usd.get_context")
    def get_context(self, name: str = "") -> UsdContext | None:
        context: UsdContext = self._kit.context
        return context if name == "" else None
