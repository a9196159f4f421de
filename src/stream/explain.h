/* SPDX-License-Identifier: MIT */
/*
 * explain: why there is no picture, or what is odd about it, in words for people: on the no-signal picture,
 * in the answer to a snapshot, in /status and /readyz. Pure.
 */
#ifndef HEADCAM_STREAM_EXPLAIN_H
#define HEADCAM_STREAM_EXPLAIN_H

#include "stream/condition.h"

#include <stddef.h>
#include <stdint.h>

enum { EXPLAIN_BYTES = 256 };

/* What may keep a picture from being ready although there are frames. */
enum explain_obstacle {
    EXPLAIN_NONE,
    EXPLAIN_PNG_TAKES_LONG,
    EXPLAIN_NO_ROOM,     /* for exact pictures */
    EXPLAIN_NOT_DECODED, /* a ready JPEG, of which another picture is wanted */
};

struct explain_facts {
    enum condition condition;
    const char *stream;   /* "" where no stream has been announced at all */
    const char *agent;    /* its name, "" if unknown */
    const char *reason;   /* the agent's own for this condition, "" for none */
    const char *endpoint; /* where agents connect */
    enum explain_obstacle obstacle;
};

/* Why there is no picture, one sentence without a full stop: "agent 'x' went silent". "" for a live one
   without an obstacle. */
void explain_reason(const struct explain_facts *facts, char text[EXPLAIN_BYTES]);

/* How the stream is: the same, and of a live stream what its agent says of the picture, if anything. */
void explain_state(const struct explain_facts *facts, char text[EXPLAIN_BYTES]);

/* What to do about it, or empty. */
void explain_next_step(const struct explain_facts *facts, char text[EXPLAIN_BYTES]);

/* "for 12 s", "for 3 min", "for 2 h 05 min". */
void explain_duration(uint64_t duration_ns, char text[EXPLAIN_BYTES]);

#endif
