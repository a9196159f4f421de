# SPDX-License-Identifier: MIT
"""Streams cameras of a running application, by Kit's --exec; each argument is a stream:

    ./isaac-sim.sh --no-window \\
        --exec "PATH_TO_HEADCAM/capture_agent/examples/exec_capture.py viewport front=/World/Camera"

The extension headcam.capture does the same with --enable; this way a script of your own can do more
than that. Nothing here has to be kept: the module headcam.isaac keeps the session, while Kit drops
the names of a script that has run.
"""

import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))

import headcam.isaac  # noqa: E402

headcam.isaac.start(",".join(sys.argv[1:]) or "viewport")
