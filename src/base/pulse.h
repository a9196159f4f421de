/* SPDX-License-Identifier: MIT */
/*
 * pulse: whether threads still turn. Each thread that waits in a loop has a pulse, which it beats at the
 * top of the loop. Who watches over them asks, which wakes them, and sees later who did not beat. So an
 * idle thread is alive if it can still be woken, and a busy one if its turn ends in time.
 */
#ifndef HEADCAM_BASE_PULSE_H
#define HEADCAM_BASE_PULSE_H

#include "base/list.h"

#include <stdatomic.h>
#include <stdbool.h>

struct pulse {
    struct list link;   /* struct pulses */
    const char *thread; /* "sender" */
    /* Wakes the thread from its wait, from another one. NULL: it is woken with another. */
    void (*wake)(void *arg);
    void *arg;
    atomic_bool is_asked; /* and has not beaten since */
};

/* The thread itself, at the top of its loop. */
static inline void pulse_beat(struct pulse *pulse)
{
    if (atomic_load_explicit(&pulse->is_asked, memory_order_relaxed))
        atomic_store_explicit(&pulse->is_asked, false, memory_order_relaxed);
}

/* The pulses of a process. All that follows is for one thread, which starts and ends the others. */
struct pulses {
    struct list list;
};

void pulses_init(struct pulses *pulses);

/* The pulse was zeroed before its thread, which may beat it already, started. */
void pulses_add(struct pulses *pulses, struct pulse *pulse, const char *thread, void (*wake)(void *arg),
                void *arg);

/* After the thread ended. */
void pulses_remove(struct pulse *pulse);

/*
 * Returns the name of a thread that has not beaten since it was asked, or asks all and returns NULL. While
 * one is silent, nobody else is woken: what that takes, a lock or a condition, it may hold.
 */
const char *pulses_ask(struct pulses *pulses);

#endif
