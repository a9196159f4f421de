# SPDX-License-Identifier: MIT
"""Isaac Lab: a random agent, and what the camera of its first environment sees.

    ./isaaclab.sh -p PATH_TO_HEADCAM/capture_agent/examples/isaac_lab.py --headless --enable_cameras

Isaac Lab 2.0 and later. Where a script must stay as it is, the extension streams the cameras of the
stage, and renders them once more; a picture that the task has already is cheaper to push:

    ./isaaclab.sh -p SCRIPT.py --headless --enable_cameras --kit_args \\
        "--ext-folder PATH_TO_HEADCAM/capture_agent/exts --enable headcam.capture \\
         --/exts/headcam.capture/streams=auto"
"""

import argparse
import pathlib
import sys

from isaaclab.app import AppLauncher

parser = argparse.ArgumentParser()
parser.add_argument("--task", default="Isaac-Cartpole-RGB-Camera-Direct-v0")
parser.add_argument("--camera", default="tiled_camera", help="its name in the task's scene")
parser.add_argument("--num_envs", type=int, default=16)
AppLauncher.add_app_launcher_args(parser)
arguments = parser.parse_args()
simulation_app = AppLauncher(arguments).app

# What follows needs the running application.
sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))

import gymnasium  # noqa: E402
import headcam.isaac  # noqa: E402
import isaaclab_tasks  # noqa: E402, F401
import torch  # noqa: E402
from isaaclab_tasks.utils import parse_env_cfg  # noqa: E402

config = parse_env_cfg(arguments.task, device=arguments.device, num_envs=arguments.num_envs)
env = gymnasium.make(arguments.task, cfg=config)
env.reset()
while simulation_app.is_running():
    with torch.inference_mode():
        env.step(2 * torch.rand(env.action_space.shape, device=env.unwrapped.device) - 1)
        # headcam's two lines. Only a picture that somebody watches leaves the GPU.
        pictures = env.unwrapped.scene[arguments.camera].data.output["rgb"]
        headcam.isaac.push(arguments.camera, pictures, env=0)

headcam.isaac.stop()
env.close()
simulation_app.close()
