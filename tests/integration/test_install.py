# SPDX-License-Identifier: MIT
"""make install: what is there afterwards works from there, and make uninstall leaves nothing."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from testlib.build import COMMAND, ROOT
from testlib.server import clean_environment
from testlib.waiting import wait_until

pytestmark = pytest.mark.no_tsan

FAKE_SIMULATOR = ROOT / "tests" / "fakekit" / "isaac-sim"


def make(target: str, prefix: pathlib.Path, *variables: str) -> None:
    """Runs make; the build is the one that is tested."""
    command = ["make", "-s", "-C", str(ROOT), target, f"PREFIX={prefix}", *variables]
    done = subprocess.run(
        command, env={**os.environ, "PYTHON": sys.executable}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def files_in(directory: pathlib.Path) -> list[pathlib.Path]:
    """Files and links, without what Python keeps."""
    found = [path for path in directory.rglob("*") if path.is_symlink() or path.is_file()]
    return sorted(path for path in found if path.suffix != ".pyc")


@pytest.fixture
def prefix(tmp_path: pathlib.Path) -> Iterator[pathlib.Path]:
    """Where everything is installed."""
    make("install", tmp_path)
    yield tmp_path


def run(*command: str | pathlib.Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs a command from the root directory, so that nothing is found by chance."""
    return subprocess.run(
        list(map(str, command)),
        env=clean_environment(variables),
        cwd="/",
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_the_commands_run_from_where_they_are_installed(prefix: pathlib.Path) -> None:
    """And are of one version."""
    server = run(*COMMAND[:-1], prefix / "bin/headcam", "--version")
    agent = run(prefix / "bin/headcam-agent", "--version")
    assert server.stdout.removeprefix("headcam ") == agent.stdout.removeprefix("headcam-agent ")
    doctor = run(prefix / "bin/headcam-agent", "doctor", "--timeout", "0")
    assert doctor.stdout.startswith("ok    python")
    assert (prefix / "include/headcam/wire.h").is_file()


def test_the_manual_page_is_of_what_is_installed(prefix: pathlib.Path) -> None:
    """Its version, its flags; groff, where it is there, has nothing to say against it."""
    page = prefix / "share/man/man1/headcam.1"
    text = page.read_text()
    version = run(*COMMAND[:-1], prefix / "bin/headcam", "--version").stdout.rstrip()
    assert f'"{version}"' in text and "HEADCAM_LOG_LEVEL" in text and "@" not in text
    if shutil.which("groff"):
        checked = run("groff", "-man", "-ww", "-z", page)
        assert (checked.returncode, checked.stderr) == (0, "")


def test_all_of_the_agent_is_installed(prefix: pathlib.Path) -> None:
    """As it lies in the source tree."""
    source, target = ROOT / "capture_agent", prefix / "share/headcam"
    for part in ("headcam", "examples", "exts"):
        wanted = {
            path.relative_to(source)
            for path in files_in(source / part)
            if path.suffix in (".py", ".toml") or path.is_symlink()
        }
        assert {path.relative_to(target) for path in files_in(target / part)} == wanted


def test_the_extension_moves_with_its_package(prefix: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """As when share/headcam is mounted into a simulator's container, somewhere else."""
    moved = tmp_path / "moved"
    (prefix / "share/headcam").rename(moved)
    link = moved / "exts/headcam.capture/headcam"
    assert link.resolve() == moved / "headcam"
    assert (link / "isaac/extension.py").is_file()


def test_the_installed_extension_streams(prefix: pathlib.Path, server: Any) -> None:
    """By one flag, as the documentation says, in the fake Isaac Sim."""
    command = [FAKE_SIMULATOR, "--profile", "2023.1.1", "--no-window", "--allow-root"]
    extension = ["--ext-folder", prefix / "share/headcam/exts", "--enable", "headcam.capture"]
    simulator = subprocess.Popen(
        list(map(str, [sys.executable, *command, *extension])),
        env=clean_environment({"HEADCAM_INGEST": server.endpoint}),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: server.stream("viewport"), what="the viewport's announcement")
        viewer = server.watch("/stream/viewport")
        viewer.next("live")
        assert server.stream("viewport")["agent"]["name"].startswith("headcam in ")
    finally:
        simulator.kill()
        simulator.wait()


def test_nothing_is_left_after_uninstall(prefix: pathlib.Path) -> None:
    """Files, links and what Python has compiled."""
    run(prefix / "bin/headcam-agent", "--version")
    make("uninstall", prefix)
    assert [path for path in prefix.rglob("*") if not path.is_dir()] == []
    assert not (prefix / "share/headcam").exists()


def test_a_package_is_built_under_destdir(tmp_path: pathlib.Path) -> None:
    """Everything goes there, and says where it will be."""
    make("install", pathlib.Path("/usr"), f"DESTDIR={tmp_path}")
    assert (tmp_path / "usr/bin/headcam").is_file()
    assert "PYTHONPATH=/usr/share/headcam" in (tmp_path / "usr/bin/headcam-agent").read_text()
    link = tmp_path / "usr/share/headcam/exts/headcam.capture/headcam"
    assert link.readlink() == pathlib.Path("../../headcam")
