/* SPDX-License-Identifier: MIT */
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "stream/hub.h"
#include "tests/unit/support.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char ENDPOINT[] = "ipc:///tmp/test.sock";
static const uint64_t SILENT_NS = CONDITION_SILENT_NS + NS_PER_MS;

/* ---- the hub under test, and what it did to its surroundings ---- */

static struct hub *hub;
static int jobs_announced, codecs_freed, raws_alive, frames_alive;

static void on_job(void *arg)
{
    assert_ptr_equal(arg, &jobs_announced);
    jobs_announced++;
}

static void free_codec(void *codec)
{
    assert_non_null(codec);
    codecs_freed++;
}

static uint64_t no_signal_after_ns = 3 * NS_PER_S;

static void create(const char *default_name, size_t max_streams)
{
    const struct hub_options options = {
        .default_name = default_name,
        .endpoint = ENDPOINT,
        .max_streams = max_streams,
        .no_signal_after_ns = no_signal_after_ns,
        .forget_after_ns = 60 * NS_PER_S,
    };
    const struct hub_encoder encoder = {on_job, free_codec, &jobs_announced};
    hub = hub_create(&options);
    hub_set_encoder(hub, &encoder);
}

static int set_up(void **state)
{
    (void)state;
    jobs_announced = codecs_freed = raws_alive = frames_alive = 0;
    create(NULL, 64);
    return 0;
}

/* Everything that was brought to the hub ends with it. */
static int tear_down(void **state)
{
    (void)state;
    hub_destroy(hub);
    return raws_alive != 0 || frames_alive != 0;
}

static void create_again(const char *default_name, size_t max_streams)
{
    hub_destroy(hub);
    create(default_name, max_streams);
}

/* ---- what producers and the encoder bring ---- */

static void release_raw(struct raw_frame *raw)
{
    raws_alive--;
    free(raw);
}

static struct raw_info info_of(uint64_t instance, uint64_t sequence)
{
    return (struct raw_info){
        .instance = instance,
        .sequence = sequence,
        .width = 640,
        .height = 480,
        .stride = 2560,
        .format = HEADCAM_RGBA,
    };
}

static struct raw_frame *make_raw(uint64_t instance, uint64_t sequence)
{
    struct raw_frame *raw = memory_zeroed(sizeof(*raw));
    raw->info = info_of(instance, sequence);
    raw->arrival_ns = raw->capture_ns = clock_mono_ns();
    raw->release = release_raw;
    raws_alive++;
    return raw;
}

static enum hub_verdict submit(const char *name, uint64_t instance, uint64_t sequence)
{
    return hub_submit(hub, name, make_raw(instance, sequence));
}

/* A frame that arrived some time ago, as if nothing was heard since. */
static enum hub_verdict submit_late(const char *name, uint64_t instance, uint64_t age_ns)
{
    struct raw_frame *raw = make_raw(instance, 1);
    raw->arrival_ns -= age_ns;
    return hub_submit(hub, name, raw);
}

static void release_frame(struct frame *frame)
{
    frames_alive--;
    free(frame);
}

static struct frame *make_frame(uint64_t sequence)
{
    struct frame *frame = memory_zeroed(sizeof(*frame));
    frame->jpeg = (const uint8_t *)"jpeg";
    frame->jpeg_bytes = 4;
    frame->sequence = sequence;
    frame->capture_ns = clock_mono_ns();
    frame_init(frame, release_frame);
    frames_alive++;
    return frame;
}

static enum hub_verdict submit_ready(const char *name, uint64_t instance, uint64_t sequence)
{
    const struct raw_info info = info_of(instance, sequence);
    return hub_submit_ready(hub, name, &info, make_frame(sequence));
}

static enum hub_verdict announce(const char *name, uint64_t instance, enum condition state)
{
    const struct announcement announcement = {
        .instance = instance, .state = state, .agent = "tester", .version = "1.2"};
    return hub_announce(hub, name, &announcement);
}

/* Takes a job and checks which: a raw frame's sequence. */
static struct hub_job take(uint64_t sequence)
{
    struct hub_job job;
    assert_true(hub_take_job(hub, &job));
    assert_non_null(job.raw);
    assert_int_equal(job.raw->info.sequence, sequence);
    return job;
}

static void finish(struct hub_job *job, enum hub_outcome outcome)
{
    bool has_frame = outcome == HUB_ENCODED || outcome == HUB_UNCHANGED;
    uint64_t sequence = job->raw ? job->raw->info.sequence : 0;
    hub_finish_job(hub, job, outcome, has_frame ? make_frame(sequence) : NULL);
    raw_release(job->raw);
}

static void assert_no_job(void)
{
    struct hub_job job;
    assert_false(hub_take_job(hub, &job));
}

/* ---- what the sender and /status see ---- */

static struct stream_report report_of(const char *name)
{
    struct stream_report found = {0};
    size_t count, hits = 0;
    struct stream_report *reports = hub_report(hub, &count);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(reports[i].name, name) == 0) {
            found = reports[i];
            hits++;
        }
    }
    free(reports);
    assert_int_equal(hits, 1);
    return found;
}

static void assert_listed(size_t count, const char *const *names)
{
    size_t listed;
    struct stream_report *reports = hub_report(hub, &listed);
    assert_int_equal(listed, count);
    for (size_t i = 0; i < count; i++)
        assert_string_equal(reports[i].name, names[i]);
    free(reports);
}

#define assert_streams(...)                                                                                  \
    assert_listed(sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *), (const char *[]){__VA_ARGS__})

static bool is_signalled(const struct wake *wake)
{
    struct pollfd item = {.fd = wake->fd, .events = POLLIN};
    bool is = poll(&item, 1, 0) == 1;
    wake_clear(wake);
    return is;
}

static void assert_told(unsigned kind, const char *name, millifps rate)
{
    struct upstream upstream;
    assert_true(hub_next_upstream(hub, &upstream));
    assert_int_equal(upstream.kind, kind);
    assert_string_equal(upstream.name, name);
    if (kind == UPSTREAM_RATE)
        assert_int_equal(upstream.rate, rate);
}

static void assert_nothing_told(void)
{
    struct upstream upstream;
    assert_false(hub_next_upstream(hub, &upstream));
}

