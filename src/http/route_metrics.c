/* SPDX-License-Identifier: MIT */
/* /metrics: what was counted, for Prometheus. docs/api.md lists the metrics. */
#include "base/clock.h"
#include "base/process.h"
#include "base/version.h"
#include "http/guard.h"
#include "http/metrics_text.h"
#include "http/reply.h"
#include "http/routes.h"

#include <stdio.h>
#include <stdlib.h>

enum { NAME_ROOM = 64, HELP_ROOM = 256, MAX_VALUES = 4 };

/* What is counted of frames: over all streams as headcam_NAME, and by stream as headcam_stream_NAME. */
static const struct tally_metric {
    const char *name, *help;
    int count;
    const char *label; /* NULL where count is 1 */
    struct {
        enum tally_kind kind;
        const char *label_value;
    } values[MAX_VALUES];
} tally_metrics[] = {
    {"frames_received_total", "Frames that arrived from agents", 1, NULL, {{TALLY_RECEIVED, NULL}}},
    {"received_bytes_total",
     "Bytes of the frames that arrived, by shared memory or socket",
     1,
     NULL,
     {{TALLY_RECEIVED_BYTES, NULL}}},
    {"frames_encoded_total", "Frames that were encoded anew", 1, NULL, {{TALLY_ENCODED, NULL}}},
    {"frames_unchanged_total", "Frames that looked like the one before", 1, NULL, {{TALLY_UNCHANGED, NULL}}},
    {"frames_passed_total", "Ready JPEGs that were passed through", 1, NULL, {{TALLY_PASSED, NULL}}},
    {"frames_dropped_total",
     "Frames that arrived and came to nothing: torn by their producer, superseded by a newer one, unwanted "
     "because nobody wanted them, or failed to be read or encoded",
     4,
     "reason",
     {{TALLY_TORN, "torn"},
      {TALLY_SUPERSEDED, "superseded"},
      {TALLY_UNWANTED, "unwanted"},
      {TALLY_FAILED, "failed"}}},
    {"frames_sent_total",
     "Parts that viewers' sockets took whole, by X-Headcam-State; live is a new frame",
     3,
     "state",
     {{TALLY_SENT_LIVE, "live"}, {TALLY_SENT_REPEAT, "repeat"}, {TALLY_SENT_NO_SIGNAL, "no-signal"}}},
    {"frames_skipped_total",
     "Frames that a viewer did not get: too slow for them, or asked for fewer by fps",
     2,
     "reason",
     {{TALLY_SKIPPED_SLOW, "slow"}, {TALLY_SKIPPED_FPS, "fps"}}},
    {"sent_bytes_total", "Bytes that viewers' sockets took of streams", 1, NULL, {{TALLY_SENT_BYTES, NULL}}},
};

struct streams {
    struct stream_report *reports;
    size_t count;
};

static void put_counter(struct bytes *text, const char *name, const char *help, uint64_t value)
{
    metrics_head(text, name, METRICS_COUNTER, help);
    metrics_count(text, name, NULL, value);
}

static void put_gauge(struct bytes *text, const char *name, const char *help, uint64_t value)
{
    metrics_head(text, name, METRICS_GAUGE, help);
    metrics_count(text, name, NULL, value);
}

/* ---- frames ---- */

static void put_tally(struct bytes *text, const char *name, const struct tally_metric *metric,
                      const char *stream, const struct tally_view *tally)
{
    for (int i = 0; i < metric->count; i++) {
        struct metrics_label labels[3] = {{0}}, *label = labels;
        if (stream)
            *label++ = (struct metrics_label){"stream", stream};
        if (metric->label)
            *label = (struct metrics_label){metric->label, metric->values[i].label_value};
        metrics_count(text, name, labels, tally->counts[metric->values[i].kind]);
    }
}

static void put_tallies(struct bytes *text, struct hub *hub, const struct streams *streams)
{
    struct tally_view totals;
    hub_totals(hub, &totals);
    for (size_t i = 0; i < sizeof(tally_metrics) / sizeof(tally_metrics[0]); i++) {
        const struct tally_metric *metric = &tally_metrics[i];
        char name[NAME_ROOM], help[HELP_ROOM];
        snprintf(name, sizeof(name), "headcam_%s", metric->name);
        snprintf(help, sizeof(help), "%s. Over all streams that ever were.", metric->help);
        metrics_head(text, name, METRICS_COUNTER, help);
        put_tally(text, name, metric, NULL, &totals);

        snprintf(name, sizeof(name), "headcam_stream_%s", metric->name);
        snprintf(help, sizeof(help), "%s. Of a stream that is listed.", metric->help);
        metrics_head(text, name, METRICS_COUNTER, help);
        for (size_t s = 0; s < streams->count; s++)
            put_tally(text, name, metric, streams->reports[s].name, &streams->reports[s].tally);
    }
}

