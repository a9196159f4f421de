# SPDX-License-Identifier: MIT
"""A standalone script: headcam shows its viewport, and a camera that circles a cube.

    headcam --ingest ipc:///run/headcam/ingest.sock &
    ./python.sh PATH_TO_HEADCAM/capture_agent/examples/standalone.py

Isaac Sim 2023.1.1 and later. Open http://localhost:8080/; Ctrl-C ends it.
"""

import math
import pathlib
import sys

try:
    from isaacsim import SimulationApp
except ImportError:  # before 4.5
    from omni.isaac.kit import SimulationApp

simulation_app = SimulationApp({"headless": True})

# Kit's modules can be imported from here on, and headcam from where this file lies.
sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))

import headcam.isaac  # noqa: E402
import omni.usd  # noqa: E402
from pxr import Gf, UsdGeom, UsdLux  # noqa: E402

CENTER, UP = Gf.Vec3d(0, 0, 0), Gf.Vec3d(0, 0, 1)

stage = omni.usd.get_context().get_stage()
UsdLux.DomeLight.Define(stage, "/World/Light").CreateIntensityAttr(1000)  # without one all is black
UsdGeom.Cube.Define(stage, "/World/Cube")
place = UsdGeom.Camera.Define(stage, "/World/Camera").AddTransformOp()

headcam.isaac.start("viewport,front=/World/Camera@1280x720")

angle = 0.0
try:
    while simulation_app.is_running():
        angle += math.radians(0.5)
        eye = Gf.Vec3d(6 * math.cos(angle), 6 * math.sin(angle), 3)
        place.Set(Gf.Matrix4d().SetLookAt(eye, CENTER, UP).GetInverse())
        simulation_app.update()  # renders; then headcam reads what somebody watches
finally:
    headcam.isaac.stop()
    simulation_app.close()
