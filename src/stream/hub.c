/* SPDX-License-Identifier: MIT */
#include "stream/hub.h"

#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "base/memory.h"
#include "stream/stream.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A subscription outlives its last watcher by this: page reloads and snapshots in a row stay warm. */
static const uint64_t LINGER_NS = NS_PER_S;

struct hub {
    struct hub_options options;
    struct wake upstream_wake, sender_wake;
    struct intake intake;
    struct hub_encoder encoder;

    /* Guards everything below, and all of every stream. */
    pthread_mutex_t lock;
    struct list streams;  /* the announced ones in the order of their first announcement */
    struct list work;     /* streams of which a job may be taken, first come first */
    struct stream *lobby; /* watched by those who want a default stream that is not there yet */
};

static void hub_lock(struct hub *hub)
{
    pthread_mutex_lock(&hub->lock);
}

static void hub_unlock(struct hub *hub)
{
    pthread_mutex_unlock(&hub->lock);
}

struct hub *hub_create(const struct hub_options *options)
{
    struct hub *hub = memory_zeroed(sizeof(*hub));
    hub->options = *options;
    if (!wake_init(&hub->upstream_wake) || !wake_init(&hub->sender_wake)) {
        log_error("cannot make an eventfd: too many open files?");
        abort();
    }
    pthread_mutex_init(&hub->lock, NULL);
    list_init(&hub->streams);
    list_init(&hub->work);
    hub->lobby = stream_create("");
    return hub;
}

static void destroy(struct hub *hub, struct stream *stream)
{
    if (stream->codec)
        hub->encoder.free_codec(stream->codec);
    stream_destroy(stream);
}

void hub_destroy(struct hub *hub)
{
    struct list *node, *after;
    list_for_each_safe(node, after, &hub->streams) destroy(hub, container_of(node, struct stream, link));
    destroy(hub, hub->lobby);
    pthread_mutex_destroy(&hub->lock);
    wake_fini(&hub->upstream_wake);
    wake_fini(&hub->sender_wake);
    free(hub);
}

void hub_set_encoder(struct hub *hub, const struct hub_encoder *encoder)
{
    hub->encoder = *encoder;
}

const struct wake *hub_upstream_wake(const struct hub *hub)
{
    return &hub->upstream_wake;
}

const struct wake *hub_sender_wake(const struct hub *hub)
{
    return &hub->sender_wake;
}

static void announce_job(struct hub *hub)
{
    if (hub->encoder.on_job)
        hub->encoder.on_job(hub->encoder.arg);
}

/* ---- the registry, under the lock ---- */

static struct stream *find_stream(struct hub *hub, const char *name)
{
    struct list *node;
    list_for_each(node, &hub->streams)
    {
        struct stream *stream = container_of(node, struct stream, link);
        if (strcmp(stream->name, name) == 0)
            return stream;
    }
    return NULL;
}

static struct stream *find_or_add_stream(struct hub *hub, const char *name)
{
    struct stream *stream = find_stream(hub, name);
    if (!stream) {
        stream = stream_create(name);
        list_append(&hub->streams, &stream->link);
    }
    return stream;
}

/* Frees a stream that nobody knows any more. */
static void drop_if_unused(struct hub *hub, struct stream *stream)
{
    if (stream != hub->lobby && !stream->announced && !stream->watched && !stream->subscribed &&
        !stream->busy)
        destroy(hub, stream);
}

static struct stream *find_default(struct hub *hub)
{
    if (hub->options.default_name)
        return find_or_add_stream(hub, hub->options.default_name);
    struct list *node;
    list_for_each(node, &hub->streams)
    {
        struct stream *stream = container_of(node, struct stream, link);
        if (stream->announced)
            return stream;
    }
    return NULL;
}

static bool is_gone(const struct stream *stream)
{
    return stream->condition == CONDITION_LOST || stream->condition == CONDITION_ENDED;
}

static void forget(struct hub *hub, struct stream *stream)
{
    log_info("stream %s: forgotten, its agent is gone", stream->name);
    stream->announced = false;
    stream->condition = CONDITION_WAITING;
    drop_if_unused(hub, stream);
}