static struct hub_view look(struct stream *stream, const struct hub_view *before)
{
    struct hub_view view = *before;
    hub_look(hub, stream, &view);
    return view;
}

static const struct hub_view NOTHING_SEEN;

/* ---- demand ---- */

TEST(nobody_watching_nothing_is_asked_of_producers)
{
    assert_int_equal(announce("front", 1, CONDITION_LIVE), HUB_TAKEN);
    assert_nothing_told();
    assert_true(hub_upstream_deadline(hub) == CLOCK_NEVER);
}

TEST(a_watched_stream_is_subscribed_and_its_rate_told_each_once)
{
    announce("front", 1, CONDITION_LIVE);
    is_signalled(hub_upstream_wake(hub));
    struct stream *stream = hub_watch(hub, "front");
    assert_true(is_signalled(hub_upstream_wake(hub)));
    assert_told(UPSTREAM_SUBSCRIBE, "front", 0);
    assert_told(UPSTREAM_RATE, "front", 0);
    assert_nothing_told();
    assert_ptr_equal(hub_watch(hub, "front"), stream);
    assert_nothing_told();
    assert_true(hub_upstream_deadline(hub) == CLOCK_NEVER);
}

TEST(a_stream_can_be_watched_before_its_producer_is_there)
{
    struct stream *stream = hub_watch(hub, "front");
    assert_told(UPSTREAM_SUBSCRIBE, "front", 0);
    assert_told(UPSTREAM_RATE, "front", 0);
    assert_streams();
    announce("front", 1, CONDITION_LIVE);
    assert_ptr_equal(hub_watch(hub, "front"), stream);
    assert_streams("front");
}

/* Waits for what is to be told, as the ingest thread does. */
static uint64_t wait_told(struct upstream *upstream)
{
    uint64_t deadline_ns = clock_mono_ns() + 5 * NS_PER_S;
    while (!hub_next_upstream(hub, upstream))
        assert_true(still_before(deadline_ns));
    return clock_mono_ns();
}

TEST(a_subscription_outlives_its_last_watcher_by_a_second)
{
    announce("front", 1, CONDITION_LIVE);
    struct stream *stream = hub_watch(hub, "front");
    assert_told(UPSTREAM_SUBSCRIBE, "front", 0);
    assert_told(UPSTREAM_RATE, "front", 0);
    uint64_t left_ns = clock_mono_ns();
    hub_unwatch(hub, stream);
    assert_true(is_signalled(hub_upstream_wake(hub)));
    assert_nothing_told();
    assert_in_range(hub_upstream_deadline(hub), left_ns + NS_PER_S, left_ns + 2 * NS_PER_S);
    struct upstream upstream;
    assert_true(wait_told(&upstream) >= left_ns + NS_PER_S);
    assert_int_equal(upstream.kind, UPSTREAM_UNSUBSCRIBE);
    assert_string_equal(upstream.name, "front");
    assert_nothing_told();
    assert_true(hub_upstream_deadline(hub) == CLOCK_NEVER);
    hub_watch(hub, "front");
    assert_told(UPSTREAM_SUBSCRIBE, "front", 0);
    assert_told(UPSTREAM_RATE, "front", 0);
}

TEST(who_comes_back_within_the_second_finds_the_subscription)
{
    announce("front", 1, CONDITION_LIVE);
    struct stream *stream = hub_watch(hub, "front");
    assert_told(UPSTREAM_SUBSCRIBE, "front", 0);
    assert_told(UPSTREAM_RATE, "front", 0);
    for (int i = 0; i < 10; i++) {
        hub_unwatch(hub, stream);
        assert_nothing_told();
        assert_ptr_equal(hub_watch(hub, "front"), stream);
        assert_nothing_told();
        assert_true(hub_upstream_deadline(hub) == CLOCK_NEVER);
    }
}

TEST(a_name_that_nobody_announced_is_forgotten_when_its_watcher_leaves)
{
    struct stream *stream = hub_watch(hub, "nonsense");
    hub_unwatch(hub, stream); /* never subscribed: freed at once, which a sanitizer would see */
    assert_nothing_told();
    stream = hub_watch(hub, "other");
    assert_told(UPSTREAM_SUBSCRIBE, "other", 0);
    assert_told(UPSTREAM_RATE, "other", 0);
    hub_unwatch(hub, stream);
    struct upstream upstream;
    wait_told(&upstream);
    assert_int_equal(upstream.kind, UPSTREAM_UNSUBSCRIBE);
    assert_nothing_told();
    assert_streams();
}

TEST(a_rate_is_told_when_it_changes)
{
    struct stream *stream = hub_watch(hub, "front");
    assert_told(UPSTREAM_SUBSCRIBE, "front", 0);
    hub_set_audience(hub, stream, 1, 15000);
    assert_told(UPSTREAM_RATE, "front", 15000);
    is_signalled(hub_upstream_wake(hub));
    hub_set_audience(hub, stream, 2, 15000);
    assert_false(is_signalled(hub_upstream_wake(hub)));
    assert_nothing_told();
    hub_set_audience(hub, stream, 3, 0);
    assert_true(is_signalled(hub_upstream_wake(hub)));
    assert_told(UPSTREAM_RATE, "front", 0);
    assert_nothing_told();
}

TEST(a_new_producer_is_told_the_rate_that_it_may_have_missed)
{
    struct stream *stream = hub_watch(hub, "front");
    hub_set_audience(hub, stream, 1, 5000);
    assert_told(UPSTREAM_SUBSCRIBE, "front", 0);
    assert_told(UPSTREAM_RATE, "front", 5000);
    announce("front", 1, CONDITION_LIVE);
    assert_told(UPSTREAM_RATE, "front", 5000);
    announce("front", 1, CONDITION_LIVE);
    assert_nothing_told();
    announce("front", 1, CONDITION_ENDED);
    announce("front", 2, CONDITION_LIVE);
    assert_told(UPSTREAM_RATE, "front", 5000);
    assert_nothing_told();
}

