/* SPDX-License-Identifier: MIT */
/*
 * visits: who came and who left: counted for /metrics, and for viewers told in the log, at a limited
 * rate. A line has the viewer's address, its stream and the settings that were understood, never the
 * client's own text: whatever is in a request, no secret and no control character gets into the log.
 */
#ifndef HEADCAM_HTTP_VISITS_H
#define HEADCAM_HTTP_VISITS_H

#include "base/log.h"
#include "http/viewer.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* How a snapshot request ended. */
enum snapshot_end {
    SNAPSHOT_SENT,     /* with a picture, whole */
    SNAPSHOT_NO_FRAME, /* with the reason why there is none */
    SNAPSHOT_LEFT,     /* its client closed before */
    SNAPSHOT_ENDS,     /* how many there are */
};

struct visits {
    /* Any thread. */
    _Atomic uint64_t viewers_came, viewers_left[VIEWER_ENDS], viewers_refused;
    _Atomic uint64_t snapshots[SNAPSHOT_ENDS], snapshots_refused, snapshot_bytes;

    /* The sender's. */
    uint64_t stuck_after_ns;
    struct log_limit came_log, left_log;
};

void visits_init(struct visits *visits, uint64_t stuck_after_ns);

/* The sender's thread: a viewer begins, or has ended. */
void visits_viewer_came(struct visits *visits, const struct viewer *viewer);
void visits_viewer_left(struct visits *visits, const struct viewer *viewer);

/* Any thread: a snapshot request has ended; bytes is its picture's size. */
void visits_snapshot(struct visits *visits, enum snapshot_end end, size_t bytes);

/* "closed", "stuck" and so on: for labels. */
const char *viewer_end_name(enum viewer_end end);
const char *snapshot_end_name(enum snapshot_end end);

/* The lines. Pure. */
enum { VISITS_LINE_BYTES = 512 };

void visits_came_line(const struct viewer *viewer, char line[VISITS_LINE_BYTES]);
void visits_left_line(const struct viewer *viewer, uint64_t stuck_after_ns, char line[VISITS_LINE_BYTES]);

#endif
