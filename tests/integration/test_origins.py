# SPDX-License-Identifier: MIT
"""--allow-origin: what pages of other origins may read (CORS), by what is sent."""

from __future__ import annotations

from typing import Any

import pytest
from testlib.login import ALICE, LIMITED_TOKEN, TOKEN, bearer
from testlib.pictures import STILL

pytestmark = pytest.mark.no_tsan

ORIGIN, OTHER, STRANGER = "https://a.example", "http://b.example:3000", "https://c.example"
EXPOSED = (
    "Date, Retry-After, X-Timestamp, X-Headcam-Sequence, X-Headcam-State, "
    "X-Headcam-Sim-Time, X-Headcam-Update, X-Headcam-Width, X-Headcam-Height, X-Headcam-Stride, "
    "X-Headcam-Format"
)
PATHS = ["/", "/viewer.js", "/status", "/metrics", "/healthz", "/readyz", "/stream/front",
         "/nothing", "/snapshot/front?max_age=3600000", "/stream?fps=0",
         "/snapshot/none?timeout=0"]  # fmt: skip
PREFLIGHT = {
    "access_control_request_method": "GET",
    "access_control_request_headers": "authorization",
}


def cors(response: Any) -> dict[str, str]:
    """The headers of a response that are about origins."""
    return {
        name: value
        for name, value in response.headers.items()
        if name.startswith("access-control-")
        or name in ("vary", "cross-origin-resource-policy", "timing-allow-origin")
    }


def exact(origin: str) -> dict[str, str]:
    """What is said to a page of an origin that is listed."""
    return {
        "access-control-allow-origin": origin,
        "access-control-allow-credentials": "true",
        "access-control-expose-headers": EXPOSED,
        "vary": "Origin",
        "cross-origin-resource-policy": "cross-origin",
    }


UNLISTED = {"vary": "Origin", "cross-origin-resource-policy": "cross-origin"}
ANYBODY = {
    "access-control-allow-origin": "*",
    "access-control-expose-headers": EXPOSED,
    "cross-origin-resource-policy": "cross-origin",
}


def send_still(server: Any, connect: Any) -> None:
    """A stream with one frame."""
    producer = connect(server, "front", 64, 48, "JPEG", stride=0)
    server.wait_state("front")
    with server.watch("/stream/front") as viewer:
        viewer.wait_status()
        producer.wait_wanted()
        producer.send_frame(STILL)
        viewer.next("live")


def test_by_default_nothing_is_said(server: Any, connect: Any) -> None:
    """An <img> of another origin works all the same; reading does not."""
    send_still(server, connect)
    for path in PATHS:
        for method in ("GET", "HEAD", "OPTIONS", "POST"):
            assert cors(server.get(path, method, origin=ORIGIN, **PREFLIGHT)) == {}


@pytest.mark.parametrize(
    ("flags", "environment"),
    [
        (["--allow-origin", ORIGIN, "--allow-origin", OTHER], {}),
        ([f"--allow-origin={OTHER},{ORIGIN}"], {"HEADCAM_ALLOW_ORIGIN": "*"}),
        ([], {"HEADCAM_ALLOW_ORIGIN": f"{ORIGIN},{OTHER}"}),
    ],
)
def test_exact_origins(
    start_server: Any, connect: Any, flags: list[str], environment: dict[str, str]
) -> None:
    """Each is told its own name, may bring credentials, and gets no other's answer from a cache."""
    server = start_server(*flags, environment=environment)
    send_still(server, connect)
    for path in PATHS:
        for method in ("GET", "HEAD"):
            assert cors(server.get(path, method, origin=ORIGIN)) == exact(ORIGIN), path
            assert cors(server.get(path, method, origin=OTHER)) == exact(OTHER), path
            for stranger in (STRANGER, "null", f"{ORIGIN}.evil", ORIGIN.upper()):
                assert cors(server.get(path, method, origin=stranger)) == UNLISTED, path
            assert cors(server.get(path, method)) == UNLISTED, path


def test_all_origins(start_server: Any, connect: Any) -> None:
    """Without credentials, which a browser sends to nobody in particular."""
    server = start_server("--allow-origin", "*")
    send_still(server, connect)
    for path in PATHS:
        for headers in ({"origin": ORIGIN}, {"origin": "null"}, {}):
            assert cors(server.get(path, **headers)) == ANYBODY, path


def test_preflight(start_server: Any) -> None:
    """What a page may ask with: these methods, and an Authorization header."""
    server = start_server("--allow-origin", ORIGIN)
    methods = {
        "access-control-allow-methods": "GET, HEAD, OPTIONS",
        "access-control-allow-headers": "Authorization",
        "access-control-max-age": "86400",
    }
    for path in ("/stream/front", "/snapshot", "/status", "/metrics", "/"):
        allowed = server.get(path, "OPTIONS", origin=ORIGIN, **PREFLIGHT)
        assert (allowed.status, allowed.body) == (204, b"")
        assert cors(allowed) == exact(ORIGIN) | methods
        refused = server.get(path, "OPTIONS", origin=STRANGER, **PREFLIGHT)
        assert (refused.status, cors(refused)) == (204, UNLISTED)
        asked = server.get(path, "OPTIONS", origin=ORIGIN)
        assert (asked.status, cors(asked)) == (204, exact(ORIGIN))


def test_a_preflight_needs_no_login_and_what_follows_does(start_guarded: Any, publish: Any) -> None:
    """Its refusals can be read by the page, too: it has to know what to ask its user for."""
    server = start_guarded("--allow-origin", ORIGIN)
    publish(server, "front")
    for path in ("/status", "/metrics", "/snapshot/front?max_age=3600000", "/stream/front"):
        preflight = server.get(path, "OPTIONS", origin=ORIGIN, **PREFLIGHT)
        assert preflight.status == 204
        assert preflight.headers["access-control-allow-headers"] == "Authorization"
        for headers, status in (({}, 401), (ALICE, 200), (bearer(TOKEN), 200)):
            response = server.get(path, origin=ORIGIN, **headers)
            assert (response.status, cors(response)) == (status, exact(ORIGIN))
            assert cors(server.get(path, origin=STRANGER, **headers)) == UNLISTED
    response = server.get(f"/stream/rear?token={LIMITED_TOKEN}", origin=ORIGIN)
    assert (response.status, cors(response)) == (403, exact(ORIGIN))
