/* SPDX-License-Identifier: MIT */
#include "base/timers.h"

#include "base/clock.h"
#include "base/memory.h"

#include <stdlib.h>

enum { FIRST_ROOM = 64 };

void timers_init(struct timers *timers)
{
    timers->count = 0;
    timers->room = FIRST_ROOM;
    timers->heap = memory_array(NULL, FIRST_ROOM + 1, sizeof(timers->heap[0]));
}

void timers_fini(struct timers *timers)
{
    free(timers->heap);
    timers->heap = NULL;
}

static void place(struct timers *timers, struct timer *timer, size_t index)
{
    timers->heap[index] = timer;
    timer->index = index;
}

static void sift(struct timers *timers, struct timer *timer, size_t index)
{
    while (index > 1 && timers->heap[index / 2]->deadline_ns > timer->deadline_ns) {
        place(timers, timers->heap[index / 2], index);
        index /= 2;
    }
    for (size_t child; (child = index * 2) <= timers->count; index = child) {
        if (child < timers->count && timers->heap[child + 1]->deadline_ns < timers->heap[child]->deadline_ns)
            child++;
        if (timers->heap[child]->deadline_ns >= timer->deadline_ns)
            break;
        place(timers, timers->heap[child], index);
    }
    place(timers, timer, index);
}

void timers_set(struct timers *timers, struct timer *timer, uint64_t deadline_ns)
{
    timer->deadline_ns = deadline_ns;
    if (!timer_is_set(timer)) {
        if (timers->count == timers->room) {
            timers->room *= 2;
            timers->heap = memory_array(timers->heap, timers->room + 1, sizeof(timers->heap[0]));
        }
        timer->index = ++timers->count;
    }
    sift(timers, timer, timer->index);
}

void timers_cancel(struct timers *timers, struct timer *timer)
{
    if (!timer_is_set(timer))
        return;
    struct timer *last = timers->heap[timers->count--];
    if (last != timer)
        sift(timers, last, timer->index);
    timer->index = 0;
}

uint64_t timers_next(const struct timers *timers)
{
    return timers->count ? timers->heap[1]->deadline_ns : CLOCK_NEVER;
}

void timers_run(struct timers *timers, uint64_t now_ns)
{
    while (timers->count != 0 && timers->heap[1]->deadline_ns <= now_ns) {
        struct timer *timer = timers->heap[1];
        timers_cancel(timers, timer);
        timer->on_due(timer);
    }
}