static void put_timing(struct bytes *text, const char *name, const char *help, struct histogram *histogram)
{
    struct histogram_view view;
    histogram_read(histogram, &view);
    metrics_histogram(text, name, help, &view);
}

static void put_timings(struct bytes *text, struct hub_timings *timings)
{
    put_timing(text, "headcam_capture_to_encode_seconds",
               "From a frame's capture until its encoding began, of frames encoded anew.",
               &timings->capture_to_encode);
    put_timing(text, "headcam_encode_seconds",
               "How long the encoding of a frame took, in all its variants, by all cores at once.",
               &timings->encode);
    put_timing(text, "headcam_capture_to_sent_seconds",
               "From a new frame's capture until a viewer's socket had taken it whole, for each viewer.",
               &timings->capture_to_sent);
}

/* ---- streams ---- */

static const enum condition states[] = {CONDITION_LIVE, CONDITION_STARTING, CONDITION_STALLED, CONDITION_LOST,
                                        CONDITION_ENDED};

enum { STATES = sizeof(states) / sizeof(states[0]) };

static void put_states(struct bytes *text, const struct streams *streams)
{
    uint64_t counts[STATES] = {0}, agents = 0;
    metrics_head(text, "headcam_stream_state", METRICS_GAUGE, "1 for the state that a stream is in, else 0.");
    for (size_t s = 0; s < streams->count; s++) {
        const struct stream_report *report = &streams->reports[s];
        for (int i = 0; i < STATES; i++) {
            bool is_in = report->condition == states[i];
            counts[i] += is_in;
            metrics_count(text, "headcam_stream_state",
                          METRICS_LABELS({"stream", report->name}, {"state", condition_name(states[i])}),
                          is_in);
        }
        agents += report->condition != CONDITION_LOST && report->condition != CONDITION_ENDED;
    }
    metrics_head(text, "headcam_streams", METRICS_GAUGE, "Streams that are listed, by state.");
    for (int i = 0; i < STATES; i++)
        metrics_count(text, "headcam_streams", METRICS_LABELS({"state", condition_name(states[i])}),
                      counts[i]);
    put_gauge(text, "headcam_agents", "Agents that answer, one for each stream.", agents);
}

static void put_infos(struct bytes *text, const struct streams *streams)
{
    metrics_head(text, "headcam_stream_info", METRICS_GAUGE, "Always 1: what is known of a stream.");
    for (size_t s = 0; s < streams->count; s++) {
        const struct stream_report *report = &streams->reports[s];
        const char *format = raw_format_name(report->format);
        metrics_count(text, "headcam_stream_info",
                      METRICS_LABELS({"stream", report->name}, {"agent", report->agent},
                                     {"agent_version", report->version}, {"format", format ? format : ""},
                                     {"transport", report->location == HEADCAM_RING ? "ring" : "inline"}),
                      1);
    }
}

/* Those that somebody streams. */
static uint64_t count_variants(const struct stream_report *report)
{
    uint64_t count = 0;
    for (size_t i = 0; i < report->variant_count; i++)
        count += report->variants[i].viewers > 0;
    return count;
}

static void put_stream_gauges(struct bytes *text, const struct streams *streams)
{
    const struct stream_report *report, *end = streams->reports + streams->count;
    metrics_head(text, "headcam_stream_viewers", METRICS_GAUGE, "Viewers of a stream.");
    for (report = streams->reports; report < end; report++)
        metrics_count(text, "headcam_stream_viewers", METRICS_LABELS({"stream", report->name}),
                      report->viewers);
    metrics_head(text, "headcam_stream_edges", METRICS_GAUGE, "Other headcams that take a stream's frames.");
    for (report = streams->reports; report < end; report++)
        metrics_count(text, "headcam_stream_edges", METRICS_LABELS({"stream", report->name}), report->edges);
    metrics_head(text, "headcam_stream_variants", METRICS_GAUGE,
                 "Widths and qualities in which viewers stream, of --max-variants.");
    for (report = streams->reports; report < end; report++)
        metrics_count(text, "headcam_stream_variants", METRICS_LABELS({"stream", report->name}),
                      count_variants(report));
    metrics_head(text, "headcam_stream_wanted", METRICS_GAUGE,
                 "1 while somebody watches or waits for a snapshot, so that frames are asked for; else 0.");
    for (report = streams->reports; report < end; report++)
        metrics_count(text, "headcam_stream_wanted", METRICS_LABELS({"stream", report->name}),
                      report->wanted);
    metrics_head(text, "headcam_stream_frame_age_seconds", METRICS_GAUGE,
                 "Since the capture of the newest frame; missing before the first.");
    for (report = streams->reports; report < end; report++)
        if (report->has_frame)
            metrics_seconds(text, "headcam_stream_frame_age_seconds",
                            METRICS_LABELS({"stream", report->name}), report->age_ns);
    metrics_head(text, "headcam_stream_encode_seconds_total", METRICS_COUNTER,
                 "Time spent on encoding anew. Of a stream that is listed.");
    for (report = streams->reports; report < end; report++)
        metrics_seconds(text, "headcam_stream_encode_seconds_total", METRICS_LABELS({"stream", report->name}),
                        report->tally.counts[TALLY_ENCODE_NS]);
}

