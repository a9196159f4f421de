/* SPDX-License-Identifier: MIT */
#include "stream/stream.h"

#include "base/clock.h"
#include "base/memory.h"
#include "stream/demand.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A no-signal picture has its stream's size, within these bounds. */
enum {
    NOTICE_WIDTH = 1280,
    NOTICE_HEIGHT = 720,
    NOTICE_MIN = 16,
    NOTICE_MAX = 4096,
};

/* Over how many frames, about, the mean of their encoding goes. */
enum { ENCODE_MEAN_FRAMES = 16 };

/* A frame in three hours; the nanoseconds of any rate that can be announced would not fit. */
static const double LEAST_FPS = 1e-4;

struct stream *stream_create(const char *name)
{
    struct stream *stream = memory_zeroed(sizeof(*stream));
    snprintf(stream->name, sizeof(stream->name), "%s", name);
    list_init(&stream->link);
    list_init(&stream->work);
    demand_init(stream);
    stream->condition_real_ns = clock_real_ns();
    return stream;
}

void stream_destroy(struct stream *stream, struct list *variants)
{
    demand_fini(stream, variants);
    list_remove(&stream->link);
    list_remove(&stream->work);
    raw_release(stream->raw);
    free(stream);
}

static bool is_held(const struct stream *stream, uint64_t now_ns)
{
    return stream->announced && stream->producer.state != CONDITION_ENDED &&
           now_ns - stream->heard_ns <= CONDITION_SILENT_NS;
}

bool stream_accept_producer(struct stream *stream, uint64_t instance, uint64_t now_ns, uint64_t now_real_ns)
{
    if (stream->producer.instance != instance || !stream->announced) {
        if (is_held(stream, now_ns)) {
            stream->conflicts++;
            return false;
        }
        stream->announced = true;
        memset(&stream->producer, 0, sizeof(stream->producer));
        stream->producer.instance = instance;
        stream->producer.state = CONDITION_LIVE;
        stream->producer_since_ns = now_ns;
        stream->rate_is_told = false;
    }
    stream->heard_ns = now_ns;
    stream->heard_real_ns = now_real_ns;
    return true;
}

void stream_note_encoding(struct stream *stream, uint64_t duration_ns)
{
    uint64_t mean_ns = stream->encode_mean_ns;
    tally_add(&stream->tally, TALLY_ENCODE_NS, duration_ns);
    stream->encode_mean_ns = mean_ns == 0
                                 ? duration_ns
                                 : mean_ns - mean_ns / ENCODE_MEAN_FRAMES + duration_ns / ENCODE_MEAN_FRAMES;
}

uint64_t stream_interval_ns(const struct stream *stream, millifps rate)
{
    double fps = stream->producer.fps;
    double wanted = rate / 1000.0;
    if (wanted > 0 && (fps <= 0 || wanted < fps))
        fps = wanted;
    if (fps <= 0)
        return 0;
    return fps < LEAST_FPS ? (uint64_t)(NS_PER_S / LEAST_FPS) : (uint64_t)(NS_PER_S / fps);
}

bool stream_judge(struct stream *stream, uint64_t no_signal_after_ns, uint64_t now_ns, uint64_t now_real_ns)
{
    /* Frames are to be expected of this producer, and since somebody watches. */
    uint64_t expected_since_ns = stream->wanted_since_ns > stream->producer_since_ns
                                     ? stream->wanted_since_ns
                                     : stream->producer_since_ns;
    const struct condition_facts facts = {
        .announced = stream->announced,
        .announced_as = stream->producer.state,
        .heard_ns = stream->heard_ns,
        .frame_ns = stream->frame_ns,
        .expected_since_ns = stream->watched ? expected_since_ns : 0,
        .stall_after_ns = no_signal_after_ns + stream_interval_ns(stream, stream->wanted_rate),
    };
    enum condition condition = condition_judge(&facts, now_ns);
    if (condition == stream->condition)
        return false;
    stream->condition = condition;
    stream->condition_real_ns = now_real_ns;
    if (condition == CONDITION_LOST)
        stream->condition_real_ns = stream->heard_real_ns;
    else if (condition == CONDITION_STALLED && stream->frame_ns > stream->wanted_since_ns)
        stream->condition_real_ns = stream->frame_real_ns;
    return true;
}

bool stream_is_gone(const struct stream *stream)
{
    return stream->condition == CONDITION_LOST || stream->condition == CONDITION_ENDED;
}

void stream_count_loss(struct stream *stream, const struct raw_frame *raw, enum tally_kind kind)
{
    if (raw && raw->info.format != HEADCAM_JPEG)
        tally_add(&stream->tally, kind, 1);
}

uint64_t stream_silent_since_real_ns(const struct stream *stream)
{
    if (stream->condition == CONDITION_WAITING || stream->condition == CONDITION_LIVE)
        return stream->wanted_since_real_ns;
    return stream->condition_real_ns;
}

struct explain_facts stream_explain_facts(const struct stream *stream, const char *endpoint)
{
    /* What it said of a live picture does not explain why there is none now. */
    bool is_own_word = stream->condition == stream->producer.state;
    return (struct explain_facts){
        .condition = stream->condition,
        .stream = stream->name,
        .agent = stream->producer.agent,
        .reason = is_own_word ? stream->producer.reason : "",
        .endpoint = endpoint,
    };
}

