/* SPDX-License-Identifier: MIT */
/*
 * roff: plain text as text of a manual page. Pure.
 */
#ifndef HEADCAM_BASE_ROFF_H
#define HEADCAM_BASE_ROFF_H

#include "base/bytes.h"

/*
 * Appends text of printable ASCII so that it is shown as it is: nothing of it is a request or an escape, and
 * a hyphen stays one that a shell understands. It may begin a line.
 */
void roff_append(struct bytes *page, const char *text);

#endif
