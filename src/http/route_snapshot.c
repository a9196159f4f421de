/* SPDX-License-Identifier: MIT */
/* /snapshot[/NAME]: one JPEG, captured after the request. */
#include "base/clock.h"
#include "base/memory.h"
#include "headcam/wire.h"
#include "http/multipart.h"
#include "http/query.h"
#include "http/reply.h"
#include "http/routes.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEFAULT_TIMEOUT_MS = 3000, MAX_TIMEOUT_MS = 60000, MAX_AGE_MS = 3600000 };

void routes_free_waiter(struct server *server, struct waiter *waiter)
{
    atomic_fetch_sub(&server->snapshots, 1);
    hub_unwatch(server->hub, waiter->watch);
    frame_unref(&waiter->frame);
    free(waiter);
}

static void free_frame(void *arg)
{
    struct frame *frame = arg;
    frame_unref(&frame);
}

/* The frame's bytes go out from where they are; the response holds a reference. */
static enum MHD_Result reply_frame(struct MHD_Connection *connection, struct frame *frame)
{
    struct MHD_Response *response = MHD_create_response_from_buffer_with_free_callback_cls(
        frame->jpeg_bytes, (void *)(uintptr_t)frame->jpeg, free_frame, frame_ref(frame));
    if (!response) {
        free_frame(frame);
        return MHD_NO;
    }
    char text[MULTIPART_STAMP_BYTES];
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "image/jpeg");
    MHD_add_response_header(response, "X-Accel-Buffering", "no");
    reply_forbid_caching(response);
    multipart_timestamp(text, frame->capture_real_ns);
    MHD_add_response_header(response, "X-Timestamp", text);
    snprintf(text, sizeof(text), "%" PRIu64, frame->sequence);
    MHD_add_response_header(response, "X-Headcam-Sequence", text);
    MHD_add_response_header(response, "X-Headcam-State", "live");
    if (frame->sim_time_ns != HEADCAM_NO_SIM_TIME) {
        multipart_sim_time(text, frame->sim_time_ns);
        MHD_add_response_header(response, "X-Headcam-Sim-Time", text);
    }
    if (frame->update != HEADCAM_NO_UPDATE) {
        snprintf(text, sizeof(text), "%" PRIu64, frame->update);
        MHD_add_response_header(response, "X-Headcam-Update", text);
    }
    enum MHD_Result result = MHD_queue_response(connection, MHD_HTTP_OK, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result begin(struct server *server, struct MHD_Connection *connection, const char *name,
                             struct request *request)
{
    uint64_t now_ns = clock_mono_ns();
    uint64_t timeout_ns = DEFAULT_TIMEOUT_MS * NS_PER_MS, max_age_ns = 0;
    if (!query_ms(routes_parameter(connection, "timeout"), MAX_TIMEOUT_MS, &timeout_ns))
        return reply_text(connection, MHD_HTTP_BAD_REQUEST, "timeout must be milliseconds from 0 to %d",
                          MAX_TIMEOUT_MS);
    if (!query_ms(routes_parameter(connection, "max_age"), MAX_AGE_MS, &max_age_ns))
        return reply_text(connection, MHD_HTTP_BAD_REQUEST, "max_age must be milliseconds from 0 to %d",
                          MAX_AGE_MS);
    enum MHD_Result refused;
    struct variant_settings settings;
    struct watch *watch = routes_watch(server, connection, name, &settings, &refused);
    if (!watch)
        return refused;
    if (!routes_count_up(&server->snapshots, server->options.max_snapshots)) {
        char reason[128];
        snprintf(reason, sizeof(reason), "%zu snapshot requests wait, as many as --max-snapshots allows",
                 server->options.max_snapshots);
        hub_unwatch(server->hub, watch);
        return reply_unavailable(connection, reason);
    }

    struct waiter *new = memory_zeroed(sizeof(*new));
    new->connection = connection;
    new->watch = watch;
    new->not_before_ns = max_age_ns < now_ns ? now_ns - max_age_ns : 1;
    new->deadline_ns = now_ns + timeout_ns;
    list_init(&new->link);
    request->waiter = new;
    if (!sender_adopt_waiter(server->sender, new)) {
        routes_free_waiter(server, new);
        request->waiter = NULL;
        return reply_unavailable(connection, "the server is shutting down");
    }
    return MHD_YES;
}

enum MHD_Result route_snapshot(struct server *server, struct MHD_Connection *connection, const char *name,
                               struct request *request)
{
    const struct waiter *waiter = request->waiter;
    if (!waiter)
        return begin(server, connection, name, request);
    if (waiter->frame)
        return reply_frame(connection, waiter->frame);
    return reply_unavailable(connection, waiter->reason);
}
