/* SPDX-License-Identifier: MIT */
#include "service/service.h"

#include "base/clock.h"
#include "base/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* How often the line is looked at; it is told when it changed. */
static const uint64_t STATUS_EVERY_NS = 5 * NS_PER_S;

static void tell_status(struct service *service, const char *first_line)
{
    char assignments[SERVICE_STATUS_BYTES + 32];
    snprintf(assignments, sizeof(assignments), "%sSTATUS=%s", first_line, service->status);
    notify_send(&service->notify, assignments);
}

void service_begin(struct service *service, struct pulses *pulses, service_status *write_status, void *arg)
{
    uint64_t now_ns = clock_mono_ns();
    *service = (struct service){.write_status = write_status, .arg = arg, .status_ns = CLOCK_NEVER};
    notify_init(&service->notify);
    uint64_t timeout_ns = notify_take_watchdog();
    watchdog_init(&service->watchdog, pulses, notify_is_wanted(&service->notify) ? timeout_ns : 0, now_ns);
    if (!notify_is_wanted(&service->notify))
        return;
    service->status_ns = now_ns + STATUS_EVERY_NS;
    write_status(arg, service->status);
    tell_status(service, "READY=1\n");
}

static void look_at_threads(struct service *service, uint64_t now_ns)
{
    if (now_ns < service->watchdog.next_ns)
        return;
    if (watchdog_run(&service->watchdog, now_ns))
        notify_send(&service->notify, "WATCHDOG=1");
    else
        log_error("the %s thread stands still; the service manager, which waits for %.1f s, is not told "
                  "that all is well",
                  service->watchdog.silent,
                  (double)service->watchdog.round_ns * WATCHDOG_ROUNDS / (double)NS_PER_S);
}

static void look_at_status(struct service *service, uint64_t now_ns)
{
    if (now_ns < service->status_ns)
        return;
    service->status_ns = now_ns + STATUS_EVERY_NS;
    char status[SERVICE_STATUS_BYTES];
    service->write_status(service->arg, status);
    if (strcmp(status, service->status) == 0)
        return;
    strcpy(service->status, status);
    tell_status(service, "");
}

void service_wait(struct service *service, const sigset_t *signals, siginfo_t *signal)
{
    for (;;) {
        uint64_t now_ns = clock_mono_ns();
        look_at_threads(service, now_ns);
        look_at_status(service, now_ns);
        uint64_t next_ns =
            service->watchdog.next_ns < service->status_ns ? service->watchdog.next_ns : service->status_ns;
        uint64_t wait_ns = next_ns > now_ns ? next_ns - now_ns : 0;
        const struct timespec timeout = {.tv_sec = (time_t)(wait_ns / NS_PER_S),
                                         .tv_nsec = (long)(wait_ns % NS_PER_S)};
        if ((next_ns == CLOCK_NEVER ? sigwaitinfo(signals, signal)
                                    : sigtimedwait(signals, signal, &timeout)) > 0)
            return;
    }
}

void service_begin_reload(struct service *service)
{
    char assignments[64];
    snprintf(assignments, sizeof(assignments), "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
             clock_mono_ns() / NS_PER_US);
    notify_send(&service->notify, assignments);
}

void service_end_reload(struct service *service)
{
    tell_status(service, "READY=1\n");
}

void service_end(struct service *service)
{
    notify_send(&service->notify, "STOPPING=1");
}