TEST(each_stream_has_its_own_demand)
{
    hub_watch(hub, "front");
    hub_watch(hub, "rear");
    announce("left", 1, CONDITION_LIVE);
    assert_told(UPSTREAM_SUBSCRIBE, "front", 0);
    assert_told(UPSTREAM_RATE, "front", 0);
    assert_told(UPSTREAM_SUBSCRIBE, "rear", 0);
    assert_told(UPSTREAM_RATE, "rear", 0);
    assert_nothing_told();
}

/* ---- frames and jobs ---- */

TEST(a_frame_that_nobody_watches_is_dropped_and_counted)
{
    assert_int_equal(submit("front", 1, 1), HUB_TAKEN);
    assert_int_equal(raws_alive, 0);
    assert_no_job();
    assert_int_equal(jobs_announced, 0);
    const struct stream_report report = report_of("front");
    assert_int_equal(report.received, 1);
    assert_int_equal(report.dropped, 1);
    assert_int_equal(report.condition, CONDITION_LIVE);
}

TEST(a_watched_frame_becomes_a_job_and_then_a_picture)
{
    struct stream *stream = hub_watch(hub, "front");
    is_signalled(hub_sender_wake(hub));
    submit("front", 1, 7);
    assert_int_equal(jobs_announced, 1);
    struct hub_job job = take(7);
    assert_ptr_equal(job.stream, stream);
    assert_null(job.codec);
    is_signalled(hub_sender_wake(hub));
    finish(&job, HUB_ENCODED);
    assert_true(is_signalled(hub_sender_wake(hub)));
    struct hub_view view = look(stream, &NOTHING_SEEN);
    assert_non_null(view.frame);
    assert_int_equal(view.frame->sequence, 7);
    assert_int_equal(view.frame_count, 1);
    assert_int_equal(view.picture_count, 1);
    frame_unref(&view.frame);
    assert_null(look(stream, &view).frame); /* nothing newer */
    assert_int_equal(report_of("front").encoded, 1);
    assert_int_equal(report_of("front").jpeg_bytes, 4);
}

TEST(at_most_one_raw_frame_waits_and_it_is_the_newest)
{
    hub_watch(hub, "front");
    for (uint64_t sequence = 1; sequence <= 100; sequence++) {
        submit("front", 1, sequence);
        assert_int_equal(raws_alive, 1);
    }
    struct hub_job job = take(100);
    assert_no_job();
    finish(&job, HUB_ENCODED);
    assert_int_equal(report_of("front").dropped, 99);
    assert_int_equal(report_of("front").received, 100);
}

TEST(a_stream_has_one_job_at_a_time)
{
    hub_watch(hub, "front");
    submit("front", 1, 1);
    struct hub_job job = take(1);
    submit("front", 1, 2);
    submit("front", 1, 3);
    assert_no_job();
    jobs_announced = 0;
    finish(&job, HUB_ENCODED);
    assert_int_equal(jobs_announced, 1); /* the one that waited */
    job = take(3);
    finish(&job, HUB_ENCODED);
    assert_int_equal(jobs_announced, 1);
    assert_no_job();
}

TEST(the_encoder_gets_its_codec_back_and_it_is_freed_with_the_stream)
{
    int codec;
    hub_watch(hub, "front");
    submit("front", 1, 1);
    struct hub_job job = take(1);
    job.codec = &codec;
    finish(&job, HUB_ENCODED);
    submit("front", 1, 2);
    job = take(2);
    assert_ptr_equal(job.codec, &codec);
    finish(&job, HUB_FAILED);
    create_again(NULL, 64);
    assert_int_equal(codecs_freed, 1);
}

TEST(streams_with_work_are_served_first_come_first)
{
    hub_watch(hub, "front");
    hub_watch(hub, "rear");
    submit("front", 1, 10);
    submit("rear", 2, 20);
    submit("front", 1, 11); /* newer, but its place in the queue is kept */
    struct hub_job first = take(11), second = take(20);
    submit("front", 1, 12);
    submit("rear", 2, 21);
    finish(&second, HUB_ENCODED);
    finish(&first, HUB_ENCODED);
    first = take(21);
    second = take(12);
    finish(&first, HUB_ENCODED);
    finish(&second, HUB_ENCODED);
    assert_no_job();
}

TEST(what_came_of_each_job_is_counted)
{
    struct stream *stream = hub_watch(hub, "front");
    const enum hub_outcome outcomes[] = {HUB_ENCODED, HUB_UNCHANGED, HUB_UNCHANGED, HUB_TORN,
                                         HUB_TORN,    HUB_TORN,      HUB_FAILED};
    for (size_t i = 0; i < COUNT(outcomes); i++) {
        submit("front", 1, i + 1);
        struct hub_job job = take(i + 1);
        finish(&job, outcomes[i]);
    }
    const struct stream_report report = report_of("front");
    assert_int_equal(report.received, 7);
    assert_int_equal(report.encoded, 1);
    assert_int_equal(report.unchanged, 2);
    assert_int_equal(report.torn, 3);
    assert_int_equal(report.dropped, 1);
    struct hub_view view = look(stream, &NOTHING_SEEN);
    assert_int_equal(view.frame_count, 3);
    assert_int_equal(view.picture_count, 1);
    assert_int_equal(view.frame->sequence, 3);
    frame_unref(&view.frame);
}

TEST(a_ready_jpeg_needs_no_job)
{
    struct stream *stream = hub_watch(hub, "front");
    assert_int_equal(submit_ready("front", 1, 5), HUB_TAKEN);
    assert_no_job();
    struct hub_view view = look(stream, &NOTHING_SEEN);
    assert_int_equal(view.frame->sequence, 5);
    assert_int_equal(view.picture_count, 1);
    frame_unref(&view.frame);
    assert_int_equal(report_of("front").passed, 1);
}

TEST(a_ready_jpeg_that_nobody_watches_is_dropped)
{
    submit_ready("front", 1, 5);
    assert_int_equal(frames_alive, 0);
    assert_int_equal(report_of("front").dropped, 1);
    assert_false(report_of("front").has_frame);
}

TEST(only_the_newest_picture_is_kept)
{
    hub_watch(hub, "front");
    for (uint64_t sequence = 1; sequence <= 10; sequence++)
        submit_ready("front", 1, sequence);
    assert_int_equal(frames_alive, 1);
}