static void judge(struct hub *hub, struct stream *stream, uint64_t now_ns)
{
    if (!stream_judge(stream, hub->options.no_signal_after_ns, now_ns, clock_real_ns()) || !stream->announced)
        return;
    const struct explain_facts facts = stream_explain_facts(stream, hub->options.endpoint);
    char reason[EXPLAIN_BYTES];
    explain_state(&facts, reason);
    log_info("stream %s: %s%s%s", stream->name, condition_name(stream->condition), reason[0] ? ": " : "",
             reason);
}

/* Makes room for one more announced stream: one that is gone and unwatched gives way. */
static bool make_room(struct hub *hub, uint64_t now_ns)
{
    size_t announced = 0;
    struct stream *oldest = NULL;
    struct list *node;
    list_for_each(node, &hub->streams)
    {
        struct stream *stream = container_of(node, struct stream, link);
        if (!stream->announced)
            continue;
        announced++;
        judge(hub, stream, now_ns);
        if (is_gone(stream) && !stream->watched && (!oldest || stream->heard_ns < oldest->heard_ns))
            oldest = stream;
    }
    if (announced < hub->options.max_streams)
        return true;
    if (!oldest)
        return false;
    forget(hub, oldest);
    return true;
}

/* The stream of a name for a producer that wants to speak for it, or NULL and why not. */
static struct stream *admit(struct hub *hub, const char *name, uint64_t instance, uint64_t now_ns,
                            enum hub_verdict *verdict)
{
    struct stream *stream = find_stream(hub, name);
    if ((!stream || !stream->announced) && !make_room(hub, now_ns)) {
        *verdict = HUB_LIMIT;
        return NULL;
    }
    stream = find_or_add_stream(hub, name); /* making room may have freed an unannounced one */
    bool is_new = !stream->announced;
    if (!stream_accept_producer(stream, instance, now_ns, clock_real_ns())) {
        *verdict = HUB_CONFLICT;
        return NULL;
    }
    if (is_new) {
        list_remove(&stream->link);
        list_append(&hub->streams, &stream->link);
        wake_signal(&hub->sender_wake);
    }
    if (stream->wanted_rate != 0 && !stream->rate_is_told)
        wake_signal(&hub->upstream_wake);
    *verdict = HUB_TAKEN;
    return stream;
}

/* ---- ingest ---- */

enum hub_verdict hub_announce(struct hub *hub, const char *name, const struct announcement *announcement)
{
    uint64_t now_ns = clock_mono_ns();
    enum hub_verdict verdict;
    hub_lock(hub);
    struct stream *stream = admit(hub, name, announcement->instance, now_ns, &verdict);
    if (stream) {
        stream->producer = *announcement;
        judge(hub, stream, now_ns);
    }
    hub_unlock(hub);
    return verdict;
}

void hub_set_transport_reason(struct hub *hub, const char *name, const char *reason)
{
    hub_lock(hub);
    struct stream *stream = find_stream(hub, name);
    if (stream)
        snprintf(stream->producer.transport_reason, sizeof(stream->producer.transport_reason), "%s", reason);
    hub_unlock(hub);
}

bool hub_has_producer(struct hub *hub, const char *name, uint64_t instance)
{
    hub_lock(hub);
    const struct stream *stream = find_stream(hub, name);
    bool has = stream && stream->announced && stream->producer.instance == instance &&
               stream->producer.state != CONDITION_ENDED;
    hub_unlock(hub);
    return has;
}

/* A frame of it arrived: notes what it tells about its producer. */
static void note_frame(struct stream *stream, const struct raw_info *info, uint64_t now_ns)
{
    stream->received++;
    rate_count(&stream->arrivals, now_ns);
    stream->frame_ns = now_ns;
    stream->frame_real_ns = stream->heard_real_ns;
    /* A frame that was still on its way when its producer said goodbye does not bring that back. What a live
       producer says of its pictures stays until it says something else. */
    if (stream->producer.state != CONDITION_ENDED && stream->producer.state != CONDITION_LIVE) {
        stream->producer.state = CONDITION_LIVE;
        stream->producer.reason[0] = '\0';
    }
    stream->producer.width = info->width;
    stream->producer.height = info->height;
    stream->producer.format = info->format;
    stream->location = info->location;
}

