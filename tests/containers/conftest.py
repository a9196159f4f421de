# SPDX-License-Identifier: MIT
"""Fixtures: an engine with the images, and Compose projects on it.

Where no engine works, the tests that want one do not run, and the last lines of the output say so.
"""

from __future__ import annotations

import contextlib
import pathlib
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator

import pytest

HERE = pathlib.Path(__file__).parent
sys.path[:0] = [
    str(HERE),
    str(HERE.parent / "integration"),
    str(HERE.parents[1] / "capture_agent"),
]

from engine import Engine, NoEngine, Project  # noqa: E402

_reasons: set[str] = set()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for reason in _reasons:
        terminalreporter.section("no container was run", red=True, bold=True)
        terminalreporter.line(reason)


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """An engine, with the images built."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix="headcam-engine-"))
    with contextlib.ExitStack() as ends:
        ends.callback(shutil.rmtree, directory)
        try:
            found = Engine(directory)
        except NoEngine as error:
            _reasons.add(str(error))
            pytest.skip(str(error))
        ends.callback(found.close)
        found.build_all()
        yield found


@pytest.fixture(scope="module")
def make_project(
    engine: Engine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Project]]:
    """Makes projects, which are not started yet; at the module's end they are gone."""
    with contextlib.ExitStack() as ends:

        def make(*files: str, **options: object) -> Project:
            project = Project(engine, tmp_path_factory.mktemp("project"), *files, **options)
            ends.callback(project.down)
            return project

        yield make
