# SPDX-License-Identifier: MIT
"""Dockerfile and Compose files: what can be told without an engine."""

from __future__ import annotations

import os
import pathlib
import re
import subprocess
from typing import Any

import compose_files
import pytest
from compose_files import (
    COMPOSE, DEMO, DOCKER, FILES, PROXY, ROOT, interpolate, load, mounts, simulator_pod,
)  # fmt: skip
from testlib.build import COMMAND

DOCKERFILE = (DOCKER / "Dockerfile").read_text()
README = (DOCKER / "README.md").read_text()
STAGES = {"agent", "proxy", "server"}  # that are run; `build` is not
ISAAC_SIMS = {"isaac-sim": 1234, "isaac-sim-2023": 0}
SERVICES = [(name, service) for name in FILES for service in load(name)["services"]]
# What overrides or extends a service has the rest from there.
PARTS = [(PROXY, "headcam"), (DEMO, "headcam")]


def argument(name: str) -> str:
    """The default of an ARG in the Dockerfile."""
    found = re.search(rf"^ARG {name}=(\S+)$", DOCKERFILE, re.MULTILINE)
    assert found
    return found[1]


def stage(name: str) -> str:
    """A stage's lines."""
    found = re.search(rf"(?ms)^FROM \S+ AS {name}\n(.*?)(?=^FROM|\Z)", DOCKERFILE)
    assert found
    return found[1].replace("\\\n", " ")


def output(*command: str | pathlib.Path) -> str:
    """What a command prints."""
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


GROUP = argument("HEADCAM_UID")


def test_an_image_holds_the_libraries_that_the_server_needs_and_no_others() -> None:
    """libc and what belongs to it are in the base."""
    program = COMMAND[-1]
    needed = set(re.findall(r"NEEDED.*\[(.*)\]", output("readelf", "-d", program)))
    found = dict(re.findall(r"(\S+) => (/\S+)", output("ldd", program)))
    needed -= {"libc.so.6", "libm.so.6"}
    # By their names: where /lib is a link, dpkg knows some by the one path, some by the other.
    files = [f"*/{pathlib.Path(found[name]).resolve().name}" for name in needed]
    owners = {line.split(":")[0] for line in output("dpkg", "-S", *files).splitlines()}
    installed = set(re.findall(r"\blib[a-z0-9.+-]+", stage("server").split("apt-get clean")[0]))
    assert installed == owners


def test_images_follow_the_rules() -> None:
    """A base with a tag, no recommended packages, no lists left, a user by number."""
    assert re.fullmatch(r"docker\.io/library/debian:[a-z]+-slim", argument("BASE"))
    assert not re.search(r"^ADD|:latest|sudo |curl|wget", DOCKERFILE, re.MULTILINE)
    for install in re.findall(r"apt-get install[^&]*", DOCKERFILE):
        assert "-y --no-install-recommends" in install
    for name in STAGES:
        text = stage(name)
        assert "apt-get clean && rm -rf /var/lib/apt/lists/*" in text
        (user,) = re.findall(r"^USER (\S+)$", text, re.MULTILINE)
        user = re.sub(r"\$\{(\w+)\}", lambda found: argument(found[1]), user)
        assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)
        assert re.search(r'^ENTRYPOINT \["', text, re.MULTILINE)


def test_labels_say_what_is_known() -> None:
    """The same of every image, and nothing that only who builds it can know."""
    for name in STAGES:
        text = stage(name)
        labels = dict(re.findall(r'org\.opencontainers\.image\.([a-z.]+)="(.+?)"', text))
        assert set(labels) == {"title", "description", "licenses", "version", "base.name"}
        for key, variable in (("version", "VERSION"), ("base.name", "BASE")):
            assert labels[key] == f"${{{variable}}}" and f"\nARG {variable}\n" in f"\n{text}"
    assert output(*COMMAND, "--version").split() == ["headcam", argument("VERSION")]


def test_what_is_built_from_is_there_and_let_in() -> None:
    """.dockerignore lets nothing in but what it names."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    let_in = [line.removeprefix("!") for line in lines if line.startswith("!")]
    assert "*" in lines and all((ROOT / name).exists() for name in let_in)
    copied = re.findall(r"^COPY (?!--from)(\S+) ", DOCKERFILE, re.MULTILINE)
    assert set(copied) - {"."} <= set(let_in)


def test_kubernetes_finds_the_agent_in_the_image() -> None:
    """An init container copies what was put there, and Isaac Sim is started with that."""
    copied = re.findall(r"^COPY (?!--from)(\S+) (\S+)$", stage("server"), re.MULTILINE)
    pod = simulator_pod()
    (init,) = pod["initContainers"]
    program, _, source, target = init["command"]
    assert program == "cp" and init["image"].partition(":")[0] == "headcam"
    root = source.removesuffix("/.")
    there = {
        pathlib.PurePath(path.replace(root, target)): ROOT / origin
        for origin, path in copied
        if path.startswith(f"{root}/")
    }
    arguments = next(one["args"] for one in pod["containers"] if one["name"] == "isaac-sim")
    folder, name = (arguments[arguments.index(f) + 1] for f in ("--ext-folder", "--enable"))
    extension = there[pathlib.PurePath(folder)] / name
    assert (extension / "config" / "extension.toml").is_file()
    link = os.path.normpath(f"{folder}/{name}/{os.readlink(extension / 'headcam')}")
    assert (there[pathlib.PurePath(link)] / "__init__.py").is_file()


@pytest.mark.parametrize("name", FILES)
def test_variables_are_explained(name: str) -> None:
    """At the head of the file that asks for them, or in the README."""
    head = (DOCKER / name).read_text().split("\nservices:")[0]
    for variable in compose_files.variables(name):
        assert variable in head.split("name:")[0] + README, variable


@pytest.mark.parametrize("name", FILES)
def test_what_is_mounted_is_there(name: str) -> None:
    """In the repository, read-only; or a volume; or Isaac Sim's caches, as the guide has them."""
    content = load(name)
    guide = (ROOT / "docs" / "isaac-sim.md").read_text()
    for service in content["services"].values():
        for target, source in mounts(service).items():
            if source.startswith("~/docker/isaac-sim/"):
                # Where a container keeps its log is not in the guide's command for 2023.1.1.
                assert f"-v {source}:{target}:rw" in guide or source.endswith("/logs")
            elif source.startswith("."):
                assert (DOCKER / source).exists()
                assert any(v == f"{source}:{target}:ro" for v in service["volumes"])
            else:
                assert source in content["volumes"]


