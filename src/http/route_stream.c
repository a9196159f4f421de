/* SPDX-License-Identifier: MIT */
/* /stream[/NAME]: MJPEG. */
#include "base/memory.h"
#include "http/asked.h"
#include "http/multipart.h"
#include "http/query.h"
#include "http/reply.h"
#include "http/routes.h"

#include <stdlib.h>
#include <string.h>

/* libmicrohttpd wants a buffer for a body; nothing ever goes through it. */
enum { UNUSED_BLOCK_BYTES = 64 };

struct stream_response {
    struct viewer viewer;
    struct server *server;
    bool is_adopted;
};

/* Called once the headers are sent, and again when the sender is done with the viewer. */
static ssize_t hand_over(void *arg, uint64_t position, char *block, size_t room)
{
    (void)position, (void)block, (void)room;
    struct stream_response *self = arg;
    if (!self->is_adopted) {
        self->is_adopted = sender_adopt_viewer(self->server->sender, &self->viewer);
        if (self->is_adopted)
            return 0;
    }
    return MHD_CONTENT_READER_END_OF_STREAM;
}

static void free_response(void *arg)
{
    struct stream_response *self = arg;
    hub_unwatch(self->server->hub, self->viewer.watch);
    atomic_fetch_sub(&self->server->viewers, 1);
    free(self);
}

/*
 * Chromium shows an image only when it has seen the head of the next one. A script in it that reads the
 * stream with fetch() needs each image's length instead, as Mainsail's does; it accepts anything, an image
 * does not.
 */
static bool wants_advance_headers(struct MHD_Connection *connection)
{
    const char *agent = asked_header(connection, MHD_HTTP_HEADER_USER_AGENT);
    const char *accept = asked_header(connection, MHD_HTTP_HEADER_ACCEPT);
    return agent && strstr(agent, "Chrome/") && !(accept && strcmp(accept, "*/*") == 0);
}

enum MHD_Result route_stream(struct server *server, struct MHD_Connection *connection, const char *name,
                             struct request *request)
{
    millifps rate = 0;
    bool advance_headers = wants_advance_headers(connection);
    if (!query_fps(asked_parameter(connection, "fps"), &rate))
        return reply_text(connection, MHD_HTTP_BAD_REQUEST, "fps must be a number from " QUERY_FPS_RULE);
    if (!query_flag(asked_parameter(connection, "advance_headers"), &advance_headers))
        return reply_text(connection, MHD_HTTP_BAD_REQUEST, "advance_headers must be 0 or 1");
    enum MHD_Result refused;
    struct variant_settings settings = {.form = VARIANT_JPEG};
    struct watch *watch = routes_watch(server, connection, name, &settings, &refused);
    if (!watch || !routes_admit_viewer(server, connection, watch, &refused))
        return refused;

    struct stream_response *self = memory_zeroed(sizeof(*self));
    self->server = server;
    routes_init_viewer(&self->viewer, server, connection, name, request);
    self->viewer.watch = watch;
    self->viewer.settings = settings;
    self->viewer.rate = rate;
    self->viewer.advance_headers = advance_headers;

    struct MHD_Response *response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, UNUSED_BLOCK_BYTES,
                                                                      hand_over, self, free_response);
    if (!response) {
        free_response(self);
        return MHD_NO;
    }
    /* HTTP/1.1, Connection: close, no chunks: the framing that every client accepts. */
    MHD_set_response_options(response, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, MULTIPART_CONTENT_TYPE);
    MHD_add_response_header(response, "X-Accel-Buffering", "no");
    reply_forbid_caching(response);
    return reply_send(connection, MHD_HTTP_OK, response);
}
