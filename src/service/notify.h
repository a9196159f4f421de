/* SPDX-License-Identifier: MIT */
/*
 * notify: tells the service manager how this process fares (the protocol that sd_notify(3) documents).
 * Where nobody asks to be told, by NOTIFY_SOCKET in the environment, nothing is. The main thread.
 */
#ifndef HEADCAM_SERVICE_NOTIFY_H
#define HEADCAM_SERVICE_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

struct notify {
    struct sockaddr_un address;
    socklen_t length; /* of the address; 0: nobody is to be told */
};

/* Reads the environment, and takes out of it what is for no other process. */
void notify_init(struct notify *notify);

static inline bool notify_is_wanted(const struct notify *notify)
{
    return notify->length != 0;
}

/* Sends assignments, one a line: "READY=1\nSTATUS=...". */
void notify_send(const struct notify *notify, const char *assignments);

/* Reads the address in NOTIFY_SOCKET: a path, or @ and an abstract name. False: it is neither. Pure. */
bool notify_read_address(const char *text, struct sockaddr_un *address, socklen_t *length);

/*
 * How long the service manager waits for a sign of life; 0: for ever. From WATCHDOG_USEC and WATCHDOG_PID,
 * NULL where they are not set. Pure.
 */
uint64_t notify_read_watchdog(const char *usec, const char *pid, pid_t process);

/* The same for this process, whose variables are taken out of the environment. */
uint64_t notify_take_watchdog(void);

#endif
