# SPDX-License-Identifier: MIT
"""A container engine, docker or podman, and projects that Compose runs on it.

podman takes Compose's commands on a socket, as Docker's daemon does.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pathlib
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import compose_files
import yaml
from testlib.http import Address
from testlib.ports import free_port
from testlib.waiting import wait_until

BASE = "debian:bookworm-slim"
PREFIX = "headcam-test"
TARGETS = {"server": PREFIX, "agent": f"{PREFIX}-agent", "proxy": f"{PREFIX}-proxy"}
ISAAC_SIM = f"{PREFIX}-isaac-sim"

#: Long enough to fetch a small image, or to build what is installed from Debian's packages.
_BUILD_S = 900
_COMMAND_S = 120


class NoEngine(Exception):
    """There is none that works; the text says why."""


def run(*command: str | pathlib.Path, timeout_s: float = _COMMAND_S, **options: Any) -> str:
    """Runs a command; returns what it printed."""
    words = list(map(str, command))
    done = subprocess.run(words, capture_output=True, text=True, timeout=timeout_s, **options)
    assert done.returncode == 0, f"{' '.join(words)}: {done.stdout}{done.stderr}"
    return done.stdout


class Engine:
    """docker, or podman with its service."""

    def __init__(self, directory: pathlib.Path) -> None:
        self.name = self._find()
        self._directory = directory
        self._service: subprocess.Popen[bytes] | None = None
        self._environment = dict(os.environ)
        self.compose, self.is_old_compose = self._find_compose()
        if self.name == "podman":
            self._start_service()

    def close(self) -> None:
        """Ends podman's service."""
        if self._service:
            self._service.terminate()
            self._service.wait(timeout=30)

    def build_all(self) -> None:
        """Builds the images; podman keeps health checks only in Docker's format."""
        kind = ["--format", "docker"] if self.name == "podman" else []
        build = (self.name, "build", *kind)
        root, fake = compose_files.ROOT, compose_files.FAKE_ISAAC_SIM
        for target, tag in TARGETS.items():
            flags = ("-f", root / "docker" / "Dockerfile", "--target", target, "-t", tag)
            run(*build, *flags, root, timeout_s=_BUILD_S)
        agent = f"AGENT_IMAGE={TARGETS['agent']}"
        flags = ("-f", fake, "--build-arg", agent, "-t", ISAAC_SIM)
        run(*build, *flags, root / "tests" / "fakekit", timeout_s=_BUILD_S)

    def inspect(self, kind: str, name: str) -> Any:
        """All that the engine knows about a container or an image."""
        return json.loads(run(self.name, kind, "inspect", name))[0]

    @contextlib.contextmanager
    def running(self, image: str, command: Sequence[str], *flags: str) -> Iterator[Container]:
        """A container in place of whose program another one runs; at the end it is gone."""
        program, *arguments = command
        flags = ("--detach", "--entrypoint", program, *flags)
        container = Container(self, run(self.name, "run", *flags, image, *arguments).strip())
        try:
            yield container
        finally:
            run(self.name, "rm", "--force", container.id)

    def run_compose(self, arguments: Sequence[str | pathlib.Path], **variables: str) -> str:
        """One command of Compose's."""
        return run(*self.compose, *arguments, env=self._environment | variables)

    @staticmethod
    def _find() -> str:
        if os.geteuid() != 0:
            raise NoEngine("only root can kill what is in a container")
        reasons = []
        for name in ("docker", "podman"):
            if not shutil.which(name):
                reasons.append(f"there is no {name}")
                continue
            try:
                run(name, "run", "--rm", BASE, "true")
                return name
            except (AssertionError, subprocess.TimeoutExpired) as error:
                why = str(error).strip().splitlines()[-1]
                reasons.append(f"{name} does not run {BASE}: {why}")
        raise NoEngine("; ".join(reasons))

    def _find_compose(self) -> tuple[list[str], bool]:
        for command in (["docker", "compose"], ["docker-compose"]):
            if not shutil.which(command[0]):
                continue
            done = subprocess.run([*command, "version", "--short"], capture_output=True, text=True)
            if done.returncode == 0:
                return command, done.stdout.lstrip("v").startswith("1.")
        raise NoEngine(f"{self.name} runs; 'docker compose' and docker-compose do not")

    def _start_service(self) -> None:
        path = self._directory / "podman.sock"
        address = f"unix://{path}"
        with (self._directory / "podman.log").open("wb") as log:
            command = ["podman", "system", "service", "--time=0", address]
            self._service = subprocess.Popen(command, stdout=log, stderr=log)
        self._environment |= {"DOCKER_HOST": address}
        wait_until(path.exists, what="podman's service listens")