static void offer_work(struct hub *hub, struct stream *stream)
{
    if (!stream->busy && list_is_empty(&stream->work) && (stream->raw || stream->notice_wanted))
        list_append(&hub->work, &stream->work);
}

enum hub_verdict hub_submit(struct hub *hub, const char *name, struct raw_frame *raw)
{
    struct raw_frame *surplus = raw;
    enum hub_verdict verdict;
    hub_lock(hub);
    struct stream *stream = admit(hub, name, raw->info.instance, raw->arrival_ns, &verdict);
    if (stream) {
        note_frame(stream, &raw->info, raw->arrival_ns);
        if (stream->watched) {
            surplus = stream->raw;
            stream->raw = raw;
            offer_work(hub, stream);
        }
        stream->dropped += surplus != NULL;
        judge(hub, stream, raw->arrival_ns);
    }
    hub_unlock(hub);
    bool is_work = surplus != raw;
    raw_release(surplus);
    if (is_work)
        announce_job(hub);
    return verdict;
}

/* Returns what the caller is to unref outside the lock. */
static struct frame *publish(struct hub *hub, struct stream *stream, struct frame *frame, bool is_new)
{
    struct frame *old = stream->frame;
    stream->frame = frame;
    stream->frame_count++;
    stream->picture_count += is_new;
    stream->published_ns = clock_mono_ns();
    wake_signal(&hub->sender_wake);
    return old;
}

enum hub_verdict hub_submit_ready(struct hub *hub, const char *name, const struct raw_info *info,
                                  struct frame *frame)
{
    uint64_t now_ns = clock_mono_ns();
    struct frame *surplus = frame;
    enum hub_verdict verdict;
    hub_lock(hub);
    struct stream *stream = admit(hub, name, info->instance, now_ns, &verdict);
    if (stream) {
        note_frame(stream, info, now_ns);
        if (stream->watched) {
            stream->passed++;
            surplus = publish(hub, stream, frame, true);
        } else {
            stream->dropped++;
        }
        judge(hub, stream, now_ns);
    }
    hub_unlock(hub);
    frame_unref(&surplus);
    return verdict;
}

static bool next_upstream_of(struct stream *stream, uint64_t now_ns, struct upstream *upstream)
{
    bool is_wanted =
        stream->watched || (stream->subscribed && now_ns < stream->unwanted_since_ns + LINGER_NS);
    if (is_wanted != stream->subscribed) {
        stream->subscribed = is_wanted;
        stream->rate_is_told = false;
        upstream->kind = is_wanted ? UPSTREAM_SUBSCRIBE : UPSTREAM_UNSUBSCRIBE;
    } else if (is_wanted && !stream->rate_is_told) {
        stream->rate_is_told = true;
        upstream->kind = UPSTREAM_RATE;
    } else {
        return false;
    }
    memcpy(upstream->name, stream->name, sizeof(upstream->name));
    upstream->rate = stream->wanted_rate;
    return true;
}

bool hub_next_upstream(struct hub *hub, struct upstream *upstream)
{
    uint64_t now_ns = clock_mono_ns();
    bool found = false;
    hub_lock(hub);
    struct list *node, *after;
    list_for_each_safe(node, after, &hub->streams)
    {
        struct stream *stream = container_of(node, struct stream, link);
        found = next_upstream_of(stream, now_ns, upstream);
        drop_if_unused(hub, stream);
        if (found)
            break;
    }
    hub_unlock(hub);
    return found;
}

uint64_t hub_upstream_deadline(struct hub *hub)
{
    uint64_t deadline_ns = CLOCK_NEVER;
    hub_lock(hub);
    struct list *node;
    list_for_each(node, &hub->streams)
    {
        const struct stream *stream = container_of(node, struct stream, link);
        if (stream->subscribed && !stream->watched && stream->unwanted_since_ns + LINGER_NS < deadline_ns)
            deadline_ns = stream->unwanted_since_ns + LINGER_NS;
    }
    hub_unlock(hub);
    return deadline_ns;
}

