# SPDX-License-Identifier: MIT
"""All that headcam knows of Omniverse Kit: the one module that touches omni, carb and pxr.

A thin layer: it hides where the versions differ (2023.1.1 to 6.x) and decides nothing. Everything
is called on Kit's main thread, from start() or out of an event. Methods may raise whatever Kit
raises, unless they say otherwise; who calls them from an event has to catch it.

Kit's modules come with the application, so they are imported when they are needed, never before.
"""

from __future__ import annotations

import collections
import ctypes
import enum
import importlib
import logging
import re
from collections.abc import Callable, Iterator
from typing import Any

from headcam.wire import PixelFormat

log = logging.getLogger("headcam")

_CAPTURE_ON_PLAY = "/omni/replicator/captureOnPlay"
_RENDERER_ENABLED = "/app/renderer/enabled"
# Where Replicator evaluates its annotators.
_ANNOTATOR_GRAPH = "/Render/PostProcess/SDGPipeline"
# Without these, annotators attach and stay empty for ever (IsaacLab PR 5375).
_NEEDED_FOR_PICTURES = ("omni.kit.hydra_texture", "omni.kit.viewport.window")
_VIEWPORT_UTILITY = "omni.kit.viewport.utility"
# Older ones break an annotator whose render product is switched off and on.
_CAN_TOGGLE_SINCE = (1, 11, 2)
# The cameras that Kit itself puts on each stage.
_BUILT_IN_CAMERAS = "/OmniverseKit_"
_OBSERVER = "headcam"

# Prototypes of our own: to set restype on ctypes.pythonapi's would change them for everybody.
_capsule_pointer = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(
    ("PyCapsule_GetPointer", ctypes.pythonapi)
)
_memory_view = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.c_ssize_t, ctypes.c_int)(
    ("PyMemoryView_FromMemory", ctypes.pythonapi)
)
_READ_ONLY = 0x100  # PyBUF_READ


class NotInKit(RuntimeError):
    """There is no running Kit application in this process; the text says what to do."""


class NoReplicator(RuntimeError):
    """omni.replicator.core cannot be imported; the text says why and what to do."""


class StageEvent(enum.Enum):
    """What happens to the stage."""

    OPENED = "OPENED"
    CLOSING = "CLOSING"


class Subscription:
    """A callback that Kit calls, until end(); Kit forgets it with its last reference, too."""

    def __init__(self, handle: Any) -> None:
        self._handle = handle

    def end(self) -> None:
        """No call any more. A second end() does nothing."""
        handle, self._handle = self._handle, None
        for name in ("reset", "unsubscribe"):  # events 2.0, events 1.0
            end = getattr(handle, name, None)
            if end is not None:
                end()
                return