TEST(a_raw_frame_is_dropped_with_its_last_watcher)
{
    struct stream *stream = hub_watch(hub, "front");
    submit("front", 1, 1);
    hub_unwatch(hub, stream);
    assert_int_equal(raws_alive, 0);
    assert_no_job();
}

TEST(a_job_may_end_after_everybody_left)
{
    struct stream *stream = hub_watch(hub, "front");
    submit("front", 1, 1);
    struct hub_job job = take(1);
    hub_unwatch(hub, stream);
    finish(&job, HUB_ENCODED);
    assert_int_equal(report_of("front").encoded, 1);
}

TEST(a_job_may_end_after_its_stream_was_forgotten)
{
    int codec;
    create_again(NULL, 1);
    struct stream *stream = hub_watch(hub, "front");
    submit("front", 1, 1);
    struct hub_job job = take(1);
    job.codec = &codec;
    hub_unwatch(hub, stream);
    announce("front", 1, CONDITION_ENDED);
    assert_int_equal(announce("rear", 2, CONDITION_LIVE), HUB_TAKEN); /* takes its place */
    assert_streams("rear");
    finish(&job, HUB_ENCODED);
    assert_int_equal(codecs_freed, 1);
    assert_int_equal(frames_alive, 0);
}

/* ---- producers ---- */

TEST(a_second_producer_of_a_name_is_refused_while_the_first_is_there)
{
    hub_watch(hub, "front");
    assert_int_equal(announce("front", 1, CONDITION_LIVE), HUB_TAKEN);
    assert_int_equal(announce("front", 2, CONDITION_LIVE), HUB_CONFLICT);
    assert_int_equal(submit("front", 2, 99), HUB_CONFLICT);
    assert_int_equal(submit_ready("front", 2, 99), HUB_CONFLICT);
    assert_no_job();
    assert_int_equal(raws_alive, 0);
    assert_int_equal(frames_alive, 0);
    const struct stream_report report = report_of("front");
    assert_int_equal(report.instance, 1);
    assert_int_equal(report.conflicts, 3);
    assert_int_equal(report.received, 0);
    assert_int_equal(announce("front", 1, CONDITION_LIVE), HUB_TAKEN);
}

TEST(a_goodbye_frees_the_name_at_once)
{
    announce("front", 1, CONDITION_LIVE);
    announce("front", 1, CONDITION_ENDED);
    assert_int_equal(announce("front", 2, CONDITION_STARTING), HUB_TAKEN);
    assert_int_equal(report_of("front").instance, 2);
    assert_int_equal(report_of("front").condition, CONDITION_STARTING);
    assert_int_equal(announce("front", 1, CONDITION_LIVE), HUB_CONFLICT);
}

TEST(a_frame_that_was_on_its_way_at_the_goodbye_does_not_bring_its_producer_back)
{
    announce("front", 1, CONDITION_LIVE);
    announce("front", 1, CONDITION_ENDED);
    submit("front", 1, 1);
    assert_int_equal(report_of("front").condition, CONDITION_ENDED);
}

TEST(a_new_producer_is_given_time_for_its_first_frame)
{
    no_signal_after_ns = NS_PER_S / 4;
    create_again(NULL, 64);
    no_signal_after_ns = 3 * NS_PER_S;
    struct stream *stream = hub_watch(hub, "front");
    announce("front", 1, CONDITION_LIVE);
    announce("front", 1, CONDITION_ENDED);
    const uint64_t gone_until_ns = clock_mono_ns() + NS_PER_S / 3;
    while (clock_mono_ns() < gone_until_ns)
        poll(NULL, 0, 1);
    announce("front", 2, CONDITION_LIVE);
    assert_int_equal(report_of("front").condition, CONDITION_LIVE);
    hub_unwatch(hub, stream);
}

TEST(a_silent_producer_loses_the_name)
{
    submit_late("front", 1, SILENT_NS);
    assert_int_equal(report_of("front").condition, CONDITION_LOST);
    assert_int_equal(submit("front", 2, 1), HUB_TAKEN);
    assert_int_equal(report_of("front").instance, 2);
    assert_int_equal(report_of("front").condition, CONDITION_LIVE);
}

TEST(a_producer_that_was_only_silent_goes_on)
{
    submit_late("front", 1, SILENT_NS);
    assert_int_equal(report_of("front").condition, CONDITION_LOST);
    assert_int_equal(announce("front", 1, CONDITION_LIVE), HUB_TAKEN);
    assert_int_equal(report_of("front").condition, CONDITION_LIVE);
}

TEST(a_new_producer_inherits_nothing_of_the_old_ones_words)
{
    const struct announcement old = {.instance = 1,
                                     .state = CONDITION_ENDED,
                                     .width = 640,
                                     .height = 480,
                                     .fps = 30,
                                     .format = HEADCAM_RGB,
                                     .reason = "old reason",
                                     .agent = "old agent"};
    hub_announce(hub, "front", &old);
    submit("front", 2, 1);
    const struct stream_report report = report_of("front");
    assert_string_equal(report.agent, "");
    assert_string_equal(report.reason, "");
    assert_true(report.nominal_fps == 0);
    assert_int_equal(report.format, HEADCAM_RGBA);
}

TEST(a_frame_announces_its_stream)
{
    assert_int_equal(submit("front", 1, 1), HUB_TAKEN);
    assert_streams("front");
    const struct stream_report report = report_of("front");
    assert_int_equal(report.width, 640);
    assert_int_equal(report.height, 480);
}

TEST(a_frame_says_more_than_an_announcement_that_is_starting)
{
    announce("front", 1, CONDITION_STARTING);
    assert_int_equal(report_of("front").condition, CONDITION_STARTING);
    submit("front", 1, 1);
    assert_int_equal(report_of("front").condition, CONDITION_LIVE);
}

static void announce_with_reason(enum condition state, const char *reason)
{
    struct announcement announcement = {.instance = 1, .state = state, .agent = "kit"};
    snprintf(announcement.reason, sizeof(announcement.reason), "%s", reason);
    assert_int_equal(hub_announce(hub, "front", &announcement), HUB_TAKEN);
}