/* ---- where frames are forwarded ---- */

static uint64_t is_connected(const struct edge_report *report)
{
    return report->is_connected;
}

static uint64_t frames_of(const struct edge_report *report)
{
    return report->frames;
}

static uint64_t bytes_of(const struct edge_report *report)
{
    return report->bytes;
}

static uint64_t skipped_of(const struct edge_report *report)
{
    return report->skipped;
}

static const struct edge_metric {
    const char *name, *help;
    enum metrics_type type;
    uint64_t (*value)(const struct edge_report *report);
} edge_metrics[] = {
    {"headcam_edge_connected", "1 while an edge is connected, else 0.", METRICS_GAUGE, is_connected},
    {"headcam_edge_frames_sent_total", "Frames that an edge was sent.", METRICS_COUNTER, frames_of},
    {"headcam_edge_sent_bytes_total", "Bytes of these.", METRICS_COUNTER, bytes_of},
    {"headcam_edge_frames_skipped_total",
     "Frames that a newer one replaced before the path to the edge could take them.", METRICS_COUNTER,
     skipped_of},
};

static void put_edges(struct bytes *text, struct server *server, const struct grant *grant)
{
    size_t count;
    struct edge_report *reports = guard_visible_edges(server, grant, &count);
    put_gauge(text, "headcam_edges_limit", "How many edges there may be: --max-edges.",
              server->options.max_edges);
    for (size_t m = 0; m < sizeof(edge_metrics) / sizeof(edge_metrics[0]); m++) {
        const struct edge_metric *metric = &edge_metrics[m];
        metrics_head(text, metric->name, metric->type, metric->help);
        for (size_t i = 0; i < count; i++)
            metrics_count(text, metric->name, METRICS_LABELS({"edge", reports[i].endpoint}),
                          metric->value(&reports[i]));
    }
    metrics_head(text, "headcam_edge_round_trip_seconds", METRICS_GAUGE,
                 "The shortest time in which an edge answered; missing before the first.");
    for (size_t i = 0; i < count; i++)
        if (reports[i].round_trip_ns != 0)
            metrics_seconds(text, "headcam_edge_round_trip_seconds",
                            METRICS_LABELS({"edge", reports[i].endpoint}), reports[i].round_trip_ns);
    free(reports);
}

/* ---- who comes in ---- */

static void put_messages(struct bytes *text, struct intake *intake)
{
    put_counter(text, "headcam_messages_received_total", "Messages from agents: announcements and frames.",
                atomic_load(&intake->messages));
    metrics_head(text, "headcam_messages_rejected_total", METRICS_COUNTER,
                 "Messages from agents that were dropped, by reason.");
    for (int i = 0; i < REJECT_REASONS; i++)
        metrics_count(text, "headcam_messages_rejected_total",
                      METRICS_LABELS({"reason", reject_name((enum reject)i)}),
                      atomic_load(&intake->rejected[i]));
}

/* A value for streams' viewers and one for snapshot requests. */
static void put_by_kind(struct bytes *text, const char *name, enum metrics_type type, const char *help,
                        uint64_t of_streams, uint64_t of_snapshots)
{
    metrics_head(text, name, type, help);
    metrics_count(text, name, METRICS_LABELS({"kind", "stream"}), of_streams);
    metrics_count(text, name, METRICS_LABELS({"kind", "snapshot"}), of_snapshots);
}

