/* SPDX-License-Identifier: MIT */
/*
 * /ws[/NAME]: WebSocket. libmicrohttpd reads the request; from then on the connection is suspended, and the
 * sender writes the answer and everything after it, as it does for MJPEG.
 */
#include "base/memory.h"
#include "http/asked.h"
#include "http/query.h"
#include "http/reply.h"
#include "http/routes.h"
#include "http/same_origin.h"
#include "http/ws_client.h"
#include "http/ws_handshake.h"

#include <stdio.h>
#include <stdlib.h>

/* From a good request until its end; the request owns it. */
struct ws_response {
    struct server *server;
    struct viewer viewer;
    struct ws_client client;
};

void routes_free_ws(struct server *server, struct ws_response *ws)
{
    ws_client_fini(&ws->client);
    hub_unwatch(server->hub, ws->viewer.watch);
    atomic_fetch_sub(&server->viewers, 1);
    atomic_fetch_sub(&server->websockets, 1);
    free(ws);
}

/* Whether the request may become a WebSocket. False: *result is the answer that was given. */
static bool may_upgrade(struct MHD_Connection *connection, const struct request *request,
                        enum MHD_Result *result)
{
    const struct ws_handshake handshake = {
        .method = request->method,
        .http_version = request->http_version,
        .upgrade = asked_header(connection, MHD_HTTP_HEADER_UPGRADE),
        .connection = asked_header(connection, MHD_HTTP_HEADER_CONNECTION),
        .version = asked_header(connection, MHD_HTTP_HEADER_SEC_WEBSOCKET_VERSION),
        .key = asked_header(connection, MHD_HTTP_HEADER_SEC_WEBSOCKET_KEY),
    };
    unsigned status;
    const char *flaw = ws_handshake_check(&handshake, &status);
    const char *origin = asked_header(connection, MHD_HTTP_HEADER_ORIGIN);
    const char *host = asked_header(connection, MHD_HTTP_HEADER_HOST);
    if (flaw && status == MHD_HTTP_UPGRADE_REQUIRED)
        *result = reply_upgrade_required(connection, flaw);
    else if (flaw)
        *result = reply_text(connection, status, "%s", flaw);
    else if (!origin_is_same(origin, host) && !reply_origin_is_allowed(connection))
        *result =
            reply_text(connection, MHD_HTTP_FORBIDDEN,
                       "a page of %.200s may not open this: the host that was asked is %.200s; if a proxy "
                       "is between, let it pass the header Host on (nginx: proxy_set_header Host "
                       "$http_host); other pages need --allow-origin",
                       origin, host ? host : "not known");
    else
        return true;
    return false;
}

/* Takes the connection, and says so. False: the sender has stopped. */
static bool upgrade(struct MHD_Connection *connection, struct ws_response *self)
{
    char accept[WS_ACCEPT_BYTES], answer[WS_ANSWER_BYTES];
    ws_handshake_accept(asked_header(connection, MHD_HTTP_HEADER_SEC_WEBSOCKET_KEY), accept);
    ws_handshake_answer(accept, answer);
    ws_client_answer(&self->client, answer);
    return sender_adopt_viewer(self->server->sender, &self->viewer);
}

enum MHD_Result route_ws(struct server *server, struct MHD_Connection *connection, const char *name,
                         struct request *request)
{
    enum MHD_Result refused;
    if (request->ws)
        return MHD_NO; /* it is over: close the connection */
    if (!may_upgrade(connection, request, &refused))
        return refused;
    millifps rate = 0;
    uint32_t window = 0;
    struct variant_settings settings = {.form = VARIANT_JPEG};
    if (!query_fps(asked_parameter(connection, "fps"), &rate))
        return reply_text(connection, MHD_HTTP_BAD_REQUEST, "fps must be a number from " QUERY_FPS_RULE);
    if (!query_whole(asked_parameter(connection, "window"), 0, WS_WINDOW_MAX, &window))
        return reply_text(connection, MHD_HTTP_BAD_REQUEST, "window must be a number from " WS_WINDOW_RULE);
    struct watch *watch = routes_watch(server, connection, name, &settings, &refused);
    if (!watch || !routes_admit_viewer(server, connection, watch, &refused))
        return refused;

    struct ws_response *self = memory_zeroed(sizeof(*self));
    self->server = server;
    routes_init_viewer(&self->viewer, server, connection, name, request);
    self->viewer.watch = watch;
    self->viewer.settings = settings;
    self->viewer.rate = rate;
    ws_client_init(&self->viewer, &self->client, window, server->options.max_variants);
    atomic_fetch_add(&server->websockets, 1);
    request->ws = self;
    return upgrade(connection, self) ? MHD_YES : MHD_NO;
}
