# SPDX-License-Identifier: MIT
"""Cameras that need no simulator: what `headcam-agent` can publish by itself."""