void hub_tick(struct hub *hub)
{
    uint64_t now_ns = clock_mono_ns();
    hub_lock(hub);
    struct list *node, *after;
    list_for_each_safe(node, after, &hub->streams)
    {
        struct stream *stream = container_of(node, struct stream, link);
        judge(hub, stream, now_ns);
        if (stream->announced && is_gone(stream) && now_ns - stream->heard_ns > hub->options.forget_after_ns)
            forget(hub, stream);
    }
    hub_unlock(hub);
}

/* ---- encode ---- */

bool hub_take_job(struct hub *hub, struct hub_job *job)
{
    hub_lock(hub);
    bool found = !list_is_empty(&hub->work);
    if (found) {
        struct stream *stream = container_of(hub->work.next, struct stream, work);
        list_remove(&stream->work);
        stream->busy = true;
        job->stream = stream;
        job->codec = stream->codec;
        job->raw = NULL;
        /* A frame goes first, unless frame after frame comes to nothing. */
        if (stream->notice_wanted && (!stream->raw || stream->came_to_nothing)) {
            stream->notice_wanted = false;
            job->notice = stream->notice_text;
        } else {
            job->raw = stream->raw;
            stream->raw = NULL;
        }
    }
    hub_unlock(hub);
    return found;
}

/* Puts a notice in place. Returns what the caller is to unref outside the lock. */
static struct frame *publish_notice(struct hub *hub, struct stream *stream, struct frame *notice)
{
    struct frame *old = stream->notice;
    stream->notice = notice;
    stream->notice_count++;
    wake_signal(&hub->sender_wake);
    return old;
}

/* A notice that was asked for will not come; the one there is says something else. */
static void give_up_notice(struct stream *stream)
{
    stream->notice_wanted = false;
    memset(&stream->notice_text, 0, sizeof(stream->notice_text));
}

static void count_outcome(struct stream *stream, enum hub_outcome outcome)
{
    switch (outcome) {
    case HUB_ENCODED:
        stream->encoded++;
        break;
    case HUB_UNCHANGED:
        stream->unchanged++;
        break;
    case HUB_TORN:
        stream->torn++;
        break;
    case HUB_FAILED:
        stream->dropped++;
        break;
    }
}

void hub_finish_job(struct hub *hub, const struct hub_job *job, enum hub_outcome outcome, struct frame *frame)
{
    struct stream *stream = job->stream;
    struct frame *old = NULL;
    hub_lock(hub);
    stream->busy = false;
    stream->codec = job->codec;
    if (job->raw) {
        count_outcome(stream, outcome);
        stream->came_to_nothing = !frame;
    }
    if (frame)
        old = job->raw ? publish(hub, stream, frame, outcome == HUB_ENCODED)
                       : publish_notice(hub, stream, frame);
    else if (!job->raw && !stream->notice_wanted)
        give_up_notice(stream);
    offer_work(hub, stream);
    bool is_more = !list_is_empty(&stream->work);
    drop_if_unused(hub, stream);
    hub_unlock(hub);
    frame_unref(&old);
    if (is_more)
        announce_job(hub);
}

/* ---- sender ---- */

struct stream *hub_watch(struct hub *hub, const char *name)
{
    hub_lock(hub);
    struct stream *stream = name ? find_or_add_stream(hub, name) : find_default(hub);
    if (!stream)
        stream = hub->lobby;
    if (!stream->watched) {
        stream->watched = true;
        stream->wanted_since_ns = clock_mono_ns();
        stream->wanted_since_real_ns = clock_real_ns();
        stream->unwanted_since_ns = 0;
        wake_signal(&hub->upstream_wake);
    }
    hub_unlock(hub);
    return stream;
}

void hub_unwatch(struct hub *hub, struct stream *stream)
{
    struct raw_frame *raw = NULL;
    hub_lock(hub);
    stream->watched = false;
    stream->viewers = 0;
    stream->unwanted_since_ns = clock_mono_ns();
    raw = stream->raw;
    stream->raw = NULL;
    if (stream->notice_wanted)
        give_up_notice(stream);
    list_remove(&stream->work);
    wake_signal(&hub->upstream_wake);
    drop_if_unused(hub, stream);
    hub_unlock(hub);
    raw_release(raw);
}

