# SPDX-License-Identifier: MIT
"""docs/status.schema.json is what /status says, docs/api.md's example included.

Every /status that any test asks for is checked against it, in testlib/server.py.
"""

from __future__ import annotations

import copy
import json
import pathlib
from collections.abc import Callable
from typing import Any

import pytest
from testlib.build import ROOT
from testlib.producer import Link
from testlib.status import check_status

pytestmark = pytest.mark.no_tsan


def example() -> Any:
    """The one in docs/api.md."""
    section = (ROOT / "docs/api.md").read_text().split("### Status\n")[1]
    return json.loads(section.split("```json\n")[1].split("```")[0])


def test_the_documented_example_is_one() -> None:
    """In every member, and its numbers add up."""
    front = check_status(example())["streams"][0]
    frames = front["frames"]
    ends = ("encoded", "unchanged", "passed", "torn", "superseded", "unwanted", "failed")
    assert frames["received"] == sum(frames[end] for end in ends)
    assert frames["dropped"] == sum(frames[end] for end in ends[4:])


def test_the_documented_example_is_laid_out_as_the_server_does(
    start_server: Any, connect: Any
) -> None:
    """The same members in the same order."""
    server = start_server("--forward", "tcp://127.0.0.1:1")  # an edge, as in the example
    connect(server, "front")
    server.wait_state("front")
    viewer = server.watch("/stream/front?width=32")  # a variant, as in the example
    viewer.next()

    def keys(value: Any) -> Any:
        if isinstance(value, dict):
            return [(key, keys(member)) for key, member in value.items()]
        return [keys(item) for item in value] if isinstance(value, list) else None

    assert keys(example()) == keys(server.status())


def test_an_endpoint_that_is_no_text(start_server: Any, directory: pathlib.Path) -> None:
    """A path may have any bytes, JSON may not: it is told as ?, and the rest with it."""
    server = start_server(endpoint=f"ipc://{directory}/in\udcffgest.sock")
    assert server.status()["ingest"]["endpoint"] == "?"


def _remove(status: Any) -> None:
    del status["streams"][0]["sent"]["bytes"]


def _remove_deep(status: Any) -> None:
    del status["streams"][0]["variants"][1]["fps"]


def _add(status: Any) -> None:
    status["streams"][0]["agent"]["address"] = "192.0.2.7"


def _misname(status: Any) -> None:
    status["streams"][0]["name"] = "a b"


def _invent(status: Any) -> None:
    status["streams"][0]["state"] = "sleeping"


def _negate(status: Any) -> None:
    status["viewers"] = -1


@pytest.mark.parametrize("change", [_remove, _remove_deep, _add, _misname, _invent, _negate])
def test_the_check_sees_what_is_wrong(change: Callable[[Any], None]) -> None:
    """A member that is missing, new, or not what it may be."""
    status = copy.deepcopy(example())
    change(status)
    with pytest.raises(AssertionError):
        check_status(status)


def test_a_stream_of_which_nothing_is_known(server: Any, connect: Any) -> None:
    """Most members are null then; what it says of itself may be anything."""
    link = connect(server, kind=Link, is_open=True)
    link.wait_connected()
    members = {"headcam": 1, "instance": "1" * 16, "state": "live", "agent": "\u00e4\n\""}
    link.send(b"@front/", json.dumps(members).encode())
    front = server.wait_state("front")
    assert [front[key] for key in ("width", "height", "format", "nominal_fps", "encode_ms")] == [
        None
    ] * 5
    assert front["agent"]["name"] == "\u00e4\n\""


def test_the_default_is_null_without_streams(server: Any) -> None:
    """As in the documentation."""
    status = server.status()
    assert status["default"] is None and status["streams"] == []
    assert (status["max_streams"], status["max_snapshots"]) == (64, 1000)
