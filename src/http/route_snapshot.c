/* SPDX-License-Identifier: MIT */
/* /snapshot[/NAME]: one picture, captured after the request: a JPEG, or exactly the pixels. */
#include "base/clock.h"
#include "base/memory.h"
#include "headcam/wire.h"
#include "http/asked.h"
#include "http/multipart.h"
#include "http/query.h"
#include "http/reply.h"
#include "http/routes.h"
#include "stream/raw.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEFAULT_TIMEOUT_MS = 3000, MAX_TIMEOUT_MS = 60000, MAX_AGE_MS = 3600000 };

void routes_end_waiter(struct server *server, struct waiter *waiter, bool is_answered)
{
    visits_snapshot(&server->visits,
                    !is_answered || waiter->has_left ? SNAPSHOT_LEFT
                    : waiter->frame                  ? SNAPSHOT_SENT
                                                     : SNAPSHOT_NO_FRAME,
                    waiter->frame ? waiter->frame->data_bytes : 0);
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

/* What those who read pixels must know of them. */
static void add_pixel_headers(struct MHD_Response *response, const struct frame *frame)
{
    char text[MULTIPART_STAMP_BYTES];
    snprintf(text, sizeof(text), "%" PRIu32, frame->width);
    MHD_add_response_header(response, "X-Headcam-Width", text);
    snprintf(text, sizeof(text), "%" PRIu32, frame->height);
    MHD_add_response_header(response, "X-Headcam-Height", text);
    snprintf(text, sizeof(text), "%zu", (size_t)frame->width * raw_pixel_bytes(frame->format));
    MHD_add_response_header(response, "X-Headcam-Stride", text);
    MHD_add_response_header(response, "X-Headcam-Format", raw_format_name(frame->format));
}

static const char *content_type(enum variant_form form)
{
    switch (form) {
    case VARIANT_RAW:
        return "application/octet-stream";
    case VARIANT_PNG:
        return "image/png";
    case VARIANT_JPEG:
        break;
    }
    return "image/jpeg";
}

/* The frame's bytes go out from where they are; the response holds a reference. */
static enum MHD_Result reply_frame(struct MHD_Connection *connection, enum variant_form form,
                                   struct frame *frame)
{
    struct MHD_Response *response = MHD_create_response_from_buffer_with_free_callback_cls(
        frame->data_bytes, (void *)(uintptr_t)frame->data, free_frame, frame_ref(frame));
    if (!response) {
        free_frame(frame);
        return MHD_NO;
    }
    char text[MULTIPART_STAMP_BYTES];
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type(form));
    if (form == VARIANT_RAW)
        add_pixel_headers(response, frame);
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
    return reply_send(connection, MHD_HTTP_OK, response);
}

static enum MHD_Result begin(struct server *server, struct MHD_Connection *connection, const char *name,
                             struct request *request)
{
    uint64_t now_ns = clock_mono_ns();
    uint64_t timeout_ns = DEFAULT_TIMEOUT_MS * NS_PER_MS, max_age_ns = 0;
    if (!query_ms(asked_parameter(connection, "timeout"), MAX_TIMEOUT_MS, &timeout_ns))
        return reply_text(connection, MHD_HTTP_BAD_REQUEST, "timeout must be milliseconds from 0 to %d",
                          MAX_TIMEOUT_MS);
    if (!query_ms(asked_parameter(connection, "max_age"), MAX_AGE_MS, &max_age_ns))
        return reply_text(connection, MHD_HTTP_BAD_REQUEST, "max_age must be milliseconds from 0 to %d",
                          MAX_AGE_MS);
    enum variant_form form = VARIANT_JPEG;
    if (!query_form(asked_parameter(connection, "format"), &form))
        return reply_text(connection, MHD_HTTP_BAD_REQUEST, "format must be " QUERY_FORM_RULE);
    enum MHD_Result refused;
    struct variant_settings settings = {.form = form};
    struct watch *watch = routes_watch(server, connection, name, &settings, &refused);
    if (!watch)
        return refused;
    if (!routes_count_up(&server->snapshots, server->options.max_snapshots)) {
        char reason[128];
        atomic_fetch_add(&server->visits.snapshots_refused, 1);
        snprintf(reason, sizeof(reason),
                 "%zu snapshot requests wait or are being read, as many as --max-snapshots allows",
                 server->options.max_snapshots);
        hub_unwatch(server->hub, watch);
        return reply_unavailable(connection, reason);
    }

    struct waiter *new = memory_zeroed(sizeof(*new));
    new->connection = connection;
    new->fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    new->watch = watch;
    new->form = form;
    new->not_before_ns = max_age_ns < now_ns ? now_ns - max_age_ns : 1;
    new->deadline_ns = now_ns + timeout_ns;
    list_init(&new->link);
    request->waiter = new;
    if (!sender_adopt_waiter(server->sender, new)) {
        routes_end_waiter(server, new, true);
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
        return reply_frame(connection, waiter->form, waiter->frame);
    if (waiter->is_impossible)
        return reply_text(connection, MHD_HTTP_CONFLICT, "%s", waiter->reason);
    return reply_unavailable(connection, waiter->reason);
}
