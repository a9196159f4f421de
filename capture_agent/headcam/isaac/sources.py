# SPDX-License-Identifier: MIT
"""Where one stream's pictures come from: the viewport's render product, or one of our own.

Called on Kit's main thread. Nothing is attached before the first read(), nothing stays attached
after rest(). What Kit raises passes on, and the caller calls fail() then.

A source tries, in this order: the annotator on the product; for a camera, evaluating Replicator's
graph first, then a new product; for a viewport, capturing its buffer.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from typing import Any, Protocol

from headcam.isaac import reasons
from headcam.isaac.kit import Annotator, Buffer, Kit, Product, Viewport
from headcam.isaac.pictures import picture_in
from headcam.isaac.streams import StreamSpec

log = logging.getLogger("headcam")

# What is read earlier may be from before the last rest(): pictures trail the stage by some updates.
_SETTLE_UPDATES = 3
# Empty for so long, an annotator is given up; while the renderer may still be warming up, later.
_EMPTY_WARM_S = 10.0
_EMPTY_COLD_S = 60.0
# Each new product waits twice as long before the next, up to this.
_EMPTY_MOST_S = 600.0
_BUFFER_TIMEOUT_S = 5.0
_RETIRED_MOST = 16


class Source(Protocol):
    """A stream's pictures."""

    def read(self, update: int, now_s: float) -> Any | None:
        """The picture there is now, (height, width, 4) uint8 RGBA; None where there is none.

        It is to be used at once: the next render overwrites it.
        """

    def look(self) -> None:
        """Finds out what has changed; about once a second."""

    def facts(self) -> reasons.Facts:
        """What is known of this source, and nothing of the application."""

    @property
    def size(self) -> tuple[int, int] | None:
        """(width, height) in pixels, if known."""

    @property
    def has_rendered(self) -> bool:
        """Whether the renderer has brought it a frame, as far as can be seen."""

    def rest(self) -> None:
        """Nobody watches: detaches what costs something."""

    def fail(self) -> None:
        """Something raised: what is attached may be of no more use, and is made anew."""

    def drop(self) -> None:
        """The stage closes: forgets everything of it."""

    def close(self) -> None:
        """The end: undoes what it has changed."""


class Retired:
    """Render products that are not used any more.

    To destroy one can make a running Kit unstable; so they are switched off and kept, and
    destroyed when the application ends, or when there are too many.
    """

    def __init__(self) -> None:
        self._products: list[Product] = []

    def add(self, product: Product) -> None:
        """Switches it off and keeps it."""
        _try(product.set_updating, False)
        self._products.append(product)
        if len(self._products) > _RETIRED_MOST:
            _try(self._products.pop(0).destroy)

    def forget(self) -> None:
        """The stage closes, and they with it."""
        self._products.clear()

    def destroy(self) -> None:
        """The application ends."""
        while self._products:
            _try(self._products.pop().destroy)


class _Patience:
    """How long something has been empty, and whether that is too long."""

    def __init__(self, limit_s: float) -> None:
        self.limit_s = limit_s
        self._since_s: float | None = None

    def note(self, is_empty: bool, now_s: float) -> None:
        if not is_empty:
            self._since_s = None
        elif self._since_s is None:
            self._since_s = now_s

    def reset(self) -> None:
        self._since_s = None

    def is_over(self, now_s: float, share: float = 1.0) -> bool:
        return self._since_s is not None and now_s - self._since_s >= share * self.limit_s


