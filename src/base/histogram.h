/* SPDX-License-Identifier: MIT */
/*
 * histogram: how long something took, counted in fixed steps from 1 ms to 10 s. Any thread observes and
 * reads, without a lock: each number is right by itself, and a reader may see one observation's count
 * and not yet its share of the sum.
 */
#ifndef HEADCAM_BASE_HISTOGRAM_H
#define HEADCAM_BASE_HISTOGRAM_H

#include <stdatomic.h>
#include <stdint.h>

enum { HISTOGRAM_STEPS = 17 };

/* A zeroed histogram has seen nothing. */
struct histogram {
    _Atomic uint64_t counts[HISTOGRAM_STEPS + 1]; /* the last: beyond all steps */
    _Atomic uint64_t sum_ns;
};

/* The longest time that counts in a step. */
uint64_t histogram_bound_ns(int step);

void histogram_observe(struct histogram *histogram, uint64_t duration_ns);

struct histogram_view {
    uint64_t at_most[HISTOGRAM_STEPS]; /* observations up to each step's bound */
    uint64_t count, sum_ns;
};

void histogram_read(struct histogram *histogram, struct histogram_view *view);

#endif
