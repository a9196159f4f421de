# SPDX-License-Identifier: MIT
"""omni.kit.app: the update loop and its events. Main thread.

After omni/kit/app/_app.pyi in work-r-labs/isaacsim_typings_5, which has the names of the events
and the orders: callbacks of an update at the default order run before that update's rendering.
"""

from __future__ import annotations

import time
from typing import Any

from fakekit.events import Channel, IEventStream, Occurrence
from fakekit.journal import api
from fakekit.settings import SubscriptionId

UPDATE_ORDER_USD = -10
UPDATE_ORDER_HYDRA_RENDER = 30
POST_QUIT_EVENT_TYPE = 0
PRE_SHUTDOWN_EVENT_TYPE = 1

#: Names of the module that exist on every Kit.
CONSTANTS = {
    "EVENT_ORDER_DEFAULT": 0,
    "POST_QUIT_EVENT_TYPE": POST_QUIT_EVENT_TYPE,
    "PRE_SHUTDOWN_EVENT_TYPE": PRE_SHUTDOWN_EVENT_TYPE,
    "UPDATE_ORDER_HYDRA_RENDER": UPDATE_ORDER_HYDRA_RENDER,
    "UPDATE_ORDER_UNSPECIFIED": 0,
    "UPDATE_ORDER_USD": UPDATE_ORDER_USD,
}
#: Names that came with events 2.0.
CONSTANTS_2 = {
    "GLOBAL_EVENT_POST_QUIT": "omni.kit.app:post_quit",
    "GLOBAL_EVENT_POST_UPDATE": "postUpdate",
    "GLOBAL_EVENT_PRE_SHUTDOWN": "omni.kit.app:pre_shutdown",
    "GLOBAL_EVENT_PRE_UPDATE": "preUpdate",
    "GLOBAL_EVENT_UPDATE": "update",
}
_RUN_LOOP = "main"


class VirtualClock:
    """Time that passes by updates alone."""

    def __init__(self, updates_per_second: float) -> None:
        self._dt = 1.0 / updates_per_second

    def tick(self) -> float:
        """The next update begins. Returns the seconds since the last one."""
        return self._dt


class RealClock:
    """Time that passes; an update begins when it is due, a late one at once."""

    def __init__(self, updates_per_second: float) -> None:
        self._period = 1.0 / updates_per_second
        self._last = time.monotonic()

    def tick(self) -> float:
        """Waits for the next update. Returns the seconds since the last one."""
        time.sleep(max(0.0, self._last + self._period - time.monotonic()))
        now = time.monotonic()
        dt, self._last = now - self._last, now
        return dt


