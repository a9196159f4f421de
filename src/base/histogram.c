/* SPDX-License-Identifier: MIT */
#include "base/histogram.h"

#include "base/clock.h"

/* Finest where it matters: below the time of a frame at 30 a second. */
static const uint64_t bounds_ns[HISTOGRAM_STEPS] = {
    1 * NS_PER_MS,   2 * NS_PER_MS,  3 * NS_PER_MS,  5 * NS_PER_MS,  7 * NS_PER_MS,   10 * NS_PER_MS,
    15 * NS_PER_MS,  20 * NS_PER_MS, 30 * NS_PER_MS, 50 * NS_PER_MS, 100 * NS_PER_MS, 200 * NS_PER_MS,
    500 * NS_PER_MS, 1 * NS_PER_S,   2 * NS_PER_S,   5 * NS_PER_S,   10 * NS_PER_S,
};

uint64_t histogram_bound_ns(int step)
{
    return bounds_ns[step];
}

void histogram_observe(struct histogram *histogram, uint64_t duration_ns)
{
    int step = 0;
    while (step < HISTOGRAM_STEPS && duration_ns > bounds_ns[step])
        step++;
    atomic_fetch_add_explicit(&histogram->sum_ns, duration_ns, memory_order_relaxed);
    atomic_fetch_add_explicit(&histogram->counts[step], 1, memory_order_relaxed);
}

void histogram_read(struct histogram *histogram, struct histogram_view *view)
{
    view->count = 0;
    for (int step = 0; step < HISTOGRAM_STEPS; step++) {
        view->count += atomic_load_explicit(&histogram->counts[step], memory_order_relaxed);
        view->at_most[step] = view->count;
    }
    view->count += atomic_load_explicit(&histogram->counts[HISTOGRAM_STEPS], memory_order_relaxed);
    view->sum_ns = atomic_load_explicit(&histogram->sum_ns, memory_order_relaxed);
}
