/* SPDX-License-Identifier: MIT */
/*
 * serve: what a viewer is sent next, and when: a picture of its channel once its socket is ready for one, a
 * WebSocket's words ahead of it; and who is closed for taking or saying nothing. The sender's thread.
 */
#ifndef HEADCAM_HTTP_SERVE_H
#define HEADCAM_HTTP_SERVE_H

#include "http/viewer.h"

#include <stdbool.h>

/* A viewer's socket can take more, there is something new, or its time has come. False: the viewer is gone.
 */
bool serve_viewer(struct viewer *viewer);

#endif
