/* SPDX-License-Identifier: MIT */
/*
 * handshakes: connections whose TLS handshake waits for the client. libmicrohttpd (0.9.75) turns without a
 * pause for as long as one does. So it is suspended until its client has sent something, or its socket was
 * shut down. The HTTP thread.
 */
#ifndef HEADCAM_HTTP_HANDSHAKES_H
#define HEADCAM_HTTP_HANDSHAKES_H

#include "base/list.h"

#include <microhttpd.h>
#include <stdbool.h>

struct handshakes {
    int epoll_fd; /* readable when handshakes_run() has something to do */
    struct list waiting;
    bool has_ended;
};

struct handshake {
    struct handshakes *all;
    struct list link;
    struct MHD_Connection *connection;
    int fd;
};

/* False: the system would not let it, and it logged why. */
bool handshakes_init(struct handshakes *handshakes);
void handshakes_fini(struct handshakes *handshakes);

/* A connection is new. */
void handshake_begin(struct handshake *handshake, struct handshakes *all, struct MHD_Connection *connection,
                     int fd);

/* Where MHD_suspend_connection() may be called: the client has to go on. False: it must not wait. */
bool handshake_wait(struct handshake *handshake);

/* Resumes those whose client has gone on. Before MHD_run(). */
void handshakes_run(struct handshakes *handshakes);

/* Ends all, and lets no other wait. */
void handshakes_end(struct handshakes *handshakes);

#endif
