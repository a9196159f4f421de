# SPDX-License-Identifier: MIT
"""The example for Kubernetes: its flags are headcam's, and its objects find each other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from testlib.build import ROOT
from testlib.server import run_server

yaml = pytest.importorskip("yaml")

EXAMPLE = ROOT / "docker/kubernetes"
pytestmark = pytest.mark.once


def load(name: str) -> list[Any]:
    """A file's documents; a key that is there twice is a mistake that YAML would hide."""

    class Loader(yaml.SafeLoader):  # type: ignore[misc, name-defined]
        """Refuses such keys."""

    def mapping(loader: Any, node: Any) -> Any:
        keys = [loader.construct_object(key) for key, _ in node.value]
        assert len(keys) == len(set(keys)), f"twice in {name}: {keys}"
        return yaml.SafeLoader.construct_mapping(loader, node, deep=True)

    Loader.add_constructor("tag:yaml.org,2002:map", mapping)
    return list(yaml.load_all((EXAMPLE / name).read_text(), Loader))


@pytest.fixture(scope="module")
def objects() -> list[Any]:
    """All of them, of the files that the kustomization lists."""
    return [document for name in kustomization()["resources"] for document in load(name)]


def kustomization() -> Any:
    """The kustomization."""
    return load("kustomization.yaml")[0]


def of_kind(objects: list[Any], kind: str) -> list[Any]:
    """Those of a kind."""
    return [one for one in objects if one["kind"] == kind]


def workloads(objects: list[Any]) -> list[Any]:
    """What has pods."""
    return of_kind(objects, "Deployment") + of_kind(objects, "StatefulSet")


def headcams(objects: list[Any]) -> Iterator[tuple[Any, Any]]:
    """Pod specifications, and headcam's container in each."""
    for workload in workloads(objects):
        spec = workload["spec"]["template"]["spec"]
        yield spec, next(one for one in spec["containers"] if one["name"] == "headcam")


def test_every_object_has_what_its_kind_needs(objects: list[Any]) -> None:
    """A version, a name of its own, and pods that their workload selects."""
    names = [(one["apiVersion"], one["kind"], one["metadata"]["name"]) for one in objects]
    assert len(names) == len(set(names)) and len(names) >= 7
    for workload in workloads(objects):
        wanted = workload["spec"]["selector"]["matchLabels"].items()
        assert wanted <= workload["spec"]["template"]["metadata"]["labels"].items()


def test_headcam_takes_these_flags(objects: list[Any]) -> None:
    """Each is one, has a value that it takes, and the paths in it are mounted."""
    known = set(re.findall(r"^  (--[a-z-]+)", run_server("--help").stdout, re.MULTILINE))
    for spec, container in headcams(objects):
        flags = [argument.partition("=")[::2] for argument in container["args"]]
        assert {flag for flag, _ in flags} <= known, container["args"]
        # It gets as far as opening the key, which is not here.
        done = run_server(*container["args"])
        assert done.returncode == 2 and "cannot open --curve-key /etc/headcam/" in done.stderr
        mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
        secrets = {
            volume["name"]: volume["secret"]["secretName"]
            for volume in spec["volumes"]
            if "secret" in volume
        }
        made = {one["name"]: one["files"] for one in kustomization()["secretGenerator"]}
        for flag, value in flags:
            if flag.startswith("--curve-"):
                directory, _, file = value.rpartition("/")
                files = [entry.partition("=")[0] for entry in made[secrets[mounts[directory]]]]
                assert file in files, value
            elif value.startswith("ipc://"):
                directory = value.removeprefix("ipc://").rpartition("/")[0]
                volume = next(one for one in spec["volumes"] if one["name"] == mounts[directory])
                assert volume["emptyDir"]["medium"] == "Memory"


def test_mounts_have_their_volumes(objects: list[Any]) -> None:
    """In every container."""
    for workload in workloads(objects):
        spec = workload["spec"]["template"]["spec"]
        volumes = {volume["name"] for volume in spec["volumes"]}
        for container in spec["containers"] + spec.get("initContainers", []):
            assert {mount["name"] for mount in container["volumeMounts"]} <= volumes


