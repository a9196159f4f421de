/* SPDX-License-Identifier: MIT */
/* /status: everything about the streams, as JSON. /healthz and /readyz: the same in one word. */
#include "base/clock.h"
#include "base/version.h"
#include "http/guard.h"
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

/* Text of a producer, or a path, may be no UTF-8; jansson takes nothing else. */
static json_t *text(const char *bytes)
{
    json_t *value = json_string(bytes);
    return value ? value : json_string("?");
}

static json_t *whole(uint64_t value)
{
    return json_integer((json_int_t)value);
}

static json_t *instance_json(uint64_t instance)
{
    char digits[17];
    snprintf(digits, sizeof(digits), "%016" PRIx64, instance);
    return json_string(digits);
}

static json_t *frames_json(const struct tally_view *tally)
{
    const uint64_t *counts = tally->counts;
    json_t *frames = json_object();
    json_object_set_new(frames, "received", whole(counts[TALLY_RECEIVED]));
    json_object_set_new(frames, "encoded", whole(counts[TALLY_ENCODED]));
    json_object_set_new(frames, "unchanged", whole(counts[TALLY_UNCHANGED]));
    json_object_set_new(frames, "passed", whole(counts[TALLY_PASSED]));
    json_object_set_new(frames, "torn", whole(counts[TALLY_TORN]));
    json_object_set_new(frames, "dropped",
                        whole(counts[TALLY_SUPERSEDED] + counts[TALLY_UNWANTED] + counts[TALLY_FAILED]));
    json_object_set_new(frames, "superseded", whole(counts[TALLY_SUPERSEDED]));
    json_object_set_new(frames, "unwanted", whole(counts[TALLY_UNWANTED]));
    json_object_set_new(frames, "failed", whole(counts[TALLY_FAILED]));
    return frames;
}

static json_t *sent_json(const struct tally_view *tally)
{
    const uint64_t *counts = tally->counts;
    json_t *sent = json_object();
    json_object_set_new(sent, "live", whole(counts[TALLY_SENT_LIVE]));
    json_object_set_new(sent, "repeat", whole(counts[TALLY_SENT_REPEAT]));
    json_object_set_new(sent, "no_signal", whole(counts[TALLY_SENT_NO_SIGNAL]));
    json_object_set_new(sent, "skipped_slow", whole(counts[TALLY_SKIPPED_SLOW]));
    json_object_set_new(sent, "skipped_fps", whole(counts[TALLY_SKIPPED_FPS]));
    json_object_set_new(sent, "bytes", whole(counts[TALLY_SENT_BYTES]));
    return sent;
}

/* Milliseconds, to the hundredth. */
static json_t *duration_ms(uint64_t duration_ns)
{
    uint64_t hundredths = duration_ns / (NS_PER_MS / 100);
    return json_real((double)hundredths / 100);
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
        json_t *object = json_object();
        json_object_set_new(object, "width", or_null(variant->width != 0, whole(variant->width)));
        json_object_set_new(object, "height", or_null(variant->height != 0, whole(variant->height)));
        json_object_set_new(object, "quality", or_null(variant->quality != 0, whole(variant->quality)));
        json_object_set_new(object, "viewers", whole(variant->viewers));
        json_object_set_new(object, "fps", one_decimal(variant->fps));
        json_object_set_new(object, "encoded", whole(variant->encoded));
        json_object_set_new(object, "unchanged", whole(variant->unchanged));
        json_object_set_new(object, "jpeg_bytes", or_null(variant->has_frame, whole(variant->jpeg_bytes)));
        json_array_append_new(variants, object);
    }
    return variants;
}

static json_t *stream_json(const struct stream_report *report)
{
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
    json_object_set_new(object, "viewers", whole(report->viewers));
    json_object_set_new(object, "edges", whole(report->edges));
    json_object_set_new(object, "wanted", json_boolean(report->wanted));
    json_object_set_new(
        object, "wanted_fps",
        or_null(report->wanted && report->wanted_rate, json_real(report->wanted_rate / 1000.0)));
    json_object_set_new(object, "agent",
                        json_pack("{s:o, s:o, s:o}", "name", text(report->agent), "version",
                                  text(report->version), "instance", instance_json(report->instance)));
    json_object_set_new(object, "frames", frames_json(&report->tally));
    json_object_set_new(object, "sent", sent_json(&report->tally));
    json_object_set_new(object, "encode_ms",
                        or_null(report->encode_mean_ns != 0, duration_ms(report->encode_mean_ns)));
    json_object_set_new(object, "jpeg_bytes", or_null(report->jpeg_bytes != 0, whole(report->jpeg_bytes)));
    json_object_set_new(object, "variants", variants_json(report));
    json_object_set_new(object, "conflicts", whole(report->conflicts));
    return object;
}

