# SPDX-License-Identifier: MIT
"""The command line: plays isaac-sim.sh, or python.sh with a standalone script.

Owns the process: its log on stderr, its report, and its end.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import pathlib
import runpy
import shlex
import signal
import sys
from typing import Any

from fakekit import control, simulation_app, usd
from fakekit.extensions import ExtensionError
from fakekit.journal import LogLine
from fakekit.kit import Kit, Options
from fakekit.profiles import PROFILES
from fakekit.settings import parse_value

_READY = "app ready"
# Where Kit runs --exec within an update (omni.kit.app, POST_UPDATE_ORDER_PYTHON_EXEC).
_ORDER_EXEC = -10
_DESCRIPTION = "Plays Isaac Sim: Kit's update loop, extensions, cameras. No GPU, no simulation."
_EPILOG = "--/PATH=VALUE sets a setting, as in Kit."


def main(arguments: list[str]) -> int:
    """Runs the command. Returns the process's status, if Kit does not end it before."""
    options, rest = _parser().parse_known_args(arguments)
    settings = [argument for argument in rest if argument.startswith("--/")]
    unknown = [argument for argument in rest if argument not in settings]
    if unknown and not options.script:
        _parser().error(f"fakekit knows no {' '.join(unknown)}")
    if os.geteuid() == 0 and not options.allow_root and not options.script:
        print("Isaac Sim should not be run as root: add --allow-root", file=sys.stderr)
        return 1
    # Which is ignored in what a shell without a terminal has put into the background.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    process = _Process(options, [_setting(text) for text in settings])
    return process.run_script() if options.script else process.run_app()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "isaac-sim", description=_DESCRIPTION, epilog=_EPILOG, allow_abbrev=False
    )
    add = parser.add_argument
    add("script", nargs="?", help="a standalone script that makes a SimulationApp")
    add("script_arguments", nargs=argparse.REMAINDER, metavar="ARGUMENT", help="for the script")
    add("--profile", choices=sorted(PROFILES), default="5.1", help="which release (5.1)")
    add("--updates-per-second", type=int, default=60, metavar="N", help="the loop's pace (60)")
    add("--stage", metavar="FILE", help="a stage as JSON; a built-in one without")
    add("--no-window", action="store_true", help="headless")
    add("--ext-folder", action="append", default=[], metavar="DIR", help="a folder of extensions")
    add("--enable", action="append", default=[], metavar="NAME", help="an extension to enable")
    add("--exec", metavar="'SCRIPT ARGUMENTS'", help="a script to run in the app")
    add("--allow-root", action="store_true", help="run as root")
    add("--option", action="append", default=[], metavar="NAME=VALUE", help="see kit.Options")
    add("--control", action="store_true", help="take commands from stdin: see README.md")
    add("--report", metavar="FILE", help="write what was done to the fake, at the end")
    return parser


def _setting(text: str) -> tuple[str, Any]:
    path, separator, value = text[2:].partition("=")
    if not separator:
        _parser().error(f"{text}: a setting is --/PATH=VALUE")
    return path, parse_value(value)


def _options(assignments: list[str]) -> dict[str, Any]:
    """kit.Options from NAME=VALUE; sets and tuples have their items separated by commas."""
    fields = {field.name: field for field in dataclasses.fields(Options)}
    values: dict[str, Any] = {}
    for assignment in assignments:
        name, _, text = assignment.partition("=")
        if name not in fields:
            _parser().error(f"--option {name}: use one of {', '.join(fields)}")
        default = fields[name].default
        if isinstance(default, (frozenset, tuple)):
            values[name] = type(default)(text.split(","))
            continue
        values[name] = None if text == "none" else parse_value(text)
        if values[name] is not None and type(values[name]) is not type(default):
            kind = type(default).__name__
            _parser().error(f"--option {assignment}: its value must be of type {kind}")
    return values


