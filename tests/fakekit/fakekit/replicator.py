# SPDX-License-Identifier: MIT
"""omni.replicator.core: render products, annotators, and how the latter come to data. Main thread.

After omni.replicator.core's scripts/annotators.py, orchestrator.py, utils/annotator_utils.py and
utils/viewport_manager.py (Apache-2.0, in extscache of every Isaac Sim), and its CHANGELOG. An
annotator's data lives in a graph node, of which there is one for each product.
"""

from __future__ import annotations

import re
import weakref
from typing import Any

from fakekit import arrays
from fakekit.bindings import bound_enum
from fakekit.hydra import HydraTexture, Product
from fakekit.journal import api
from fakekit.picture import BYTES_PER_PIXEL
from fakekit.timeline import TimelineEventType

CAPTURE_ON_PLAY = "/omni/replicator/captureOnPlay"

_PRODUCT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_/]*\Z")
_DEVICE = re.compile(r"cpu|cuda(:\d+)?")
_COLOR_ANNOTATORS = frozenset({"rgb", "LdrColor"})
#: What a colour annotator's node is an instance of, by where its data goes.
_TEMPLATES = {"cpu": "LdrColorSDhostPtr", "cuda": "LdrColorSDbuffPtr"}
#: What the orchestrator changes for a capture (orchestrator.py, _set_capture_settings).
_CAPTURE_SETTINGS = {
    "/app/viewport/grid/enabled": False,
    "/app/viewport/outline/enabled": False,
    "/app/viewport/show/lights": False,
    "/app/viewport/show/camera": False,
    "/persistent/physics/visualizationDisplayColliders": 0,
    "/app/asyncRendering": False,
    "/rtx/materialDb/syncLoads": True,
    "/rtx/hydra/materialSyncLoads": True,
    "/rtx/ecoMode/enabled": False,
}

Status = bound_enum(
    "Status", STOPPED=0, STARTED=1, STARTING=2, LOADING=3, STOPPING=4, PAUSED=5
)


class AnnotatorError(Exception):
    """What an annotator raises where it is not attached."""


class AnnotatorRegistryError(Exception):
    """What the registry raises, and an annotator whose node is gone."""


class _Node:
    """The graph node of one product's colour annotators. The first to attach configures it."""

    def __init__(self, do_array_copy: bool) -> None:
        self.do_array_copy = do_array_copy
        self.is_broken = False
        self.renders = 0
        self.memory: bytearray | None = None
        self.shape: arrays.Shape = ()
        self.update = 0
        self._staged: tuple[bytearray, arrays.Shape, int] | None = None

    def show(self, memory: bytearray, shape: arrays.Shape, update: int) -> None:
        """The newest data."""
        self.memory, self.shape, self.update = memory, shape, update

    def stage(self, memory: bytearray, shape: arrays.Shape, update: int) -> None:
        """Data that waits for the pipeline's next evaluation; what waited is shown."""
        self.evaluate()
        self._staged = (bytearray(memory), shape, update)

    def evaluate(self) -> None:
        """Shows what waits."""
        if self._staged:
            self.show(*self._staged)
            self._staged = None


class RenderProduct:
    """The wrapper that create.render_product() returns (viewport_manager.py, HydraTexture)."""

    def __init__(self, kit: Any, product: Product) -> None:
        self._kit = kit
        self._product = product
        self.hydra_texture: HydraTexture | None = HydraTexture(kit, product)

    @property
    def path(self) -> str:
        return self._product.path

    @api("RenderProduct.destroy")
    def destroy(self) -> None:
        kit = self._kit
        if kit.is_looping and not kit.is_shutting_down:
            # It has been seen to destabilise Kit where that owns the main thread.
            kit.journal.violate("destroy-while-kit-runs", self.path)
        self.hydra_texture = None
        kit.replicator.drop_product(self._product)


