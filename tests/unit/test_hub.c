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
enum { MAX_VARIANTS = 4, QUALITY = 80 };
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
        .max_variants = MAX_VARIANTS,
        .quality = QUALITY,
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
    frame->data = (const uint8_t *)"jpeg";
    frame->data_bytes = 4;
    frame->sequence = sequence;
    frame->capture_ns = clock_mono_ns();
    frame_init(frame, release_frame);
    frames_alive++;
    return frame;
}

static enum hub_verdict submit_ready(const char *name, uint64_t instance, uint64_t sequence)
{
    struct raw_frame *raw = make_raw(instance, sequence);
    raw->info.format = HEADCAM_JPEG;
    return hub_submit_ready(hub, name, raw, make_frame(sequence));
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

/* All outputs come to the same. */
static void finish(struct hub_job *job, enum hub_outcome outcome)
{
    bool has_frame = outcome == HUB_ENCODED || outcome == HUB_UNCHANGED;
    for (size_t i = 0; i < job->count; i++) {
        struct frame *frame = has_frame ? make_frame(job->raw ? job->raw->info.sequence : 0) : NULL;
        if (frame && job->raw)
            frame->capture_ns = job->raw->capture_ns;
        hub_publish(hub, job, i, outcome, frame);
    }
    hub_finish_job(hub, job);
    raw_release(job->raw);
}

static void assert_no_job(void)
{
    struct hub_job job;
    assert_false(hub_take_job(hub, &job));
}

/* ---- the sender ---- */

static const struct variant_settings AS_IT_IS;

static void set_audience(struct watch *watched, size_t viewers, millifps rate)
{
    const struct audience audience = {.viewers = viewers, .rate = rate};
    hub_set_audience(hub, watched, &audience);
}

static struct watch *watch_as(const char *name, uint32_t width, uint32_t quality, millifps rate)
{
    const struct variant_settings settings = {.width = width, .quality = quality};
    struct watch *made = hub_watch(hub, name, &settings);
    assert_non_null(made);
    set_audience(made, 1, rate);
    return made;
}

/* One viewer that wants every frame; NULL for the default stream. */
static struct watch *watch(const char *name)
{
    return watch_as(name, 0, 0, 0);
}

static void leave(struct watch *watched)
{
    set_audience(watched, 0, 0);
    hub_unwatch(hub, watched);
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

static uint64_t counted(const char *name, enum tally_kind kind)
{
    return report_of(name).tally.counts[kind];
}

static uint64_t total(enum tally_kind kind)
{
    struct tally_view totals;
    hub_totals(hub, &totals);
    return totals.counts[kind];
}

/* What became of all frames that were received, but for those that wait or are at work. */
static uint64_t total_ended(void)
{
    uint64_t ended = 0;
    for (int kind = TALLY_ENCODED; kind <= TALLY_FAILED; kind++)
        ended += total((enum tally_kind)kind);
    return ended;
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

static struct hub_view look(struct watch *watched, const struct hub_view *before)
{
    struct hub_view view = *before;
    hub_look(hub, watched, &view);
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
    struct watch *stream = watch("front");
    assert_true(is_signalled(hub_upstream_wake(hub)));
    assert_told(UPSTREAM_SUBSCRIBE, "front", 0);
    assert_told(UPSTREAM_RATE, "front", 0);
    assert_nothing_told();
    assert_ptr_equal(watch("front"), stream);
    assert_nothing_told();
    assert_true(hub_upstream_deadline(hub) == CLOCK_NEVER);
}

TEST(a_stream_can_be_watched_before_its_producer_is_there)
{
    struct watch *stream = watch("front");
    assert_nothing_told(); /* or any viewer could have any agent told anything */
    assert_streams();
    is_signalled(hub_upstream_wake(hub));
    announce("front", 1, CONDITION_STARTING);
    assert_true(is_signalled(hub_upstream_wake(hub)));
    assert_told(UPSTREAM_SUBSCRIBE, "front", 0);
    assert_told(UPSTREAM_RATE, "front", 0);
    assert_ptr_equal(watch("front"), stream);
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
    struct watch *stream = watch("front");
    assert_told(UPSTREAM_SUBSCRIBE, "front", 0);
    assert_told(UPSTREAM_RATE, "front", 0);
    uint64_t left_ns = clock_mono_ns();
    leave(stream);
    assert_true(is_signalled(hub_upstream_wake(hub)));
    assert_nothing_told();
    assert_in_range(hub_upstream_deadline(hub), left_ns + NS_PER_S, left_ns + 2 * NS_PER_S);
    struct upstream upstream;
    assert_true(wait_told(&upstream) >= left_ns + NS_PER_S);
    assert_int_equal(upstream.kind, UPSTREAM_UNSUBSCRIBE);
    assert_string_equal(upstream.name, "front");
    assert_nothing_told();
    assert_true(hub_upstream_deadline(hub) == CLOCK_NEVER);
    watch("front");
    assert_told(UPSTREAM_SUBSCRIBE, "front", 0);
    assert_told(UPSTREAM_RATE, "front", 0);
}

static void set_edges(struct watch *watched, size_t edges, millifps rate)
{
    const struct audience audience = {.edges = edges, .rate = rate};
    hub_set_audience(hub, watched, &audience);
}

TEST(edges_are_demand_but_no_viewers)
{
    announce("front", 1, CONDITION_LIVE);
    struct watch *apart = hub_watch_apart(hub, "front");
    assert_nothing_told();
    set_edges(apart, 2, 10000);
    assert_told(UPSTREAM_SUBSCRIBE, "front", 10000);
    assert_told(UPSTREAM_RATE, "front", 10000);
    struct stream_report report = report_of("front");
    assert_int_equal(report.viewers, 0);
    assert_int_equal(report.edges, 2);
    assert_true(report.wanted);
    submit("front", 1, 1);
    struct hub_job job = take(1);
    finish(&job, HUB_ENCODED);

    /* A viewer shares its watch with other viewers, not with edges; the rate is the faster one's. */
    struct watch *stream = watch_as("front", 0, 0, 20000);
    assert_ptr_not_equal(stream, apart);
    assert_told(UPSTREAM_RATE, "front", 20000);
    assert_int_equal(report_of("front").viewers, 1);
    leave(stream);
    assert_told(UPSTREAM_RATE, "front", 10000);
    hub_unwatch(hub, apart);
}

TEST(what_edges_alone_wanted_ends_at_once)
{
    announce("front", 1, CONDITION_LIVE);
    struct watch *apart = hub_watch_apart(hub, "front");
    set_edges(apart, 1, 0);
    assert_told(UPSTREAM_SUBSCRIBE, "front", 0);
    assert_told(UPSTREAM_RATE, "front", 0);
    set_edges(apart, 0, 0);
    assert_told(UPSTREAM_UNSUBSCRIBE, "front", 0);
    assert_nothing_told();
    hub_unwatch(hub, apart);
}

TEST(what_was_forwarded_from_here_is_refused)
{
    struct announcement announcement = {.instance = 1, .state = CONDITION_LIVE, .is_forwarded = true};
    announcement.via[0] = hub_id(hub) ^ 1;
    announcement.via_count = 1;
    assert_int_equal(hub_announce(hub, "front", &announcement), HUB_TAKEN);
    struct stream_report report = report_of("front");
    assert_int_equal(report.via_count, 1);
    assert_true(report.via[0] == announcement.via[0]);
    announcement.via[1] = hub_id(hub);
    announcement.via_count = 2;
    assert_int_equal(hub_announce(hub, "rear", &announcement), HUB_LOOP);
    assert_streams("front");
}

TEST(who_comes_back_within_the_second_finds_the_subscription)
{
    announce("front", 1, CONDITION_LIVE);
    struct watch *stream = watch("front");
    assert_told(UPSTREAM_SUBSCRIBE, "front", 0);
    assert_told(UPSTREAM_RATE, "front", 0);
    for (int i = 0; i < 10; i++) {
        leave(stream);
        assert_nothing_told();
        stream = watch("front");
        assert_nothing_told();
        assert_true(hub_upstream_deadline(hub) == CLOCK_NEVER);
    }
}

TEST(a_name_that_nobody_announced_is_forgotten_when_its_watcher_leaves)
{
    struct watch *stream = watch("nonsense");
    assert_nothing_told();
    leave(stream); /* freed at once, which a sanitizer would see */
    assert_nothing_told();
    assert_streams();
}

TEST(a_rate_is_told_when_it_changes)
{
    announce("front", 1, CONDITION_LIVE);
    struct watch *stream = watch("front");
    assert_told(UPSTREAM_SUBSCRIBE, "front", 0);
    set_audience(stream, 1, 15000);
    assert_told(UPSTREAM_RATE, "front", 15000);
    is_signalled(hub_upstream_wake(hub));
    set_audience(stream, 2, 15000);
    assert_false(is_signalled(hub_upstream_wake(hub)));
    assert_nothing_told();
    set_audience(stream, 3, 0);
    assert_true(is_signalled(hub_upstream_wake(hub)));
    assert_told(UPSTREAM_RATE, "front", 0);
    assert_nothing_told();
}

TEST(a_new_producer_is_told_the_rate_that_it_may_have_missed)
{
    struct watch *stream = watch("front");
    set_audience(stream, 1, 5000);
    announce("front", 1, CONDITION_LIVE);
    assert_told(UPSTREAM_SUBSCRIBE, "front", 0);
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
    watch("front");
    watch("rear");
    announce("left", 1, CONDITION_LIVE);
    announce("front", 2, CONDITION_LIVE);
    announce("rear", 3, CONDITION_LIVE);
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
    assert_int_equal(report.tally.counts[TALLY_RECEIVED], 1);
    assert_int_equal(report.tally.counts[TALLY_UNWANTED], 1);
    assert_int_equal(report.condition, CONDITION_LIVE);
}

TEST(a_watched_frame_becomes_a_job_and_then_a_picture)
{
    struct watch *stream = watch("front");
    is_signalled(hub_sender_wake(hub));
    submit("front", 1, 7);
    assert_int_equal(jobs_announced, 1);
    struct hub_job job = take(7);
    assert_int_equal(job.count, 1);
    assert_null(job.outputs[0].codec);
    is_signalled(hub_sender_wake(hub));
    finish(&job, HUB_ENCODED);
    assert_true(is_signalled(hub_sender_wake(hub)));
    struct hub_view view = look(stream, &NOTHING_SEEN);
    assert_non_null(view.frame);
    assert_int_equal(view.frame->sequence, 7);
    assert_int_equal(view.frame_serial, 1);
    assert_int_equal(view.picture_serial, 1);
    frame_unref(&view.frame);
    assert_null(look(stream, &view).frame); /* nothing newer */
    assert_int_equal(counted("front", TALLY_ENCODED), 1);
    assert_int_equal(report_of("front").jpeg_bytes, 4);
}

TEST(at_most_one_raw_frame_waits_and_it_is_the_newest)
{
    watch("front");
    for (uint64_t sequence = 1; sequence <= 100; sequence++) {
        submit("front", 1, sequence);
        assert_int_equal(raws_alive, 1);
    }
    struct hub_job job = take(100);
    assert_no_job();
    finish(&job, HUB_ENCODED);
    assert_int_equal(counted("front", TALLY_SUPERSEDED), 99);
    assert_int_equal(counted("front", TALLY_RECEIVED), 100);
}

TEST(a_stream_has_one_job_at_a_time)
{
    watch("front");
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
    watch("front");
    submit("front", 1, 1);
    struct hub_job job = take(1);
    job.outputs[0].codec = &codec;
    finish(&job, HUB_ENCODED);
    submit("front", 1, 2);
    job = take(2);
    assert_ptr_equal(job.outputs[0].codec, &codec);
    finish(&job, HUB_FAILED);
    create_again(NULL, 64);
    assert_int_equal(codecs_freed, 1);
}

TEST(streams_with_work_are_served_first_come_first)
{
    watch("front");
    watch("rear");
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
    struct watch *stream = watch("front");
    const enum hub_outcome outcomes[] = {HUB_ENCODED, HUB_UNCHANGED, HUB_UNCHANGED, HUB_TORN,
                                         HUB_TORN,    HUB_TORN,      HUB_FAILED};
    for (size_t i = 0; i < COUNT(outcomes); i++) {
        submit("front", 1, i + 1);
        struct hub_job job = take(i + 1);
        finish(&job, outcomes[i]);
    }
    assert_int_equal(counted("front", TALLY_RECEIVED), 7);
    assert_int_equal(counted("front", TALLY_ENCODED), 1);
    assert_int_equal(counted("front", TALLY_UNCHANGED), 2);
    assert_int_equal(counted("front", TALLY_TORN), 3);
    assert_int_equal(counted("front", TALLY_FAILED), 1);
    struct hub_view view = look(stream, &NOTHING_SEEN);
    assert_int_equal(view.frame_serial, 3);
    assert_int_equal(view.picture_serial, 1);
    assert_int_equal(view.frame->sequence, 3);
    frame_unref(&view.frame);
}

TEST(a_ready_jpeg_needs_no_job)
{
    struct watch *stream = watch("front");
    assert_int_equal(submit_ready("front", 1, 5), HUB_TAKEN);
    assert_no_job();
    struct hub_view view = look(stream, &NOTHING_SEEN);
    assert_int_equal(view.frame->sequence, 5);
    assert_int_equal(view.picture_serial, 1);
    frame_unref(&view.frame);
    assert_int_equal(counted("front", TALLY_PASSED), 1);
}

TEST(the_picture_of_an_older_frame_does_not_come_after_a_ready_jpeg)
{
    struct watch *stream = watch("front");
    submit("front", 1, 1);
    struct hub_job job = take(1);
    submit_ready("front", 1, 2);
    finish(&job, HUB_ENCODED);
    struct hub_view view = look(stream, &NOTHING_SEEN);
    assert_int_equal(view.frame->sequence, 2);
    frame_unref(&view.frame);
    assert_int_equal(counted("front", TALLY_SUPERSEDED), 1);
    assert_int_equal(counted("front", TALLY_ENCODED), 0);
}

TEST(a_ready_jpeg_that_nobody_watches_is_dropped)
{
    submit_ready("front", 1, 5);
    assert_int_equal(frames_alive, 0);
    assert_int_equal(counted("front", TALLY_UNWANTED), 1);
    assert_false(report_of("front").has_frame);
}

TEST(only_the_newest_picture_is_kept)
{
    watch("front");
    for (uint64_t sequence = 1; sequence <= 10; sequence++)
        submit_ready("front", 1, sequence);
    assert_int_equal(frames_alive, 1);
}

TEST(a_raw_frame_is_dropped_with_its_last_watcher)
{
    struct watch *stream = watch("front");
    submit("front", 1, 1);
    leave(stream);
    assert_int_equal(raws_alive, 0);
    assert_no_job();
    assert_int_equal(counted("front", TALLY_UNWANTED), 1);
}

TEST(a_job_may_end_after_everybody_left)
{
    struct watch *stream = watch("front");
    submit("front", 1, 1);
    struct hub_job job = take(1);
    leave(stream);
    finish(&job, HUB_ENCODED);
    assert_int_equal(counted("front", TALLY_ENCODED), 1);
}

TEST(a_job_may_end_after_its_stream_was_forgotten)
{
    int codec;
    create_again(NULL, 1);
    struct watch *stream = watch("front");
    submit("front", 1, 1);
    struct hub_job job = take(1);
    job.outputs[0].codec = &codec;
    leave(stream);
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
    watch("front");
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
    assert_int_equal(report.tally.counts[TALLY_RECEIVED], 0);
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
    struct watch *stream = watch("front");
    announce("front", 1, CONDITION_LIVE);
    announce("front", 1, CONDITION_ENDED);
    const uint64_t gone_until_ns = clock_mono_ns() + NS_PER_S / 3;
    while (clock_mono_ns() < gone_until_ns)
        poll(NULL, 0, 1);
    announce("front", 2, CONDITION_LIVE);
    assert_int_equal(report_of("front").condition, CONDITION_LIVE);
    leave(stream);
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

TEST(the_format_of_a_streams_frames_stays_known_when_its_agent_does_not_announce_it)
{
    submit("front", 7, 1);
    assert_int_equal(report_of("front").format, HEADCAM_RGBA);
    announce("front", 7, CONDITION_LIVE);
    assert_int_equal(report_of("front").format, HEADCAM_RGBA);
    announce("front", 7, CONDITION_ENDED);
    announce("front", 8, CONDITION_LIVE);
    assert_int_equal(report_of("front").format, 0);
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
    watch("rear");
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
    watch("a");
    assert_int_equal(announce("b", 2, CONDITION_LIVE), HUB_LIMIT);
    assert_int_equal(announce("a", 3, CONDITION_LIVE), HUB_TAKEN);
}

TEST(watched_names_that_nobody_announced_do_not_count)
{
    create_again(NULL, 1);
    watch("x");
    watch("y");
    assert_int_equal(announce("a", 1, CONDITION_LIVE), HUB_TAKEN);
    assert_int_equal(announce("x", 2, CONDITION_LIVE), HUB_LIMIT);
}

/* ---- the default stream ---- */

static void assert_default(const char *expected)
{
    char name[NAME_BYTES] = "";
    assert_int_equal(hub_default_name(hub, name), expected != NULL);
    if (expected)
        assert_string_equal(name, expected);
}

TEST(without_a_name_the_first_announced_stream_is_the_default)
{
    assert_default(NULL);
    watch("watched-only");
    assert_default(NULL);
    announce("front", 1, CONDITION_STARTING);
    announce("rear", 2, CONDITION_LIVE);
    assert_default("front");
    assert_ptr_equal(watch(NULL), watch("front"));
}

TEST(streams_are_listed_in_the_order_of_their_announcement_not_of_their_watching)
{
    watch("rear");
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
    struct watch *stream = watch(NULL);
    assert_ptr_equal(stream, watch("main"));
    assert_nothing_told();
    announce("main", 2, CONDITION_LIVE);
    assert_told(UPSTREAM_SUBSCRIBE, "main", 0);
}

TEST(before_any_stream_viewers_wait_in_the_lobby_and_go_on_with_the_first)
{
    struct watch *lobby = watch(NULL);
    assert_nothing_told();
    assert_streams();
    is_signalled(hub_sender_wake(hub));
    announce("front", 1, CONDITION_LIVE);
    assert_true(is_signalled(hub_sender_wake(hub)));
    assert_told(UPSTREAM_SUBSCRIBE, "front", 0);
    assert_int_equal(report_of("front").viewers, 1);
    submit("front", 1, 5);
    struct hub_job job = take(5);
    finish(&job, HUB_ENCODED);
    struct hub_view view = look(lobby, &NOTHING_SEEN);
    assert_int_equal(view.frame->sequence, 5);
    frame_unref(&view.frame);
    leave(lobby);
    assert_int_equal(report_of("front").viewers, 0);
}

TEST(what_was_asked_for_in_the_lobby_holds_afterwards)
{
    struct watch *small = watch_as(NULL, 320, 0, 0), *plain = watch(NULL);
    announce("front", 1, CONDITION_LIVE);
    assert_int_equal(report_of("front").viewers, 2);
    submit("front", 1, 1);
    struct hub_job job = take(1);
    assert_int_equal(job.count, 2);
    finish(&job, HUB_ENCODED);
    leave(small);
    leave(plain);
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
    struct watch *stream = watch("front");
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
    struct watch *stream = watch("front");
    assert_false(look(stream, &NOTHING_SEEN).expect_soon);
    announce("front", 1, CONDITION_STARTING);
    assert_false(look(stream, &NOTHING_SEEN).expect_soon);
    announce("front", 1, CONDITION_LIVE);
    assert_true(look(stream, &NOTHING_SEEN).expect_soon);
}

TEST(a_slow_stream_is_given_the_time_of_a_frame_more)
{
    struct watch *stream = watch("front");
    assert_int_equal(look(stream, &NOTHING_SEEN).no_signal_after_ns, 3 * NS_PER_S);
    const struct announcement slow = {.instance = 1, .state = CONDITION_LIVE, .fps = 0.5};
    hub_announce(hub, "front", &slow);
    assert_int_equal(look(stream, &NOTHING_SEEN).no_signal_after_ns, 5 * NS_PER_S);
    set_audience(stream, 1, 100);
    assert_int_equal(look(stream, &NOTHING_SEEN).no_signal_after_ns, 13 * NS_PER_S);
}

static void assert_explained(struct watch *stream, const char *expected)
{
    char text[2 * EXPLAIN_BYTES];
    hub_explain(hub, stream, text);
    assert_string_equal(text, expected);
}

TEST(why_there_is_no_picture_is_explained_with_the_next_step)
{
    struct watch *lobby = watch(NULL), *stream = watch("front");
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

    struct watch *stream = watch("front");
    set_audience(stream, 3, 15000);
    submit_ready("front", 0xabc, 1);
    report = report_of("front");
    assert_true(report.has_frame);
    assert_true(report.age_ns < NS_PER_S);
    assert_true(report.wanted);
    assert_int_equal(report.viewers, 3);
    assert_int_equal(report.wanted_rate, 15000);
    leave(stream);
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
    struct watch *stream = watch("front");
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
    assert_int_equal(view.notice_serial, 1);
    frame_unref(&view.notice);
    assert_null(look(stream, &view).notice);
}

TEST(what_is_said_of_a_live_picture_is_not_why_there_is_none)
{
    announce_with_reason(CONDITION_LIVE, "the picture is black");
    struct watch *stream = watch("front");
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
    struct watch *stream = watch("front");
    const uint64_t deadline_ns = clock_mono_ns() + 5 * NS_PER_S;
    while (report_of("front").condition != CONDITION_STALLED)
        assert_true(still_before(deadline_ns));
    assert_string_equal(report_of("front").reason, "kit answers, but sends no frames");
    assert_explained(stream, "kit answers, but sends no frames; is the simulation paused?");
    announce_with_reason(CONDITION_STALLED, "the renderer is off");
    assert_explained(stream, "the renderer is off");
    leave(stream);
}

TEST(a_no_signal_picture_has_the_streams_size_within_bounds)
{
    static const uint32_t sizes[][4] = {{0, 0, 1280, 720},
                                        {640, 480, 640, 480},
                                        {1, 1, 16, 16},
                                        {65500, 65500, 4096, 4096},
                                        {4096, 8, 4096, 16}};
    struct watch *stream = watch("front");
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
    struct watch *stream = watch("front");
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
    struct watch *stream = watch("front");
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
    struct watch *stream = watch("front");
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
    struct watch *stream = watch("front");
    announce("front", 1, CONDITION_STALLED);
    hub_request_notice(hub, stream);
    struct hub_job job = take_notice();
    finish(&job, HUB_ENCODED);
    announce("front", 1, CONDITION_ENDED);
    assert_true(hub_request_notice(hub, stream));
    leave(stream); /* nobody wants it any more */
    assert_no_job();
    stream = watch("front");
    assert_true(hub_request_notice(hub, stream)); /* the one there is says something else */
    job = take_notice();
    assert_string_equal(job.notice.title, "Stream ended");
    finish(&job, HUB_ENCODED);
}

TEST(a_no_signal_picture_that_came_to_nothing_is_asked_for_again)
{
    struct watch *stream = watch("front");
    for (enum condition state = CONDITION_STARTING; state <= CONDITION_STALLED; state++) {
        announce("front", 1, state);
        assert_true(hub_request_notice(hub, stream));
        struct hub_job job = take_notice();
        finish(&job, HUB_FAILED);
        const struct hub_view seen = {.notice_serial = state - CONDITION_STARTING};
        assert_null(look(stream, &seen).notice);
        assert_true(hub_request_notice(hub, stream));
        job = take_notice();
        finish(&job, HUB_ENCODED);
    }
}

TEST(the_lobby_has_a_no_signal_picture_too)
{
    struct watch *lobby = watch(NULL);
    assert_true(hub_request_notice(hub, lobby));
    struct hub_job job = take_notice();
    assert_string_equal(job.notice.reason, "no agent is connected");
    assert_memory_equal(job.notice.since, "since ", 6);
    finish(&job, HUB_ENCODED);
    struct hub_view view = look(lobby, &NOTHING_SEEN);
    assert_non_null(view.notice);
    frame_unref(&view.notice);
}

/* ---- variants ---- */

/* Takes a job and checks for which widths it is, 0 for the plain one. */
static struct hub_job take_widths(size_t count, const uint32_t *widths)
{
    struct hub_job job;
    assert_true(hub_take_job(hub, &job));
    assert_int_equal(job.count, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(job.outputs[i].settings.width, widths[i]);
    return job;
}

#define take_for(...)                                                                                        \
    take_widths(sizeof((uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t), (uint32_t[]){__VA_ARGS__})

static void encode_for(size_t count, const uint32_t *widths)
{
    struct hub_job job = take_widths(count, widths);
    finish(&job, HUB_ENCODED);
}

#define assert_encoded_for(...)                                                                              \
    encode_for(sizeof((uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t), (uint32_t[]){__VA_ARGS__})

static void submit_sized(const char *name, uint32_t width, uint32_t height)
{
    struct raw_frame *raw = make_raw(1, 1);
    raw->info.width = width;
    raw->info.height = height;
    hub_submit(hub, name, raw);
}

/* A frame that came, and was captured, at some time. */
static void submit_at(const char *name, uint64_t time_ns)
{
    struct raw_frame *raw = make_raw(1, 1);
    raw->arrival_ns = raw->capture_ns = time_ns;
    hub_submit(hub, name, raw);
}

static void wait_for_snapshot(struct watch *watched, uint64_t not_before_ns)
{
    const struct audience audience = {.snapshots = 1, .snapshots_not_before_ns = not_before_ns};
    hub_set_audience(hub, watched, &audience);
}

TEST(a_job_makes_all_variants_of_a_frame_at_once)
{
    watch("front");
    watch_as("front", 320, 0, 0);
    watch_as("front", 160, 0, 0);
    watch_as("front", 160, 50, 0);
    submit("front", 1, 1);
    assert_encoded_for(0, 320, 160, 160);
    assert_no_job();
    assert_int_equal(counted("front", TALLY_ENCODED), 1);
}

TEST(who_asks_for_the_same_shares_a_watch)
{
    struct watch *small = watch_as("front", 320, 50, 0);
    assert_ptr_equal(watch_as("front", 320, 50, 0), small);
    assert_ptr_equal(watch_as("front", 320, QUALITY, 0), watch_as("front", 320, 0, 0));
    assert_ptr_equal(watch_as("front", 0, QUALITY, 0), watch("front"));
    assert_ptr_not_equal(watch_as("front", 321, 50, 0), small);
}

TEST(settings_that_make_no_difference_are_the_same_variant)
{
    submit("front", 1, 1); /* 640x480 */
    watch("front");
    watch_as("front", 640, 0, 0);
    watch_as("front", 9999, QUALITY, 0);
    watch_as("front", 639, 0, 0);
    submit("front", 1, 2);
    assert_encoded_for(0, 639);
    const struct stream_report report = report_of("front");
    assert_int_equal(report.variant_count, 2);
    assert_int_equal(report.variants[0].viewers, 3);
    assert_int_equal(report.viewers, 4);
}

TEST(each_output_of_a_job_is_seen_as_soon_as_it_is_there)
{
    struct watch *plain = watch("front"), *small = watch_as("front", 320, 0, 0);
    submit("front", 1, 1);
    struct hub_job job = take_for(0, 320);
    hub_publish(hub, &job, 0, HUB_ENCODED, make_frame(1));
    struct hub_view view = look(plain, &NOTHING_SEEN);
    assert_non_null(view.frame);
    frame_unref(&view.frame);
    assert_null(look(small, &NOTHING_SEEN).frame);
    assert_no_job();
    hub_publish(hub, &job, 1, HUB_ENCODED, make_frame(1));
    view = look(small, &NOTHING_SEEN);
    assert_non_null(view.frame);
    frame_unref(&view.frame);
    hub_finish_job(hub, &job);
    raw_release(job.raw);
}

TEST(a_watch_without_an_audience_is_no_demand)
{
    struct watch *held = hub_watch(hub, "front", &AS_IT_IS);
    announce("front", 1, CONDITION_LIVE);
    assert_nothing_told();
    submit("front", 1, 1);
    assert_no_job();
    hub_unwatch(hub, held);
    assert_nothing_told();
}

TEST(the_producer_is_asked_for_the_highest_rate_that_any_variant_wants)
{
    announce("front", 1, CONDITION_LIVE);
    watch_as("front", 320, 0, 5000);
    assert_told(UPSTREAM_SUBSCRIBE, "front", 0);
    assert_told(UPSTREAM_RATE, "front", 5000);
    struct watch *fast = watch_as("front", 160, 0, 12000);
    assert_told(UPSTREAM_RATE, "front", 12000);
    struct watch *snapshot = hub_watch(hub, "front", &AS_IT_IS);
    wait_for_snapshot(snapshot, 1);
    assert_told(UPSTREAM_RATE, "front", 0);
    leave(snapshot);
    assert_told(UPSTREAM_RATE, "front", 12000);
    leave(fast);
    assert_told(UPSTREAM_RATE, "front", 5000);
    assert_nothing_told();
}

TEST(a_variant_is_made_no_more_often_than_its_fastest_viewer_wants)
{
    watch("front");
    watch_as("front", 320, 0, 5000);
    watch_as("front", 160, 0, 10000);
    uint64_t start_ns = clock_mono_ns();
    size_t made[3] = {0};
    for (unsigned i = 0; i < 120; i++) { /* four seconds at 30 frames/s */
        struct hub_job job;
        submit_at("front", start_ns + i * NS_PER_S / 30);
        assert_true(hub_take_job(hub, &job));
        for (size_t o = 0; o < job.count; o++)
            made[job.outputs[o].settings.width == 0 ? 0 : job.outputs[o].settings.width == 320 ? 1 : 2]++;
        finish(&job, HUB_ENCODED);
    }
    assert_int_equal(made[0], 120);
    assert_in_range(made[1], 20, 21);
    assert_in_range(made[2], 40, 41);
}

TEST(a_source_at_the_rate_asked_for_may_jitter_and_loses_no_frame)
{
    struct dice dice = {4};
    watch_as("front", 320, 0, 10000);
    uint64_t start_ns = clock_mono_ns();
    for (unsigned i = 0; i < 200; i++) {
        submit_at("front", start_ns + i * NS_PER_S / 10 + dice_below(&dice, NS_PER_S / 25));
        assert_encoded_for(320);
    }
}

TEST(frames_that_no_variant_is_due_for_are_dropped)
{
    watch_as("front", 320, 0, 1000);
    uint64_t start_ns = clock_mono_ns();
    submit_at("front", start_ns);
    assert_encoded_for(320);
    submit_at("front", start_ns + NS_PER_S / 10);
    assert_no_job();
    assert_int_equal(raws_alive, 0);
    assert_int_equal(counted("front", TALLY_UNWANTED), 1);
}

TEST(a_torn_frame_does_not_cost_a_slow_variant_its_turn)
{
    watch_as("front", 320, 0, 100);
    uint64_t start_ns = clock_mono_ns();
    submit_at("front", start_ns);
    struct hub_job job = take_for(320);
    finish(&job, HUB_TORN);
    submit_at("front", start_ns + NS_PER_S / 30);
    assert_encoded_for(320);
    submit_at("front", start_ns + NS_PER_S / 15);
    assert_no_job();
}

TEST(a_snapshot_costs_one_picture)
{
    struct watch *stream = watch("front"), *snapshot = watch_as("front", 320, 0, 0);
    uint64_t asked_ns = clock_mono_ns();
    wait_for_snapshot(snapshot, asked_ns);
    submit_at("front", asked_ns - 1); /* too old */
    assert_encoded_for(0);
    submit_at("front", asked_ns);
    struct hub_job job = take_for(0, 320);
    submit_at("front", asked_ns + 1); /* while the other is being made */
    finish(&job, HUB_ENCODED);
    assert_encoded_for(0);
    submit_at("front", asked_ns + 2); /* the sender has not looked yet */
    assert_encoded_for(0);
    wait_for_snapshot(snapshot, asked_ns + 3); /* the next one */
    submit_at("front", asked_ns + 3);
    assert_encoded_for(0, 320);
    leave(snapshot);
    leave(stream);
}

TEST(who_changes_its_settings_gets_every_frame_in_them_from_the_first_on)
{
    struct watch *before = watch("front"), *after = watch_as("front", 320, 0, 0);
    const uint64_t changed_ns = clock_mono_ns();
    const struct audience arrival = {.arrivals = 1, .snapshots = 1, .snapshots_not_before_ns = changed_ns};
    hub_set_audience(hub, after, &arrival);
    submit_at("front", changed_ns);
    assert_encoded_for(0, 320);
    submit_at("front", changed_ns + 1); /* the sender has not looked yet */
    assert_encoded_for(0, 320);
    assert_int_equal(report_of("front").viewers, 1);
    leave(after);
    leave(before);
}

TEST(a_snapshot_whose_frame_was_torn_gets_the_next)
{
    struct watch *snapshot = watch_as("front", 320, 0, 0);
    wait_for_snapshot(snapshot, 1);
    submit("front", 1, 1);
    struct hub_job job = take_for(320);
    submit("front", 1, 2);
    finish(&job, HUB_TORN);
    assert_encoded_for(320);
    submit("front", 1, 3);
    assert_no_job();
}

TEST(a_frame_that_nobody_wants_any_more_is_no_job)
{
    struct watch *fast = watch_as("front", 320, 0, 0);
    watch_as("front", 160, 0, 1000);
    submit("front", 1, 1);
    assert_encoded_for(320, 160);
    submit("front", 1, 2);
    leave(fast);
    assert_no_job();
    assert_int_equal(raws_alive, 0);
}

TEST(one_variant_too_many_is_refused_but_never_the_plain_one)
{
    static const struct variant_settings fifth = {.width = 104};
    struct watch *last = NULL;
    for (uint32_t i = 0; i < MAX_VARIANTS; i++)
        last = watch_as("front", 100 + i, 0, 0);
    assert_null(hub_watch(hub, "front", &fifth));
    watch_as("front", 101, 0, 0);
    watch("front");
    assert_null(hub_watch(hub, "front", &fifth));
    leave(last);
    assert_null(hub_watch(hub, "front", &fifth)); /* the plain one counts, too */
    watch_as("rear", 104, 0, 0);
    submit("front", 1, 1);
    assert_encoded_for(0, 100, 101, 102);
}

TEST(a_name_that_is_refused_leaves_nothing_behind)
{
    static const struct variant_settings small = {.width = 100};
    struct hub_options options = {.endpoint = ENDPOINT, .max_streams = 1};
    hub_destroy(hub);
    hub = hub_create(&options);
    assert_null(hub_watch(hub, "front", &small));
    assert_null(hub_watch(hub, NULL, &small));
    assert_nothing_told();
}

static size_t variants_of(const char *name)
{
    return report_of(name).variant_count;
}

TEST(who_comes_back_at_once_finds_the_variant_and_its_codec)
{
    int codec;
    struct watch *small = watch_as("front", 320, 0, 0);
    submit("front", 1, 1);
    struct hub_job job = take_for(320);
    job.outputs[0].codec = &codec;
    finish(&job, HUB_ENCODED);
    leave(small);
    hub_tick(hub);
    small = watch_as("front", 320, 0, 0);
    struct hub_view view = look(small, &NOTHING_SEEN);
    assert_non_null(view.frame);
    frame_unref(&view.frame);
    submit("front", 1, 2);
    job = take_for(320);
    assert_ptr_equal(job.outputs[0].codec, &codec);
    finish(&job, HUB_ENCODED);
    uint64_t left_ns = clock_mono_ns();
    leave(small);
    while (variants_of("front") == 2) {
        assert_true(still_before(left_ns + 10 * NS_PER_S));
        hub_tick(hub);
    }
    assert_true(clock_mono_ns() - left_ns >= NS_PER_S);
    assert_int_equal(codecs_freed, 1);
    assert_int_equal(frames_alive, 0);
}

TEST(variants_that_nobody_watches_any_more_do_not_pile_up)
{
    int codec;
    submit("front", 1, 1);
    for (uint32_t width = 100; width < 200; width++) {
        struct watch *small = watch_as("front", width, 0, 0);
        submit("front", 1, width);
        struct hub_job job = take_for(width);
        job.outputs[0].codec = &codec;
        finish(&job, HUB_ENCODED);
        leave(small);
        assert_in_range(variants_of("front"), 2, MAX_VARIANTS + 1);
    }
    assert_in_range(codecs_freed, 100 - MAX_VARIANTS, 99);
}

TEST(variants_follow_the_size_of_the_source)
{
    struct watch *small = watch_as("front", 640, 0, 0), *other = watch_as("front", 800, 0, 0);
    struct watch *plain = watch("front");
    submit_sized("front", 640, 480);
    assert_encoded_for(0);
    submit_sized("front", 1280, 960);
    assert_encoded_for(0, 640, 800);
    submit_sized("front", 700, 500);
    assert_encoded_for(0, 640);
    const struct announcement announcement = {
        .instance = 1, .state = CONDITION_LIVE, .width = 1000, .height = 700};
    hub_announce(hub, "front", &announcement);
    submit_sized("front", 320, 240);
    assert_encoded_for(0);
    hub_announce(hub, "front", &announcement); /* said before: the frames know better */
    assert_int_equal(report_of("front").width, 320);
    assert_int_equal(report_of("front").variants[0].viewers, 3);
    leave(small);
    leave(other);
    leave(plain);
}

TEST(a_watch_that_changes_its_variant_sees_nothing_twice_and_misses_nothing)
{
    struct watch *small = watch_as("front", 640, 0, 0);
    submit_sized("front", 1280, 960);
    assert_encoded_for(640);
    struct hub_view view = look(small, &NOTHING_SEEN);
    uint64_t first_picture = view.picture_serial;
    frame_unref(&view.frame);
    submit_sized("front", 640, 480);
    view = look(small, &view);
    assert_null(view.frame);
    assert_encoded_for(0);
    view = look(small, &view);
    assert_non_null(view.frame);
    assert_true(view.picture_serial != first_picture);
    frame_unref(&view.frame);
    submit_sized("front", 1280, 960); /* back, where there is an old picture */
    view = look(small, &view);
    assert_null(view.frame);
    assert_encoded_for(640);
    view = look(small, &view);
    assert_non_null(view.frame);
    frame_unref(&view.frame);
}

TEST(what_was_made_of_a_size_that_is_past_reaches_nobody)
{
    struct watch *small = watch_as("front", 640, 0, 0), *plain = watch("front");
    submit_sized("front", 1280, 960);
    struct hub_job job = take_for(0, 640);
    hub_publish(hub, &job, 1, HUB_ENCODED, make_frame(1));
    struct hub_view view = look(small, &NOTHING_SEEN);
    frame_unref(&view.frame);
    hub_publish(hub, &job, 0, HUB_ENCODED, make_frame(1)); /* published later than what small has seen */
    submit_sized("front", 640, 480);
    assert_null(look(small, &view).frame); /* it sees the plain one now, and not that picture */
    hub_finish_job(hub, &job);
    raw_release(job.raw);
    job = take_for(0);
    submit_sized("front", 320, 240);
    view = look(plain, &NOTHING_SEEN);
    frame_unref(&view.frame);
    finish(&job, HUB_ENCODED); /* still of 640x480 */
    assert_null(look(plain, &view).frame);
    assert_encoded_for(0);
    view = look(plain, &view);
    assert_non_null(view.frame);
    frame_unref(&view.frame);
    assert_int_equal(counted("front", TALLY_SUPERSEDED), 1);
    assert_int_equal(counted("front", TALLY_ENCODED), 2);
}

TEST(more_variants_than_allowed_after_a_change_of_size_see_the_plain_one)
{
    submit_sized("front", 100, 100);
    for (uint32_t width = 100; width < 110; width++)
        watch_as("front", width, 0, 0);
    assert_int_equal(variants_of("front"), 1);
    submit_sized("front", 1000, 1000);
    assert_encoded_for(0, 100, 101, 102, 103); /* who came first comes first */
    assert_int_equal(report_of("front").variants[0].viewers, 6);
}

TEST(a_ready_jpeg_is_a_job_for_those_who_want_something_else)
{
    struct watch *plain = watch("front"), *small = watch_as("front", 320, 0, 0);
    submit_ready("front", 1, 7);
    struct hub_view view = look(plain, &NOTHING_SEEN);
    assert_int_equal(view.frame->sequence, 7);
    frame_unref(&view.frame);
    struct hub_job job = take_for(320);
    assert_int_equal(job.raw->info.format, HEADCAM_JPEG);
    finish(&job, HUB_ENCODED);
    view = look(small, &NOTHING_SEEN);
    assert_int_equal(view.frame->sequence, 7);
    frame_unref(&view.frame);
    leave(small);
    submit_ready("front", 1, 8);
    assert_no_job();
    const struct stream_report report = report_of("front");
    assert_int_equal(report.tally.counts[TALLY_PASSED], 2);
    assert_int_equal(report.tally.counts[TALLY_ENCODED], 0);
    assert_int_equal(report.variants[0].quality, 0);
    assert_int_equal(report.variants[1].encoded, 1);
}

/* ---- exact pictures ---- */

/* A snapshot request in some form, for a frame from now on. */
static struct watch *wait_for(const char *name, enum variant_form form)
{
    const struct variant_settings settings = {.form = form};
    const struct audience audience = {.snapshots = 1, .snapshots_not_before_ns = clock_mono_ns()};
    struct watch *waiting = hub_watch(hub, name, &settings);
    assert_non_null(waiting);
    hub_set_audience(hub, waiting, &audience);
    return waiting;
}

TEST(exact_pictures_are_outputs_of_the_same_job)
{
    watch("front");
    struct watch *raw = wait_for("front", VARIANT_RAW), *png = wait_for("front", VARIANT_PNG);
    submit("front", 1, 1);
    struct hub_job job = take(1);
    assert_int_equal(job.count, 3);
    assert_int_equal(job.outputs[0].settings.form, VARIANT_JPEG);
    assert_int_equal(job.outputs[1].settings.form, VARIANT_RAW);
    assert_int_equal(job.outputs[2].settings.form, VARIANT_PNG);
    finish(&job, HUB_ENCODED);
    struct hub_view view = look(raw, &NOTHING_SEEN);
    assert_int_equal(view.frame->sequence, 1);
    frame_unref(&view.frame);
    view = look(png, &NOTHING_SEEN);
    assert_int_equal(view.frame->sequence, 1);
    frame_unref(&view.frame);
    submit("front", 1, 2); /* they have theirs */
    job = take(2);
    assert_int_equal(job.count, 1);
    finish(&job, HUB_ENCODED);
    assert_int_equal(variants_of("front"), 1); /* exact ones are not listed */
}

TEST(a_postponed_picture_holds_up_nothing_but_itself)
{
    watch("front");
    struct watch *png = wait_for("front", VARIANT_PNG);
    submit("front", 1, 1);
    struct hub_job job = take(1);
    const struct hub_late late = hub_postpone(hub, &job, 1);
    hub_publish(hub, &job, 0, HUB_ENCODED, make_frame(1));
    hub_finish_job(hub, &job);
    raw_release(job.raw);
    submit("front", 1, 2);
    job = take(2);
    assert_int_equal(job.count, 1);
    finish(&job, HUB_ENCODED);
    assert_null(look(png, &NOTHING_SEEN).frame);

    is_signalled(hub_sender_wake(hub));
    hub_publish_late(hub, &late, HUB_ENCODED, make_frame(1));
    assert_true(is_signalled(hub_sender_wake(hub)));
    struct hub_view view = look(png, &NOTHING_SEEN);
    assert_int_equal(view.frame->sequence, 1);
    frame_unref(&view.frame);
    assert_int_equal(counted("front", TALLY_ENCODED), 2);
}

TEST(a_postponed_picture_that_comes_to_nothing_is_tried_again)
{
    struct watch *png = wait_for("front", VARIANT_PNG);
    submit("front", 1, 1);
    struct hub_job job = take(1);
    const struct hub_late late = hub_postpone(hub, &job, 0);
    hub_publish_late(hub, &late, HUB_FAILED, NULL); /* even before the job's end */
    hub_finish_job(hub, &job);
    raw_release(job.raw);
    assert_null(look(png, &NOTHING_SEEN).frame);
    submit("front", 1, 2);
    job = take(2);
    finish(&job, HUB_ENCODED);
}

TEST(a_postponed_picture_may_come_after_everybody_left_and_its_stream_was_forgotten)
{
    create_again(NULL, 1);
    struct watch *png = wait_for("front", VARIANT_PNG);
    submit("front", 1, 1);
    struct hub_job job = take(1);
    const struct hub_late late = hub_postpone(hub, &job, 0);
    hub_finish_job(hub, &job);
    raw_release(job.raw);
    leave(png);
    announce("front", 1, CONDITION_ENDED);
    assert_int_equal(announce("rear", 2, CONDITION_LIVE), HUB_TAKEN); /* takes its place */
    hub_publish_late(hub, &late, HUB_ENCODED, make_frame(1));
    assert_int_equal(frames_alive, 0);
}

TEST(exact_pictures_are_no_variants_for_the_limit)
{
    submit("front", 1, 1);
    for (uint32_t i = 0; i < MAX_VARIANTS; i++)
        watch_as("front", 100 + i, 0, 0);
    wait_for("front", VARIANT_RAW);
    wait_for("front", VARIANT_PNG);
    submit("front", 1, 2);
    struct hub_job job = take(2);
    assert_int_equal(job.count, MAX_VARIANTS + 2);
    finish(&job, HUB_ENCODED);
}

static bool has_no_pixels(struct watch *watch)
{
    struct hub_view view = look(watch, &NOTHING_SEEN);
    frame_unref(&view.frame);
    return view.has_no_pixels;
}

TEST(nothing_exact_comes_of_a_ready_jpeg_and_that_is_seen)
{
    struct watch *raw = wait_for("front", VARIANT_RAW);
    assert_false(has_no_pixels(raw));
    submit_ready("front", 1, 1);
    assert_no_job();
    assert_true(has_no_pixels(raw));
    submit("front", 1, 2);
    assert_false(has_no_pixels(raw));
    struct hub_job job = take(2);
    finish(&job, HUB_ENCODED);
    submit_ready("front", 1, 3);
    const struct announcement goodbye = {.instance = 1, .state = CONDITION_ENDED, .format = HEADCAM_JPEG};
    hub_announce(hub, "front", &goodbye);
    assert_false(has_no_pixels(raw)); /* who comes next may have some */
}

TEST(why_an_exact_picture_does_not_come_is_explained)
{
    char text[2 * EXPLAIN_BYTES];
    watch("front");
    struct watch *png = wait_for("front", VARIANT_PNG);
    submit("front", 1, 1);
    struct hub_job job = take(1);
    finish(&job, HUB_NO_ROOM);
    assert_int_equal(counted("front", TALLY_FAILED), 1);
    hub_explain(hub, png, text);
    assert_non_null(strstr(text, "--max-exact-bytes"));
    submit("front", 1, 2);
    job = take(2);
    const struct hub_late late = hub_postpone(hub, &job, 1);
    hub_explain(hub, png, text);
    assert_non_null(strstr(text, "the PNG was not ready in time"));
    hub_publish_late(hub, &late, HUB_NO_ROOM, NULL);
    hub_explain(hub, png, text);
    assert_non_null(strstr(text, "--max-exact-bytes"));
    hub_publish(hub, &job, 0, HUB_ENCODED, make_frame(2));
    hub_finish_job(hub, &job);
    raw_release(job.raw);
    submit("front", 1, 3);
    job = take(3);
    finish(&job, HUB_ENCODED);
    hub_explain(hub, png, text);
    assert_string_equal(text, "no frame came in time");
}

TEST(why_a_jpeg_does_not_come_in_another_size_is_explained)
{
    char text[2 * EXPLAIN_BYTES];
    struct hub_description description;
    struct watch *plain = watch("front"), *small = watch_as("front", 320, 0, 0);
    submit_ready("front", 1, 1);
    struct hub_job job = take(1);
    finish(&job, HUB_NOT_DECODED);
    hub_explain(hub, small, text);
    assert_string_equal(text, "the agent's JPEG cannot be decoded here; ask without width= and quality=");
    hub_describe(hub, small, &description);
    assert_string_equal(description.reason, "the agent's JPEG cannot be decoded here");
    assert_true(hub_request_notice(hub, small));
    job = take_notice();
    assert_string_equal(job.notice.reason, "the agent's JPEG cannot be decoded here");
    assert_string_equal(job.notice.next_step, "ask without width= and quality=");
    finish(&job, HUB_ENCODED);
    hub_explain(hub, plain, text);
    assert_string_equal(text, "no frame came in time");
    submit_ready("front", 1, 2);
    job = take(2);
    finish(&job, HUB_ENCODED);
    hub_explain(hub, small, text);
    assert_string_equal(text, "no frame came in time");
}

TEST(a_no_signal_picture_has_the_variants_size)
{
    struct watch *small = watch_as("front", 320, 0, 0), *plain = watch("front");
    assert_true(hub_request_notice(hub, small));
    struct hub_job job = take_notice();
    assert_int_equal(job.notice.width, 320);
    assert_int_equal(job.notice.height, 180);
    finish(&job, HUB_ENCODED);
    assert_null(look(plain, &NOTHING_SEEN).notice);
    assert_true(hub_request_notice(hub, plain));
    const struct announcement announcement = {
        .instance = 1, .state = CONDITION_STARTING, .width = 800, .height = 800};
    hub_announce(hub, "front", &announcement);
    assert_true(hub_request_notice(hub, small));
    job = take_notice(); /* the plain one's, as it was asked for */
    assert_int_equal(job.notice.width, 1280);
    finish(&job, HUB_ENCODED);
    job = take_notice();
    assert_int_equal(job.notice.width, 320);
    assert_int_equal(job.notice.height, 320);
    finish(&job, HUB_ENCODED);
}

TEST(a_no_signal_picture_is_given_up_with_the_last_viewer_of_its_variant)
{
    struct watch *small = watch_as("front", 320, 0, 0);
    watch("front");
    hub_request_notice(hub, small);
    leave(small);
    assert_no_job();
}

TEST(a_slow_variant_is_given_the_time_of_a_frame_more_and_no_other)
{
    struct watch *slow = watch_as("front", 320, 0, 100), *fast = watch_as("front", 160, 0, 20000);
    assert_int_equal(look(slow, &NOTHING_SEEN).no_signal_after_ns, 13 * NS_PER_S);
    assert_int_equal(look(slow, &NOTHING_SEEN).interval_ns, 10 * NS_PER_S);
    assert_int_equal(look(fast, &NOTHING_SEEN).interval_ns, NS_PER_S / 20);
}

TEST(a_report_tells_of_each_variant)
{
    watch("front");
    watch_as("front", 320, 30, 0);
    submit("front", 1, 1);
    struct hub_job job = take(1);
    finish(&job, HUB_ENCODED);
    submit("front", 1, 2);
    job = take(2);
    finish(&job, HUB_UNCHANGED);
    const struct stream_report report = report_of("front");
    assert_int_equal(report.variant_count, 2);
    const struct variant_report *plain = &report.variants[0], *small = &report.variants[1];
    assert_int_equal(plain->width, 640);
    assert_int_equal(plain->height, 480);
    assert_int_equal(plain->quality, QUALITY);
    assert_int_equal(small->width, 320);
    assert_int_equal(small->height, 240);
    assert_int_equal(small->quality, 30);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(report.variants[i].viewers, 1);
        assert_int_equal(report.variants[i].encoded, 1);
        assert_int_equal(report.variants[i].unchanged, 1);
        assert_int_equal(report.variants[i].jpeg_bytes, 4);
        assert_true(report.variants[i].fps > 0);
    }
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

TEST(every_frame_received_ends_as_one_of_the_kinds)
{
    struct watch *stream = watch("front");
    submit("front", 1, 1);
    struct hub_job job = take(1);
    submit("front", 1, 2);
    submit("front", 1, 3);
    assert_int_equal(total_ended(), 1); /* one at work, one waits */
    finish(&job, HUB_TORN);
    submit_ready("front", 1, 4);
    leave(stream);
    submit("front", 1, 5);
    submit_ready("front", 1, 6);
    assert_int_equal(total(TALLY_RECEIVED), 6);
    assert_int_equal(total_ended(), 6);
    assert_int_equal(total(TALLY_UNWANTED), 3);
}

TEST(the_bytes_of_frames_are_counted_whatever_becomes_of_them)
{
    for (uint64_t sequence = 1; sequence <= 3; sequence++) {
        struct raw_frame *raw = make_raw(1, sequence);
        raw->info.payload_bytes = 1000;
        hub_submit(hub, "front", raw);
    }
    assert_int_equal(counted("front", TALLY_RECEIVED_BYTES), 3000);
    assert_int_equal(total(TALLY_RECEIVED_BYTES), 3000);
}

TEST(totals_keep_what_was_counted_of_forgotten_streams)
{
    create_again(NULL, 1);
    submit("front", 1, 1);
    submit("front", 1, 2);
    announce("front", 1, CONDITION_ENDED);
    assert_int_equal(submit("rear", 2, 1), HUB_TAKEN); /* takes its place */
    assert_streams("rear");
    assert_int_equal(total(TALLY_RECEIVED), 3);
    assert_int_equal(counted("rear", TALLY_RECEIVED), 1);

    announce("rear", 2, CONDITION_ENDED);
    assert_int_equal(submit("front", 3, 1), HUB_TAKEN);
    assert_int_equal(counted("front", TALLY_RECEIVED), 1); /* a new stream of an old name */
    assert_int_equal(total(TALLY_RECEIVED), 4);
}

/* Where its watcher counts. */
static struct tally *tally_of(struct watch *watched)
{
    struct hub_view view = look(watched, &NOTHING_SEEN);
    frame_unref(&view.frame);
    return view.tally;
}

TEST(what_the_watcher_counts_is_reported_of_its_stream_and_outlives_it)
{
    struct watch *stream = watch("front"), *small = watch_as("front", 320, 0, 0), *lobby = watch(NULL);
    assert_ptr_equal(tally_of(stream), tally_of(small));
    tally_add(tally_of(lobby), TALLY_SENT_NO_SIGNAL, 2);
    announce("front", 1, CONDITION_LIVE);
    tally_add(tally_of(stream), TALLY_SENT_LIVE, 5);
    tally_add(tally_of(lobby), TALLY_SENT_LIVE, 1); /* by now it sees the first stream */
    assert_int_equal(counted("front", TALLY_SENT_LIVE), 6);
    assert_int_equal(counted("front", TALLY_SENT_NO_SIGNAL), 0);

    struct watch *placeholder = hub_watch(hub, "nobody", &AS_IT_IS);
    tally_add(tally_of(placeholder), TALLY_SENT_NO_SIGNAL, 3);
    hub_unwatch(hub, placeholder); /* it was never announced: it is gone */
    assert_int_equal(total(TALLY_SENT_LIVE), 6);
    assert_int_equal(total(TALLY_SENT_NO_SIGNAL), 5);
}

TEST(a_frame_counts_once_however_many_variants_are_made_of_it)
{
    watch("front");
    watch_as("front", 320, 0, 0);
    submit("front", 1, 1);
    struct hub_job job = take_for(0, 320);
    finish(&job, HUB_ENCODED);
    submit("front", 1, 2);
    job = take_for(0, 320);
    hub_publish(hub, &job, 0, HUB_UNCHANGED, make_frame(2));
    hub_publish(hub, &job, 1, HUB_TORN, NULL);
    hub_finish_job(hub, &job);
    raw_release(job.raw);
    assert_int_equal(counted("front", TALLY_ENCODED), 1);
    assert_int_equal(counted("front", TALLY_UNCHANGED), 1);
    assert_int_equal(counted("front", TALLY_TORN), 0);
    assert_int_equal(total_ended(), 2);
    const struct stream_report report = report_of("front");
    assert_int_equal(report.variants[0].encoded, 1);
    assert_int_equal(report.variants[0].unchanged, 1);
    assert_int_equal(report.variants[1].encoded, 1);
}

TEST(a_frame_that_is_wanted_no_more_when_its_turn_comes_is_counted_as_unwanted)
{
    struct watch *snapshot = hub_watch(hub, "front", &AS_IT_IS);
    watch_as("front", 320, 0, 1000);
    uint64_t start_ns = clock_mono_ns();
    submit_at("front", start_ns);
    struct hub_job job = take_for(320);
    wait_for_snapshot(snapshot, start_ns);
    submit_at("front", start_ns + 1); /* for the snapshot alone */
    finish(&job, HUB_ENCODED);
    leave(snapshot);
    assert_no_job();
    assert_int_equal(counted("front", TALLY_UNWANTED), 1);
    assert_int_equal(total_ended(), 2);
}

TEST(the_variants_of_a_ready_jpeg_are_timed_and_the_jpeg_counts_once)
{
    watch_as("front", 320, 0, 0);
    submit_ready("front", 1, 1);
    struct hub_job job = take_for(320);
    submit_ready("front", 1, 2); /* one waits, and is superseded */
    submit_ready("front", 1, 3);
    finish(&job, HUB_ENCODED);
    struct histogram_view encode;
    histogram_read(&hub_timings(hub)->encode, &encode);
    assert_int_equal(encode.count, 1);
    assert_int_equal(counted("front", TALLY_PASSED), 3);
    assert_int_equal(total_ended(), 3);
}

/* A picture in each variant. */
static void show_picture(const char *name, uint32_t width, uint32_t height)
{
    struct hub_job job;
    submit_sized(name, width, height);
    assert_true(hub_take_job(hub, &job));
    finish(&job, HUB_ENCODED);
}

TEST(a_watch_counts_its_pictures_from_variant_to_variant)
{
    watch("front");
    for (int i = 0; i < 5; i++)
        show_picture("front", 640, 480);
    struct watch *half = watch_as("front", 320, 0, 0);
    struct hub_view view = {0};
    for (uint64_t count = 1; count <= 6; count++) { /* for two frames, the stream's own pictures */
        uint32_t width = count == 3 || count == 4 ? 320 : 640;
        show_picture("front", width, width / 4 * 3);
        view = look(half, &view);
        assert_non_null(view.frame);
        frame_unref(&view.frame);
        assert_int_equal(view.picture_count, count);
    }
    for (int i = 0; i < 4; i++)
        show_picture("front", 640, 480);
    view = look(half, &view);
    frame_unref(&view.frame);
    assert_int_equal(view.picture_count, 10);
}

TEST(frames_encoded_anew_are_timed_and_no_others)
{
    watch("front");
    announce("front", 1, CONDITION_LIVE);
    assert_int_equal(report_of("front").encode_mean_ns, 0);
    const enum hub_outcome outcomes[] = {HUB_ENCODED, HUB_UNCHANGED, HUB_TORN, HUB_FAILED, HUB_ENCODED};
    for (size_t i = 0; i < COUNT(outcomes); i++) {
        struct raw_frame *raw = make_raw(1, i + 1);
        raw->capture_ns -= 40 * NS_PER_MS;
        hub_submit(hub, "front", raw);
        struct hub_job job = take(i + 1);
        job.taken_ns -= 10 * NS_PER_MS; /* as if it had taken so long */
        finish(&job, outcomes[i]);
    }
    struct histogram_view wait, encode;
    histogram_read(&hub_timings(hub)->capture_to_encode, &wait);
    histogram_read(&hub_timings(hub)->encode, &encode);
    assert_int_equal(wait.count, 2);
    assert_true(wait.sum_ns >= 60 * NS_PER_MS && wait.sum_ns < 2 * NS_PER_S);
    assert_int_equal(encode.count, 2);
    assert_true(encode.sum_ns >= 20 * NS_PER_MS && encode.sum_ns < 2 * NS_PER_S);
    assert_int_equal(counted("front", TALLY_ENCODE_NS), encode.sum_ns);
    assert_true(report_of("front").encode_mean_ns >= 10 * NS_PER_MS);
}

TEST(the_mean_of_encoding_follows_what_it_takes_now)
{
    watch("front");
    const uint64_t durations_ns[] = {400 * NS_PER_MS, 20 * NS_PER_MS};
    for (uint64_t sequence = 1; sequence <= 100; sequence++) {
        submit("front", 1, sequence);
        struct hub_job job = take(sequence);
        job.taken_ns -= durations_ns[sequence > 20];
        finish(&job, HUB_ENCODED);
        if (sequence <= 20)
            assert_true(report_of("front").encode_mean_ns >= 399 * NS_PER_MS);
    }
    assert_true(report_of("front").encode_mean_ns < 200 * NS_PER_MS);
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
        WITH_HUB(edges_are_demand_but_no_viewers),
        WITH_HUB(what_edges_alone_wanted_ends_at_once),
        WITH_HUB(what_was_forwarded_from_here_is_refused),
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
        WITH_HUB(the_picture_of_an_older_frame_does_not_come_after_a_ready_jpeg),
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
        WITH_HUB(the_format_of_a_streams_frames_stays_known_when_its_agent_does_not_announce_it),
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
        WITH_HUB(before_any_stream_viewers_wait_in_the_lobby_and_go_on_with_the_first),
        WITH_HUB(what_was_asked_for_in_the_lobby_holds_afterwards),
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
        WITH_HUB(a_job_makes_all_variants_of_a_frame_at_once),
        WITH_HUB(who_asks_for_the_same_shares_a_watch),
        WITH_HUB(settings_that_make_no_difference_are_the_same_variant),
        WITH_HUB(each_output_of_a_job_is_seen_as_soon_as_it_is_there),
        WITH_HUB(a_watch_without_an_audience_is_no_demand),
        WITH_HUB(the_producer_is_asked_for_the_highest_rate_that_any_variant_wants),
        WITH_HUB(a_variant_is_made_no_more_often_than_its_fastest_viewer_wants),
        WITH_HUB(a_source_at_the_rate_asked_for_may_jitter_and_loses_no_frame),
        WITH_HUB(frames_that_no_variant_is_due_for_are_dropped),
        WITH_HUB(a_torn_frame_does_not_cost_a_slow_variant_its_turn),
        WITH_HUB(a_snapshot_costs_one_picture),
        WITH_HUB(who_changes_its_settings_gets_every_frame_in_them_from_the_first_on),
        WITH_HUB(a_snapshot_whose_frame_was_torn_gets_the_next),
        WITH_HUB(a_frame_that_nobody_wants_any_more_is_no_job),
        WITH_HUB(one_variant_too_many_is_refused_but_never_the_plain_one),
        WITH_HUB(a_name_that_is_refused_leaves_nothing_behind),
        WITH_HUB(who_comes_back_at_once_finds_the_variant_and_its_codec),
        WITH_HUB(variants_that_nobody_watches_any_more_do_not_pile_up),
        WITH_HUB(variants_follow_the_size_of_the_source),
        WITH_HUB(a_watch_that_changes_its_variant_sees_nothing_twice_and_misses_nothing),
        WITH_HUB(what_was_made_of_a_size_that_is_past_reaches_nobody),
        WITH_HUB(more_variants_than_allowed_after_a_change_of_size_see_the_plain_one),
        WITH_HUB(a_ready_jpeg_is_a_job_for_those_who_want_something_else),
        WITH_HUB(exact_pictures_are_outputs_of_the_same_job),
        WITH_HUB(a_postponed_picture_holds_up_nothing_but_itself),
        WITH_HUB(a_postponed_picture_that_comes_to_nothing_is_tried_again),
        WITH_HUB(a_postponed_picture_may_come_after_everybody_left_and_its_stream_was_forgotten),
        WITH_HUB(exact_pictures_are_no_variants_for_the_limit),
        WITH_HUB(nothing_exact_comes_of_a_ready_jpeg_and_that_is_seen),
        WITH_HUB(why_an_exact_picture_does_not_come_is_explained),
        WITH_HUB(why_a_jpeg_does_not_come_in_another_size_is_explained),
        WITH_HUB(a_no_signal_picture_has_the_variants_size),
        WITH_HUB(a_no_signal_picture_is_given_up_with_the_last_viewer_of_its_variant),
        WITH_HUB(a_slow_variant_is_given_the_time_of_a_frame_more_and_no_other),
        WITH_HUB(a_report_tells_of_each_variant),
        WITH_HUB(what_is_dropped_of_the_input_is_counted_by_reason),
        WITH_HUB(every_frame_received_ends_as_one_of_the_kinds),
        WITH_HUB(the_bytes_of_frames_are_counted_whatever_becomes_of_them),
        WITH_HUB(totals_keep_what_was_counted_of_forgotten_streams),
        WITH_HUB(what_the_watcher_counts_is_reported_of_its_stream_and_outlives_it),
        WITH_HUB(a_frame_counts_once_however_many_variants_are_made_of_it),
        WITH_HUB(a_frame_that_is_wanted_no_more_when_its_turn_comes_is_counted_as_unwanted),
        WITH_HUB(the_variants_of_a_ready_jpeg_are_timed_and_the_jpeg_counts_once),
        WITH_HUB(a_watch_counts_its_pictures_from_variant_to_variant),
        WITH_HUB(frames_encoded_anew_are_timed_and_no_others),
        WITH_HUB(the_mean_of_encoding_follows_what_it_takes_now),
    };
    log_set_level(LOG_WARN);
    return cmocka_run_group_tests_name("stream/hub", tests, NULL, NULL);
}
