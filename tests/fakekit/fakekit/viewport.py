# SPDX-License-Identifier: MIT
"""omni.kit.viewport: windows, their ViewportAPI, and captures of what they show. Main thread.

After omni/kit/widget/viewport/api.pyi and omni/kit/viewport/utility in
work-r-labs/isaacsim_typings_5, and omni.kit.widget.viewport's impl/texture.py.
"""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Callable
from typing import Any

from fakekit import pxr
from fakekit.bindings import bound_enum
from fakekit.hydra import Product
from fakekit.journal import api
from fakekit.picture import BYTES_PER_PIXEL

EXTENSION = "omni.kit.viewport.window"
DEFAULT_CAMERA = "/OmniverseKit_Persp"
_DEFAULT_NAME = "Viewport"
# What a capture's memory holds once its callback has returned.
_POISON = 0xDD

TextureFormat = bound_enum("TextureFormat", RGBA8_UNORM=12, BGRA8_UNORM=16)

_new_capsule = ctypes.pythonapi.PyCapsule_New
_new_capsule.restype = ctypes.py_object
_new_capsule.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]


class ViewportAPI:
    """A viewport. It is handed out as a weak proxy: it ends with its window."""

    def __init__(self, kit: Any, id: str, camera: str, width: int, height: int) -> None:
        self._kit = kit
        self._id = id
        self._camera = camera
        self._size = self._canvas = (width, height)
        self._scale = 1.0
        self._fills_canvas = False
        self._is_enabled = True
        self._product: Product | None = None
        self._frame_info: dict[str, Any] = {}
        self._captures: list[Capture] = []

    def make_product(self) -> None:
        """A product in the stage that has just been opened."""
        if self._kit.context.stage.spec(self._camera) is None:
            self._camera = DEFAULT_CAMERA
        product: Product = self._kit.renderer.create(
            f"omni_kit_widget_viewport_ViewportTexture_{self._id}", self._camera, *self._scaled
        )
        product.is_viewport = True
        product.is_enabled = self._is_enabled
        self._product = product
        self._frame_info = {}

    def drop_product(self) -> None:
        """The window is closed."""
        if self._product:
            self._kit.renderer.destroy(self._product)
            self._product = None

    def on_rendered(self, product: Product) -> None:
        """A product was rendered, maybe this one."""
        if product is not self._product:
            return
        self._frame_info = {
            "viewport_handle": int(self._id),
            "frame_number": product.renders,
            "resolution": self._scaled,
            "fps": float(self._kit.options.updates_per_second),
        }
        captures, self._captures = self._captures, []
        for capture in captures:
            self._kit.viewports.deliver_later(capture, product)

    @property
    @api("ViewportAPI.render_product_path")
    def render_product_path(self) -> str:
        return self._product.path if self._product else ""

    @api("ViewportAPI.get_render_product_path")
    def get_render_product_path(self) -> str:
        return self._product.path if self._product else ""

    @property
    @api("ViewportAPI.resolution")
    def resolution(self) -> tuple[int, int] | None:
        # None, and deaf, where there is no texture yet (api.py); what is set is not scaled.
        return self._scaled if self._product else None

    @resolution.setter
    @api("ViewportAPI.resolution")
    def resolution(self, value: tuple[float, float]) -> None:
        if len(value) != 2:
            raise ValueError("Resolution must be a sequence of two")
        if self._product:
            self._resize((max(1, int(value[0])), max(1, int(value[1]))))

    @property
    @api("ViewportAPI.full_resolution")
    def full_resolution(self) -> tuple[int, int] | None:
        return self._size if self._product else None

    @property
    @api("ViewportAPI.resolution_scale")
    def resolution_scale(self) -> float | None:
        return self._scale if self._product else None

    @resolution_scale.setter
    @api("ViewportAPI.resolution_scale")
    def resolution_scale(self, value: float) -> None:
        if self._product:
            self._scale = float(value)
            self._resize(self._size)

    @property
    @api("ViewportAPI.fill_frame")
    def fill_frame(self) -> bool:
        return self._fills_canvas

    @fill_frame.setter
    @api("ViewportAPI.fill_frame")
    def fill_frame(self, value: bool) -> None:
        self._fills_canvas = bool(value)

    def synchronize(self) -> None:
        """One update: who fills the window takes its size, whatever was set (api.py)."""
        if self._fills_canvas and self._product and self._size != self._canvas:
            self._resize(self._canvas)

    @property
    def _scaled(self) -> tuple[int, int]:
        width, height = (max(1, round(length * self._scale)) for length in self._size)
        return width, height

    def _resize(self, size: tuple[int, int]) -> None:
        self._size = size
        if self._product:
            self._product.resize(*self._scaled)

    @property
    @api("ViewportAPI.camera_path")
    def camera_path(self) -> pxr.Path:
        return pxr.Path(self._camera)

    @camera_path.setter
    @api("ViewportAPI.camera_path")
    def camera_path(self, camera_path: pxr.Path | str) -> None:
        # What is no camera is ignored, without a word (impl/texture.py).
        stage = self._kit.context.stage
        spec = stage.spec(str(camera_path)) if stage else None
        if spec and spec.type_name == "Camera":
            self._camera = str(camera_path)
            if self._product:
                self._product.camera = self._camera

    @property
    @api("ViewportAPI.updates_enabled")
    def updates_enabled(self) -> bool:
        return self._is_enabled

    @updates_enabled.setter
    @api("ViewportAPI.updates_enabled")
    def updates_enabled(self, enabled: bool) -> None:
        self._enable(enabled)

    @api("ViewportAPI.set_updates_enabled")
    def set_updates_enabled(self, enabled: bool = True) -> None:
        self._enable(enabled)

    def _enable(self, enabled: bool) -> None:
        self._is_enabled = bool(enabled)
        if self._product:
            self._kit.renderer.enable(self._product, self._is_enabled)

    @property
    @api("ViewportAPI.frame_info")
    def frame_info(self) -> dict[str, Any]:
        return self._frame_info

    @property
    @api("ViewportAPI.fps")
    def fps(self) -> float:
        return float(self._frame_info.get("fps", 0.0))

    @property
    @api("ViewportAPI.id")
    def id(self) -> str:
        return self._id

    @property
    @api("ViewportAPI.usd_context_name")
    def usd_context_name(self) -> str:
        return ""

    @property
    @api("ViewportAPI.stage")
    def stage(self) -> Any:
        return self._kit.context.stage

    @api("ViewportAPI.schedule_capture")
    def schedule_capture(self, delegate: Capture) -> Capture:
        self._captures.append(delegate)
        return delegate


