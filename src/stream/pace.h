/* SPDX-License-Identifier: MIT */
/*
 * pace: which frames a viewer with a lower rate takes. Pure.
 */
#ifndef HEADCAM_STREAM_PACE_H
#define HEADCAM_STREAM_PACE_H

#include <stdint.h>

/* A rate in thousandths of frames a second; 0: every frame. */
typedef uint32_t millifps;

struct pace {
    uint64_t interval_ns; /* 0: every frame */
    uint64_t due_ns;      /* the next frame is not taken before */
};

static inline void pace_init(struct pace *pace, millifps rate)
{
    pace->interval_ns = rate ? 1000000000000ULL / rate : 0;
    pace->due_ns = 0;
}

/* How early a frame may come and still be the one that was due: sources jitter. */
static inline uint64_t pace_slack_ns(const struct pace *pace)
{
    return pace->interval_ns / 8;
}

static inline uint64_t pace_ready_ns(const struct pace *pace)
{
    return pace->due_ns > pace_slack_ns(pace) ? pace->due_ns - pace_slack_ns(pace) : 0;
}

/* A frame was taken. The grid of due times is kept, so the mean rate holds whatever the jitter. */
static inline void pace_taken(struct pace *pace, uint64_t now_ns)
{
    pace->due_ns += pace->interval_ns;
    if (pace->due_ns + pace->interval_ns < now_ns || pace->due_ns > now_ns + 2 * pace->interval_ns)
        pace->due_ns = now_ns + pace->interval_ns;
}

/* The rate that satisfies both: 0 (every frame) beats any number. */
static inline millifps pace_faster(millifps a, millifps b)
{
    if (a == 0 || b == 0)
        return 0;
    return a > b ? a : b;
}

#endif