TEST(what_is_said_of_a_live_picture_lasts_until_the_agent_says_otherwise)
{
    announce_with_reason(CONDITION_LIVE, "the picture is black");
    submit("front", 1, 1);
    submit_ready("front", 1, 2);
    assert_int_equal(report_of("front").condition, CONDITION_LIVE);
    assert_string_equal(report_of("front").reason, "the picture is black");
    announce_with_reason(CONDITION_LIVE, "");
    assert_string_equal(report_of("front").reason, "");
}

TEST(a_first_frame_ends_the_reason_why_there_was_none)
{
    announce_with_reason(CONDITION_STARTING, "warming up");
    assert_string_equal(report_of("front").reason, "warming up");
    submit("front", 1, 1);
    assert_string_equal(report_of("front").reason, "");
}

TEST(the_hub_knows_whose_a_stream_is)
{
    announce("front", 1, CONDITION_LIVE);
    hub_watch(hub, "rear");
    assert_true(hub_has_producer(hub, "front", 1));
    assert_false(hub_has_producer(hub, "front", 2));
    assert_false(hub_has_producer(hub, "rear", 1));
    assert_false(hub_has_producer(hub, "rear", 0));
    assert_false(hub_has_producer(hub, "left", 1));
}

/* ---- limits ---- */

TEST(one_stream_too_many_is_refused)
{
    create_again(NULL, 2);
    assert_int_equal(announce("a", 1, CONDITION_LIVE), HUB_TAKEN);
    assert_int_equal(announce("b", 2, CONDITION_LIVE), HUB_TAKEN);
    assert_int_equal(announce("c", 3, CONDITION_LIVE), HUB_LIMIT);
    assert_int_equal(submit("c", 3, 1), HUB_LIMIT);
    assert_int_equal(submit_ready("c", 3, 1), HUB_LIMIT);
    assert_int_equal(announce("b", 2, CONDITION_LIVE), HUB_TAKEN);
    assert_streams("a", "b");
}

TEST(a_stream_that_is_gone_gives_way_the_longest_gone_first)
{
    create_again(NULL, 3);
    submit_late("a", 1, SILENT_NS);
    submit_late("b", 2, 2 * SILENT_NS);
    announce("c", 3, CONDITION_LIVE);
    assert_int_equal(announce("d", 4, CONDITION_LIVE), HUB_TAKEN);
    assert_streams("a", "c", "d");
    assert_int_equal(announce("e", 5, CONDITION_LIVE), HUB_TAKEN);
    assert_streams("c", "d", "e");
    assert_int_equal(announce("f", 6, CONDITION_LIVE), HUB_LIMIT);
}

TEST(a_stream_that_is_gone_but_watched_does_not_give_way)
{
    create_again(NULL, 1);
    announce("a", 1, CONDITION_ENDED);
    hub_watch(hub, "a");
    assert_int_equal(announce("b", 2, CONDITION_LIVE), HUB_LIMIT);
    assert_int_equal(announce("a", 3, CONDITION_LIVE), HUB_TAKEN);
}

TEST(watched_names_that_nobody_announced_do_not_count)
{
    create_again(NULL, 1);
    hub_watch(hub, "x");
    hub_watch(hub, "y");
    assert_int_equal(announce("a", 1, CONDITION_LIVE), HUB_TAKEN);
    assert_int_equal(announce("x", 2, CONDITION_LIVE), HUB_LIMIT);
}

/* ---- the default stream ---- */

static void assert_default(const char *expected)
{
    char name[NAME_BYTES] = "";
    assert_int_equal(hub_default_name(hub, name), expected != NULL);
    assert_int_equal(hub_has_default(hub), expected != NULL);
    if (expected)
        assert_string_equal(name, expected);
}

TEST(without_a_name_the_first_announced_stream_is_the_default)
{
    assert_default(NULL);
    hub_watch(hub, "watched-only");
    assert_default(NULL);
    announce("front", 1, CONDITION_STARTING);
    announce("rear", 2, CONDITION_LIVE);
    assert_default("front");
    assert_ptr_equal(hub_watch(hub, NULL), hub_watch(hub, "front"));
}

TEST(streams_are_listed_in_the_order_of_their_announcement_not_of_their_watching)
{
    hub_watch(hub, "rear");
    announce("front", 1, CONDITION_LIVE);
    announce("rear", 2, CONDITION_LIVE);
    announce("front", 1, CONDITION_LIVE);
    assert_streams("front", "rear");
    assert_default("front");
}

TEST(a_named_default_is_the_default_even_before_it_is_announced)
{
    create_again("main", 64);
    assert_default("main");
    announce("front", 1, CONDITION_LIVE);
    assert_default("main");
    struct stream *stream = hub_watch(hub, NULL);
    assert_false(hub_is_lobby(hub, stream));
    assert_ptr_equal(stream, hub_watch(hub, "main"));
    assert_told(UPSTREAM_SUBSCRIBE, "main", 0);
}

TEST(before_any_stream_viewers_wait_in_the_lobby)
{
    struct stream *lobby = hub_watch(hub, NULL);
    assert_true(hub_is_lobby(hub, lobby));
    assert_nothing_told();
    is_signalled(hub_sender_wake(hub));
    announce("front", 1, CONDITION_LIVE);
    assert_true(is_signalled(hub_sender_wake(hub))); /* they should move */
    assert_true(hub_has_default(hub));
    assert_false(hub_is_lobby(hub, hub_watch(hub, NULL)));
    hub_unwatch(hub, lobby);
    assert_streams("front");
}

TEST(a_stream_that_is_gone_stays_the_default_until_it_is_forgotten)
{
    create_again(NULL, 2);
    announce("front", 1, CONDITION_LIVE);
    announce("rear", 2, CONDITION_LIVE);
    announce("front", 1, CONDITION_ENDED);
    assert_default("front");
    announce("left", 3, CONDITION_LIVE); /* takes its place */
    assert_default("rear");
}

/* ---- the end of streams ---- */

TEST(a_stream_without_a_producer_is_forgotten_after_a_while)
{
    submit_late("gone", 1, 61 * NS_PER_S);
    submit_late("lost", 2, 59 * NS_PER_S);
    announce("live", 3, CONDITION_LIVE);
    assert_streams("gone", "lost", "live");
    hub_tick(hub);
    assert_streams("lost", "live");
}