class _Process:
    """One process that plays Isaac Sim."""

    def __init__(self, options: argparse.Namespace, settings: list[tuple[str, Any]]) -> None:
        self._options = options
        self._settings = settings
        self._kit: Kit | None = None

    def run_app(self) -> int:
        """The app with its own loop."""
        kit = self._make_kit(is_headless=self._options.no_window)
        self._start_extensions(kit, self._options.ext_folder, self._options.enable)
        if self._options.exec:
            self._run_in_first_update(kit, shlex.split(self._options.exec))
        signal.signal(signal.SIGINT, lambda *_: kit.app.quit(0))
        print(_READY, flush=True)
        status = kit.run()
        self._write_report()
        return status

    def run_script(self) -> int:
        """A standalone script, which makes the app itself and updates it."""
        options = self._options
        sys.argv = [options.script, *options.script_arguments]
        sys.path[0] = str(pathlib.Path(options.script).resolve().parent)
        module = PROFILES[options.profile].simulation_app_module
        simulation_app.offer(module, self._make_kit_for_script)
        runpy.run_path(options.script, run_name="__main__")
        self._write_report()
        return 0

    def _make_kit_for_script(self, config: dict[str, Any]) -> Kit:
        # SimulationApp passes on to Kit what it does not know itself of the script's arguments.
        parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
        parser.add_argument("--ext-folder", action="append", default=[])
        parser.add_argument("--enable", action="append", default=[])
        known, rest = parser.parse_known_args(sys.argv[1:])
        self._settings += [_setting(text) for text in rest if text.startswith("--/")]
        kit = self._make_kit(is_headless=bool(config["headless"]))
        folders = self._options.ext_folder + known.ext_folder
        self._start_extensions(kit, folders, self._options.enable + known.enable)
        return kit

    def _make_kit(self, is_headless: bool) -> Kit:
        options = self._options
        values = _options(options.option)
        values.update(
            is_headless=is_headless,
            real_time=True,
            updates_per_second=options.updates_per_second,
            settings=tuple(self._settings),
        )
        try:
            prims = usd.read_stage(options.stage) if options.stage else None
        except (OSError, ValueError) as error:
            sys.exit(f"isaac-sim: --stage: {error}")
        kit = self._kit = Kit(options.profile, Options(**values), prims)
        kit.journal.on_log = self._print
        kit.exit_process = self._exit
        kit.modules.install()
        if options.control:
            control.take_commands(kit)
        return kit

    def _start_extensions(self, kit: Kit, folders: list[str], names: list[str]) -> None:
        try:
            for folder in folders:
                kit.extensions.add_folder(folder)
        except ExtensionError as error:
            sys.exit(f"isaac-sim: {error}")
        # What cannot be enabled is in the log by then.
        if not all([kit.extensions.switch(name, True) for name in names]):
            sys.exit("Exiting app because of dependency solver failure...")

    def _run_in_first_update(self, kit: Kit, command: list[str]) -> None:
        """Runs a script once, in a namespace that nobody keeps."""

        def run(_: dict[str, Any]) -> None:
            channel.remove(subscriber)
            path, kept = pathlib.Path(command[0]), sys.argv
            sys.argv = command
            try:
                code = compile(path.read_text(), str(path), "exec")
                exec(code, {"__name__": "__main__", "__file__": str(path)})
            except Exception:
                kit.journal.callback_failed(f"--exec {path}")
            finally:
                sys.argv = kept

        channel = kit.dispatcher.channel("postUpdate")
        subscriber = channel.add("own", run, _ORDER_EXEC, "exec")

    def _exit(self, status: int) -> None:
        """Ends the process as a fast shutdown does: nothing of Python's own end happens."""
        self._write_report()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)

    def _print(self, line: LogLine) -> None:
        level = {"info": "Info", "warn": "Warning", "error": "Error"}[line.level]
        time_s = self._kit.app.time_s if self._kit else 0.0
        print(f"[{time_s:.3f}s] [{level}] {line.text}", file=sys.stderr, flush=True)

    def _write_report(self) -> None:
        if self._options.report and self._kit:
            text = json.dumps(control.report(self._kit), indent=1)
            pathlib.Path(self._options.report).write_text(text)