static void put_visits(struct bytes *text, struct server *server)
{
    struct visits *visits = &server->visits;
    const size_t websockets = atomic_load(&server->websockets);
    put_by_kind(text, "headcam_viewers", METRICS_GAUGE,
                "Connections that stream, by MJPEG or by WebSocket, or wait for a snapshot or are sent one.",
                atomic_load(&server->viewers) - websockets, atomic_load(&server->snapshots));
    metrics_count(text, "headcam_viewers", METRICS_LABELS({"kind", "websocket"}), websockets);
    put_by_kind(text, "headcam_viewers_limit", METRICS_GAUGE,
                "How many there may be: --max-viewers, --max-snapshots.", server->options.max_viewers,
                server->options.max_snapshots);
    put_by_kind(text, "headcam_viewers_refused_total", METRICS_COUNTER,
                "Requests that got 503 because there were as many already.",
                atomic_load(&visits->viewers_refused), atomic_load(&visits->snapshots_refused));
    put_counter(text, "headcam_viewers_came_total", "Connections that began to stream.",
                atomic_load(&visits->viewers_came));
    metrics_head(text, "headcam_viewers_left_total", METRICS_COUNTER,
                 "Connections that ended to stream: closed by the client, stuck or "
                 "silent for --stuck-after, refused for what their WebSocket said, revoked with their login, "
                 "failed with "
                 "an error, or at the server's shutdown.");
    for (int i = 0; i < VIEWER_ENDS; i++)
        metrics_count(text, "headcam_viewers_left_total",
                      METRICS_LABELS({"reason", viewer_end_name((enum viewer_end)i)}),
                      atomic_load(&visits->viewers_left[i]));
    metrics_head(text, "headcam_snapshots_total", METRICS_COUNTER,
                 "Snapshot requests that ended: sent a picture, told why there is no-frame, or closed by the "
                 "client before.");
    for (int i = 0; i < SNAPSHOT_ENDS; i++)
        metrics_count(text, "headcam_snapshots_total",
                      METRICS_LABELS({"outcome", snapshot_end_name((enum snapshot_end)i)}),
                      atomic_load(&visits->snapshots[i]));
    put_counter(text, "headcam_snapshot_bytes_total", "Bytes of the pictures of snapshots.",
                atomic_load(&visits->snapshot_bytes));
}

static void put_connections(struct bytes *text, const struct server *server)
{
    put_gauge(text, "headcam_connections", "HTTP connections that are open, whatever they are for.",
              server->connections.count);
    put_gauge(
        text, "headcam_connections_limit",
        "How many there may be: --max-viewers, --max-snapshots and some more, or what open files allow.",
        server->max_connections);
}

static void put_logins(struct bytes *text, struct server *server)
{
    metrics_head(text, "headcam_logins_total", METRICS_COUNTER,
                 "Requests that wanted a login, by what came of it: granted, missing, wrong, throttled "
                 "(--login-failures), busy (--max-logins), or shutdown.");
    for (int i = 0; i < ACCESS_VERDICTS; i++)
        if (access_verdict_name((enum access_verdict)i))
            metrics_count(text, "headcam_logins_total",
                          METRICS_LABELS({"outcome", access_verdict_name((enum access_verdict)i)}),
                          atomic_load(&server->logins[i]));
}

/* ---- the process, by the names that all of Prometheus' clients use ---- */

static void put_process(struct bytes *text, const struct server *server)
{
    struct process_usage usage;
    process_read_usage(&usage);
    metrics_head(text, "process_cpu_seconds_total", METRICS_COUNTER, "User and system CPU time, in seconds.");
    metrics_seconds(text, "process_cpu_seconds_total", NULL, usage.cpu_ns);
    metrics_head(text, "process_start_time_seconds", METRICS_GAUGE,
                 "When the process started, in seconds since the epoch.");
    metrics_seconds(text, "process_start_time_seconds", NULL, server->start_real_ns);
    put_gauge(text, "process_max_fds", "How many files may be open.", usage.max_fds);
    if (!usage.has_proc)
        return;
    put_gauge(text, "process_open_fds", "How many files are open.", usage.open_fds);
    put_gauge(text, "process_virtual_memory_bytes", "Virtual memory, in bytes.", usage.virtual_bytes);
    put_gauge(text, "process_resident_memory_bytes", "Resident memory, in bytes.", usage.resident_bytes);
}

enum MHD_Result route_metrics(struct server *server, struct MHD_Connection *connection, const char *name,
                              struct request *request)
{
    (void)name;
    struct bytes text = {0};
    struct streams streams;
    streams.reports = guard_visible_streams(server, &request->grant, &streams.count);
    metrics_head(&text, "headcam_build_info", METRICS_GAUGE, "Always 1: the version that runs.");
    metrics_count(&text, "headcam_build_info", METRICS_LABELS({"version", HEADCAM_VERSION}), 1);
    put_states(&text, &streams);
    put_gauge(&text, "headcam_streams_limit", "How many streams may be announced: --max-streams.",
              server->options.max_streams);
    put_infos(&text, &streams);
    put_stream_gauges(&text, &streams);
    put_tallies(&text, server->hub, &streams);
    free(streams.reports);
    put_timings(&text, hub_timings(server->hub));
    put_messages(&text, hub_intake(server->hub));
    put_connections(&text, server);
    put_visits(&text, server);
    put_logins(&text, server);
    put_edges(&text, server, &request->grant);
    put_process(&text, server);
    return reply_content(connection, METRICS_CONTENT_TYPE, text.data, text.length);
}
