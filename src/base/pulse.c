/* SPDX-License-Identifier: MIT */
#include "base/pulse.h"

#include <stddef.h>

void pulses_init(struct pulses *pulses)
{
    list_init(&pulses->list);
}

void pulses_add(struct pulses *pulses, struct pulse *pulse, const char *thread, void (*wake)(void *arg),
                void *arg)
{
    pulse->thread = thread;
    pulse->wake = wake;
    pulse->arg = arg;
    list_append(&pulses->list, &pulse->link);
}

void pulses_remove(struct pulse *pulse)
{
    list_remove(&pulse->link);
}

static const char *find_silent(const struct pulses *pulses)
{
    struct list *node;
    list_for_each(node, &pulses->list)
    {
        struct pulse *pulse = container_of(node, struct pulse, link);
        if (atomic_load_explicit(&pulse->is_asked, memory_order_relaxed))
            return pulse->thread;
    }
    return NULL;
}

const char *pulses_ask(struct pulses *pulses)
{
    const char *silent = find_silent(pulses);
    if (silent)
        return silent;
    /* All before the first is woken: with it others may be. */
    struct list *node;
    list_for_each(node, &pulses->list)
        atomic_store_explicit(&container_of(node, struct pulse, link)->is_asked, true, memory_order_relaxed);
    list_for_each(node, &pulses->list)
    {
        const struct pulse *pulse = container_of(node, struct pulse, link);
        if (pulse->wake)
            pulse->wake(pulse->arg);
    }
    return NULL;
}
