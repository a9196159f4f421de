# SPDX-License-Identifier: MIT
"""Which Python modules there are to import, each with what Kit has in it, and nothing else.

A module whose extension is off is not there: importing it raises ModuleNotFoundError.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

from fakekit import app, events, extensions, gf, pxr, replicator, settings, timeline, usd, viewport

#: Kit's own extensions that can be looked up, switched off or left out; "" is the profile's.
BUILT_IN = {
    "omni.usd": "",
    "omni.timeline": "",
    "omni.hydratexture": "",
    "omni.kit.hydra_texture": "",
    "omni.kit.viewport.window": "",
    "omni.kit.viewport.utility": "",
    "omni.graph.core": "",
    "omni.replicator.core": "",
    "omni.syntheticdata": "",
}

Namespace = dict[str, Any]


def _carb(kit: Any) -> Namespace:
    def log(level: str) -> Callable[[Any], None]:
        def write(msg: Any) -> None:
            kit.journal.write(level, str(msg))

        return write

    return {"log_info": log("info"), "log_warn": log("warn"), "log_error": log("error")}


def _carb_settings(kit: Any) -> Namespace:
    return {
        "get_settings": lambda: kit.settings,
        "acquire_settings_interface": lambda: kit.settings,
        "ISettings": settings.Settings,
        "ChangeEventType": settings.ChangeEventType,
        "SubscriptionId": settings.SubscriptionId,
    }


def _carb_events(kit: Any) -> Namespace:
    return {
        "IEvent": events.IEvent,
        "IEventStream": events.IEventStream,
        "ISubscription": events.ISubscription,
    }


def _carb_eventdispatcher(kit: Any) -> Namespace:
    return {
        "get_eventdispatcher": lambda: kit.dispatcher,
        "Event": events.Event,
        "IEventDispatcher": events.EventDispatcher,
        "ObserverGuard": events.ObserverGuard,
    }


def _kit_app(kit: Any) -> Namespace:
    subscription = type(
        "SettingChangeSubscription", (app.SettingChangeSubscription,), {"_kit": kit}
    )
    names: Namespace = {
        "get_app": lambda: kit.app,
        "get_app_interface": lambda: kit.app,
        "IApp": app.App,
        "SettingChangeSubscription": subscription,
        **app.CONSTANTS,
    }
    if kit.profile.has_events_2:
        names.update(app.CONSTANTS_2)
    return names


def _ext(kit: Any) -> Namespace:
    return {
        "IExt": extensions.IExt,
        "ICppExt": extensions.ICppExt,
        "ExtensionManager": extensions.ExtensionManager,
    }


def _usd(kit: Any) -> Namespace:
    return {
        "get_context": usd.Usd(kit).get_context,
        "StageEventType": usd.StageEventType,
        "StageState": usd.StageState,
        "UsdContext": usd.UsdContext,
        "Selection": usd.Selection,
    }


def _timeline(kit: Any) -> Namespace:
    return {
        "get_timeline_interface": lambda: kit.timeline,
        "Timeline": timeline.Timeline,
        "TimelineEventType": timeline.TimelineEventType,
    }


def _viewport_utility(kit: Any) -> Namespace:
    functions = viewport.ViewportUtility(kit)
    return {name: getattr(functions, name) for name in dir(functions) if name[0] != "_"}


def _viewport_window(kit: Any) -> Namespace:
    return {
        "ViewportWindow": viewport.ViewportWindow,
        "get_viewport_window_instances": lambda usd_context_name="": iter(kit.viewports.windows),
    }


def _graph(kit: Any) -> Namespace:
    return {"Controller": type("Controller", (replicator.Controller,), {"_kit": kit})}


def _replicator(kit: Any) -> Namespace:
    functions = replicator.Orchestrator(kit)
    orchestrator = types.SimpleNamespace(
        set_capture_on_play=functions.set_capture_on_play,
        get_status=functions.get_status,
        stop=functions.stop,
        Status=replicator.Status,
    )
    registry = replicator.Registry(kit)
    annotators = types.SimpleNamespace(
        get=registry.get_annotator,
        Annotator=replicator.Annotator,
        AnnotatorError=replicator.AnnotatorError,
        AnnotatorRegistryError=replicator.AnnotatorRegistryError,
    )
    create = types.SimpleNamespace(render_product=replicator.Create(kit).render_product)
    return {
        "AnnotatorRegistry": registry,
        "annotators": annotators,
        "create": create,
        "orchestrator": orchestrator,
    }


def _syntheticdata(kit: Any) -> Namespace:
    data = replicator.SyntheticData(kit)
    return {"SyntheticData": types.SimpleNamespace(Get=lambda: data)}


def _pxr_gf(kit: Any) -> Namespace:
    return {"Matrix4d": gf.Matrix4d, "Vec3d": gf.Vec3d}


def _pxr_sdf(kit: Any) -> Namespace:
    return {"Path": pxr.Path}


def _pxr_usd(kit: Any) -> Namespace:
    return {
        "Attribute": pxr.Attribute,
        "Prim": pxr.Prim,
        "PrimRange": pxr.PrimRange,
        "Stage": pxr.Stage,
    }


def _pxr_usd_geom(kit: Any) -> Namespace:
    return {
        "Camera": pxr.Camera,
        "Cube": pxr.Cube,
        "Imageable": pxr.Imageable,
        "Xform": pxr.Xform,
        "XformOp": pxr.Attribute,
    }


def _pxr_usd_lux(kit: Any) -> Namespace:
    return {"DomeLight": pxr.DomeLight}


#: Each module, with the extension that brings it; None is Kit's kernel.
_MODULES: dict[str, tuple[str | None, Callable[[Any], Namespace]]] = {
    "carb": (None, _carb),
    "carb.settings": (None, _carb_settings),
    "carb.events": (None, _carb_events),
    "omni.ext": (None, _ext),
    "omni.kit.app": (None, _kit_app),
    "omni.usd": ("omni.usd", _usd),
    "omni.timeline": ("omni.timeline", _timeline),
    "omni.kit.viewport.utility": ("omni.kit.viewport.utility", _viewport_utility),
    "omni.kit.viewport.window": ("omni.kit.viewport.window", _viewport_window),
    "omni.graph.core": ("omni.graph.core", _graph),
    "omni.replicator.core": ("omni.replicator.core", _replicator),
    "omni.syntheticdata": ("omni.syntheticdata", _syntheticdata),
    "pxr.Gf": ("omni.usd", _pxr_gf),
    "pxr.Sdf": ("omni.usd", _pxr_sdf),
    "pxr.Usd": ("omni.usd", _pxr_usd),
    "pxr.UsdGeom": ("omni.usd", _pxr_usd_geom),
    "pxr.UsdLux": ("omni.usd", _pxr_usd_lux),
}


class Modules:
    """The modules of one Kit, and which of them are in sys.modules."""

    def __init__(self, kit: Any) -> None:
        self._kit = kit
        self._is_installed = False
        self._made: dict[str, types.ModuleType] = {}
        self._replaced: dict[str, types.ModuleType] = {}

    def install(self) -> None:
        """Puts the modules into sys.modules. Raises RuntimeError where a Kit is installed."""
        if "omni.kit.app" in sys.modules or "carb" in sys.modules:
            raise RuntimeError("a Kit is installed already: remove it first")
        self._is_installed = True
        self.refresh()

    def remove(self) -> None:
        """Takes the modules out of sys.modules again."""
        self._is_installed = False
        self.refresh()

    def refresh(self) -> None:
        """Fits sys.modules to the extensions that are on."""
        wanted = dict(self._wanted()) if self._is_installed else {}
        for name in [name for name in self._made if name not in wanted]:
            self._drop(name)
        for name, contents in wanted.items():
            if name not in self._made:
                self._put(name, contents)

    def _wanted(self) -> Iterator[tuple[str, Callable[[Any], Namespace] | None]]:
        modules = dict(_MODULES)
        if self._kit.profile.has_events_2:
            modules["carb.eventdispatcher"] = (None, _carb_eventdispatcher)
        modules[self._kit.profile.simulation_app_module] = (None, _simulation_app)
        names = {
            name: contents
            for name, (extension, contents) in modules.items()
            if extension is None or self._kit.extensions.is_on(extension)
        }
        parents = {name.rpartition(".")[0] for name in names}
        parents |= {parent.rpartition(".")[0] for parent in parents}
        for parent in sorted(parents - set(names) - {""}):
            yield parent, None
        yield from names.items()

    def _put(self, name: str, contents: Callable[[Any], Namespace] | None) -> None:
        module = types.ModuleType(name)
        module.__path__ = []  # a package: what is not in it raises ModuleNotFoundError
        if contents:
            vars(module).update(contents(self._kit))
        parent, _, child = name.rpartition(".")
        if parent in self._made:
            setattr(self._made[parent], child, module)
        if name in sys.modules:
            self._replaced[name] = sys.modules[name]
        self._made[name] = sys.modules[name] = module

    def _drop(self, name: str) -> None:
        del self._made[name]
        del sys.modules[name]
        if name in self._replaced:
            sys.modules[name] = self._replaced.pop(name)
        parent, _, child = name.rpartition(".")
        if parent in self._made:
            delattr(self._made[parent], child)


def _simulation_app(kit: Any) -> Namespace:
    from fakekit.simulation_app import in_running_app

    return {"SimulationApp": in_running_app}
