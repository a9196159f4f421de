# SPDX-License-Identifier: MIT
"""The renderer: which products render in an update, and what comes of it. Main thread.

A product renders if the renderer is on, warm, and the product's updates are enabled. Its picture
is there `latency_updates` after the state that it shows. After IsaacSim's omni.kit.hydra_texture
tests for the names of HydraTexture.
"""

from __future__ import annotations

import time
from typing import Any

from fakekit.journal import api
from fakekit.picture import Painter

# IsaacSim 701: after some minutes the headless viewport's product renders once in ten seconds.
_VIEWPORT_SLOWS_AFTER_S = 150.0
_SLOW_VIEWPORT_PERIOD_S = 10.0


class Product:
    """A render product, as the renderer knows it."""

    def __init__(self, name: str, path: str, camera: str, width: int, height: int) -> None:
        self.name = name
        self.path = path
        self.camera = camera
        self.width = width
        self.height = height
        self.is_viewport = False
        self.is_alive = True
        self.is_enabled = True
        #: How many pictures it has delivered, and of which update the newest is.
        self.renders = 0
        self.update = 0
        self.painter = Painter(width, height)
        self._born: int | None = None
        self._last_s = 0.0

    def resize(self, width: int, height: int) -> None:
        """The next picture has this size."""
        if (width, height) != (self.width, self.height):
            self.width, self.height = width, height
            self.painter = Painter(width, height)

    def render(self, kit: Any) -> bool:
        """One update. Returns whether a new picture is there."""
        if self._born is None:
            self._born = kit.app.update_number
        state = kit.app.update_number - kit.options.latency_updates
        if state < self._born:
            return False
        self.renders += 1
        self.update = state
        stage = kit.context.stage
        spec = stage.spec(self.camera)
        has_camera = spec is not None and spec.type_name == "Camera"
        self.painter.draw(
            self.camera if has_camera else None,
            stage.has_light,
            state,
            time.time_ns() // 1_000_000,
        )
        self._last_s = kit.app.time_s
        return True

    def is_slowed(self, kit: Any) -> bool:
        """Whether this is the headless viewport of Isaac Sim 6 between two of its rare frames."""
        return (
            self.is_viewport
            and kit.options.is_headless
            and kit.profile.headless_viewport_slows_down
            and kit.app.time_s > _VIEWPORT_SLOWS_AFTER_S
            and kit.app.time_s - self._last_s < _SLOW_VIEWPORT_PERIOD_S
        )


class HydraTexture:
    """omni.kit.hydra_texture's object of a product."""

    __slots__ = ("_kit", "_product", "__weakref__")

    def __init__(self, kit: Any, product: Product) -> None:
        self._kit = kit
        self._product = product

    @api("HydraTexture.get_render_product_path")
    def get_render_product_path(self) -> str:
        return self._product.path

    @api("HydraTexture.get_name")
    def get_name(self) -> str:
        return self._product.name

    @api("HydraTexture.get_camera_path")
    def get_camera_path(self) -> str:
        return self._product.camera

    @api("HydraTexture.set_camera_path")
    def set_camera_path(self, camera_path: str) -> None:
        self._product.camera = str(camera_path)

    @api("HydraTexture.get_width")
    def get_width(self) -> int:
        return self._product.width

    @api("HydraTexture.get_height")
    def get_height(self) -> int:
        return self._product.height

    @property
    @api("HydraTexture.width")
    def width(self) -> int:
        return self._product.width

    @property
    @api("HydraTexture.height")
    def height(self) -> int:
        return self._product.height

    @api("HydraTexture.set_width")
    def set_width(self, width: int) -> None:
        self._product.resize(int(width), self._product.height)

    @api("HydraTexture.set_height")
    def set_height(self, height: int) -> None:
        self._product.resize(self._product.width, int(height))

    @property
    @api("HydraTexture.updates_enabled")
    def updates_enabled(self) -> bool:
        return self._product.is_enabled

    @updates_enabled.setter
    def updates_enabled(self, enabled: bool) -> None:
        self.set_updates_enabled(enabled)

    @api("HydraTexture.set_updates_enabled")
    def set_updates_enabled(self, enabled: bool) -> None:
        self._kit.renderer.enable(self._product, bool(enabled))


class Renderer:
    """All products, and the picture that each has."""

    def __init__(self, kit: Any) -> None:
        self._kit = kit
        self.products: dict[str, Product] = {}
        self._updates_of_warmup = 0

    @property
    def is_on(self) -> bool:
        """Whether Kit renders at all."""
        return self._kit.settings.load("/app/renderer/enabled") is not False

    def create(self, name: str, camera: str, width: int, height: int) -> Product:
        """A new product, under a path that is free."""
        path = self._kit.profile.product_prefix + name
        stage = self._kit.context.stage
        if stage is None:
            raise RuntimeError("there is no stage to create a render product in")
        free, number = path, 1
        while stage.spec(free):
            free = f"{path}_{number:02}"
            number += 1
        stage.define(free, "RenderProduct")
        name = free[len(self._kit.profile.product_prefix):]
        product = Product(name, free, camera, width, height)
        self.products[free] = product
        return product

    def destroy(self, product: Product) -> None:
        """Removes a product and its prim."""
        if self.products.get(product.path) is product:
            del self.products[product.path]
            if self._kit.context.stage:
                self._kit.context.stage.remove(product.path)
        product.is_alive = False

    def enable(self, product: Product, is_enabled: bool) -> None:
        """Switches a product's updates; before replicator 1.11.2 off is for ever."""
        if product.is_enabled and not is_enabled:
            self._kit.replicator.on_updates_disabled(product)
        product.is_enabled = is_enabled

    def step(self) -> None:
        """One update's rendering."""
        wanted = [product for product in self.products.values() if product.is_enabled]
        if not wanted or not self.is_on or self._kit.context.stage is None:
            return
        self._updates_of_warmup += 1
        if self._updates_of_warmup <= self._kit.options.warmup_updates:
            return
        for product in wanted:
            if not product.is_slowed(self._kit) and product.render(self._kit):
                self._kit.viewports.on_rendered(product)
                self._kit.replicator.on_rendered(product)

    def on_stage_closed(self) -> None:
        """All products end with their stage."""
        for product in list(self.products.values()):
            product.is_alive = False
        self.products.clear()

    def on_stage_opened(self) -> None:
        """The viewports make new products."""
        self._kit.viewports.on_stage_opened()