class ViewportWindow:
    """A window with a viewport in it, until it is destroyed."""

    def __init__(self, kit: Any, title: str) -> None:
        self._kit = kit
        self.title = title
        self.visible = True

    @property
    def name(self) -> str:
        return self.title

    @property
    def viewport_api(self) -> Any:
        viewport = self._kit.viewports.viewport_of(self)
        return weakref.proxy(viewport) if viewport else None

    @api("ViewportWindow.destroy")
    def destroy(self) -> None:
        self._kit.viewports.close(self)


class Capture:
    """A capture that was asked for. If nobody keeps it, its callback is never called."""

    __slots__ = ("_callback", "__weakref__")

    def __init__(self, callback: Callable[..., None]) -> None:
        self._callback = callback

    def deliver(self, kit: Any, picture: Picture) -> None:
        """Calls back with a capsule, whose memory is Kit's own again afterwards."""
        data = picture.data
        buffer = kit.viewports.buffer(len(data))
        ctypes.memmove(buffer, data, len(data))
        capsule = _new_capsule(ctypes.addressof(buffer), None, None)
        try:
            self._callback(capsule, len(data), picture.width, picture.height, picture.format)
        except Exception:
            kit.journal.callback_failed("a viewport capture")
        finally:
            ctypes.memset(buffer, _POISON, len(data))


class Picture:
    """A captured picture: rows, maybe with padding behind each."""

    def __init__(self, product: Product, format: Any, row_padding: int) -> None:
        self.width = product.width
        self.height = product.height
        self.format = format
        pixels = bytearray(product.painter.memory)
        if format == TextureFormat.BGRA8_UNORM:
            pixels[0::4], pixels[2::4] = pixels[2::4], pixels[0::4]
        stride = self.width * BYTES_PER_PIXEL
        rows = (pixels[at:at + stride] for at in range(0, len(pixels), stride))
        self.data = bytes(bytes(row_padding).join(rows) + bytes(row_padding))


