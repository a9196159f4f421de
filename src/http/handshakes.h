/* SPDX-License-Identifier: MIT */
/*
 * handshakes: connections whose TLS handshake waits for the client. libmicrohttpd (0.9.75) turns without a
 * pause for as long as one does. So it is suspended until its client has sent something, or its time is
 * up. The HTTP thread.
 */
#ifndef HEADCAM_HTTP_HANDSHAKES_H
#define HEADCAM_HTTP_HANDSHAKES_H

#include "base/list.h"
#include "base/timers.h"

#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>

struct handshakes {
    int epoll_fd; /* readable when handshakes_run() has something to do */
    uint64_t timeout_ns;
    struct timers timers;
    struct list waiting;
    bool has_ended;
};

struct handshake {
    struct handshakes *all;
    struct list link;
    struct timer timer;
    struct MHD_Connection *connection;
    int fd;
    uint64_t deadline_ns;
};

/*
 * timeout_ns: from the connection to the end of its handshake. False: the system would not let it, and it
 * logged why.
 */
bool handshakes_init(struct handshakes *handshakes, uint64_t timeout_ns);
void handshakes_fini(struct handshakes *handshakes);

/* A connection is new: its time begins. */
void handshake_begin(struct handshake *handshake, struct handshakes *all, struct MHD_Connection *connection,
                     int fd);

/* Where MHD_suspend_connection() may be called: the client has to go on. False: it must not wait. */
bool handshake_wait(struct handshake *handshake);

/* When handshakes_run() has something to do in any case, or CLOCK_NEVER. */
uint64_t handshakes_next(const struct handshakes *handshakes);

/* Resumes those whose client has gone on; closes the sockets of those whose time is up. Before MHD_run(). */
void handshakes_run(struct handshakes *handshakes, uint64_t now_ns);

/* Ends all, and lets no other wait. */
void handshakes_end(struct handshakes *handshakes);

#endif