class Kit:
    """The application that runs in this process. Raises NotInKit where there is none."""

    def __init__(self) -> None:
        try:
            self._app_module = importlib.import_module("omni.kit.app")
            self._settings = importlib.import_module("carb.settings").get_settings()
            self._app = self._app_module.get_app()
        except (ImportError, AttributeError, RuntimeError) as error:
            raise _not_in_kit(error) from None
        if self._app is None or self._settings is None:
            raise _not_in_kit("the application does not run yet")
        self._usd = importlib.import_module("omni.usd")
        self._timeline = importlib.import_module("omni.timeline").get_timeline_interface()
        self._replicator: Any = None
        self._readers: collections.Counter[str] = collections.Counter()  # ours, by product
        self._owned: set[str] = set()  # products whose node is ours to remove
        self._capture_on_play_holders = 0
        self._capture_on_play_before: Any = None

    # ---- the application ----

    @property
    def description(self) -> str:
        """The application's name and version, and Kit's: "isaac-sim 4.5.0, Kit 106.5"."""
        name, version = self._word("get_app_name"), self._word("get_app_version")
        kit = self._word("get_kit_version").partition("+")[0]
        return f"{name} {version.partition('+')[0]}".strip() + (f", Kit {kit}" if kit else "")

    @property
    def update_number(self) -> int:
        """The number of the update that is going on."""
        return int(self._app.get_update_number())

    @property
    def sim_time_ns(self) -> int:
        """The timeline's time."""
        return round(self._timeline.get_current_time() * 1e9)

    def print(self, message: str) -> None:
        """Writes a line to the console and to Kit's log."""
        self._app.print_and_log(message)

    def log(self, level: int, message: str) -> None:
        """Writes to Kit's log, with one of logging's levels."""
        carb = importlib.import_module("carb")
        if level >= logging.ERROR:
            carb.log_error(message)
        elif level >= logging.WARNING:
            carb.log_warn(message)
        else:
            carb.log_info(message)

    def setting(self, path: str) -> Any:
        """A setting's value; None where there is none."""
        return self._settings.get(path)

    @property
    def is_renderer_enabled(self) -> bool:
        """Whether the application renders at all."""
        return self.setting(_RENDERER_ENABLED) is not False

    @property
    def missing_extensions(self) -> list[str]:
        """Those without which the annotators may stay empty."""
        manager = self._app.get_extension_manager()
        return [name for name in _NEEDED_FOR_PICTURES if not manager.is_extension_enabled(name)]

    # ---- events ----

    def on_update(self, call: Callable[[], None]) -> Subscription:
        """After each update: an *update* callback comes before the frame is rendered."""
        if self._has_events_2:
            return self._observe(self._app_module.GLOBAL_EVENT_POST_UPDATE, call)
        stream = self._app.get_post_update_event_stream()
        return Subscription(
            stream.create_subscription_to_pop(lambda event: call(), name=_OBSERVER, order=0)
        )

    def on_stage(self, kind: StageEvent, call: Callable[[], None]) -> Subscription:
        """When the stage closes or has opened."""
        context = self._usd.get_context()
        wanted = getattr(self._usd.StageEventType, kind.value)
        if self._has_events_2:
            return self._observe(context.stage_event_name(wanted), call)

        def on_event(event: Any) -> None:
            if event.type == int(wanted):
                call()

        stream = context.get_stage_event_stream()
        return Subscription(stream.create_subscription_to_pop(on_event, name=_OBSERVER))

    def on_quit(self, call: Callable[[], None]) -> Subscription:
        """Before the application ends; Kit then ends the process without Python's own exit."""
        if self._has_events_2:
            return self._observe(self._app_module.GLOBAL_EVENT_PRE_SHUTDOWN, call)
        wanted = int(self._app_module.PRE_SHUTDOWN_EVENT_TYPE)

        def on_event(event: Any) -> None:
            if event.type == wanted:
                call()

        stream = self._app.get_shutdown_event_stream()
        return Subscription(stream.create_subscription_to_pop(on_event, name=_OBSERVER, order=0))

    # ---- the stage ----

    @property
    def has_stage(self) -> bool:
        """Whether a stage is open."""
        return self._usd.get_context().get_stage() is not None

    @property
    def stage_loading(self) -> tuple[int, int] | None:
        """(loaded, all) files while a stage loads, else None."""
        _, loaded, total = self._usd.get_context().get_stage_loading_status()
        return (loaded, total) if loaded < total else None

    def has_camera(self, path: str) -> bool:
        """Whether there is a camera prim at that path."""
        stage = self._usd.get_context().get_stage()
        return stage is not None and self._is_camera(stage.GetPrimAtPath(path))

    def camera_paths(self) -> Iterator[str]:
        """The stage's camera prims, without Kit's own. Visits every prim: some take long."""
        stage = self._usd.get_context().get_stage()
        for prim in stage.Traverse() if stage is not None else ():
            if self._is_camera(prim):
                path = str(prim.GetPath())
                if not path.startswith(_BUILT_IN_CAMERAS):
                    yield path

    # ---- pictures ----

    def find_viewport(self, window: str | None) -> Viewport | None:
        """The active viewport, or the one of that window; None where there is none (yet)."""
        # Applications without viewports, as Isaac Lab's headless, are without this as well. Asked
        # for, not tried: an import that fails searches the whole path, and that for each frame.
        if not self._app.get_extension_manager().is_extension_enabled(_VIEWPORT_UTILITY):
            return None
        utility = importlib.import_module(_VIEWPORT_UTILITY)
        if window is None:
            api = utility.get_active_viewport()
        else:
            api = utility.get_viewport_from_window_name(window)
        return None if api is None else Viewport(api, utility)

    def create_product(self, camera: str, size: tuple[int, int], name: str) -> Product:
        """Renders a camera; `name` must be new, or somebody else's product might be returned.

        Raises NoReplicator.
        """
        return Product(self.replicator.create.render_product(camera, size, name=name))

    def attach(self, product_path: str) -> Annotator:
        """Has a render product's pictures copied to the host. Raises NoReplicator.

        While anything is attached, Replicator does not capture on play: it would hide things,
        clear the selection and could stop the timeline.
        """
        # A copy in our own reads is not needed; but the node is shared by all who attach to this
        # product, and its default, to copy, protects theirs.
        annotator = self.replicator.AnnotatorRegistry.get_annotator("rgb", device="cpu")
        if not _is_in_use(annotator, product_path):
            self._owned.add(product_path)
        self._hold_capture_on_play()
        try:
            # A list of one path is what every version takes; an object would toggle its updates.
            annotator.attach([product_path])
        except BaseException:
            self._release_capture_on_play()
            raise
        self._readers[product_path] += 1
        return Annotator(annotator, product_path, self._detach)

    @property
    def can_toggle_products(self) -> bool:
        """Whether a render product may be switched off and on again.

        Unknown versions are taken for new ones: they have been since 2024.
        """
        manager = self._app.get_extension_manager()
        extension = manager.get_enabled_extension_id("omni.replicator.core") or ""
        found = re.search(r"-(\d+)\.(\d+)\.(\d+)", extension)
        return found is None or tuple(map(int, found.groups())) >= _CAN_TOGGLE_SINCE

    @property
    def replicator(self) -> Any:
        """omni.replicator.core. Raises NoReplicator."""
        if self._replicator is None:
            try:
                self._replicator = importlib.import_module("omni.replicator.core")
            except Exception as error:  # it loads much, and breaks in many ways
                raise NoReplicator(
                    "omni.replicator.core cannot be imported: start with --enable"
                    f" omni.replicator.core, Isaac Lab with --enable_cameras ({error})"
                ) from error
        return self._replicator

    def evaluate_annotators(self) -> None:
        """Has Replicator evaluate its graph now, as Isaac's own Camera does before it reads."""
        controller = importlib.import_module("omni.graph.core").Controller()
        controller.evaluate_sync(graph_id=controller.graph(_ANNOTATOR_GRAPH))

    # ---- within ----

    @property
    def _has_events_2(self) -> bool:
        # Kit 106 has some of these names already, the update's not yet.
        return hasattr(self._app_module, "GLOBAL_EVENT_POST_UPDATE")

    def _observe(self, event_name: str, call: Callable[[], None]) -> Subscription:
        dispatcher = importlib.import_module("carb.eventdispatcher").get_eventdispatcher()
        return Subscription(
            dispatcher.observe_event(
                event_name=event_name,
                on_event=lambda event: call(),
                observer_name=_OBSERVER,
                order=0,
            )
        )

    def _word(self, getter: str) -> str:
        """What a getter of the application's says, where this version has it."""
        get = getattr(self._app, getter, None)
        return str(get() or "") if get is not None else ""

    def _is_camera(self, prim: Any) -> bool:
        camera = importlib.import_module("pxr.UsdGeom").Camera
        return bool(prim) and prim.IsValid() and prim.IsA(camera)

    def _detach(self, annotator: Any, product_path: str) -> None:
        """To detach one annotator of a product takes the node from all of them: so the last of
        ours does that, and none where the node was there before us."""
        self._readers -= collections.Counter([product_path])
        try:
            if product_path in self._owned and not self._readers[product_path]:
                annotator.detach()
                self._owned.remove(product_path)
        finally:
            self._release_capture_on_play()

    def _hold_capture_on_play(self) -> None:
        self._capture_on_play_holders += 1
        if self._capture_on_play_holders == 1:
            self._capture_on_play_before = self.setting(_CAPTURE_ON_PLAY)
            self.replicator.orchestrator.set_capture_on_play(False)

    def _release_capture_on_play(self) -> None:
        self._capture_on_play_holders -= 1
        if self._capture_on_play_holders or self.setting(_CAPTURE_ON_PLAY) is not False:
            return  # in use, or somebody has changed it since
        if self._capture_on_play_before is None:
            self._settings.destroy_item(_CAPTURE_ON_PLAY)
        else:
            self._settings.set(_CAPTURE_ON_PLAY, self._capture_on_play_before)


