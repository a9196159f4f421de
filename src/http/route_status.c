/* SPDX-License-Identifier: MIT */
/* /status: everything about the streams, as JSON. /healthz and /readyz: the same in one word. */
#include "base/clock.h"
#include "base/version.h"
#include "http/reply.h"
#include "http/routes.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *real_time(uint64_t real_ns)
{
    uint64_t ms = real_ns / NS_PER_MS;
    return json_real((double)ms / 1000);
}

static json_t *or_null(bool is_known, json_t *value)
{
    if (is_known)
        return value;
    json_decref(value);
    return json_null();
}

/* Text of a producer may be no UTF-8; jansson takes nothing else. */
static json_t *text(const char *bytes)
{
    json_t *value = json_string(bytes);
    return value ? value : json_string("?");
}

static json_t *one_decimal(double value)
{
    return json_real((double)(int)(value * 10 + 0.5) / 10);
}

static json_t *variants_json(const struct stream_report *report)
{
    json_t *variants = json_array();
    for (size_t i = 0; i < report->variant_count; i++) {
        const struct variant_report *variant = &report->variants[i];
        json_array_append_new(
            variants,
            json_pack("{s:o, s:o, s:o, s:I, s:o, s:I, s:I, s:o}", "width",
                      or_null(variant->width != 0, json_integer(variant->width)), "height",
                      or_null(variant->height != 0, json_integer(variant->height)), "quality",
                      or_null(variant->quality != 0, json_integer(variant->quality)), "viewers",
                      (json_int_t)variant->viewers, "fps", one_decimal(variant->fps), "encoded",
                      (json_int_t)variant->encoded, "unchanged", (json_int_t)variant->unchanged, "jpeg_bytes",
                      or_null(variant->has_frame, json_integer((json_int_t)variant->jpeg_bytes))));
    }
    return variants;
}

static json_t *stream_json(const struct stream_report *report)
{
    char instance[17];
    snprintf(instance, sizeof(instance), "%016" PRIx64, report->instance);
    const char *format = raw_format_name(report->format);
    json_t *object = json_object();
    json_object_set_new(object, "name", text(report->name));
    json_object_set_new(object, "state", json_string(condition_name(report->condition)));
    json_object_set_new(object, "reason", text(report->reason));
    json_object_set_new(object, "since", real_time(report->since_real_ns));
    json_object_set_new(object, "width", or_null(report->width != 0, json_integer(report->width)));
    json_object_set_new(object, "height", or_null(report->height != 0, json_integer(report->height)));
    json_object_set_new(object, "format", format ? json_string(format) : json_null());
    json_object_set_new(object, "transport",
                        json_string(report->location == HEADCAM_RING ? "ring" : "inline"));
    json_object_set_new(object, "transport_reason", text(report->transport_reason));
    json_object_set_new(object, "nominal_fps",
                        or_null(report->nominal_fps > 0, json_real(report->nominal_fps)));
    json_object_set_new(object, "fps", one_decimal(report->fps));
    json_object_set_new(object, "age_ms",
                        or_null(report->has_frame, json_integer((json_int_t)(report->age_ns / NS_PER_MS))));
    json_object_set_new(object, "viewers", json_integer((json_int_t)report->viewers));
    json_object_set_new(object, "wanted", json_boolean(report->wanted));
    json_object_set_new(
        object, "wanted_fps",
        or_null(report->wanted && report->wanted_rate, json_real(report->wanted_rate / 1000.0)));
    json_object_set_new(object, "agent",
                        json_pack("{s:o, s:o, s:s}", "name", text(report->agent), "version",
                                  text(report->version), "instance", instance));
    json_object_set_new(object, "frames",
                        json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "received", (json_int_t)report->received,
                                  "encoded", (json_int_t)report->encoded, "unchanged",
                                  (json_int_t)report->unchanged, "passed", (json_int_t)report->passed, "torn",
                                  (json_int_t)report->torn, "dropped", (json_int_t)report->dropped));
    json_object_set_new(object, "jpeg_bytes",
                        or_null(report->has_frame, json_integer((json_int_t)report->jpeg_bytes)));
    json_object_set_new(object, "variants", variants_json(report));
    json_object_set_new(object, "conflicts", json_integer((json_int_t)report->conflicts));
    return object;
}

static json_t *ingest_json(const struct server *server)
{
    struct intake *intake = hub_intake(server->hub);
    json_t *rejected = json_object();
    uint64_t total = 0;
    for (int i = 0; i < REJECT_REASONS; i++) {
        uint64_t count = atomic_load(&intake->rejected[i]);
        total += count;
        json_object_set_new(rejected, reject_name((enum reject)i), json_integer((json_int_t)count));
    }
    json_object_set_new(rejected, "total", json_integer((json_int_t)total));
    return json_pack("{s:s, s:I, s:o}", "endpoint", server->options.endpoint, "messages",
                     (json_int_t)atomic_load(&intake->messages), "rejected", rejected);
}

enum MHD_Result route_status(struct server *server, struct MHD_Connection *connection, const char *name,
                             struct request *request)
{
    (void)name, (void)request;
    size_t count;
    struct stream_report *reports = hub_report(server->hub, &count);
    json_t *streams = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(streams, stream_json(&reports[i]));
    free(reports);

    char default_name[NAME_BYTES];
    bool has_default = hub_default_name(server->hub, default_name);
    uint64_t uptime_ms = (clock_mono_ns() - server->start_ns) / NS_PER_MS;
    json_t *status = json_object();
    json_object_set_new(status, "version", json_string(HEADCAM_VERSION));
    json_object_set_new(status, "time", real_time(clock_real_ns()));
    json_object_set_new(status, "uptime_s", json_real((double)uptime_ms / 1000));
    json_object_set_new(status, "default", has_default ? json_string(default_name) : json_null());
    json_object_set_new(status, "viewers", json_integer((json_int_t)atomic_load(&server->viewers)));
    json_object_set_new(status, "max_viewers", json_integer((json_int_t)server->options.max_viewers));
    json_object_set_new(status, "ingest", ingest_json(server));
    json_object_set_new(status, "streams", streams);
    char *json = json_dumps(status, JSON_INDENT(2) | JSON_REAL_PRECISION(13));
    json_decref(status);
    return json ? reply_json(connection, json) : MHD_NO;
}

enum MHD_Result route_healthz(struct server *server, struct MHD_Connection *connection, const char *name,
                              struct request *request)
{
    (void)server, (void)name, (void)request;
    return reply_text(connection, MHD_HTTP_OK, "ok");
}

enum MHD_Result route_readyz(struct server *server, struct MHD_Connection *connection, const char *name,
                             struct request *request)
{
    (void)name, (void)request;
    size_t count, live = 0;
    char reason[NAME_BYTES + EXPLAIN_BYTES] = "no agent is connected";
    struct stream_report *reports = hub_report(server->hub, &count);
    for (size_t i = 0; i < count; i++) {
        if (reports[i].condition == CONDITION_LIVE)
            live++;
        else
            snprintf(reason, sizeof(reason), "%s: %s", reports[i].name, reports[i].reason);
    }
    free(reports);
    if (live == 0)
        return reply_unavailable(connection, reason);
    return reply_text(connection, MHD_HTTP_OK, "ready: %zu of %zu streams live", live, count);
}