def test_settings_are_those_that_the_programs_know() -> None:
    """HEADCAM_* of the server is a flag's; of the agent it is in its tables."""
    flags = set(re.findall(r"^  --([a-z-]+)", output(*COMMAND, "--help"), re.MULTILINE))
    known = {f"HEADCAM_{flag.upper().replace('-', '_')}" for flag in flags}
    for name in FILES:
        for service, content in load(name)["services"].items():
            names = set(content.get("environment", ()))
            if service == "headcam":
                assert names <= known
    assert set(re.findall(r"^ENV (HEADCAM_\w+)=", stage("server"), re.MULTILINE)) <= known
    guide = (ROOT / "docs" / "isaac-sim.md").read_text()
    for service in ISAAC_SIMS:
        environment = load(COMPOSE)["services"][service]["environment"]
        theirs = {name for name in environment if name.startswith("HEADCAM_")}
        assert theirs and all(f"`{name}`" in guide for name in theirs)
    names = set(re.findall(r"\$\{(\w+)\}", (DOCKER / "nginx.conf").read_text()))
    assert names <= set(load(PROXY)["services"]["proxy"]["environment"])


@pytest.mark.parametrize("service, user", ISAAC_SIMS.items())
def test_isaac_sim_is_started_as_the_guide_says(service: str, user: int) -> None:
    content = load(COMPOSE)["services"][service]
    guide = (ROOT / "docs" / "isaac-sim.md").read_text()
    assert content["user"] == f"{user}:{user}"
    assert interpolate(content["image"]) in guide
    command = " ".join([*content["entrypoint"], *content["command"]])
    assert f'"{command}"' in guide
    folder, name = re.findall(r"--ext-folder (\S+) --enable (\S+)", command)[0]
    mounted = mounts(content)["/headcam"]
    extensions = DOCKER / mounted / pathlib.PurePath(folder).relative_to("/headcam")
    assert (extensions / name / "config" / "extension.toml").is_file()


def test_all_who_share_the_volume_are_in_its_group() -> None:
    """One number: the image's user, the volumes' owner, the group of who publishes or proxies."""
    ingest = re.search(r"(?m)^  --ingest .*\[ipc://(\S+)/\w+\.sock\]$", output(*COMMAND, "--help"))
    assert ingest
    for name in FILES:
        content = load(name)
        for volume in content["volumes"].values():
            options = volume["driver_opts"]
            assert volume["driver"] == "local" and options["type"] == "tmpfs"
            assert f"uid={GROUP},gid={GROUP}," in options["o"]
            assert re.search(r"mode=\d?[0-7]{2}0$", options["o"])
        for service, settings in content["services"].items():
            if service != "headcam":
                user = interpolate(settings["user"])
                assert user.endswith(f":{GROUP}") or settings["group_add"] == [GROUP]
            if (name, service) not in PARTS and service != "proxy":
                assert mounts(settings)[ingest[1]] == "run"
    assert load(COMPOSE)["volumes"] == load(DEMO)["volumes"]


@pytest.mark.parametrize("name, service", SERVICES)
def test_services_are_watched_started_again_and_confined(name: str, service: str) -> None:
    """Those of Isaac Sim's image have what rights they have there."""
    content: Any = load(name)["services"][service]
    if (name, service) in PARTS:
        assert not set(content) & {"restart", "healthcheck", "ports", "user"}
        return
    assert content["restart"] == "unless-stopped"
    check = content["healthcheck"]
    assert check["test"] and check["interval"] and check["timeout"]
    for port in content.get("ports", ()):
        assert re.fullmatch(r"127\.0\.0\.1:(\d+):\1", interpolate(port))
    if service not in ISAAC_SIMS:
        assert content["read_only"] is True and content["cap_drop"] == ["ALL"]
        assert content["security_opt"] == ["no-new-privileges:true"]
        assert content["build"]["target"] in STAGES


def test_the_health_check_is_that_of_the_image() -> None:
    """Podman leaves out the one of the image, so it is in both."""
    found = re.search(r"^HEALTHCHECK (.*) CMD (\[.*\])$", stage("server"), re.MULTILINE)
    check = load(COMPOSE)["services"]["headcam"]["healthcheck"]
    assert found and str(check["test"][1:]).replace("'", '"') == found[2]
    for key in ("interval", "timeout", "start_period"):
        assert f"--{key.replace('_', '-')}={check[key]}" in found[1]
