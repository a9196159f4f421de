/* SPDX-License-Identifier: MIT */
#include "http/routes.h"

#include "http/asked.h"
#include "http/forwarded.h"
#include "http/peer.h"
#include "http/query.h"
#include "http/reply.h"
#include "http/tls_connection.h"

#include <stdio.h>
#include <strings.h>

/* More than any chain of proxies needs; what is longer is not believed. */
enum { FORWARDED_BYTES = 1024 };

struct forwarded_header {
    char text[FORWARDED_BYTES];
    size_t length;
};

/* Proxies may add a line of their own instead of going on with the one that is there. */
static enum MHD_Result add_forwarded(void *arg, enum MHD_ValueKind kind, const char *key, const char *value)
{
    (void)kind;
    struct forwarded_header *header = arg;
    if (!value || strcasecmp(key, "X-Forwarded-For") != 0)
        return MHD_YES;
    const size_t room = sizeof(header->text) - header->length;
    const int length =
        snprintf(header->text + header->length, room, "%s%s", header->length > 0 ? "," : "", value);
    if (length < 0 || (size_t)length >= room) {
        header->length = sizeof(header->text);
        return MHD_NO;
    }
    header->length += (size_t)length;
    return MHD_YES;
}

bool routes_forwarded_client(const struct server *server, struct MHD_Connection *connection,
                             struct sockaddr_storage *client)
{
    const struct text_list *trusted = server->options.trusted_proxies;
    struct forwarded_header header = {.length = 0};
    if (trusted->count == 0)
        return false;
    MHD_get_connection_values(connection, MHD_HEADER_KIND, add_forwarded, &header);
    if (header.length == 0 || header.length == sizeof(header.text))
        return false;
    return forwarded_client(
        trusted, MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr,
        header.text, client);
}

/* The client for the log, with the proxy that it came through. */
static void describe_client(const struct server *server, struct MHD_Connection *connection,
                            char text[PEER_BYTES])
{
    struct sockaddr_storage client;
    char proxy[PEER_BYTES];
    peer_describe_socket(MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd,
                         proxy);
    if (routes_forwarded_client(server, connection, &client)) {
        char address[PEER_BYTES];
        peer_describe((const struct sockaddr *)&client, address);
        snprintf(text, PEER_BYTES, "%.48s through %.64s", address, proxy);
    } else {
        snprintf(text, PEER_BYTES, "%s", proxy);
    }
}

struct watch *routes_watch(struct server *server, struct MHD_Connection *connection, const char *name,
                           struct variant_settings *settings, enum MHD_Result *result)
{
    if (variant_settings_are_exact(settings) &&
        (asked_parameter(connection, "width") || asked_parameter(connection, "quality"))) {
        *result = reply_text(connection, MHD_HTTP_BAD_REQUEST,
                             "format=png and format=raw give exactly the pixels that the agent sent; "
                             "leave out width= and quality=, or ask for format=jpeg");
        return NULL;
    }
    if (!query_whole(asked_parameter(connection, "width"), VARIANT_WIDTH_MIN, VARIANT_WIDTH_MAX,
                     &settings->width)) {
        *result = reply_text(connection, MHD_HTTP_BAD_REQUEST, "width must be pixels from %d to %d",
                             VARIANT_WIDTH_MIN, VARIANT_WIDTH_MAX);
        return NULL;
    }
    if (!query_whole(asked_parameter(connection, "quality"), VARIANT_QUALITY_MIN, VARIANT_QUALITY_MAX,
                     &settings->quality)) {
        *result = reply_text(connection, MHD_HTTP_BAD_REQUEST, "quality must be a number from %d to %d",
                             VARIANT_QUALITY_MIN, VARIANT_QUALITY_MAX);
        return NULL;
    }
    struct watch *watch = hub_watch(server->hub, name[0] ? name : NULL, settings);
    if (!watch) {
        char reason[256];
        snprintf(reason, sizeof(reason), HUB_VARIANTS_ERROR, server->options.max_variants);
        *result = reply_unavailable(connection, reason);
    }
    return watch;
}

bool routes_admit_viewer(struct server *server, struct MHD_Connection *connection, struct watch *watch,
                         enum MHD_Result *result)
{
    if (routes_count_up(&server->viewers, server->options.max_viewers))
        return true;
    char reason[128];
    atomic_fetch_add(&server->visits.viewers_refused, 1);
    snprintf(reason, sizeof(reason), "%zu viewers are connected, as many as --max-viewers allows",
             server->options.max_viewers);
    hub_unwatch(server->hub, watch);
    *result = reply_unavailable(connection, reason);
    return false;
}

void routes_init_viewer(struct viewer *viewer, const struct server *server, struct MHD_Connection *connection,
                        const char *name, const struct request *request)
{
    viewer->grant = &request->grant;
    viewer->connection = connection;
    viewer->fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    viewer->session = tls_connection_session(connection);
    snprintf(viewer->name, sizeof(viewer->name), "%s", name);
    describe_client(server, connection, viewer->peer);
    list_init(&viewer->link);
}
