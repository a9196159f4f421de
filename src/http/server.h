/* SPDX-License-Identifier: MIT */
/*
 * server: the HTTP side as a whole: libmicrohttpd's thread, which reads requests and answers them, and
 * the sender, which serves those who keep watching.
 */
#ifndef HEADCAM_HTTP_SERVER_H
#define HEADCAM_HTTP_SERVER_H

#include "access/access.h"
#include "stream/hub.h"

#include <stddef.h>
#include <stdint.h>

struct server;

struct server_options {
    int listen_fd;        /* bound and listening; server_destroy() closes it */
    const char *endpoint; /* of the ingest, for /status */
    size_t max_viewers;
    size_t max_snapshots;
    uint64_t stuck_after_ns;
    struct access *access; /* NULL: everybody may see everything */
};

/* Starts the threads. NULL: it could not, and logged why; listen_fd is still the caller's. */
struct server *server_create(struct hub *hub, const struct server_options *options);

/* Ends all connections, and stops access. */
void server_destroy(struct server *server);

#endif
