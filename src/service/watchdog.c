/* SPDX-License-Identifier: MIT */
#include "service/watchdog.h"

#include "base/clock.h"

void watchdog_init(struct watchdog *watchdog, struct pulses *pulses, uint64_t timeout_ns, uint64_t now_ns)
{
    watchdog->pulses = pulses;
    watchdog->round_ns = timeout_ns / WATCHDOG_ROUNDS;
    watchdog->next_ns = watchdog->round_ns ? now_ns : CLOCK_NEVER;
    watchdog->silent = NULL;
}

bool watchdog_run(struct watchdog *watchdog, uint64_t now_ns)
{
    if (now_ns < watchdog->next_ns)
        return false;
    watchdog->next_ns = now_ns + watchdog->round_ns;
    watchdog->silent = pulses_ask(watchdog->pulses);
    return !watchdog->silent;
}