class Annotator:
    """An annotator, as get_annotator() returns it."""

    def __init__(self, kit: Any, name: str, device: str, do_array_copy: bool) -> None:
        self._kit = kit
        self._name = name
        self._device = device
        self._do_array_copy = do_array_copy
        self._products: list[str] | None = None
        # As in Kit it stays set after detach(); the node that it names is gone then.
        self._node_path: str | None = None
        self.reads = 0
        self.bytes_read = 0

    @property
    def name(self) -> str:
        return self._name

    def get_name(self) -> str:
        return self._name

    @property
    def template_name(self) -> str:
        return _TEMPLATES[self._device.partition(":")[0]]

    @property
    def is_attached(self) -> bool:
        return self._node_path is not None

    @api("Annotator.attach")
    def attach(
        self, render_products: Any, render_product_idxs: list[int] | None = None
    ) -> Annotator:
        if isinstance(render_products, (list, tuple)) and len(render_products) > 1:
            message = "Attaching a list of render products is currently not implemented"
            self._kit.journal.write("error", message)
            raise NotImplementedError(message)
        if not isinstance(render_products, (list, tuple)):
            render_products = [render_products]
        wrappers = [p for p in render_products if isinstance(p, RenderProduct)]
        textures = [w.hydra_texture for w in wrappers if w.hydra_texture]
        toggled = textures if self._kit.profile.attach_toggles_updates else []
        for texture in toggled:
            texture.set_updates_enabled(False)
        self._products = [p.path if isinstance(p, RenderProduct) else p for p in render_products]
        self._node_path = self._kit.replicator.activate(
            self, self._products[0], self._do_array_copy
        )
        for texture in toggled:
            texture.set_updates_enabled(True)
        return self

    @api("Annotator.detach")
    def detach(self, render_products: Any = None) -> None:
        if render_products and not isinstance(render_products, list):
            render_products = [render_products]
        wanted = render_products or self._products
        if not wanted:
            if self._kit.profile.detaching_twice_raises:
                raise AnnotatorError(
                    "Unable to detach annotator, annotator is not attached to any render products."
                )
            return
        self._kit.replicator.deactivate(self, self._node_path)
        self._products = None

    @api("Annotator.get_data")
    def get_data(self, device: str | None = None, do_array_copy: bool = False) -> Any:
        return self._data(device, do_array_copy)

    def _data(self, device: str | None, do_array_copy: bool) -> Any:
        if not self.is_attached:
            raise AnnotatorError(
                "Unable to get data, annotator is not attached to any render products."
            )
        replicator = self._kit.replicator
        node = replicator.node(self._node_path)
        if node is None:
            raise AnnotatorRegistryError(
                f"Annotator {self._name} is not attached to any render products."
            )
        self.reads += 1
        if self._name not in _COLOR_ANNOTATORS:
            return {
                "referenceTimeNumerator": node.update,
                "referenceTimeDenominator": self._kit.options.updates_per_second,
            }
        data = replicator.data(node, do_array_copy, _device(device or self._device, self._name))
        self.bytes_read += _bytes_of(data)
        return data


class Annotator112(Annotator):
    """An annotator of replicator 1.12 and later."""

    @api("Annotator.get_data")
    def get_data(
        self,
        device: str | None = None,
        do_array_copy: bool = False,
        use_legacy_structure: bool = True,
    ) -> Any:
        data = self._data(device, do_array_copy)
        if use_legacy_structure or isinstance(data, dict):
            return data
        return {"data": data}


class Registry:
    """AnnotatorRegistry."""

    def __init__(self, kit: Any) -> None:
        self._kit = kit

    @api("AnnotatorRegistry.get_annotator")
    def get_annotator(
        self,
        name: str,
        init_params: dict[str, Any] | None = None,
        render_product_idxs: list[int] | None = None,
        device: str | None = None,
        do_array_copy: bool = True,
    ) -> Annotator:
        if name not in _COLOR_ANNOTATORS | {"ReferenceTime"}:
            raise AnnotatorRegistryError(
                f"The annotator `{name}` with template {name} is missing"
            )
        if not isinstance(init_params, (dict, type(None))):
            raise AnnotatorRegistryError(
                f"The value for `init_params` must be a dict, got {type(init_params)}"
            )
        device = _device(device or "cpu", name)
        kind = Annotator112 if self._kit.profile.has_legacy_structure else Annotator
        return kind(self._kit, name, device, bool(do_array_copy))


class Create:
    """The functions of omni.replicator.core.create."""

    def __init__(self, kit: Any) -> None:
        self._kit = kit

    @api("create.render_product")
    def render_product(
        self,
        camera: Any,
        resolution: tuple[int, int],
        force_new: bool = False,
        name: str | None = None,
    ) -> Any:
        if isinstance(camera, (list, tuple)):
            raise NotImplementedError("fakekit renders one camera a product")
        return self._kit.replicator.product_for(_path_of(camera), resolution, force_new, name)


