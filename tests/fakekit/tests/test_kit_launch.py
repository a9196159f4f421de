# SPDX-License-Identifier: MIT
"""The command: isaac-sim.sh with its flags, and python.sh with a standalone script."""

import contextlib
import json
import pathlib
import subprocess
import sys
import textwrap

import fakekit
import pytest

COMMAND = [sys.executable, str(pathlib.Path(__file__).resolve().parents[1] / "isaac-sim")]
SOON_S = 30.0


def run(*arguments, **options):
    """Runs it to its end."""
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, timeout=SOON_S, **options
    )


class Process:
    """An app that takes commands."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen(
            [*COMMAND, "--allow-root", "--no-window", "--control", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def lines_until(self, wanted):
        """What it prints, up to the line that begins so."""
        lines = []
        for line in self.process.stdout:
            lines.append(line.rstrip("\n"))
            if line.startswith(wanted):
                return lines
        raise AssertionError(f"it ended before {wanted!r}: {lines} {self.process.stderr.read()}")

    def command(self, text):
        """Tells it something. Returns the answer's value."""
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.lines_until('{"ok"')[-1])
        assert answer["ok"], answer
        return answer["value"]

    def end(self, command="quit"):
        """Has it quit. Returns its status."""
        self.command(command)
        return self.process.wait(SOON_S)


@pytest.fixture
def start():
    """Starts apps, and ends those that are left."""
    with contextlib.ExitStack() as stack:

        def start(*arguments):
            process = Process(*arguments)
            stack.callback(process.process.wait)
            stack.callback(process.process.kill)
            process.lines_until("app ready")
            return process

        yield start


@pytest.fixture
def script(tmp_path):
    """Writes a script and returns its path."""

    def write(text, name="script.py"):
        path = tmp_path / name
        path.write_text(textwrap.dedent(text))
        return str(path)

    return write


def test_the_app_runs_until_it_is_told_to_quit(start):
    app = start("--profile", "2023.1.1", "--updates-per-second", "200")
    assert app.command("report")["profile"] == "2023.1.1"
    before = app.command("report")["updates"]
    while app.command("report")["updates"] == before:
        pass
    assert app.end("quit 3") == 3


def test_commands_change_the_world(start, tmp_path):
    app = start("--updates-per-second", "200")
    app.command("define /World/late Camera")
    assert app.command("remove /World/late") is True
    app.command("set /exts/demo/name 'two words'")
    assert app.command("get /exts/demo/name") == "two words"
    stage = tmp_path / "stage.json"
    stage.write_text(json.dumps({"prims": [{"path": "/World/only", "type": "Camera"}]}))
    app.command(f"open_stage {stage}")
    assert app.command("remove /World/only") is True
    app.command("new_stage")
    app.process.stdin.write("surprise\n")
    app.process.stdin.flush()
    assert "KeyError" in json.loads(app.lines_until('{"ok"')[-1])["error"]
    assert app.end() == 0


def test_exec_runs_a_script_in_an_update_of_the_app(start, script):
    path = script(
        """
        import sys
        import omni.kit.app

        app = omni.kit.app.get_app()
        print("exec", sys.argv[1:], app.get_update_number(), __name__, flush=True)
        """
    )
    app = start("--exec", f"{path} one 'two words'")
    assert app.lines_until("exec")[-1] == "exec ['one', 'two words'] 1 __main__"


def test_an_extension_is_enabled_from_a_folder_with_its_settings(start, script, tmp_path):
    folder = tmp_path / "exts/demo.ext"
    (folder / "config").mkdir(parents=True)
    (folder / "demo_module").mkdir()
    (folder / "config/extension.toml").write_text(
        '[package]\nversion = "1.0.0"\n[[python.module]]\nname = "demo_module"\n'
    )
    (folder / "demo_module/__init__.py").write_text(
        textwrap.dedent(
            """
            import carb.settings
            import omni.ext

            class Demo(omni.ext.IExt):
                def on_startup(self, ext_id):
                    fps = carb.settings.get_settings().get("/exts/demo.ext/fps")
                    print("demo", ext_id, fps, flush=True)
            """
        )
    )
    process = Process(
        "--ext-folder", str(tmp_path / "exts"), "--enable", "demo.ext", "--/exts/demo.ext/fps=12"
    )
    assert process.lines_until("app ready") == ["demo demo.ext-1.0.0 12", "app ready"]
    assert process.end() == 0


def test_the_end_is_hard_and_the_report_is_there(tmp_path, script):
    """Fast shutdown: neither atexit nor what comes after close()."""
    path = script(
        """
        import atexit
        from isaacsim import SimulationApp

        app = SimulationApp({"headless": True})
        import carb.settings

        atexit.register(print, "atexit")
        carb.settings.get_settings().set("/app/asyncRendering", False)
        app.update()
        print("closing")
        app.close()
        print("closed")
        """
    )
    done = run("--report", str(tmp_path / "report.json"), path)
    assert (done.returncode, done.stdout) == (0, "closing\n")
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["settings_written"] == [["/app/asyncRendering", False]]
    assert report["violations"] == []


@pytest.mark.parametrize("profile", sorted(fakekit.PROFILES))
def test_kits_modules_come_with_simulation_app(script, profile):
    module = fakekit.PROFILES[profile].simulation_app_module
    other = {"isaacsim": "omni.isaac.kit", "omni.isaac.kit": "isaacsim"}[module]
    path = script(
        f"""
        import importlib, sys

        for name in ("omni.kit.app", "omni.usd", "carb", "{other}"):
            try:
                importlib.import_module(name)
                print("too early:", name)
            except ImportError:
                pass
        from {module} import SimulationApp

        app = SimulationApp({{"headless": True}})
        import omni.kit.app
        from omni.kit.viewport.utility import get_active_viewport

        print(omni.kit.app.get_app().get_app_version(), sys.argv[1:])
        print("viewport_handle" in get_active_viewport().frame_info)
        app.close()
        """
    )
    done = run("--profile", profile, path, "front=/World/a", "--/exts/x=1")
    isaac = fakekit.PROFILES[profile].isaac
    assert done.stdout == f"{isaac} ['front=/World/a', '--/exts/x=1']\nTrue\n", done.stderr


def test_what_it_does_not_know_is_refused():
    done = run("--allow-root", "--surprise")
    assert done.returncode == 2
    assert "fakekit knows no --surprise" in done.stderr
    assert "warmup_updates" in run("--allow-root", "--option", "surprise=1").stderr


def test_what_cannot_be_loaded_ends_it_with_a_reason(tmp_path):
    """IsaacSim, simulation_app.py: an app whose dependency solver fails does not run."""
    done = run("--allow-root", "--enable", "nothing.like.this")
    assert done.returncode == 1
    assert "Can't find extension: nothing.like.this" in done.stderr
    assert "dependency solver failure" in done.stderr
    done = run("--allow-root", "--stage", str(tmp_path / "none.json"))
    assert (done.returncode, "--stage: " in done.stderr) == (1, True)
    done = run("--allow-root", "--option", "warmup_updates=many")
    assert "warmup_updates=many: its value must be of type int" in done.stderr
    (tmp_path / "broken/config").mkdir(parents=True)
    (tmp_path / "broken/config/extension.toml").write_text("[package]\ntitle = 'no version'\n")
    done = run("--allow-root", "--ext-folder", str(tmp_path))
    assert "extension.toml: [package] has no version" in done.stderr


@pytest.mark.skipif("__import__('os').geteuid() != 0")
def test_root_needs_a_flag():
    done = run("--no-window")
    assert done.returncode == 1
    assert "--allow-root" in done.stderr
