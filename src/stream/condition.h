/* SPDX-License-Identifier: MIT */
/*
 * condition: whether a stream's agent is there and whether its frames come, from what was heard of it
 * and when. Pure: the caller brings the time.
 */
#ifndef HEADCAM_STREAM_CONDITION_H
#define HEADCAM_STREAM_CONDITION_H

#include <stdbool.h>
#include <stdint.h>

/* A producer not heard for this long is gone, and another may take its name. */
#define CONDITION_SILENT_NS UINT64_C(2000000000)

enum condition {
    CONDITION_WAITING,  /* never announced */
    CONDITION_LIVE,     /* frames come whenever somebody watches */
    CONDITION_STARTING, /* the agent answers and has no frame yet */
    CONDITION_STALLED,  /* the agent answers, but there is no frame */
    CONDITION_LOST,     /* the agent fell silent */
    CONDITION_ENDED,    /* the agent said goodbye */
};

/* Times are monotonic; 0 means never. */
struct condition_facts {
    bool announced;              /* some producer has the name, or had it */
    enum condition announced_as; /* LIVE, STARTING, STALLED or ENDED: the agent's own word */
    uint64_t heard_ns;           /* last announcement or frame */
    uint64_t frame_ns;           /* last frame's arrival */
    uint64_t expected_since_ns;  /* since when frames are to come; 0: nobody watches */
    uint64_t stall_after_ns;     /* --no-signal-after, and one frame's time at the wanted rate */
};

enum condition condition_judge(const struct condition_facts *facts, uint64_t now_ns);

/* "live", "starting" and so on. */
const char *condition_name(enum condition condition);

/* Finds what an agent may announce: "live", "starting", "stalled" or "ended". */
bool condition_from_announcement(const char *name, enum condition *condition);

#endif