bool hub_is_lobby(const struct hub *hub, const struct stream *stream)
{
    return stream == hub->lobby;
}

bool hub_has_default(struct hub *hub)
{
    hub_lock(hub);
    bool found = find_default(hub) != NULL;
    hub_unlock(hub);
    return found;
}

void hub_set_audience(struct hub *hub, struct stream *stream, size_t viewers, millifps rate)
{
    hub_lock(hub);
    stream->viewers = viewers;
    if (stream->wanted_rate != rate) {
        stream->wanted_rate = rate;
        stream->rate_is_told = false;
        wake_signal(&hub->upstream_wake);
    }
    hub_unlock(hub);
}

void hub_look(struct hub *hub, struct stream *stream, struct hub_view *view)
{
    uint64_t now_ns = clock_mono_ns();
    hub_lock(hub);
    judge(hub, stream, now_ns);
    view->frame = stream->frame_count > view->frame_count ? frame_ref(stream->frame) : NULL;
    view->frame_count = stream->frame_count;
    view->picture_count = stream->picture_count;
    view->published_ns = stream->published_ns;
    view->notice = stream->notice_count > view->notice_count ? frame_ref(stream->notice) : NULL;
    view->notice_count = stream->notice_count;
    view->interval_ns = stream_interval_ns(stream);
    view->no_signal_after_ns = stream_stall_after_ns(stream, hub->options.no_signal_after_ns);
    view->expect_soon = stream->condition == CONDITION_LIVE;
    hub_unlock(hub);
}

bool hub_request_notice(struct hub *hub, struct stream *stream)
{
    struct notice notice;
    hub_lock(hub);
    judge(hub, stream, clock_mono_ns());
    stream_write_notice(stream, hub->options.endpoint, clock_real_ns(), &notice);
    bool is_new = !stream->notice || memcmp(&notice, &stream->notice_text, sizeof(notice)) != 0;
    if (is_new) {
        stream->notice_text = notice;
        stream->notice_wanted = true;
        offer_work(hub, stream);
    }
    hub_unlock(hub);
    if (is_new)
        announce_job(hub);
    return is_new;
}

void hub_explain(struct hub *hub, struct stream *stream, char text[2 * EXPLAIN_BYTES])
{
    char reason[EXPLAIN_BYTES], next_step[EXPLAIN_BYTES];
    hub_lock(hub);
    judge(hub, stream, clock_mono_ns());
    const struct explain_facts facts = stream_explain_facts(stream, hub->options.endpoint);
    explain_reason(&facts, reason);
    explain_next_step(&facts, next_step);
    hub_unlock(hub);
    snprintf(text, (size_t)2 * EXPLAIN_BYTES, "%s%s%s", reason[0] ? reason : "no frame came in time",
             next_step[0] ? "; " : "", next_step);
}

/* ---- status ---- */

struct stream_report *hub_report(struct hub *hub, size_t *count)
{
    uint64_t now_ns = clock_mono_ns();
    /* At most max_streams are announced; the room is made outside the lock. */
    struct stream_report *reports = memory_array(NULL, hub->options.max_streams, sizeof(reports[0]));
    *count = 0;
    hub_lock(hub);
    struct list *node;
    list_for_each(node, &hub->streams)
    {
        struct stream *stream = container_of(node, struct stream, link);
        if (!stream->announced)
            continue;
        judge(hub, stream, now_ns);
        stream_write_report(stream, hub->options.endpoint, now_ns, &reports[(*count)++]);
    }
    hub_unlock(hub);
    return reports;
}

struct intake *hub_intake(struct hub *hub)
{
    return &hub->intake;
}

bool hub_default_name(struct hub *hub, char name[NAME_BYTES])
{
    hub_lock(hub);
    const struct stream *stream = find_default(hub);
    if (stream)
        memcpy(name, stream->name, NAME_BYTES);
    hub_unlock(hub);
    return stream != NULL;
}
