/* SPDX-License-Identifier: MIT */
/*
 * routes: what the routes share, and one function for each kind of answer; each lives in a file of its
 * own. All run on the HTTP thread.
 */
#ifndef HEADCAM_HTTP_ROUTES_H
#define HEADCAM_HTTP_ROUTES_H

#include "access/access.h"
#include "http/connections.h"
#include "http/loop.h"
#include "http/sender.h"
#include "http/server.h"
#include "http/tls_connection.h"
#include "stream/hub.h"

#include <microhttpd.h>
#include <stdatomic.h>

struct server {
    struct hub *hub;
    struct sender *sender;
    struct server_options options;
    struct loop_daemons daemons;
    struct tls_connections tls;
    struct connections connections;
    size_t max_connections;
    struct loop *loop;
    uint64_t start_ns, start_real_ns;
    atomic_size_t viewers;    /* connections that stream */
    atomic_size_t websockets; /* of these, WebSockets */
    atomic_size_t snapshots;  /* connections that wait for a frame, or are sent one */
    struct visits visits;
    _Atomic uint64_t logins[ACCESS_VERDICTS]; /* requests that were judged, by the last word */
};

struct ws_response;

/* A request, from its head until its answer is sent, or until a WebSocket has ended. */
struct request {
    const char *method, *http_version;
    struct attempt *attempt; /* to log in, while its password is checked; guard.c's */
    bool is_admitted;
    struct grant grant;     /* what it may see, once it is admitted */
    struct waiter *waiter;  /* a snapshot that waits for its frame */
    struct ws_response *ws; /* a WebSocket */
};

/*
 * Answers a request. name is the valid name of a stream that the request may see, or "" for none. A route
 * that has put a waiter or a WebSocket into the request is called again when that is answered, or has ended.
 */
typedef enum MHD_Result route(struct server *server, struct MHD_Connection *connection, const char *name,
                              struct request *request);

route route_stream, route_ws, route_snapshot, route_status, route_metrics, route_healthz, route_readyz,
    route_page;

/* What is served at a path of the page's own ("/viewer.js"). False: nothing. */
bool route_is_asset(const char *path);
enum MHD_Result route_asset(struct MHD_Connection *connection, const char *path);

/* Counts one more, unless that would pass the limit. */
static inline bool routes_count_up(atomic_size_t *count, size_t limit)
{
    size_t now = atomic_load(count);
    while (now < limit)
        if (atomic_compare_exchange_weak(count, &now, now + 1))
            return true;
    return false;
}

/*
 * Counts one more viewer, who watches. False: there are too many; the watch is given back, and *result is the
 * answer that was given.
 */
bool routes_admit_viewer(struct server *server, struct MHD_Connection *connection, struct watch *watch,
                         enum MHD_Result *result);

/*
 * Reads ?width= and ?quality= into the settings, whose form is set, and watches the stream of that name, or
 * "" for the default stream, in such pictures. NULL: *result is the answer that was given instead.
 */
struct watch *routes_watch(struct server *server, struct MHD_Connection *connection, const char *name,
                           struct variant_settings *settings, enum MHD_Result *result);

/* The client behind a proxy that is trusted. False: it is the connection's own. */
bool routes_forwarded_client(const struct server *server, struct MHD_Connection *connection,
                             struct sockaddr_storage *client);

/* What a viewer has of its connection, of its request, and of the name in its path. */
void routes_init_viewer(struct viewer *viewer, const struct server *server, struct MHD_Connection *connection,
                        const char *name, const struct request *request);

/* Ends a snapshot request, in whatever state it is: counts it, and frees it. */
void routes_end_waiter(struct server *server, struct waiter *waiter, bool is_answered);

/* Frees a WebSocket, which has ended or never began. */
void routes_free_ws(struct server *server, struct ws_response *ws);

#endif
