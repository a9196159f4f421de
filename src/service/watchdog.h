/* SPDX-License-Identifier: MIT */
/*
 * watchdog: when the service manager may be told that the process is alive: when every thread turned
 * since it was asked last. It reads no clock and sends nothing. The main thread.
 */
#ifndef HEADCAM_SERVICE_WATCHDOG_H
#define HEADCAM_SERVICE_WATCHDOG_H

#include "base/pulse.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Rounds in the manager's timeout. A turn may last three of them, and a thread that hangs is found within
 * the timeout and a round.
 */
enum { WATCHDOG_ROUNDS = 4 };

struct watchdog {
    struct pulses *pulses;
    uint64_t round_ns;  /* 0: nobody watches */
    uint64_t next_ns;   /* the next round, or CLOCK_NEVER */
    const char *silent; /* a thread that did not turn in the last round, or NULL */
};

/* timeout_ns is the manager's; 0: it does not watch. */
void watchdog_init(struct watchdog *watchdog, struct pulses *pulses, uint64_t timeout_ns, uint64_t now_ns);

/* Goes a round if it is time. True: the manager is to be told that all is well. */
bool watchdog_run(struct watchdog *watchdog, uint64_t now_ns);

#endif
