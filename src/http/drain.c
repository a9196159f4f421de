/* SPDX-License-Identifier: MIT */
#include "http/drain.h"

#include "base/clock.h"

static const uint64_t MIN_WAIT_NS = NS_PER_MS;
static const uint64_t MAX_WAIT_NS = 500 * NS_PER_MS;

uint64_t drain_wait_ns(const struct drain_path *path, size_t queued_bytes, uint64_t stalled_ns)
{
    double in_flight = (double)path->delivery_bytes_per_s * (double)path->min_rtt_ns / (double)NS_PER_S;
    double surplus = (double)queued_bytes - (double)DRAIN_FLOOR_BYTES - in_flight;
    if (surplus <= 0)
        return 0;
    uint64_t wait_ns = MIN_WAIT_NS;
    if (path->delivery_bytes_per_s > 0)
        wait_ns = (uint64_t)(surplus / (double)path->delivery_bytes_per_s * (double)NS_PER_S);
    if (wait_ns < stalled_ns / 8)
        wait_ns = stalled_ns / 8;
    return wait_ns < MIN_WAIT_NS ? MIN_WAIT_NS : wait_ns > MAX_WAIT_NS ? MAX_WAIT_NS : wait_ns;
}
