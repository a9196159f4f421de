/* SPDX-License-Identifier: MIT */
/*
 * loop: the HTTP thread. It accepts connections from all listeners, no more than are allowed together, and
 * turns libmicrohttpd, which thus calls all handlers on this one thread.
 */
#ifndef HEADCAM_HTTP_LOOP_H
#define HEADCAM_HTTP_LOOP_H

#include "base/pulse.h"
#include "http/connections.h"
#include "http/handshakes.h"
#include "http/listen.h"

#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>

struct loop;

/* The listeners stay the caller's. NULL: the system would not let it, and it logged why. */
struct loop *loop_create(const struct listeners *listeners, size_t max_connections, struct pulses *pulses);

/* Who serves the connections: daemons with neither a listening socket nor a thread of their own. */
struct loop_daemons {
    struct MHD_Daemon *plain;
    struct MHD_Daemon *tls;        /* NULL where no listener wants it */
    struct handshakes *handshakes; /* its */
    struct connections *connections;
};

/* Starts the thread. False: the system would not let it, and it logged why. */
bool loop_start(struct loop *loop, const struct loop_daemons *daemons);

/*
 * Resumes a suspended connection, from any thread. MHD_resume_connection() alone is not enough: its
 * wake-up is lost when it comes while MHD_run() is between looking for resumed connections and polling.
 */
void loop_resume(struct loop *loop, struct MHD_Connection *connection);

/* Ends the thread, if it was started, after answers that are ready have gone out. */
void loop_stop(struct loop *loop);

void loop_destroy(struct loop *loop);

#endif