class Orchestrator:
    """The functions of omni.replicator.core.orchestrator."""

    def __init__(self, kit: Any) -> None:
        self._kit = kit

    @api("orchestrator.set_capture_on_play")
    def set_capture_on_play(self, value: bool) -> None:
        self._kit.settings.store(CAPTURE_ON_PLAY, bool(value))

    @api("orchestrator.get_status")
    def get_status(self) -> Any:
        return self._kit.replicator.status

    @api("orchestrator.stop")
    def stop(self) -> None:
        self._kit.replicator.status = Status.STOPPED


class SyntheticData:
    """omni.syntheticdata's, of which one asks what is attached to a product."""

    def __init__(self, kit: Any) -> None:
        self._kit = kit

    @api("SyntheticData.is_node_template_activated")
    def is_node_template_activated(
        self,
        template_name: str,
        render_product_path: str | None = None,
        only_manually_activated: bool = False,
    ) -> bool:
        # The fake has one node a product, that of colour on the host.
        is_known = template_name == _TEMPLATES["cpu"]
        return is_known and self._kit.replicator.node(render_product_path) is not None


class Controller:
    """omni.graph.core.Controller, of which a capture needs evaluate_sync()."""

    _kit: Any = None

    @api("og.Controller.graph")
    def graph(self, graph_id: str) -> str | None:
        is_known = graph_id == "/Render/PostProcess/SDGPipeline"
        return graph_id if is_known and self._kit.replicator.node_count else None

    @api("og.Controller.evaluate_sync")
    def evaluate_sync(self, graph_id: str | None = None) -> None:
        self._kit.replicator.evaluate()


