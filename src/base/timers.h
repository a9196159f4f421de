/* SPDX-License-Identifier: MIT */
/*
 * timers: deadlines of one thread, earliest first (a binary heap). It reads no clock and starts
 * nothing: its thread asks what is due. Not thread-safe.
 */
#ifndef HEADCAM_BASE_TIMERS_H
#define HEADCAM_BASE_TIMERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct timer {
    uint64_t deadline_ns;
    size_t index;                        /* place in the heap, from 1; 0: not set */
    void (*on_due)(struct timer *timer); /* for timers_run() */
};

struct timers {
    struct timer **heap; /* from index 1 */
    size_t count, room;
};

void timers_init(struct timers *timers);
void timers_fini(struct timers *timers);

/* Sets a timer or moves one that is set. A zeroed struct timer is not set. */
void timers_set(struct timers *timers, struct timer *timer, uint64_t deadline_ns);

/* Allowed on one that is not set. */
void timers_cancel(struct timers *timers, struct timer *timer);

static inline bool timer_is_set(const struct timer *timer)
{
    return timer->index != 0;
}

/* The earliest deadline, or CLOCK_NEVER. */
uint64_t timers_next(const struct timers *timers);

/* Takes out the timers whose deadline has come, earliest first, and calls their on_due. */
void timers_run(struct timers *timers, uint64_t now_ns);

#endif