@dataclasses.dataclass(frozen=True)
class Container:
    """One that runs without Compose."""

    engine: Engine
    id: str

    def has_ended(self) -> bool:
        """Whether its program has, of itself and well."""
        state = self.engine.inspect("container", self.id)["State"]
        assert state["ExitCode"] == 0, self.output()
        return not state["Running"]

    def output(self) -> str:
        """What it said."""
        command = [self.engine.name, "logs", self.id]
        both = subprocess.STDOUT
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=both, text=True, check=True)
        return done.stdout


class Project:
    """Compose files that run, under a name of their own; on ports of the loopback that are free."""

    def __init__(
        self,
        engine: Engine,
        directory: pathlib.Path,
        *files: str,
        profile: str = "",
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self.engine = engine
        self.name = f"{PREFIX}-{os.getpid()}-{directory.name}"
        self.etc = directory / "etc"
        self.etc.mkdir(exist_ok=True)
        self.address = Address("127.0.0.1", free_port())
        self.tls_port = free_port()
        self._variables = {
            "HEADCAM_IMAGE": TARGETS["server"],
            "HEADCAM_AGENT_IMAGE": TARGETS["agent"],
            "HEADCAM_PROXY_IMAGE": TARGETS["proxy"],
            "ISAAC_SIM_IMAGE": ISAAC_SIM,
            "HEADCAM_PUBLISH": f"127.0.0.1:{self.address.port}",
            "HEADCAM_PUBLISH_TLS": f"127.0.0.1:{self.tls_port}",
            **(variables or {}),
        }
        self._ids: dict[str, str] = {}
        self._flags: list[str | pathlib.Path] = ["--project-name", self.name]
        if profile:
            self._flags += ["--profile", profile]
        for name in compose_files.FILES:  # all, for one may extend another
            content = compose_files.adapt(
                compose_files.load(name), self.etc, engine.is_old_compose
            )
            (directory / name).write_text(yaml.safe_dump(content))
        for name in files:
            self._flags += ["--file", directory / name]

    def up(self) -> None:
        """Starts it."""
        self._run("up", "--detach")

    def down(self) -> None:
        """Ends it, and leaves nothing."""
        self._run("down", "--volumes", "--timeout", "5")

    def container(self, service: str) -> Any:
        """All that the engine knows of a service's container."""
        return self.engine.inspect("container", self._id(service))

    def run_in(self, service: str, *command: str, user: str | None = None) -> str:
        """Runs a command in a service's container, as its user or another one."""
        flags = ["--user", user] if user else []
        return run(self.engine.name, "exec", *flags, self._id(service), *command)

    def logs(self) -> str:
        """What all said."""
        return self._run("logs", "--no-color")

    def kill(self, service: str) -> None:
        """SIGKILL to a container's first process, as if it crashed; waits for the next one."""
        before = self.container(service)["State"]
        os.kill(before["Pid"], signal.SIGKILL)

        def is_back() -> bool:
            now = self.container(service)["State"]
            return bool(now["Running"] and now["Pid"] not in (0, before["Pid"]))

        wait_until(is_back, 30, f"{service} is started again")

    def _id(self, service: str) -> str:
        if service not in self._ids:
            (self._ids[service],) = self._run("ps", "--quiet", service).split()
        return self._ids[service]

    def _run(self, *arguments: str) -> str:
        return self.engine.run_compose([*self._flags, *arguments], **self._variables)