TEST(watchers_of_a_forgotten_stream_see_its_producer_return)
{
    struct stream *stream = hub_watch(hub, "front");
    submit_late("front", 1, 61 * NS_PER_S);
    struct hub_job job = take(1);
    finish(&job, HUB_ENCODED);
    hub_tick(hub);
    assert_streams();
    submit("front", 2, 8);
    job = take(8);
    finish(&job, HUB_ENCODED);
    struct hub_view view = look(stream, &NOTHING_SEEN);
    assert_int_equal(view.frame->sequence, 8);
    frame_unref(&view.frame);
    assert_streams("front");
}

/* ---- conditions and explanations ---- */

TEST(a_watcher_knows_whether_a_frame_is_to_be_expected)
{
    struct stream *stream = hub_watch(hub, "front");
    assert_false(look(stream, &NOTHING_SEEN).expect_soon);
    announce("front", 1, CONDITION_STARTING);
    assert_false(look(stream, &NOTHING_SEEN).expect_soon);
    announce("front", 1, CONDITION_LIVE);
    assert_true(look(stream, &NOTHING_SEEN).expect_soon);
}

TEST(a_slow_stream_is_given_the_time_of_a_frame_more)
{
    struct stream *stream = hub_watch(hub, "front");
    assert_int_equal(look(stream, &NOTHING_SEEN).no_signal_after_ns, 3 * NS_PER_S);
    const struct announcement slow = {.instance = 1, .state = CONDITION_LIVE, .fps = 0.5};
    hub_announce(hub, "front", &slow);
    assert_int_equal(look(stream, &NOTHING_SEEN).no_signal_after_ns, 5 * NS_PER_S);
    hub_set_audience(hub, stream, 1, 100);
    assert_int_equal(look(stream, &NOTHING_SEEN).no_signal_after_ns, 13 * NS_PER_S);
}

static void assert_explained(struct stream *stream, const char *expected)
{
    char text[2 * EXPLAIN_BYTES];
    hub_explain(hub, stream, text);
    assert_string_equal(text, expected);
}

TEST(why_there_is_no_picture_is_explained_with_the_next_step)
{
    struct stream *lobby = hub_watch(hub, NULL), *stream = hub_watch(hub, "front");
    assert_explained(lobby, "no agent is connected; start one: headcam-agent testcard "
                            "--endpoint ipc:///tmp/test.sock");
    assert_explained(stream, "no agent has announced stream 'front'; start one: headcam-agent testcard "
                             "--name front --endpoint ipc:///tmp/test.sock");
    announce("front", 1, CONDITION_STARTING);
    assert_explained(stream, "the agent is starting: no frame yet");
    announce("front", 1, CONDITION_STALLED);
    assert_explained(stream, "tester answers, but sends no frames; is the simulation paused?");
    announce("front", 1, CONDITION_LIVE);
    assert_explained(stream, "no frame came in time");
    announce("front", 1, CONDITION_ENDED);
    assert_explained(stream, "tester ended");
}

TEST(a_lost_stream_is_lost_since_it_was_last_heard)
{
    uint64_t before_ns = clock_real_ns();
    submit_late("front", 1, 10 * NS_PER_S);
    const struct stream_report report = report_of("front");
    assert_int_equal(report.condition, CONDITION_LOST);
    assert_string_equal(report.reason, "the agent went silent");
    assert_in_range(report.since_real_ns, before_ns, clock_real_ns());
}

TEST(a_report_tells_everything_of_a_stream)
{
    struct announcement announcement = {.instance = 0xabc,
                                        .state = CONDITION_LIVE,
                                        .width = 640,
                                        .height = 480,
                                        .fps = 29.97,
                                        .format = HEADCAM_BGRA,
                                        .agent = "kit",
                                        .version = "4.5",
                                        .transport_reason = "/dev/shm is full"};
    hub_announce(hub, "front", &announcement);
    struct stream_report report = report_of("front");
    assert_int_equal(report.instance, 0xabc);
    assert_int_equal(report.format, HEADCAM_BGRA);
    assert_float_equal(report.nominal_fps, 29.97, 1e-9);
    assert_string_equal(report.agent, "kit");
    assert_string_equal(report.version, "4.5");
    assert_string_equal(report.transport_reason, "/dev/shm is full");
    assert_int_equal(report.location, HEADCAM_INLINE);
    assert_false(report.has_frame);
    assert_false(report.wanted);

    struct stream *stream = hub_watch(hub, "front");
    hub_set_audience(hub, stream, 3, 15000);
    submit_ready("front", 0xabc, 1);
    report = report_of("front");
    assert_true(report.has_frame);
    assert_true(report.age_ns < NS_PER_S);
    assert_true(report.wanted);
    assert_int_equal(report.viewers, 3);
    assert_int_equal(report.wanted_rate, 15000);
    hub_unwatch(hub, stream);
    assert_int_equal(report_of("front").viewers, 0);
}

TEST(the_server_may_say_why_frames_come_inline)
{
    announce("front", 1, CONDITION_LIVE);
    hub_set_transport_reason(hub, "front", "no such ring");
    hub_set_transport_reason(hub, "nobody", "ignored");
    assert_string_equal(report_of("front").transport_reason, "no such ring");
}

/* ---- no-signal pictures ---- */

static struct hub_job take_notice(void)
{
    struct hub_job job;
    assert_true(hub_take_job(hub, &job));
    assert_null(job.raw);
    return job;
}

TEST(a_no_signal_picture_is_a_job_that_says_what_is_missing)
{
    struct stream *stream = hub_watch(hub, "front");
    assert_true(hub_request_notice(hub, stream));
    assert_int_equal(jobs_announced, 1);
    struct hub_job job = take_notice();
    assert_string_equal(job.notice.title, "Waiting for an agent");
    assert_string_equal(job.notice.reason, "no agent has announced stream 'front'");
    assert_memory_equal(job.notice.since, "front: since ", 13);
    assert_non_null(strstr(job.notice.since, " UTC, for "));
    assert_int_equal(job.notice.width, 1280);
    assert_int_equal(job.notice.height, 720);
    is_signalled(hub_sender_wake(hub));
    finish(&job, HUB_ENCODED);
    assert_true(is_signalled(hub_sender_wake(hub)));
    struct hub_view view = look(stream, &NOTHING_SEEN);
    assert_non_null(view.notice);
    assert_null(view.frame);
    assert_int_equal(view.notice_count, 1);
    frame_unref(&view.notice);
    assert_null(look(stream, &view).notice);
}