class ViewportSource:
    """A viewport: it is rendered anyway, so that nothing is rendered twice.

    `deliver` gets the pictures that come by its buffer, out of an event of Kit's.
    """

    def __init__(self, kit: Kit, spec: StreamSpec, deliver: Callable[[Buffer], None]) -> None:
        self._kit = kit
        self._window = spec.window
        self._wanted_size = spec.size
        self._give_size_back: Callable[[], None] | None = None
        self._deliver = deliver
        self._viewport: Viewport | None = None
        self._annotator: Annotator | None = None
        self._fresh_at_update = 0
        self._patience = _Patience(_EMPTY_WARM_S)
        self._is_given_up = False  # its annotator, for this stage
        self._request: object = None
        self._is_requested = False
        self._requested_s = 0.0
        self._error: Exception | None = None  # what came instead of a picture

    def read(self, update: int, now_s: float) -> Any | None:
        """See Source."""
        if self._viewport is None:
            self.look()
        path = self._viewport.product_path if self._viewport else ""
        if self._viewport is None or not path:
            return None
        if self._is_given_up:
            self._request_buffer(self._viewport, now_s)
            return None
        if self._annotator is None or self._annotator.product_path != path:
            self._attach(path, update)
        assert self._annotator
        if update < self._fresh_at_update:
            return None
        picture = picture_in(self._annotator.read())
        self._patience.note(picture is None and self._viewport.has_rendered, now_s)
        if self._patience.is_over(now_s):
            log.warning("the annotator of %s stays empty: capturing the viewport's buffer", path)
            self._is_given_up = True
            self.rest()
        return picture

    def look(self) -> None:
        """See Source."""
        self._viewport = self._kit.find_viewport(self._window)
        is_there = self._viewport is not None and self._viewport.size is not None
        if self._viewport and is_there and self._wanted_size and not self._give_size_back:
            self._give_size_back = self._viewport.set_size(self._wanted_size)

    def facts(self) -> reasons.Facts:
        """See Source."""
        viewport = self._viewport
        return reasons.Facts(
            window=self._window,
            has_viewport=viewport is not None,
            is_viewport_updating=viewport is None or viewport.is_updating,
            has_rendered=self.has_rendered,
            is_empty=self._is_given_up,
        )

    @property
    def size(self) -> tuple[int, int] | None:
        """See Source."""
        return self._viewport.size if self._viewport else None

    @property
    def has_rendered(self) -> bool:
        """See Source."""
        return self._viewport is not None and self._viewport.has_rendered

    def rest(self) -> None:
        """See Source."""
        self._request = self._error = None
        self._is_requested = False
        self._patience.reset()
        if self._annotator:
            self._annotator.detach()
            self._annotator = None

    def fail(self) -> None:
        """See Source."""
        self.rest()
        self._viewport = None  # it may be another one by now

    def drop(self) -> None:
        """See Source."""
        self.fail()
        self._is_given_up = False

    def close(self) -> None:
        """See Source."""
        self.drop()
        if self._give_size_back:
            _try(self._give_size_back)
            self._give_size_back = None

    def _attach(self, path: str, update: int) -> None:
        if self._annotator:
            self._annotator.detach()
            self._annotator = None
        self._annotator = self._kit.attach(path)
        self._fresh_at_update = update + _SETTLE_UPDATES

    def _request_buffer(self, viewport: Viewport, now_s: float) -> None:
        """One request at a time; one that gets no answer is made anew. Raises what came of one."""
        error, self._error = self._error, None
        if error:
            raise error
        if self._is_requested and now_s - self._requested_s < _BUFFER_TIMEOUT_S:
            return
        self._is_requested, self._requested_s = True, now_s
        # Kept, or Kit forgets it.
        self._request = viewport.capture(self._on_buffer, self._on_error)

    def _on_buffer(self, buffer: Buffer) -> None:
        self._is_requested = False
        self._deliver(buffer)

    def _on_error(self, error: Exception) -> None:
        self._is_requested = False
        self._error = error