/* Where frames are forwarded. */
static json_t *edges_json(struct server *server, const struct grant *grant)
{
    size_t count;
    struct edge_report *reports = guard_visible_edges(server, grant, &count);
    json_t *edges = json_array();
    for (size_t i = 0; i < count; i++) {
        const struct edge_report *report = &reports[i];
        json_t *object = json_object();
        json_object_set_new(object, "endpoint", text(report->endpoint));
        json_object_set_new(object, "state", json_string(report->is_connected ? "connected" : "connecting"));
        json_object_set_new(object, "reason", text(report->reason));
        json_object_set_new(object, "since", real_time(report->since_real_ns));
        json_object_set_new(object, "streams", whole(report->streams));
        json_object_set_new(object, "frames", whole(report->frames));
        json_object_set_new(object, "bytes", whole(report->bytes));
        json_object_set_new(object, "skipped_slow", whole(report->skipped));
        json_object_set_new(object, "in_flight", whole(report->frames_in_flight));
        json_object_set_new(object, "round_trip_ms",
                            or_null(report->round_trip_ns != 0, duration_ms(report->round_trip_ns)));
        json_array_append_new(edges, object);
    }
    free(reports);
    return edges;
}

static json_t *ingest_json(const struct server *server)
{
    struct intake *intake = hub_intake(server->hub);
    json_t *rejected = json_object();
    uint64_t total = 0;
    for (int i = 0; i < REJECT_REASONS; i++) {
        uint64_t count = atomic_load(&intake->rejected[i]);
        total += count;
        json_object_set_new(rejected, reject_name((enum reject)i), whole(count));
    }
    json_object_set_new(rejected, "total", whole(total));
    return json_pack("{s:o, s:I, s:o}", "endpoint", text(server->options.endpoint), "messages",
                     (json_int_t)atomic_load(&intake->messages), "rejected", rejected);
}

enum MHD_Result route_status(struct server *server, struct MHD_Connection *connection, const char *name,
                             struct request *request)
{
    (void)name;
    size_t count;
    struct stream_report *reports = guard_visible_streams(server, &request->grant, &count);
    json_t *streams = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(streams, stream_json(&reports[i]));
    free(reports);

    char default_name[NAME_BYTES];
    bool has_default = guard_default_name(server, &request->grant, default_name);
    uint64_t uptime_ms = (clock_mono_ns() - server->start_ns) / NS_PER_MS;
    json_t *status = json_object();
    json_object_set_new(status, "version", json_string(HEADCAM_VERSION));
    json_object_set_new(status, "instance", instance_json(hub_id(server->hub)));
    json_object_set_new(status, "time", real_time(clock_real_ns()));
    json_object_set_new(status, "uptime_s", json_real((double)uptime_ms / 1000));
    json_object_set_new(status, "default", has_default ? json_string(default_name) : json_null());
    json_object_set_new(status, "viewers", whole(atomic_load(&server->viewers)));
    json_object_set_new(status, "max_viewers", whole(server->options.max_viewers));
    json_object_set_new(status, "snapshots", whole(atomic_load(&server->snapshots)));
    json_object_set_new(status, "max_snapshots", whole(server->options.max_snapshots));
    json_object_set_new(status, "max_streams", whole(server->options.max_streams));
    json_object_set_new(status, "ingest", ingest_json(server));
    json_object_set_new(status, "edges", edges_json(server, &request->grant));
    json_object_set_new(status, "streams", streams);
    char *json = json_dumps(status, JSON_INDENT(2) | JSON_REAL_PRECISION(13));
    json_decref(status);
    return json ? reply_content(connection, "application/json", json, strlen(json)) : MHD_NO;
}

enum MHD_Result route_healthz(struct server *server, struct MHD_Connection *connection, const char *name,
                              struct request *request)
{
    (void)server, (void)name, (void)request;
    return reply_text(connection, MHD_HTTP_OK, "ok");
}

/* Counts the streams that are live; reason is of one that is not. */
static size_t count_live(const struct stream_report *reports, size_t count, char *reason, size_t room)
{
    size_t live = 0;
    for (size_t i = 0; i < count; i++) {
        if (reports[i].condition == CONDITION_LIVE)
            live++;
        else
            snprintf(reason, room, "%s: %s", reports[i].name, reports[i].reason);
    }
    return live;
}

enum MHD_Result route_readyz(struct server *server, struct MHD_Connection *connection, const char *name,
                             struct request *request)
{
    (void)name;
    char reason[NAME_BYTES + EXPLAIN_BYTES] = "no agent is connected";
    size_t count;
    struct stream_report *reports = guard_visible_streams(server, &request->grant, &count);
    size_t live = count_live(reports, count, reason, sizeof(reason));
    free(reports);
    if (live == 0)
        return reply_unavailable(connection, reason);
    return reply_text(connection, MHD_HTTP_OK, "ready: %zu of %zu streams live", live, count);
}

void server_summarize(struct server *server, char text[SERVER_SUMMARY_BYTES])
{
    char reason[NAME_BYTES + EXPLAIN_BYTES];
    size_t count;
    struct stream_report *reports = hub_report(server->hub, &count);
    size_t live = count_live(reports, count, reason, sizeof(reason));
    free(reports);
    snprintf(text, SERVER_SUMMARY_BYTES, "streams: %zu of %zu live; viewers: %zu", live, count,
             atomic_load(&server->viewers));
}
