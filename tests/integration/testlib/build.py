# SPDX-License-Identifier: MIT
"""Which server is tested, and how much slower than usual it may be."""

from __future__ import annotations

import os
import pathlib
import shlex

ROOT = pathlib.Path(__file__).resolve().parents[3]
AGENT_PATH = ROOT / "capture_agent"

#: The server's command line: HEADCAM_SERVER, which may have a wrapper before it.
COMMAND = shlex.split(os.environ.get("HEADCAM_SERVER") or str(ROOT / "build/release/headcam"))


def _is_sanitized() -> bool:
    program = pathlib.Path(COMMAND[-1]).read_bytes()
    return any(symbol in program for symbol in (b"__asan_init", b"__tsan_init"))


#: Built with a sanitizer: several times slower, and much larger in memory.
IS_SANITIZED = _is_sanitized()

#: Every bound on time is multiplied by this.
SLOWNESS = 4.0 if IS_SANITIZED else 1.0