class CameraSource:
    """A camera prim, by a render product of our own.

    `is_warm` says whether the renderer has brought any frame yet.
    """

    def __init__(
        self,
        kit: Kit,
        spec: StreamSpec,
        default_size: tuple[int, int],
        retired: Retired,
        is_warm: Callable[[], bool],
    ) -> None:
        assert spec.camera
        self._kit = kit
        self._name = spec.name
        self._camera = spec.camera
        self._size = spec.size or default_size
        self._retired = retired
        self._is_warm = is_warm
        self._has_camera = False
        self._product: Product | None = None
        self._annotator: Annotator | None = None
        self._fresh_at_update = 0
        self._has_read = False
        self._patience = _Patience(_EMPTY_COLD_S)
        self._empty_products = 0
        self._failures = 0

    def read(self, update: int, now_s: float) -> Any | None:
        """See Source."""
        if not self._has_camera:
            self.look()
        if not self._has_camera:
            return None
        if self._annotator is None:
            self._attach(update)
        assert self._annotator
        if update < self._fresh_at_update:
            return None
        if self._patience.is_over(now_s, share=0.5):
            self._kit.evaluate_annotators()
        picture = picture_in(self._annotator.read())
        self._patience.note(picture is None, now_s)
        if picture is not None:
            self._has_read = True
            self._empty_products = self._failures = 0
        elif self._patience.is_over(now_s):
            log.warning("the annotator of %s stays empty: a new render product", self._camera)
            self._empty_products += 1
            self._retire()
        return picture

    def look(self) -> None:
        """See Source."""
        self._has_camera = self._kit.has_camera(self._camera)
        if not self._has_camera:
            # It would go on showing the last picture, even when there is a new camera.
            self._retire()

    def facts(self) -> reasons.Facts:
        """See Source."""
        return reasons.Facts(
            camera=self._camera,
            has_camera=self._has_camera,
            has_rendered=True if self._is_warm() else None,
            is_empty=self._empty_products > 0,
        )

    @property
    def size(self) -> tuple[int, int] | None:
        """See Source."""
        return self._size

    @property
    def has_rendered(self) -> bool:
        """See Source."""
        return self._has_read

    def rest(self) -> None:
        """See Source."""
        self._detach()
        if self._product and self._kit.can_toggle_products:
            self._product.set_updating(False)

    def fail(self) -> None:
        """See Source."""
        self._detach()
        self._failures += 1
        # It may be the product. But each takes memory on the GPU, maybe what there is too little
        # of: so another one at the 2nd failure in a row, the 4th, the 8th.
        if self._failures > 1 and self._failures & (self._failures - 1) == 0:
            self._retire()
        elif self._product and self._kit.can_toggle_products:
            _try(self._product.set_updating, False)

    def drop(self) -> None:
        """See Source."""
        self._detach()
        self._product = None
        self._has_camera = False
        self._has_read = False
        self._empty_products = self._failures = 0

    def close(self) -> None:
        """See Source."""
        self._retire()

    def _attach(self, update: int) -> None:
        toggles = self._kit.can_toggle_products
        if self._product is None:
            # A name that was never used, also not before this module was loaded anew: another
            # product, or an old one's size, would come back.
            name = self._name.replace("-", "_").replace(".", "_")
            name = f"headcam_{name}_{secrets.token_hex(4)}"
            self._product = self._kit.create_product(self._camera, self._size, name)
        if toggles:
            # Off while it is attached, or its annotator ends with the first rest().
            self._product.set_updating(False)
        self._annotator = self._kit.attach(self._product.path)
        if toggles:
            self._product.set_updating(True)
        self._fresh_at_update = update + _SETTLE_UPDATES
        limit_s = _EMPTY_WARM_S if self._is_warm() else _EMPTY_COLD_S
        self._patience = _Patience(min(limit_s * 2**self._empty_products, _EMPTY_MOST_S))

    def _detach(self) -> None:
        self._patience.reset()
        if self._annotator:
            self._annotator.detach()
            self._annotator = None

    def _retire(self) -> None:
        self._detach()
        if self._product:
            self._retired.add(self._product)
            self._product = None


def _try(call: Callable[..., Any], *arguments: Any) -> Any:
    """Calls; what it raises is logged, and None returned. For what may be gone already."""
    try:
        return call(*arguments)
    except Exception as error:
        log.debug("%r failed: %s", call, error)
        return None
