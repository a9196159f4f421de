/* SPDX-License-Identifier: MIT */
/*
 * rate: how many events a second came lately, over a sliding window of two seconds in eight steps.
 * Reads no clock. Not thread-safe.
 */
#ifndef HEADCAM_BASE_RATE_H
#define HEADCAM_BASE_RATE_H

#include <stdint.h>

enum { RATE_STEPS = 8 };

struct rate {
    uint64_t first_ns; /* of the first event since the meter was last empty */
    uint64_t step;     /* number of the newest step */
    uint32_t counts[RATE_STEPS];
};

/* A zeroed struct rate is a meter that has seen nothing. */
void rate_count(struct rate *rate, uint64_t now_ns);

/* Events a second. */
double rate_per_second(struct rate *rate, uint64_t now_ns);

#endif