TEST(what_is_said_of_a_live_picture_is_not_why_there_is_none)
{
    announce_with_reason(CONDITION_LIVE, "the picture is black");
    struct stream *stream = hub_watch(hub, "front");
    assert_explained(stream, "no frame came in time");
    assert_true(hub_request_notice(hub, stream));
    struct hub_job job = take_notice();
    assert_string_equal(job.notice.title, "Waiting for a frame");
    assert_string_equal(job.notice.reason, "");
    finish(&job, HUB_ENCODED);
}

TEST(a_live_stream_that_stalls_is_explained_by_that_and_not_by_what_was_said_of_its_picture)
{
    no_signal_after_ns = NS_PER_MS;
    create_again(NULL, 64);
    no_signal_after_ns = 3 * NS_PER_S;
    announce_with_reason(CONDITION_LIVE, "the picture is black");
    struct stream *stream = hub_watch(hub, "front");
    const uint64_t deadline_ns = clock_mono_ns() + 5 * NS_PER_S;
    while (report_of("front").condition != CONDITION_STALLED)
        assert_true(still_before(deadline_ns));
    assert_string_equal(report_of("front").reason, "kit answers, but sends no frames");
    assert_explained(stream, "kit answers, but sends no frames; is the simulation paused?");
    announce_with_reason(CONDITION_STALLED, "the renderer is off");
    assert_explained(stream, "the renderer is off");
    hub_unwatch(hub, stream);
}

TEST(a_no_signal_picture_has_the_streams_size_within_bounds)
{
    static const uint32_t sizes[][4] = {{640, 480, 640, 480},
                                        {1, 1, 16, 16},
                                        {65500, 65500, 4096, 4096},
                                        {0, 0, 1280, 720},
                                        {4096, 8, 4096, 16}};
    struct stream *stream = hub_watch(hub, "front");
    for (size_t i = 0; i < COUNT(sizes); i++) {
        const struct announcement announcement = {
            .instance = 1, .state = CONDITION_STARTING, .width = sizes[i][0], .height = sizes[i][1]};
        hub_announce(hub, "front", &announcement);
        assert_true(hub_request_notice(hub, stream));
        struct hub_job job = take_notice();
        assert_int_equal(job.notice.width, sizes[i][2]);
        assert_int_equal(job.notice.height, sizes[i][3]);
        finish(&job, HUB_ENCODED);
    }
}

TEST(a_frame_goes_before_a_no_signal_picture)
{
    struct stream *stream = hub_watch(hub, "front");
    hub_request_notice(hub, stream);
    submit("front", 1, 1);
    struct hub_job job = take(1);
    assert_no_job();
    finish(&job, HUB_ENCODED);
    job = take_notice();
    finish(&job, HUB_ENCODED);
    assert_no_job();
}

TEST(a_no_signal_picture_comes_even_if_frame_after_frame_comes_to_nothing)
{
    struct stream *stream = hub_watch(hub, "front");
    submit("front", 1, 1);
    struct hub_job job = take(1);
    submit("front", 1, 2);
    hub_request_notice(hub, stream);
    finish(&job, HUB_TORN);
    job = take_notice();
    submit("front", 1, 3);
    finish(&job, HUB_ENCODED);
    job = take(3);
    finish(&job, HUB_ENCODED);
}

TEST(the_same_no_signal_picture_is_not_drawn_twice)
{
    struct stream *stream = hub_watch(hub, "front");
    struct hub_job job;
    /* The text changes when a second passes; of three requests in a row, at most one meets that. */
    int drawn = 0;
    for (int i = 0; i < 3; i++) {
        if (hub_request_notice(hub, stream)) {
            drawn++;
            job = take_notice();
            finish(&job, HUB_ENCODED);
        }
    }
    assert_in_range(drawn, 1, 2);
    announce("front", 1, CONDITION_STARTING);
    assert_true(hub_request_notice(hub, stream));
    job = take_notice();
    assert_string_equal(job.notice.title, "Starting");
    finish(&job, HUB_ENCODED);
}

TEST(a_no_signal_picture_that_was_given_up_is_asked_for_again)
{
    struct stream *stream = hub_watch(hub, "front");
    announce("front", 1, CONDITION_STALLED);
    hub_request_notice(hub, stream);
    struct hub_job job = take_notice();
    finish(&job, HUB_ENCODED);
    announce("front", 1, CONDITION_ENDED);
    assert_true(hub_request_notice(hub, stream));
    hub_unwatch(hub, stream); /* nobody wants it any more */
    assert_no_job();
    hub_watch(hub, "front");
    assert_true(hub_request_notice(hub, stream)); /* the one there is says something else */
    job = take_notice();
    assert_string_equal(job.notice.title, "Stream ended");
    finish(&job, HUB_ENCODED);
}

TEST(a_no_signal_picture_that_came_to_nothing_is_asked_for_again)
{
    struct stream *stream = hub_watch(hub, "front");
    for (enum condition state = CONDITION_STARTING; state <= CONDITION_STALLED; state++) {
        announce("front", 1, state);
        assert_true(hub_request_notice(hub, stream));
        struct hub_job job = take_notice();
        finish(&job, HUB_FAILED);
        const struct hub_view all_seen = {.frame_count = UINT64_MAX, .notice_count = UINT64_MAX};
        assert_int_equal(look(stream, &all_seen).notice_count, state - CONDITION_STARTING);
        assert_true(hub_request_notice(hub, stream));
        job = take_notice();
        finish(&job, HUB_ENCODED);
    }
}

