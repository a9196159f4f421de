# SPDX-License-Identifier: MIT
"""endpoint: where the server is looked for, and what is said when it is not there."""

import socket

from headcam import endpoint


def test_what_is_given_wins_then_the_environment_then_the_default():
    environment = {"HEADCAM_INGEST": "ipc:///e"}
    assert endpoint.resolve("ipc:///a", environment) == "ipc:///a"
    assert endpoint.resolve(None, environment) == "ipc:///e"
    assert endpoint.resolve(None, {}) == "ipc:///run/headcam/ingest.sock"
    assert endpoint.resolve(None, {"HEADCAM_INGEST": ""}) == endpoint.DEFAULT


def test_the_diagnosis_names_what_is_missing(tmp_path):
    assert f"{tmp_path}/run does not exist" in endpoint.diagnose(f"ipc://{tmp_path}/run/x.sock")
    assert f"{tmp_path}/x.sock does not exist" in endpoint.diagnose(f"ipc://{tmp_path}/x.sock")
    (tmp_path / "file").touch()
    assert f"{tmp_path}/file is no socket" in endpoint.diagnose(f"ipc://{tmp_path}/file")
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(f"{tmp_path}/x.sock")
    assert "exists: is headcam running?" in endpoint.diagnose(f"ipc://{tmp_path}/x.sock")
    assert "reachable" in endpoint.diagnose("tcp://127.0.0.1:1")
    assert "network namespace" in endpoint.diagnose("ipc://@abstract")


def test_a_diagnosis_says_what_to_do(tmp_path):
    said = endpoint.diagnose(f"ipc://{tmp_path}/x.sock")
    assert f"headcam --ingest ipc://{tmp_path}/x.sock" in said
