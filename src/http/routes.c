/* SPDX-License-Identifier: MIT */
#include "http/routes.h"

#include "http/query.h"
#include "http/reply.h"

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
        snprintf(
            reason, sizeof(reason),
            "%zu variants of this stream are watched, as many as --max-variants allows; ask for the width "
            "and quality of one of them, which /status lists",
            server->options.max_variants);
        *result = reply_unavailable(connection, reason);
    }
    return watch;
}
