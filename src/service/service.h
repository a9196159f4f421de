/* SPDX-License-Identifier: MIT */
/*
 * service: the process as its service manager sees it: ready, well, reloading, stopping, and a line of
 * what it does. Without a manager it only waits for signals. The main thread.
 */
#ifndef HEADCAM_SERVICE_SERVICE_H
#define HEADCAM_SERVICE_SERVICE_H

#include "service/notify.h"
#include "service/watchdog.h"

#include <signal.h>
#include <stdint.h>

enum { SERVICE_STATUS_BYTES = 128 };

/* Writes the line that says what the process does now. */
typedef void service_status(void *arg, char text[SERVICE_STATUS_BYTES]);

struct service {
    struct notify notify;
    struct watchdog watchdog;
    service_status *write_status;
    void *arg;
    char status[SERVICE_STATUS_BYTES]; /* as told last */
    uint64_t status_ns;                /* when it is looked at again, or CLOCK_NEVER */
};

/* The process does its work from now on: tells the manager, whose wishes the environment holds. */
void service_begin(struct service *service, struct pulses *pulses, service_status *write_status, void *arg);

/* Waits for one of these signals, which are blocked. */
void service_wait(struct service *service, const sigset_t *signals, siginfo_t *signal);

/* Before and after the configuration is read again. */
void service_begin_reload(struct service *service);
void service_end_reload(struct service *service);

/* The process ends. */
void service_end(struct service *service);

#endif