def test_services_find_pods_and_ports(objects: list[Any]) -> None:
    """A selector that selects, a port that a container has, and listens on."""
    for service in of_kind(objects, "Service"):
        wanted = service["spec"]["selector"].items()
        pods = [
            one["spec"]["template"]
            for one in workloads(objects)
            if wanted <= one["spec"]["template"]["metadata"]["labels"].items()
        ]
        assert len(pods) == 1, service["metadata"]["name"]
        containers = pods[0]["spec"]["containers"]
        ports = {port["name"]: port for one in containers for port in one.get("ports", [])}
        arguments = [word for one in containers for word in one.get("args", [])]
        for port in service["spec"]["ports"]:
            number = ports[port["targetPort"]]["containerPort"]
            assert any(word.endswith(f":{number}") for word in arguments), port
    for stateful in of_kind(objects, "StatefulSet"):
        names = [one["metadata"]["name"] for one in of_kind(objects, "Service")]
        assert stateful["spec"]["serviceName"] in names


def test_probes_ask_what_is_there(objects: list[Any], server: Any) -> None:
    """At a named port, whether headcam runs: without a picture there are viewers to tell why."""
    for _, container in headcams(objects):
        ports = {port["name"] for port in container["ports"]}
        probes = [value for key, value in container.items() if key.endswith("Probe")]
        assert len(probes) >= 2
        for probe in probes:
            assert probe["httpGet"]["port"] in ports
            assert server.get(probe["httpGet"]["path"]).status == 200


def test_the_simulator_finds_the_edges(objects: list[Any]) -> None:
    """By the headless Service, whether they are ready or not; both sides have the right keys."""
    spec = {one["metadata"]["name"]: one["spec"] for one in of_kind(objects, "Service")}
    (_, origin), = [pair for pair in headcams(objects) if "--forward" in str(pair[1]["args"])]
    target = next(word for word in origin["args"] if word.startswith("--forward="))
    found = re.fullmatch(r"--forward=dns\+tcp://([a-z-]+):(\d+)", target)
    assert found
    service = spec[found[1]]
    assert service["clusterIP"] == "None" and service["publishNotReadyAddresses"] is True
    assert [port["port"] for port in service["ports"]] == [int(found[2])]
    made = {one["name"]: one["files"] for one in kustomization()["secretGenerator"]}
    assert made["headcam-origin-keys"] == ["origin=keys/origin", "edge.pub=keys/edge.pub"]
    assert made["headcam-edge-keys"] == ["edge=keys/edge", "origin.pub=keys/origin.pub"]


def test_the_autoscaler_asks_for_a_metric_that_is_there(objects: list[Any], server: Any) -> None:
    """Of the edges; the rule for the adapter names it, too."""
    (scaler,) = of_kind(objects, "HorizontalPodAutoscaler")
    target = scaler["spec"]["scaleTargetRef"]
    (edges,) = of_kind(objects, target["kind"])
    assert edges["metadata"]["name"] == target["name"] and "replicas" not in edges["spec"]
    (metric,) = scaler["spec"]["metrics"]
    name = metric["pods"]["metric"]["name"]
    assert server.scrape().value(name, kind="stream") == 0
    assert f'{name}{{kind="stream"' in (EXAMPLE / "README.md").read_text()
    (_, edge), = [pair for pair in headcams(objects) if "--curve-allow" in str(pair[1]["args"])]
    most = next(int(w.partition("=")[2]) for w in edge["args"] if w.startswith("--max-viewers="))
    assert int(metric["pods"]["target"]["averageValue"]) < most
    (_, origin), = [pair for pair in headcams(objects) if "--forward" in str(pair[1]["args"])]
    assert f"--max-edges={scaler['spec']['maxReplicas']}" in origin["args"]


def test_nothing_may_do_more_than_it_must(objects: list[Any]) -> None:
    """No root, no capability, nothing to write to but what is mounted."""
    for spec, container in headcams(objects):
        rights = container["securityContext"]
        assert rights["runAsNonRoot"] and rights["readOnlyRootFilesystem"]
        assert rights["allowPrivilegeEscalation"] is False
        assert rights["capabilities"] == {"drop": ["ALL"]}
        assert spec["automountServiceAccountToken"] is False
        for volume in spec["volumes"]:
            if "secret" in volume:
                assert volume["secret"]["defaultMode"] == 0o440
