/* SPDX-License-Identifier: MIT */
/*
 * connections: those that are open, from the first byte to the last. They are counted, each has only so long
 * to ask for something, and its client only so long to read some of the answer. The HTTP thread.
 */
#ifndef HEADCAM_HTTP_CONNECTIONS_H
#define HEADCAM_HTTP_CONNECTIONS_H

#include "base/timers.h"
#include "http/tls_connection.h"

#include <microhttpd.h>
#include <stddef.h>
#include <stdint.h>

struct connections {
    uint64_t idle_after_ns;
    unsigned stuck_after_s;
    struct tls_connections *tls; /* for those that are to speak it */
    struct timers timers;
    size_t count;
};

void connections_init(struct connections *connections, uint64_t idle_after_ns, uint64_t stuck_after_ns,
                      struct tls_connections *tls);
void connections_fini(struct connections *connections);

/* For MHD_OPTION_NOTIFY_CONNECTION, with the connections. */
void connections_notify(void *connections, struct MHD_Connection *connection, void **context,
                        enum MHD_ConnectionNotificationCode code);

/* A request has come as a whole: the connection may last as long as its answer takes. */
void connection_has_asked(struct MHD_Connection *connection);

/* The answer has gone out: it may ask again. */
void connection_is_answered(struct MHD_Connection *connection);

/* When connections_run() has something to do, or CLOCK_NEVER. */
uint64_t connections_next(const struct connections *connections);

/* Ends those that did not ask in time. Before MHD_run(), which closes them. */
void connections_run(struct connections *connections, uint64_t now_ns);

#endif
