/* SPDX-License-Identifier: MIT */
#include "base/rate.h"

#include "base/clock.h"

#include <string.h>

static const uint64_t STEP_NS = 2 * NS_PER_S / RATE_STEPS;

static void advance(struct rate *rate, uint64_t now_ns)
{
    uint64_t step = now_ns / STEP_NS;
    if (step <= rate->step)
        return;
    if (step - rate->step >= RATE_STEPS)
        memset(rate->counts, 0, sizeof(rate->counts));
    else
        for (uint64_t s = rate->step + 1; s <= step; s++)
            rate->counts[s % RATE_STEPS] = 0;
    rate->step = step;
}

static uint32_t total(const struct rate *rate)
{
    uint32_t sum = 0;
    for (int i = 0; i < RATE_STEPS; i++)
        sum += rate->counts[i];
    return sum;
}

void rate_count(struct rate *rate, uint64_t now_ns)
{
    advance(rate, now_ns);
    if (total(rate) == 0)
        rate->first_ns = now_ns;
    rate->counts[rate->step % RATE_STEPS]++;
}

double rate_per_second(struct rate *rate, uint64_t now_ns)
{
    advance(rate, now_ns);
    uint32_t events = total(rate);
    if (events == 0)
        return 0;
    uint64_t window_start = (rate->step - (RATE_STEPS - 1)) * STEP_NS;
    if (rate->first_ns > window_start) {
        /* The first event opens the span and does not count in it. */
        uint64_t span_ns = now_ns > rate->first_ns ? now_ns - rate->first_ns : 0;
        return span_ns < STEP_NS ? (double)events : (double)(events - 1) * (double)NS_PER_S / (double)span_ns;
    }
    return (double)events * (double)NS_PER_S / (double)(now_ns - window_start);
}
