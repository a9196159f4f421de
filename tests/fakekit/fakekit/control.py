# SPDX-License-Identifier: MIT
"""What a test tells a fake that runs as a process, and what that reports.

A thread reads lines from stdin; they are obeyed on the main thread, before the next update. Each
is answered by a line of JSON on stdout: "ok" with the "value", or not, with the "error".
"""

from __future__ import annotations

import dataclasses
import json
import queue
import shlex
import sys
import threading
from collections.abc import Callable
from typing import Any

from fakekit import usd
from fakekit.kit import Kit
from fakekit.pxr import Stage
from fakekit.settings import parse_value
from fakekit.timeline import TimelineEventType

_ALWAYS = "always"


def take_commands(kit: Kit) -> None:
    """Obeys what comes on stdin, from now on."""
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()

    def read() -> None:
        for line in sys.stdin:
            lines.put(line)

    def obey(_: dict[str, Any]) -> None:
        is_stalled = False
        while is_stalled or not lines.empty():
            line = lines.get()
            is_stalled = line.split() == ["stall"]
            print(json.dumps(_answer(kit, line)), flush=True)

    threading.Thread(target=read, name="control", daemon=True).start()
    kit.dispatcher.channel("preUpdate").add("own", obey, 0, "control")


def report(kit: Kit) -> dict[str, Any]:
    """What was done to the fake so far, and what is alive in it; ready for JSON."""
    return {
        "profile": kit.profile.isaac,
        "updates": kit.app.update_number,
        "violations": [dataclasses.asdict(v) for v in kit.journal.violations],
        "errors": [line.text for line in kit.journal.log if line.level == "error"],
        "settings_written": kit.journal.settings_written,
        "calls": dict(kit.journal.calls),
        "census": dataclasses.asdict(kit.census()),
        "products": [
            {
                "path": product.path,
                "camera": product.camera,
                "size": [product.width, product.height],
                "is_viewport": product.is_viewport,
                "is_enabled": product.is_enabled,
                "renders": product.renders,
            }
            for product in kit.renderer.products.values()
        ],
        "annotators": [
            {"name": a.name, "reads": a.reads, "bytes_read": a.bytes_read}
            for a in kit.replicator.annotators
        ],
    }


def _answer(kit: Kit, line: str) -> dict[str, Any]:
    try:
        name, *arguments = shlex.split(line)
        return {"ok": True, "value": _commands(kit)[name](*arguments)}
    except Exception as error:
        return {"ok": False, "error": f"{type(error).__name__}: {error}"}


def _commands(kit: Kit) -> dict[str, Callable[..., Any]]:
    return {
        "new_stage": lambda: kit.context.show([], "anon:new"),
        "open_stage": lambda path: kit.context.show(usd.read_stage(path), path),
        "close_stage": kit.context.close,
        "define": lambda path, kind: bool(_stage(kit).define(path, kind)),
        "remove": lambda path: _stage(kit).remove(path),
        "play": lambda: kit.timeline.ask(TimelineEventType.PLAY),
        "pause": lambda: kit.timeline.ask(TimelineEventType.PAUSE),
        "stop": lambda: kit.timeline.ask(TimelineEventType.STOP),
        "set": lambda path, value: kit.settings.store(path, parse_value(value)),
        "get": kit.settings.load,
        "enable": lambda extension: kit.extensions.switch(extension, True),
        "disable": lambda extension: kit.extensions.switch(extension, False),
        "fail": lambda call, times="1": kit.journal.fail(
            call, RuntimeError("injected"), None if times == _ALWAYS else int(times)
        ),
        "heal": kit.journal.heal,
        "stall": lambda: None,  # the next line is waited for within the update
        "report": lambda: report(kit),
        "quit": lambda status="0": kit.app.quit(int(status)),
    }


def _stage(kit: Kit) -> Stage:
    if kit.context.stage is None:
        raise RuntimeError("no stage is open")
    return kit.context.stage
