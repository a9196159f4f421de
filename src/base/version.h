/* SPDX-License-Identifier: MIT */
#ifndef HEADCAM_BASE_VERSION_H
#define HEADCAM_BASE_VERSION_H

#define HEADCAM_VERSION "0.1.0"

#endif