class Viewports:
    """All viewport windows, and the captures that are under way."""

    def __init__(self, kit: Any) -> None:
        self._kit = kit
        self._windows: dict[ViewportWindow, ViewportAPI] = {}
        self._captures: list[tuple[int, weakref.ref[Capture], Picture]] = []
        self._buffers: dict[int, Any] = {}
        self._next_id = 0

    @property
    def is_available(self) -> bool:
        """Whether there can be viewports."""
        return bool(self._kit.extensions.is_on(EXTENSION))

    @property
    def windows(self) -> list[ViewportWindow]:
        """Those that can be seen already."""
        if not self.is_available or not self._has_started():
            return []
        return list(self._windows)

    def viewport_of(self, window: ViewportWindow) -> ViewportAPI | None:
        """The viewport in a window; None once that is destroyed."""
        return self._windows.get(window)

    def open(self, title: str, camera: str, width: int, height: int) -> ViewportWindow:
        """A new window."""
        viewport = ViewportAPI(self._kit, str(self._next_id), camera, width, height)
        self._next_id += 1
        window = ViewportWindow(self._kit, title)
        self._windows[window] = viewport
        if self._kit.context.stage:
            viewport.make_product()
        return window

    def open_first(self) -> None:
        """Kit's own window, as the app starts."""
        after = self._kit.options.viewport_after_updates
        if self.is_available and after is not None:
            self.open(_DEFAULT_NAME, DEFAULT_CAMERA, 1280, 720)

    def close(self, window: ViewportWindow) -> None:
        """The window is gone, and its viewport with it."""
        viewport = self._windows.pop(window, None)
        if viewport:
            viewport.drop_product()

    def on_stage_opened(self) -> None:
        """Each viewport makes a product in the new stage."""
        for viewport in self._windows.values():
            viewport.make_product()

    def on_rendered(self, product: Product) -> None:
        """A product has a new picture."""
        for viewport in self._windows.values():
            viewport.on_rendered(product)

    def deliver_later(self, capture: Capture, product: Product) -> None:
        """The picture of now reaches the capture some updates later, if that is still kept."""
        options = self._kit.options
        picture = Picture(
            product, TextureFormat.__members__[options.capture_format], options.capture_padding
        )
        due = self._kit.app.update_number + options.capture_latency_updates
        self._captures.append((due, weakref.ref(capture), picture))

    def step(self) -> None:
        """One update: captures arrive."""
        for viewport in self._windows.values():
            viewport.synchronize()
        now = self._kit.app.update_number
        due = [entry for entry in self._captures if entry[0] <= now]
        self._captures = [entry for entry in self._captures if entry[0] > now]
        for _, reference, picture in due:
            capture = reference()
            if capture is not None:
                capture.deliver(self._kit, picture)

    def buffer(self, size: int) -> Any:
        """Memory for captures of that size, used again and again."""
        if size not in self._buffers:
            self._buffers[size] = (ctypes.c_uint8 * size)()
        return self._buffers[size]

    def _has_started(self) -> bool:
        after: int = self._kit.options.viewport_after_updates or 0
        return bool(self._kit.app.update_number >= after)


class ViewportUtility:
    """The functions of omni.kit.viewport.utility."""

    def __init__(self, kit: Any) -> None:
        self._kit = kit

    @api("viewport.utility.get_active_viewport")
    def get_active_viewport(self, usd_context_name: str = "") -> Any:
        windows = self._kit.viewports.windows
        return windows[0].viewport_api if windows and usd_context_name == "" else None

    @api("viewport.utility.get_active_viewport_window")
    def get_active_viewport_window(
        self, window_name: str | None = None, usd_context_name: str = ""
    ) -> Any:
        return self._window(window_name) if usd_context_name == "" else None

    @api("viewport.utility.get_viewport_from_window_name")
    def get_viewport_from_window_name(self, window_name: str | None = None) -> Any:
        window = self._window(window_name)
        return window.viewport_api if window else None

    @api("viewport.utility.get_num_viewports")
    def get_num_viewports(self, usd_context_name: str | None = None) -> int:
        return len(self._kit.viewports.windows) if not usd_context_name else 0

    @api("viewport.utility.create_viewport_window")
    def create_viewport_window(
        self,
        name: str | None = None,
        usd_context_name: str = "",
        width: int = 1280,
        height: int = 720,
        position_x: int = 0,
        position_y: int = 0,
        camera_path: pxr.Path | None = None,
    ) -> ViewportWindow | None:
        viewports = self._kit.viewports
        if not viewports.is_available:
            return None
        title = name or f"{_DEFAULT_NAME} {len(viewports.windows)}"
        window: ViewportWindow = viewports.open(
            title, str(camera_path or DEFAULT_CAMERA), width, height
        )
        return window

    @api("viewport.utility.capture_viewport_to_buffer")
    def capture_viewport_to_buffer(
        self, viewport_api: Any, on_capture_fn: Callable[..., None], is_hdr: bool = False
    ) -> Capture:
        if is_hdr:
            raise NotImplementedError("fakekit draws no HDR pictures: leave is_hdr out")
        capture: Capture = viewport_api.schedule_capture(Capture(on_capture_fn))
        return capture

    def _window(self, name: str | None) -> ViewportWindow | None:
        wanted = name or _DEFAULT_NAME
        windows = self._kit.viewports.windows
        return next((window for window in windows if window.title == wanted), None)
