# SPDX-License-Identifier: MIT
"""/status against its schema, taken strictly: what it does not name may not be there."""

from __future__ import annotations

import json
from typing import Any

import jsonschema

from testlib.build import ROOT


def _close(schema: Any) -> Any:
    """The schema with no object open to members that it does not name."""
    if isinstance(schema, list):
        return [_close(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _close(value) for key, value in schema.items()}
    if schema.get("type") == "object":
        closed["additionalProperties"] = False
        assert set(schema["required"]) == set(schema["properties"])
    return closed


def _validator() -> jsonschema.Draft202012Validator:
    schema = json.loads((ROOT / "docs/status.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(_close(schema))


_VALIDATOR = _validator()


def check_status(status: Any) -> Any:
    """Returns the parsed /status; fails where it is not as its schema says."""
    flaws = [f"{error.json_path}: {error.message}" for error in _VALIDATOR.iter_errors(status)]
    assert not flaws, flaws
    return status