class Viewport:
    """A viewport, whose pictures are rendered anyway."""

    def __init__(self, api: Any, utility: Any) -> None:
        self._api = api
        self._utility = utility

    @property
    def product_path(self) -> str:
        """Its render product; "" where it has none yet."""
        return str(self._api.render_product_path or "")

    @property
    def size(self) -> tuple[int, int] | None:
        """(width, height) in pixels, as it is rendered; None where it has no texture yet."""
        return _as_size(self._api.resolution)

    def set_size(self, size: tuple[int, int]) -> Callable[[], None]:
        """Sets the size; what is returned gives the old one back, unless it was changed since.

        A viewport may fill its window, and then would not keep the size; and it may be rendered
        smaller by a factor, which counts for what is read as `resolution` and not for what is set.
        """
        api, before, fills_window = self._api, self._api.full_resolution, self._api.fill_frame
        api.fill_frame = False
        api.resolution = size

        def give_back() -> None:
            if _as_size(api.full_resolution) == size:
                api.resolution = before
                api.fill_frame = fills_window

        return give_back

    @property
    def is_updating(self) -> bool:
        """Whether its updates are switched on."""
        return bool(self._api.updates_enabled)

    @property
    def has_rendered(self) -> bool:
        """Whether the renderer has brought a frame to it."""
        return (self._api.frame_info or {}).get("viewport_handle") is not None

    def capture(
        self, deliver: Callable[[Buffer], None], fail: Callable[[Exception], None]
    ) -> object:
        """Asks for one picture, without annotators; `deliver` gets it some updates later, or `fail`
        what is wrong with it. Neither may raise.

        The request ends when the object that is returned is dropped.
        """

        def on_captured(
            capsule: Any, count: int, width: int, height: int, pixel_format: Any
        ) -> None:
            try:
                buffer = Buffer(capsule, count, width, height, str(pixel_format))
            except Exception as error:
                fail(error)
            else:
                deliver(buffer)

        requested: object = self._utility.capture_viewport_to_buffer(self._api, on_captured)
        return requested


