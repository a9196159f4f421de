/* SPDX-License-Identifier: MIT */
/*
 * tls_connection: what a connection of libmicrohttpd needs to speak TLS: the certificate of the moment,
 * which it keeps for life, and a word for clients that speak plain HTTP. libmicrohttpd shakes hands. The
 * HTTP thread.
 */
#ifndef HEADCAM_HTTP_TLS_CONNECTION_H
#define HEADCAM_HTTP_TLS_CONNECTION_H

#include "base/log.h"
#include "http/handshakes.h"
#include "tls/tls.h"

#include <microhttpd.h>
#include <stdbool.h>

/* Whether this libmicrohttpd can do TLS at all. */
bool tls_connection_is_possible(void);

/* All connections of a daemon. */
struct tls_connections {
    struct tls *tls;
    struct log_limit plain_log;
    struct handshakes handshakes;
};

enum { TLS_CONNECTION_OPTIONS = 3 };

/* The options of a daemon whose connections are to speak TLS. */
void tls_connection_options(struct MHD_OptionItem options[TLS_CONNECTION_OPTIONS]);

/* A connection of such a daemon is new, or is gone with its session. */
struct tls_connection *tls_connection_begin(struct tls_connections *all, struct MHD_Connection *connection);
void tls_connection_end(struct tls_connection *connection);

/* The session of a connection, or NULL where it is plain. */
gnutls_session_t tls_connection_session(struct MHD_Connection *connection);

#endif
