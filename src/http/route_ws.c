/* SPDX-License-Identifier: MIT */
/*
 * /ws[/NAME]: WebSocket. The request is libmicrohttpd's; when it has sent the answer, the connection is a
 * viewer of the sender's. This file is what lies between.
 */
#include "base/memory.h"
#include "http/origin.h"
#include "http/query.h"
#include "http/reply.h"
#include "http/routes.h"
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
    free(ws);
}

/* The answer is sent: the socket is ours. */
static void on_upgrade(void *arg, struct MHD_Connection *connection, void *request, const char *extra,
                       size_t extra_bytes, MHD_socket fd, struct MHD_UpgradeResponseHandle *upgrade)
{
    (void)connection, (void)request, (void)extra;
    struct ws_response *self = arg;
    self->viewer.fd = fd;
    self->client.upgrade = upgrade;
    if (extra_bytes > 0)
        ws_talk_close(&self->client.talk, WSLAY_CODE_PROTOCOL_ERROR, "wait for the answer before you send");
    if (!sender_adopt_viewer(self->server->sender, &self->viewer))
        MHD_upgrade_action(upgrade, MHD_UPGRADE_ACTION_CLOSE);
}

static const char *header(struct MHD_Connection *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

/* Whether the request may become a WebSocket. False: *result is the answer that was given. */
static bool may_upgrade(struct MHD_Connection *connection, const struct request *request,
                        enum MHD_Result *result)
{
    const struct ws_handshake handshake = {
        .method = request->method,
        .http_version = request->http_version,
        .upgrade = header(connection, MHD_HTTP_HEADER_UPGRADE),
        .connection = header(connection, MHD_HTTP_HEADER_CONNECTION),
        .version = header(connection, MHD_HTTP_HEADER_SEC_WEBSOCKET_VERSION),
        .key = header(connection, MHD_HTTP_HEADER_SEC_WEBSOCKET_KEY),
    };
    unsigned status;
    const char *flaw = ws_handshake_check(&handshake, &status);
    const char *origin = header(connection, MHD_HTTP_HEADER_ORIGIN);
    const char *host = header(connection, MHD_HTTP_HEADER_HOST);
    if (flaw && status == MHD_HTTP_UPGRADE_REQUIRED)
        *result = reply_upgrade_required(connection, flaw);
    else if (flaw)
        *result = reply_text(connection, status, "%s", flaw);
    else if (!origin_is_allowed(origin, host))
        *result =
            reply_text(connection, MHD_HTTP_FORBIDDEN,
                       "a page of %.200s may not open this: the host that was asked is %.200s; if a proxy "
                       "is between, let it pass the header Host on (nginx: proxy_set_header Host "
                       "$http_host)",
                       origin, host ? host : "not known");
    else
        return true;
    return false;
}

static enum MHD_Result reply_upgrade(struct MHD_Connection *connection, struct ws_response *self)
{
    char accept[WS_ACCEPT_BYTES];
    struct MHD_Response *response = MHD_create_response_for_upgrade(on_upgrade, self);
    if (!response)
        return MHD_NO;
    ws_handshake_accept(header(connection, MHD_HTTP_HEADER_SEC_WEBSOCKET_KEY), accept);
    MHD_add_response_header(response, MHD_HTTP_HEADER_UPGRADE, "websocket");
    MHD_add_response_header(response, MHD_HTTP_HEADER_SEC_WEBSOCKET_ACCEPT, accept);
    enum MHD_Result result = MHD_queue_response(connection, MHD_HTTP_SWITCHING_PROTOCOLS, response);
    MHD_destroy_response(response);
    return result;
}

enum MHD_Result route_ws(struct server *server, struct MHD_Connection *connection, const char *name,
                         struct request *request)
{
    enum MHD_Result refused;
    if (!may_upgrade(connection, request, &refused))
        return refused;
    millifps rate = 0;
    uint32_t window = 0;
    struct variant_settings settings;
    if (!query_fps(routes_parameter(connection, "fps"), &rate))
        return reply_text(connection, MHD_HTTP_BAD_REQUEST, "fps must be a number from " QUERY_FPS_RULE);
    if (!query_whole(routes_parameter(connection, "window"), 0, WS_WINDOW_MAX, &window))
        return reply_text(connection, MHD_HTTP_BAD_REQUEST, "window must be a number from " WS_WINDOW_RULE);
    struct watch *watch = routes_watch(server, connection, name, &settings, &refused);
    if (!watch || !routes_admit_viewer(server, connection, watch, &refused))
        return refused;

    struct ws_response *self = memory_zeroed(sizeof(*self));
    self->server = server;
    self->viewer.connection = connection;
    self->viewer.watch = watch;
    self->viewer.settings = settings;
    self->viewer.rate = rate;
    list_init(&self->viewer.link);
    ws_client_init(&self->viewer, &self->client, window, server->options.max_variants);
    request->ws = self;
    return reply_upgrade(connection, self);
}