class Buffer:
    """A captured picture: `pixels` with `stride` bytes a row. It ends with the callback.

    Raises ValueError for what is no picture of 8 bits a channel.
    """

    def __init__(
        self, capsule: Any, count: int, width: int, height: int, pixel_format: str
    ) -> None:
        address = _capsule_pointer(capsule, None)
        self.width, self.height = width, height
        self.stride = count // height if height else 0
        # RGBA8 on Linux; elsewhere BGRA8 was seen.
        self.format = PixelFormat.BGRA if "BGR" in pixel_format.upper() else PixelFormat.RGBA
        row_bytes = width * self.format.bytes_per_pixel
        if not address or not row_bytes <= self.stride < 2 * row_bytes:
            raise ValueError(
                f"the viewport gave {count} bytes of {pixel_format} for {width}x{height}"
            )
        self.pixels: memoryview = _memory_view(address, self.stride * height, _READ_ONLY)


class Product:
    """A render product of our own: it renders its camera again, once an update."""

    def __init__(self, product: Any) -> None:
        self._product = product
        self.path = str(product.path)

    def set_updating(self, is_updating: bool) -> None:
        """Switches its rendering."""
        self._product.hydra_texture.set_updates_enabled(is_updating)

    def destroy(self) -> None:
        """Only when the application ends: before, it can make Kit unstable."""
        self._product.destroy()


class Annotator:
    """The pictures of one render product, on the host."""

    def __init__(
        self, annotator: Any, product_path: str, detach: Callable[[Any, str], None]
    ) -> None:
        self.product_path = product_path
        self._annotator = annotator
        self._detach = detach
        self._is_attached = True

    def read(self) -> Any:
        """What there is now; a picture is a view that the next render overwrites."""
        return self._annotator.get_data()

    def detach(self) -> None:
        """Ends the copying. Raises nothing: what it belongs to may be gone already."""
        if not self._is_attached:
            return  # a second detach raises (omni.replicator.core 1.12.22)
        self._is_attached = False
        try:
            self._detach(self._annotator, self.product_path)
        except Exception as error:
            log.debug("annotator of %s not detached: %s", self.product_path, error)


def _is_in_use(annotator: Any, product_path: str) -> bool:
    """Whether somebody has attached such an annotator to that product already."""
    try:
        data = importlib.import_module("omni.syntheticdata").SyntheticData.Get()
        return bool(data.is_node_template_activated(annotator.template_name, product_path, True))
    except Exception as error:  # then it is taken for ours, as nearly always
        log.debug("it cannot be told whether %s has an annotator: %s", product_path, error)
        return False


def _as_size(resolution: Any) -> tuple[int, int] | None:
    if resolution is None:
        return None
    width, height = resolution
    return int(width), int(height)


def _not_in_kit(reason: object) -> NotInKit:
    return NotInKit(
        f"no Omniverse Kit application runs in this process ({reason}): call this after"
        " SimulationApp(...), or publish frames with headcam.Publisher"
    )