class Replicator:
    """The graph's nodes, the products made here, and the orchestrator's state."""

    def __init__(self, kit: Any) -> None:
        self._kit = kit
        self.status = Status.STOPPED
        self._nodes: dict[str, _Node] = {}
        self._wrappers: list[RenderProduct] = []
        self._attached: weakref.WeakSet[Annotator] = weakref.WeakSet()
        self._sizes: dict[str, arrays.Shape] = {}
        self._arrays = arrays.Arrays(kit.options.with_numpy)
        self._empties = 0

    @property
    def annotators(self) -> list[Annotator]:
        """Those that are attached, and alive."""
        return list(self._attached)

    @property
    def node_count(self) -> int:
        """The products that something is attached to; also when its annotators are forgotten."""
        return len(self._nodes)

    def product_for(
        self, camera: str, resolution: tuple[int, int], force_new: bool, name: str | None
    ) -> RenderProduct:
        """A new product; or, without a name, one that has this camera and size already."""
        width, height = (int(length) for length in resolution)
        if name is not None and not _PRODUCT_NAME.match(name):
            raise RuntimeError(f"Ill-formed SdfPath <{self._kit.profile.product_prefix}{name}>")
        if name is None and not force_new:
            for wrapper in self._wrappers:
                old = wrapper._product
                if old.is_alive and (old.camera, old.width, old.height) == (camera, width, height):
                    return wrapper
        product = self._kit.renderer.create(name or "Replicator", camera, width, height)
        wrapper = RenderProduct(self._kit, product)
        self._wrappers.append(wrapper)
        return wrapper

    def drop_product(self, product: Product) -> None:
        """The product and its node are gone."""
        self._wrappers = [w for w in self._wrappers if w._product is not product]
        self._nodes.pop(product.path, None)
        self._kit.renderer.destroy(product)

    def activate(self, annotator: Annotator, path: str, do_array_copy: bool) -> str:
        """The node of a product, made for the first annotator. Returns its path."""
        if not isinstance(path, str):
            raise TypeError(f"a render product's path is a str, not {path!r}")
        if self._kit.context.stage is None:
            raise RuntimeError("there is no stage to attach an annotator in")
        if path not in self._nodes:
            self._nodes[path] = _Node(do_array_copy)
        self._attached.add(annotator)
        if self._kit.settings.load(CAPTURE_ON_PLAY) and self._kit.timeline.is_running:
            self._start_capture(path)
        return path

    def deactivate(self, annotator: Annotator, path: str | None) -> None:
        """Removes a node. Others that are attached to the same product lose it as well."""
        self._attached.discard(annotator)
        if path is not None:
            self._nodes.pop(path, None)

    def forget_nodes(self) -> None:
        """SyntheticData.reset(): all nodes are gone, and nobody is told."""
        self._nodes.clear()
        self._attached.clear()

    def node(self, path: str | None) -> _Node | None:
        """The node at `path`, if there is one."""
        return self._nodes.get(path) if path is not None else None

    def on_updates_disabled(self, product: Product) -> None:
        """A product's updates were switched off."""
        node = self._nodes.get(product.path)
        if node and self._kit.profile.toggling_updates_breaks_annotators:
            node.is_broken = True
            node.memory = None

    def on_rendered(self, product: Product) -> None:
        """A product has a new picture."""
        node = self._nodes.get(product.path)
        if node is None or node.is_broken or self._is_starved():
            return
        node.renders += 1
        if node.renders == 1 and self._kit.profile.first_frame_is_empty:
            return
        memory, shape = self._sized(product)
        show = node.stage if self._kit.options.pipeline_lags else node.show
        show(memory, shape, product.update)

    def evaluate(self) -> None:
        """Runs the SDGPipeline graph now."""
        for node in self._nodes.values():
            node.evaluate()

    def data(self, node: _Node, do_array_copy: bool, device: str) -> Any:
        """What get_data() gives for this node."""
        if node.memory is None:
            return self._empty()
        if device.startswith("cuda"):
            return arrays.WarpArray(self._arrays.copy(node.memory, node.shape), device)
        # Either's wish for a copy counts (annotator_utils.py, AnnotatorCache.get_data).
        make = self._arrays.copy if do_array_copy or node.do_array_copy else self._arrays.view
        data = make(node.memory, node.shape)
        return {"data": data, "info": {}} if self._kit.options.data_in_dict else data

    def _empty(self) -> Any:
        """No data yet: one form after another of those that have been seen."""
        kinds = self._kit.options.empties
        kind = kinds[self._empties % len(kinds)]
        self._empties += 1
        if kind == "flat":
            return self._arrays.empty((0,), "float64")
        if kind == "shaped":
            return self._arrays.empty((0, 0, BYTES_PER_PIXEL), "uint8")
        if kind == "dict":
            return {"data": self._arrays.empty((0,), "float64"), "info": {}}
        return None

    def _is_starved(self) -> bool:
        """IsaacLab PR 5375: without these extensions annotators stay empty for ever."""
        extensions = self._kit.extensions
        needed = ("omni.kit.viewport.window", "omni.kit.hydra_texture")
        return self._kit.options.annotators_stay_empty or not all(map(extensions.is_on, needed))

    def _sized(self, product: Product) -> tuple[bytearray, arrays.Shape]:
        memory = product.painter.memory
        shape: arrays.Shape = (product.height, product.width, BYTES_PER_PIXEL)
        if self._kit.profile.caches_size_per_node:
            shape = self._sizes.setdefault(product.path, shape)
            size = shape[0] * shape[1] * shape[2]
            if size != len(memory):
                memory = memory[:size].ljust(size, b"\0")
        return memory, shape

    def _start_capture(self, path: str) -> None:
        """What attaching while the timeline plays does to the user's simulation."""
        self._kit.journal.violate("capture-on-play", f"attached to {path} while playing")
        for setting, value in _CAPTURE_SETTINGS.items():
            self._kit.settings.store(setting, value)
        self._kit.context.selection.paths = []
        self.status = Status.STARTING
        self._kit.timeline.ask(TimelineEventType.STOP)


def _path_of(camera: Any) -> str:
    """A camera given as a path, an Sdf.Path or a prim."""
    return str(camera.GetPath() if hasattr(camera, "GetPath") else camera)


def _device(device: str, annotator: str) -> str:
    if not isinstance(device, str) or not _DEVICE.fullmatch(device.lower()):
        raise AnnotatorRegistryError(
            f"Invalid device `{device}` specified. Device must be one of"
            " ['cpu', 'cuda', 'cuda:<device_index>']"
        )
    return device.lower()


def _bytes_of(data: Any) -> int:
    if isinstance(data, dict):
        return _bytes_of(data["data"])
    return int(data.nbytes) if hasattr(data, "nbytes") else int(getattr(data, "size", 0))
