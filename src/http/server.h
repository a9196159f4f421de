/* SPDX-License-Identifier: MIT */
/*
 * server: the HTTP side as a whole: the HTTP thread, which reads requests and answers them, and the
 * sender, which serves those who keep watching.
 */
#ifndef HEADCAM_HTTP_SERVER_H
#define HEADCAM_HTTP_SERVER_H

#include "access/access.h"
#include "base/pulse.h"
#include "base/text_list.h"
#include "http/listen.h"
#include "stream/hub.h"
#include "tls/tls.h"

#include <stddef.h>
#include <stdint.h>

struct server;

struct server_options {
    const struct listeners *listeners; /* they stay the caller's, and outlive the server */
    struct pulses *pulses;
    struct tls *tls;      /* NULL where no listener wants it */
    const char *endpoint; /* of the ingest, for /status */
    size_t max_edges;
    size_t max_streams;
    size_t max_viewers;
    size_t max_snapshots;
    size_t max_variants; /* for the error that names it */
    uint64_t stuck_after_ns;
    uint64_t idle_after_ns; /* a connection has to shake hands and ask */
    struct access *access;  /* NULL: everybody may see everything */
    const struct text_list *trusted_proxies;
};

/* Starts the threads. NULL: it could not, and logged why. */
struct server *server_create(struct hub *hub, const struct server_options *options);

/* What access grants is different: ends the viewers who would not be let in again. Any thread. */
void server_recheck_logins(struct server *server);

/* Ends all connections, and stops access. */
void server_destroy(struct server *server);

enum { SERVER_SUMMARY_BYTES = 128 };

/* "streams: 2 of 3 live; viewers: 5". Any thread. */
void server_summarize(struct server *server, char text[SERVER_SUMMARY_BYTES]);

#endif
