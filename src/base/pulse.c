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

const char *pulses_ask(struct pulses *pulses)
{
    const char *silent = NULL;
    struct list *node;
    list_for_each(node, &pulses->list)
    {
        struct pulse *pulse = container_of(node, struct pulse, link);
        if (atomic_exchange(&pulse->is_asked, true))
            silent = pulse->thread;
        else if (pulse->wake)
            pulse->wake(pulse->arg);
    }
    return silent;
}