static const char *notice_title(enum condition condition)
{
    switch (condition) {
    case CONDITION_WAITING:
        return "Waiting for an agent";
    case CONDITION_STARTING:
        return "Starting";
    case CONDITION_ENDED:
        return "Stream ended";
    case CONDITION_LIVE:
        return "Waiting for a frame";
    case CONDITION_STALLED:
    case CONDITION_LOST:
        break;
    }
    return "No signal";
}

static uint32_t notice_side(uint32_t side, uint32_t unknown)
{
    if (side == 0)
        return unknown;
    return side < NOTICE_MIN ? NOTICE_MIN : side > NOTICE_MAX ? NOTICE_MAX : side;
}

void stream_write_notice(const struct stream *stream, const struct variant *variant, const char *endpoint,
                         uint64_t now_real_ns, struct notice *notice)
{
    memset(notice, 0, sizeof(*notice));
    variant_settings_size(&variant->settings, notice_side(stream->width, NOTICE_WIDTH),
                          notice_side(stream->height, NOTICE_HEIGHT), &notice->width, &notice->height);
    snprintf(notice->title, sizeof(notice->title), "%s", notice_title(stream->condition));

    struct explain_facts facts = stream_explain_facts(stream, endpoint);
    facts.obstacle = variant_obstacle(variant);
    explain_reason(&facts, notice->reason);
    explain_next_step(&facts, notice->next_step);

    uint64_t since_real_ns = stream_silent_since_real_ns(stream);
    char time_of_day[CLOCK_TIME_OF_DAY_BYTES], duration[EXPLAIN_BYTES];
    clock_time_of_day(since_real_ns, time_of_day);
    explain_duration(now_real_ns > since_real_ns ? now_real_ns - since_real_ns : 0, duration);
    snprintf(notice->since, sizeof(notice->since), "%.65s%ssince %s, %.32s", stream->name,
             stream->name[0] ? ": " : "", time_of_day, duration);
}

static void write_variant_report(const struct stream *stream, struct variant *variant,
                                 uint32_t server_quality, uint64_t now_ns, struct variant_report *report)
{
    bool is_as_sent = variant == stream->plain && stream->producer.format == HEADCAM_JPEG;
    uint32_t quality = variant->settings.quality ? variant->settings.quality : server_quality;
    *report = (struct variant_report){
        .quality = is_as_sent ? 0 : quality,
        .viewers = variant->audience.viewers,
        .fps = rate_per_second(&variant->pictures, now_ns),
        .encoded = variant->encoded,
        .unchanged = variant->unchanged,
        .has_frame = variant->frame != NULL,
        .jpeg_bytes = variant->frame ? variant->frame->data_bytes : 0,
    };
    variant_settings_size(&variant->settings, stream->width, stream->height, &report->width, &report->height);
}

static const struct frame *newer(const struct frame *a, const struct frame *b)
{
    return !a || (b && b->capture_ns > a->capture_ns) ? b : a;
}

static void write_variants_report(struct stream *stream, uint32_t server_quality, uint64_t now_ns,
                                  struct stream_report *report)
{
    const struct frame *newest = NULL, *newest_jpeg = NULL;
    struct list *node;
    list_for_each(node, &stream->variants)
    {
        struct variant *variant = container_of(node, struct variant, link);
        newest = newer(newest, variant->frame);
        if (variant_settings_are_exact(&variant->settings))
            continue;
        newest_jpeg = newer(newest_jpeg, variant->frame);
        /* Of those that nobody watches any more there may be more for a moment. */
        if (report->variant_count < sizeof(report->variants) / sizeof(report->variants[0]))
            write_variant_report(stream, variant, server_quality, now_ns,
                                 &report->variants[report->variant_count++]);
    }
    report->has_frame = newest != NULL;
    if (newest) {
        report->age_ns = now_ns > newest->capture_ns ? now_ns - newest->capture_ns : 0;
    }
    if (newest_jpeg)
        report->jpeg_bytes = newest_jpeg->data_bytes;
}

void stream_write_report(struct stream *stream, const char *endpoint, uint32_t server_quality,
                         uint64_t now_ns, struct stream_report *report)
{
    memset(report, 0, sizeof(*report));
    memcpy(report->name, stream->name, sizeof(report->name));
    report->condition = stream->condition;
    const struct explain_facts facts = stream_explain_facts(stream, endpoint);
    explain_state(&facts, report->reason);
    report->since_real_ns = stream->condition_real_ns;
    report->width = stream->width;
    report->height = stream->height;
    report->format = stream->producer.format;
    report->location = stream->location;
    if (stream->location == HEADCAM_INLINE)
        memcpy(report->transport_reason, stream->producer.transport_reason, sizeof(report->transport_reason));
    report->nominal_fps = stream->producer.fps;
    report->fps = rate_per_second(&stream->arrivals, now_ns);
    write_variants_report(stream, server_quality, now_ns, report);
    report->viewers = stream->viewers;
    report->edges = stream->edges;
    report->wanted = stream->watched;
    report->wanted_rate = stream->wanted_rate;
    memcpy(report->agent, stream->producer.agent, sizeof(report->agent));
    memcpy(report->version, stream->producer.version, sizeof(report->version));
    report->instance = stream->producer.instance;
    memcpy(report->via, stream->producer.via, sizeof(report->via));
    report->via_count = stream->producer.via_count;
    tally_sum(&stream->tally, &report->tally);
    report->encode_mean_ns = stream->encode_mean_ns;
    report->conflicts = stream->conflicts;
}
