# SPDX-License-Identifier: MIT
"""`python3 -m headcam` is `headcam-agent`."""

import sys

from headcam.cli import main

sys.exit(main())
