# SPDX-License-Identifier: MIT
"""The Compose files in docker/ and the pod of Kubernetes, read."""

from __future__ import annotations

import copy
import pathlib
import re
from typing import Any

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCKER = ROOT / "docker"
COMPOSE, DEMO, PROXY = "compose.yaml", "compose.demo.yaml", "compose.proxy.yaml"
FILES = (COMPOSE, DEMO, PROXY)
FAKE_ISAAC_SIM = ROOT / "tests" / "containers" / "isaac-sim" / "Dockerfile"

_VARIABLE = re.compile(r"\$\{(\w+)(?::-((?:[^{}]|\{[^}]*\})*))?\}")


def load(name: str) -> Any:
    """A file, parsed; variables stay as they are."""
    return yaml.safe_load((DOCKER / name).read_text())


def simulator_pod() -> Any:
    """What the example for Kubernetes says of the simulator's pod."""
    documents = yaml.safe_load_all((DOCKER / "kubernetes" / "simulator.yaml").read_text())
    (stateful,) = [document for document in documents if document["kind"] == "StatefulSet"]
    return stateful["spec"]["template"]["spec"]


def variables(name: str) -> set[str]:
    """The variables that a file asks for."""
    return {found[1] for found in _VARIABLE.finditer((DOCKER / name).read_text())}


def interpolate(text: str) -> str:
    """What a text is where no variable is set."""
    return _VARIABLE.sub(lambda found: found[2] or "", text)


def mounts(service: Any) -> dict[str, str]:
    """Where a service finds what: target to source, a path of the host's or a volume's name."""
    found = {}
    for volume in service.get("volumes", ()):
        if isinstance(volume, dict):
            found[volume["target"]] = interpolate(volume["source"])
        else:
            source, target = interpolate(volume).split(":")[:2]
            found[target] = source
    return found


def adapt(content: Any, etc: pathlib.Path, is_old: bool) -> Any:
    """A file's content for this machine: without a GPU, anywhere, with this directory for ./etc.

    is_old: for docker-compose 1.29, which does not know everything that Compose 2 does
    """
    content = copy.deepcopy(content)
    if is_old:
        content.pop("name", None)
    for service in content["services"].values():
        service.pop("deploy", None)
        service.pop("build", None)
        if "volumes" in service:
            service["volumes"] = [_adapt_volume(v, etc, is_old) for v in service["volumes"]]
    return content


def _adapt_volume(volume: Any, etc: pathlib.Path, is_old: bool) -> Any:
    if isinstance(volume, dict):
        return {k: v for k, v in volume.items() if k != "bind"} if is_old else volume
    source, separator, rest = volume.partition(":")
    if source == "./etc":
        source = str(etc)
    elif source.startswith("."):
        source = str((DOCKER / source).resolve())
    return source + separator + rest