TEST(the_lobby_has_a_no_signal_picture_too)
{
    struct stream *lobby = hub_watch(hub, NULL);
    assert_true(hub_request_notice(hub, lobby));
    struct hub_job job = take_notice();
    assert_string_equal(job.notice.reason, "no agent is connected");
    assert_memory_equal(job.notice.since, "since ", 6);
    finish(&job, HUB_ENCODED);
    struct hub_view view = look(lobby, &NOTHING_SEEN);
    assert_non_null(view.notice);
    frame_unref(&view.notice);
}

TEST(what_is_dropped_of_the_input_is_counted_by_reason)
{
    struct intake *intake = hub_intake(hub);
    for (int i = 0; i < REJECT_REASONS; i++) {
        assert_int_equal(intake->rejected[i], 0);
        assert_non_null(reject_name((enum reject)i));
        for (int other = 0; other < i; other++)
            assert_string_not_equal(reject_name((enum reject)i), reject_name((enum reject)other));
    }
}

#define WITH_HUB(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_HUB(nobody_watching_nothing_is_asked_of_producers),
        WITH_HUB(a_watched_stream_is_subscribed_and_its_rate_told_each_once),
        WITH_HUB(a_stream_can_be_watched_before_its_producer_is_there),
        WITH_HUB(a_subscription_outlives_its_last_watcher_by_a_second),
        WITH_HUB(who_comes_back_within_the_second_finds_the_subscription),
        WITH_HUB(a_name_that_nobody_announced_is_forgotten_when_its_watcher_leaves),
        WITH_HUB(a_rate_is_told_when_it_changes),
        WITH_HUB(a_new_producer_is_told_the_rate_that_it_may_have_missed),
        WITH_HUB(each_stream_has_its_own_demand),
        WITH_HUB(a_frame_that_nobody_watches_is_dropped_and_counted),
        WITH_HUB(a_watched_frame_becomes_a_job_and_then_a_picture),
        WITH_HUB(at_most_one_raw_frame_waits_and_it_is_the_newest),
        WITH_HUB(a_stream_has_one_job_at_a_time),
        WITH_HUB(the_encoder_gets_its_codec_back_and_it_is_freed_with_the_stream),
        WITH_HUB(streams_with_work_are_served_first_come_first),
        WITH_HUB(what_came_of_each_job_is_counted),
        WITH_HUB(a_ready_jpeg_needs_no_job),
        WITH_HUB(a_ready_jpeg_that_nobody_watches_is_dropped),
        WITH_HUB(only_the_newest_picture_is_kept),
        WITH_HUB(a_raw_frame_is_dropped_with_its_last_watcher),
        WITH_HUB(a_job_may_end_after_everybody_left),
        WITH_HUB(a_job_may_end_after_its_stream_was_forgotten),
        WITH_HUB(a_second_producer_of_a_name_is_refused_while_the_first_is_there),
        WITH_HUB(a_goodbye_frees_the_name_at_once),
        WITH_HUB(a_frame_that_was_on_its_way_at_the_goodbye_does_not_bring_its_producer_back),
        WITH_HUB(a_new_producer_is_given_time_for_its_first_frame),
        WITH_HUB(a_silent_producer_loses_the_name),
        WITH_HUB(a_producer_that_was_only_silent_goes_on),
        WITH_HUB(a_new_producer_inherits_nothing_of_the_old_ones_words),
        WITH_HUB(a_frame_announces_its_stream),
        WITH_HUB(a_frame_says_more_than_an_announcement_that_is_starting),
        WITH_HUB(what_is_said_of_a_live_picture_lasts_until_the_agent_says_otherwise),
        WITH_HUB(a_first_frame_ends_the_reason_why_there_was_none),
        WITH_HUB(the_hub_knows_whose_a_stream_is),
        WITH_HUB(one_stream_too_many_is_refused),
        WITH_HUB(a_stream_that_is_gone_gives_way_the_longest_gone_first),
        WITH_HUB(a_stream_that_is_gone_but_watched_does_not_give_way),
        WITH_HUB(watched_names_that_nobody_announced_do_not_count),
        WITH_HUB(without_a_name_the_first_announced_stream_is_the_default),
        WITH_HUB(streams_are_listed_in_the_order_of_their_announcement_not_of_their_watching),
        WITH_HUB(a_named_default_is_the_default_even_before_it_is_announced),
        WITH_HUB(before_any_stream_viewers_wait_in_the_lobby),
        WITH_HUB(a_stream_that_is_gone_stays_the_default_until_it_is_forgotten),
        WITH_HUB(a_stream_without_a_producer_is_forgotten_after_a_while),
        WITH_HUB(watchers_of_a_forgotten_stream_see_its_producer_return),
        WITH_HUB(a_watcher_knows_whether_a_frame_is_to_be_expected),
        WITH_HUB(a_slow_stream_is_given_the_time_of_a_frame_more),
        WITH_HUB(why_there_is_no_picture_is_explained_with_the_next_step),
        WITH_HUB(a_lost_stream_is_lost_since_it_was_last_heard),
        WITH_HUB(a_report_tells_everything_of_a_stream),
        WITH_HUB(the_server_may_say_why_frames_come_inline),
        WITH_HUB(a_no_signal_picture_is_a_job_that_says_what_is_missing),
        WITH_HUB(what_is_said_of_a_live_picture_is_not_why_there_is_none),
        WITH_HUB(a_live_stream_that_stalls_is_explained_by_that_and_not_by_what_was_said_of_its_picture),
        WITH_HUB(a_no_signal_picture_has_the_streams_size_within_bounds),
        WITH_HUB(a_frame_goes_before_a_no_signal_picture),
        WITH_HUB(a_no_signal_picture_comes_even_if_frame_after_frame_comes_to_nothing),
        WITH_HUB(the_same_no_signal_picture_is_not_drawn_twice),
        WITH_HUB(a_no_signal_picture_that_was_given_up_is_asked_for_again),
        WITH_HUB(a_no_signal_picture_that_came_to_nothing_is_asked_for_again),
        WITH_HUB(the_lobby_has_a_no_signal_picture_too),
        WITH_HUB(what_is_dropped_of_the_input_is_counted_by_reason),
    };
    log_set_level(LOG_WARN);
    return cmocka_run_group_tests_name("stream/hub", tests, NULL, NULL);
}
