/* SPDX-License-Identifier: MIT */
#include "http/routes.h"

#include "http/query.h"
#include "http/reply.h"
#include "http/tls_connection.h"

#include <stdio.h>

struct watch *routes_watch(struct server *server, struct MHD_Connection *connection, const char *name,
                           struct variant_settings *settings, enum MHD_Result *result)
{
    if (variant_settings_are_exact(settings) &&
        (routes_parameter(connection, "width") || routes_parameter(connection, "quality"))) {
        *result = reply_text(connection, MHD_HTTP_BAD_REQUEST,
                             "format=png and format=raw give exactly the pixels that the agent sent; "
                             "leave out width= and quality=, or ask for format=jpeg");
        return NULL;
    }
    if (!query_whole(routes_parameter(connection, "width"), VARIANT_WIDTH_MIN, VARIANT_WIDTH_MAX,
                     &settings->width)) {
        *result = reply_text(connection, MHD_HTTP_BAD_REQUEST, "width must be pixels from %d to %d",
                             VARIANT_WIDTH_MIN, VARIANT_WIDTH_MAX);
        return NULL;
    }
    if (!query_whole(routes_parameter(connection, "quality"), VARIANT_QUALITY_MIN, VARIANT_QUALITY_MAX,
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

void routes_init_viewer(struct viewer *viewer, struct MHD_Connection *connection, const char *name)
{
    viewer->connection = connection;
    viewer->fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    viewer->session = tls_connection_session(connection);
    snprintf(viewer->name, sizeof(viewer->name), "%s", name);
    peer_describe_socket(viewer->fd, viewer->peer);
    list_init(&viewer->link);
}
