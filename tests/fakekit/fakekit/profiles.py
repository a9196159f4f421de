# SPDX-License-Identifier: MIT
"""Which Isaac Sim is played: its versions, and the bugs that come with them.

A profile is data; nobody else compares versions. Sources: IsaacSim's release notes, the names of
the packages in public logs (omni.replicator.core-1.11.35+106.5.0, -1.12.27+107.3.3,
-1.13.27+110.1.1), omni.replicator.core's CHANGELOG.
"""

from __future__ import annotations

import dataclasses

Version = tuple[int, ...]


def parse(version: str) -> Version:
    """"1.10.20" as (1, 10, 20)."""
    return tuple(int(part) for part in version.split("."))


@dataclasses.dataclass(frozen=True)
class Profile:
    """One release of Isaac Sim."""

    isaac: str
    kit: str
    replicator: str

    @property
    def has_events_2(self) -> bool:
        """The run loop's events come by carb.eventdispatcher (Kit manual 107, Legacy Events)."""
        return parse(self.kit) >= (107,)

    @property
    def has_kernel_version(self) -> bool:
        """IApp.get_kernel_version() exists."""
        return parse(self.kit) >= (106,)

    @property
    def simulation_app_module(self) -> str:
        """Where SimulationApp is imported from."""
        return "isaacsim" if parse(self.kit) >= (106, 5) else "omni.isaac.kit"

    @property
    def product_prefix(self) -> str:
        """The path of a render product before its name."""
        if parse(self.kit) >= (106,):
            return "/Render/OmniverseKit/HydraTextures/"
        return "/Render/RenderProduct_"

    @property
    def caches_size_per_node(self) -> bool:
        """A product of another size at an old path keeps the old size."""
        return parse(self.replicator) < (1, 10, 13)

    @property
    def toggling_updates_breaks_annotators(self) -> bool:
        """Switching a product's updates off silences its annotators for ever."""
        return parse(self.replicator) < (1, 11, 2)

    @property
    def first_frame_is_empty(self) -> bool:
        """An annotator's first rendered frame has no data."""
        return parse(self.replicator) < (1, 11, 20)

    @property
    def has_legacy_structure(self) -> bool:
        """get_data() takes use_legacy_structure."""
        return parse(self.replicator) >= (1, 12)

    @property
    def attach_toggles_updates(self) -> bool:
        """attach() with a wrapper instead of a path switches updates off and on (5.x)."""
        return (1, 12) <= parse(self.replicator) < (1, 13)

    @property
    def detaching_twice_raises(self) -> bool:
        """detach() of what is detached raises AnnotatorError."""
        return parse(self.replicator) >= (1, 12, 22)

    @property
    def headless_viewport_slows_down(self) -> bool:
        """IsaacSim 701: the viewport of --no-window drops to a frame in ten seconds."""
        return parse(self.kit) >= (110,)


PROFILES = {
    "2023.1.1": Profile("2023.1.1", "105.1.2", "1.10.20"),
    "4.5": Profile("4.5.0", "106.5.0", "1.11.35"),
    "5.1": Profile("5.1.0", "107.3.3", "1.12.27"),
    "6.0": Profile("6.0.0", "110.1.1", "1.13.27"),
}