class App:
    """IApp."""

    def __init__(self, kit: Any) -> None:
        self._kit = kit
        self.update_number = 0
        self.time_s = 0.0
        self.quit_code: int | None = None
        self.has_shut_down = False
        self._is_updating = False
        self._streams = {
            name: IEventStream(kit, self._channel(name))
            for name in ("preUpdate", "update", "postUpdate", "shutdown")
        }
        self._add_own("update", UPDATE_ORDER_USD, self._step_world)
        self._add_own("update", UPDATE_ORDER_HYDRA_RENDER, lambda _: kit.renderer.step())

    @property
    def shutdown_subscription_count(self) -> int:
        """Subscribers of the shutdown stream; the run loop's are the dispatcher's."""
        return len(self._streams["shutdown"].channel)

    def step(self) -> None:
        """One update."""
        if self._is_updating:
            self._kit.journal.violate("nested-update", f"in update {self.update_number}")
            raise RuntimeError("update() within an update")
        self._is_updating = True
        try:
            dt = self._kit.clock.tick()
            self.update_number += 1
            self.time_s += dt
            for name in ("preUpdate", "update", "postUpdate"):
                self._dispatch(name, 0, name, {"dt": dt})
        finally:
            self._is_updating = False

    def quit(self, code: int) -> None:
        """Asks the loop to end after this update."""
        if self.quit_code is None:
            self.quit_code = code
            name = CONSTANTS_2["GLOBAL_EVENT_POST_QUIT"]
            self._dispatch("shutdown", POST_QUIT_EVENT_TYPE, name, {"exitCode": code})

    def close(self) -> None:
        """Says goodbye; a fast shutdown then ends the process, a slow one the extensions.

        With /app/fastShutdown Kit terminates without on_shutdown() and without Python's own end
        (IsaacSim, simulation_app.py, close()).
        """
        if self.has_shut_down:
            return
        self.has_shut_down = True
        kit = self._kit
        kit.is_shutting_down = True
        self.quit_code = self.quit_code or 0
        name = CONSTANTS_2["GLOBAL_EVENT_PRE_SHUTDOWN"]
        self._dispatch("shutdown", PRE_SHUTDOWN_EVENT_TYPE, name, {})
        if kit.settings.load("/app/fastShutdown"):
            kit.exit_process(self.quit_code)
        kit.extensions.shut_down_all()
        kit.context.close()

    def _dispatch(
        self, stream: str, event_type: int, event_name: str, payload: dict[str, Any]
    ) -> None:
        self._streams[stream].channel.dispatch(Occurrence(event_type, event_name, payload))
        if stream == "shutdown" and self._kit.profile.has_events_2:
            self._kit.dispatcher.emit(event_name, payload)

    def _channel(self, name: str) -> Channel:
        """The run loop's streams share the observers' channels: one order for both kinds."""
        if name == "shutdown":
            return Channel(self._kit, name)
        channel: Channel = self._kit.dispatcher.channel(name)
        return channel

    def _add_own(self, name: str, order: int, function: Any) -> None:
        self._streams[name].channel.add("own", function, order, "fakekit")

    def _step_world(self, payload: dict[str, Any]) -> None:
        self._kit.extensions.step()
        self._kit.timeline.step(payload["dt"])
        self._kit.context.step()
        self._kit.viewports.step()

    def _stream(self, name: str, runloop_name: str) -> IEventStream:
        if runloop_name != _RUN_LOOP:
            raise NotImplementedError(f"fakekit has the run loop {_RUN_LOOP!r} alone")
        return self._streams[name]

    @api("IApp.get_pre_update_event_stream")
    def get_pre_update_event_stream(self, runloop_name: str = _RUN_LOOP) -> IEventStream:
        return self._stream("preUpdate", runloop_name)

    @api("IApp.get_update_event_stream")
    def get_update_event_stream(self, runloop_name: str = _RUN_LOOP) -> IEventStream:
        return self._stream("update", runloop_name)

    @api("IApp.get_post_update_event_stream")
    def get_post_update_event_stream(self, runloop_name: str = _RUN_LOOP) -> IEventStream:
        return self._stream("postUpdate", runloop_name)

    @api("IApp.get_shutdown_event_stream")
    def get_shutdown_event_stream(self) -> IEventStream:
        return self._streams["shutdown"]

    @api("IApp.get_extension_manager")
    def get_extension_manager(self) -> Any:
        return self._kit.extensions.manager

    @api("IApp.get_update_number")
    def get_update_number(self) -> int:
        return self.update_number

    @api("IApp.get_time_since_start_s")
    def get_time_since_start_s(self) -> float:
        return self.time_s

    @api("IApp.get_time_since_start_ms")
    def get_time_since_start_ms(self) -> float:
        return self.time_s * 1e3

    @api("IApp.get_app_name")
    def get_app_name(self) -> str:
        return "Isaac-Sim"

    @api("IApp.get_app_filename")
    def get_app_filename(self) -> str:
        return f"{self._kit.profile.simulation_app_module.split('.')[0]}.fakekit"

    @api("IApp.get_app_version")
    def get_app_version(self) -> str:
        return str(self._kit.profile.isaac)

    @api("IApp.get_app_version_short")
    def get_app_version_short(self) -> str:
        return _short(self._kit.profile.isaac)

    @api("IApp.get_build_version")
    def get_build_version(self) -> str:
        return self._kit_version()

    @api("IApp.get_kit_version")
    def get_kit_version(self) -> str:
        return self._kit_version()

    @api("IApp.get_kit_version_short")
    def get_kit_version_short(self) -> str:
        return _short(self._kit.profile.kit)

    def _kit_version(self) -> str:
        return f"{self._kit.profile.kit}+release.0.fakekit.linux-x86_64.release"

    @api("IApp.is_app_ready")
    def is_app_ready(self) -> bool:
        return self.update_number > 0

    @api("IApp.is_running")
    def is_running(self) -> bool:
        return self.quit_code is None

    @api("IApp.print_and_log")
    def print_and_log(self, message: str) -> None:
        self._kit.journal.write("info", message)

    @api("IApp.post_quit")
    def post_quit(self, return_code: int = 0) -> None:
        self.quit(return_code)

    @api("IApp.update")
    def update(self) -> None:
        self.step()

    @api("IApp.shutdown")
    def shutdown(self) -> int:
        self.close()
        return self.quit_code or 0


class App106(App):
    """IApp of Kit 106 and later."""

    @api("IApp.get_kernel_version")
    def get_kernel_version(self) -> str:
        return self._kit_version()


class SettingChangeSubscription:
    """omni.kit.app's wrapper of a subscription to a setting: it ends when it is dropped."""

    _kit: Any = None

    def __init__(self, path: str, on_change: Any) -> None:
        self._id: SubscriptionId = self._kit.settings.subscribe_to_node_change_events(
            path, on_change
        )

    def __del__(self) -> None:
        self._kit.settings.unsubscribe_to_change_events(self._id)


def _short(version: str) -> str:
    return ".".join(version.split(".")[:2])
