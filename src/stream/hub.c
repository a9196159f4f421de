/* SPDX-License-Identifier: MIT */
#include "stream/hub.h"

#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "base/memory.h"
#include "stream/demand.h"
#include "stream/news.h"
#include "stream/stream.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* Subscriptions and variants outlive their last watcher by this: page reloads and snapshots in a row stay
   warm. */
static const uint64_t LINGER_NS = NS_PER_S;

struct hub {
    struct hub_options options;
    uint64_t id;
    struct wake upstream_wake, sender_wake, forward_wake;
    struct intake intake;
    struct edges edges;
    struct hub_timings timings;
    struct hub_encoder encoder;

    /* Guards everything below, and all of every stream. */
    pthread_mutex_t lock;
    struct list streams;    /* the announced ones in the order of their first announcement */
    struct list work;       /* streams of which a job may be taken, first come first */
    struct tally_view past; /* what was counted of streams that are no more */
    struct stream *lobby;   /* watched by those who want a default stream that is not there yet */
    struct list gone;       /* variants that hub_unlock() frees */
    struct news news;       /* which it writes */
    uint64_t serial;        /* of what was published last, in any stream */
};

static void hub_lock(struct hub *hub)
{
    pthread_mutex_lock(&hub->lock);
}

static void hub_unlock(struct hub *hub)
{
    struct list gone, news, *node, *after;
    list_init(&gone);
    list_init(&news);
    list_splice(&gone, &hub->gone);
    news_take(&hub->news, &news);
    pthread_mutex_unlock(&hub->lock);
    news_write(&news);
    list_for_each_safe(node, after, &gone)
    {
        struct variant *variant = container_of(node, struct variant, link);
        if (variant->codec)
            hub->encoder.free_codec(variant->codec);
        variant_fini(variant);
        free(variant);
    }
}

/* It tells this process's word from that of others; who guesses it gains nothing. */
static uint64_t draw_id(void)
{
    uint64_t id;
    if (getrandom(&id, sizeof(id), 0) != (ssize_t)sizeof(id))
        id = clock_real_ns();
    return id ? id : 1;
}

struct hub *hub_create(const struct hub_options *options)
{
    struct hub *hub = memory_zeroed(sizeof(*hub));
    hub->options = *options;
    if (!wake_init(&hub->upstream_wake) || !wake_init(&hub->sender_wake) || !wake_init(&hub->forward_wake)) {
        log_error("cannot make an eventfd: too many open files?");
        abort();
    }
    hub->id = draw_id();
    edges_init(&hub->edges);
    pthread_mutex_init(&hub->lock, NULL);
    list_init(&hub->streams);
    list_init(&hub->work);
    list_init(&hub->gone);
    news_init(&hub->news);
    hub->lobby = stream_create("");
    return hub;
}

void hub_destroy(struct hub *hub)
{
    struct list *node, *after;
    hub_lock(hub);
    list_for_each_safe(node, after, &hub->streams)
        stream_destroy(container_of(node, struct stream, link), &hub->gone);
    stream_destroy(hub->lobby, &hub->gone);
    hub_unlock(hub);
    pthread_mutex_destroy(&hub->lock);
    wake_fini(&hub->upstream_wake);
    wake_fini(&hub->sender_wake);
    wake_fini(&hub->forward_wake);
    edges_fini(&hub->edges);
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

const struct wake *hub_forward_wake(const struct hub *hub)
{
    return &hub->forward_wake;
}

static void wake_watchers(struct hub *hub)
{
    wake_signal(&hub->sender_wake);
    if (hub->options.has_edges)
        wake_signal(&hub->forward_wake);
}

uint64_t hub_id(const struct hub *hub)
{
    return hub->id;
}

struct edges *hub_edges(struct hub *hub)
{
    return &hub->edges;
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
    if (stream != hub->lobby && !stream->announced && list_is_empty(&stream->watches) &&
        !stream->subscribed && !stream->busy && stream->late_count == 0) {
        tally_sum(&stream->tally, &hub->past);
        stream_destroy(stream, &hub->gone);
    }
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

static void forget(struct hub *hub, struct stream *stream, uint64_t now_ns)
{
    news_note(&hub->news, now_ns, "stream %s: forgotten, its agent is gone", stream->name);
    stream->announced = false;
    stream->condition = CONDITION_WAITING;
    if (stream->subscribed)
        wake_signal(&hub->upstream_wake);
    drop_if_unused(hub, stream);
}

static void judge(struct hub *hub, struct stream *stream, uint64_t now_ns)
{
    if (!stream_judge(stream, hub->options.no_signal_after_ns, now_ns, clock_real_ns()) || !stream->announced)
        return;
    const struct explain_facts facts = stream_explain_facts(stream, hub->options.endpoint);
    char reason[EXPLAIN_BYTES];
    explain_state(&facts, reason);
    news_note(&hub->news, now_ns, "stream %s: %s%s%s", stream->name, condition_name(stream->condition),
              reason[0] ? ": " : "", reason);
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
    forget(hub, oldest, now_ns);
    return true;
}

static void offer_work(struct hub *hub, struct stream *stream)
{
    if (!stream->busy && list_is_empty(&stream->work) && (stream->raw || demand_has_notice(stream)))
        list_append(&hub->work, &stream->work);
}

/* Who watches, or what they want, has changed. */
static void follow_demand(struct hub *hub, struct stream *stream)
{
    if (demand_sum(stream, clock_mono_ns(), clock_real_ns()))
        wake_signal(&hub->upstream_wake);
    if (!stream->raw && !demand_has_notice(stream))
        list_remove(&stream->work);
}

static struct demand_context demand_context(struct hub *hub, uint64_t now_ns)
{
    return (struct demand_context){
        .most = hub->options.max_variants,
        .quality = hub->options.quality,
        .now_ns = now_ns,
        .serial = hub->serial,
        .gone = &hub->gone,
    };
}

/* Those who wait for a default stream go on with the first one. */
static void leave_lobby(struct hub *hub, uint64_t now_ns)
{
    struct stream *stream = find_default(hub);
    if (!stream || list_is_empty(&hub->lobby->watches))
        return;
    const struct demand_context context = demand_context(hub, now_ns);
    demand_take_over(stream, hub->lobby, &context);
    follow_demand(hub, hub->lobby);
    follow_demand(hub, stream);
}

static void set_size(struct hub *hub, struct stream *stream, uint32_t width, uint32_t height, uint64_t now_ns)
{
    if (width == stream->width && height == stream->height)
        return;
    const struct demand_context context = demand_context(hub, now_ns);
    demand_set_size(stream, width, height, &context);
    follow_demand(hub, stream);
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
        leave_lobby(hub, now_ns);
        wake_watchers(hub);
    }
    if ((is_new && stream->watched) || (stream->wanted_rate != 0 && !stream->rate_is_told))
        wake_signal(&hub->upstream_wake);
    *verdict = HUB_TAKEN;
    return stream;
}

/* ---- ingest ---- */

static bool is_loop(const struct hub *hub, const struct announcement *announcement)
{
    for (size_t i = 0; i < announcement->via_count; i++)
        if (announcement->via[i] == hub->id)
            return true;
    return false;
}

enum hub_verdict hub_announce(struct hub *hub, const char *name, const struct announcement *announcement)
{
    uint64_t now_ns = clock_mono_ns();
    enum hub_verdict verdict;
    if (is_loop(hub, announcement))
        return HUB_LOOP;
    hub_lock(hub);
    struct stream *stream = admit(hub, name, announcement->instance, now_ns, &verdict);
    if (stream) {
        /* Frames say more than an announcement that is only repeated. */
        bool is_other_size =
            announcement->width != stream->producer.width || announcement->height != stream->producer.height;
        const enum headcam_pixel_format format = stream->producer.format;
        stream->producer = *announcement;
        if (announcement->format == 0)
            stream->producer.format = format;
        if (is_other_size && announcement->width != 0 && announcement->height != 0)
            set_size(hub, stream, announcement->width, announcement->height, now_ns);
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
static void note_frame(struct hub *hub, struct stream *stream, const struct raw_info *info, uint64_t now_ns)
{
    tally_add(&stream->tally, TALLY_RECEIVED, 1);
    tally_add(&stream->tally, TALLY_RECEIVED_BYTES, info->payload_bytes);
    rate_count(&stream->arrivals, now_ns);
    stream->frame_ns = now_ns;
    stream->frame_real_ns = stream->heard_real_ns;
    /* A frame that was still on its way when its producer said goodbye does not bring that back. What a live
       producer says of its pictures stays until it says something else. */
    if (stream->producer.state != CONDITION_ENDED && stream->producer.state != CONDITION_LIVE) {
        stream->producer.state = CONDITION_LIVE;
        stream->producer.reason[0] = '\0';
    }
    stream->producer.format = info->format;
    set_size(hub, stream, info->width, info->height, now_ns);
    stream->location = info->location;
}

/* A raw frame, if there is one, came to nothing. A ready JPEG was counted when it came. */
static void count_loss(struct stream *stream, const struct raw_frame *raw, enum tally_kind kind)
{
    if (raw && raw->info.format != HEADCAM_JPEG)
        tally_add(&stream->tally, kind, 1);
}

/* Keeps a raw frame that somebody wants. Returns the one that is not kept, if any. */
static struct raw_frame *keep_raw(struct hub *hub, struct stream *stream, struct raw_frame *raw)
{
    if (!demand_wants_any(stream, raw)) {
        count_loss(stream, raw, TALLY_UNWANTED);
        return raw;
    }
    struct raw_frame *old = stream->raw;
    count_loss(stream, old, TALLY_SUPERSEDED);
    stream->raw = raw;
    offer_work(hub, stream);
    return old;
}

enum hub_verdict hub_submit(struct hub *hub, const char *name, struct raw_frame *raw)
{
    struct raw_frame *surplus = raw;
    enum hub_verdict verdict;
    hub_lock(hub);
    struct stream *stream = admit(hub, name, raw->info.instance, raw->arrival_ns, &verdict);
    if (stream) {
        note_frame(hub, stream, &raw->info, raw->arrival_ns);
        surplus = keep_raw(hub, stream, raw);
        judge(hub, stream, raw->arrival_ns);
    }
    hub_unlock(hub);
    bool is_work = surplus != raw;
    raw_release(surplus);
    if (is_work)
        announce_job(hub);
    return verdict;
}

enum hub_verdict hub_submit_ready(struct hub *hub, const char *name, struct raw_frame *raw,
                                  struct frame *frame)
{
    uint64_t now_ns = clock_mono_ns();
    struct frame *old = frame;
    struct raw_frame *surplus = raw;
    enum hub_verdict verdict;
    hub_lock(hub);
    struct stream *stream = admit(hub, name, raw->info.instance, now_ns, &verdict);
    if (stream) {
        note_frame(hub, stream, &raw->info, now_ns);
        if (stream->watched) {
            tally_add(&stream->tally, TALLY_PASSED, 1);
            old = variant_publish(stream->plain, frame, true, ++hub->serial, now_ns, now_ns);
            wake_watchers(hub);
        } else {
            tally_add(&stream->tally, TALLY_UNWANTED, 1);
        }
        surplus = keep_raw(hub, stream, raw);
        judge(hub, stream, now_ns);
    }
    hub_unlock(hub);
    bool is_work = surplus != raw;
    frame_unref(&old);
    raw_release(surplus);
    if (is_work)
        announce_job(hub);
    return verdict;
}

static bool next_upstream_of(struct stream *stream, uint64_t now_ns, struct upstream *upstream)
{
    /* Viewers may ask for any name: what nobody has announced, no agent hears of. */
    bool is_wanted =
        stream->announced &&
        (stream->watched || (stream->subscribed && now_ns < stream->unwanted_since_ns + LINGER_NS));
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

static void drop_variants(struct hub *hub, struct stream *stream, uint64_t now_ns)
{
    if (now_ns > LINGER_NS)
        demand_drop_variants(stream, now_ns - LINGER_NS, &hub->gone);
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
        drop_variants(hub, stream, now_ns);
        if (stream->announced && is_gone(stream) && now_ns - stream->heard_ns > hub->options.forget_after_ns)
            forget(hub, stream, now_ns);
    }
    drop_variants(hub, hub->lobby, now_ns);
    hub_unlock(hub);
}

/* ---- encode ---- */

static void add_output(struct hub_job *job, struct variant *variant)
{
    variant->busy = true;
    job->outputs[job->count++] =
        (struct hub_output){.variant = variant, .settings = variant->settings, .codec = variant->codec};
}

static bool take_notice(struct stream *stream, struct hub_job *job)
{
    struct list *node;
    list_for_each(node, &stream->variants)
    {
        struct variant *variant = container_of(node, struct variant, link);
        if (!variant->notice_wanted)
            continue;
        variant->notice_wanted = false;
        job->notice = variant->notice_text;
        add_output(job, variant);
        return true;
    }
    return false;
}

/* What is wanted may have changed since the frame came: then it is a job without an output. */
static void take_raw(struct stream *stream, struct hub_job *job)
{
    struct list *node;
    job->raw = stream->raw;
    stream->raw = NULL;
    list_for_each(node, &stream->variants)
    {
        struct variant *variant = container_of(node, struct variant, link);
        if (demand_wants(stream, variant, job->raw))
            add_output(job, variant);
    }
}

/* Takes the first job, under the lock. */
static bool take_first(struct hub *hub, struct hub_job *job)
{
    if (list_is_empty(&hub->work))
        return false;
    struct stream *stream = container_of(hub->work.next, struct stream, work);
    list_remove(&stream->work);
    job->stream = stream;
    job->raw = NULL;
    job->count = 0;
    job->outcome = HUB_FAILED;
    /* A frame goes first, unless frame after frame comes to nothing. */
    if ((stream->raw && !stream->came_to_nothing) || !take_notice(stream, job))
        take_raw(stream, job);
    stream->busy = job->count > 0;
    if (!stream->busy) {
        count_loss(stream, job->raw, TALLY_UNWANTED);
        offer_work(hub, stream);
    }
    job->is_followed = !list_is_empty(&hub->work);
    return true;
}

bool hub_take_job(struct hub *hub, struct hub_job *job)
{
    for (;;) {
        job->taken_ns = clock_mono_ns();
        hub_lock(hub);
        bool found = take_first(hub, job);
        hub_unlock(hub);
        if (!found || job->count > 0)
            return found;
        raw_release(job->raw);
    }
}

/* The source has another size by now, and so may those who see the job's variants. */
static bool is_outdated(const struct hub_job *job)
{
    const struct raw_info *info = &job->raw->info;
    return info->width != job->stream->width || info->height != job->stream->height;
}

/* A frame counts once, however many pictures were made of it. Encoding takes its time of ready JPEGs, too,
   where some variant needs it; they themselves were counted when they came. */
static void count_outcome(struct hub *hub, const struct hub_job *job, uint64_t now_ns)
{
    static const enum tally_kind kinds[] = {
        [HUB_ENCODED] = TALLY_ENCODED, [HUB_UNCHANGED] = TALLY_UNCHANGED, [HUB_SUPERSEDED] = TALLY_SUPERSEDED,
        [HUB_TORN] = TALLY_TORN,       [HUB_NO_ROOM] = TALLY_FAILED,      [HUB_NOT_DECODED] = TALLY_FAILED,
        [HUB_FAILED] = TALLY_FAILED,
    };
    if (job->raw->info.format != HEADCAM_JPEG)
        tally_add(&job->stream->tally, kinds[job->outcome], 1);
    if (job->outcome != HUB_ENCODED)
        return;
    stream_note_encoding(job->stream, now_ns - job->taken_ns);
    histogram_observe(&hub->timings.capture_to_encode, job->taken_ns - job->raw->capture_ns);
    histogram_observe(&hub->timings.encode, now_ns - job->taken_ns);
}

/* Returns what the caller is to unref outside the lock. */
static struct frame *publish_picture(struct hub *hub, struct hub_job *job, struct variant *variant,
                                     enum hub_outcome outcome, struct frame *frame)
{
    /* The producer may have gone over to ready JPEGs, which need no job. */
    bool is_late = is_outdated(job) || job->raw->arrival_ns < variant->arrival_ns;
    if (is_late)
        outcome = HUB_SUPERSEDED;
    if (outcome < job->outcome)
        job->outcome = outcome;
    if (is_late)
        return frame;
    variant_note_outcome(variant, outcome);
    if (!frame)
        return NULL;
    variant->encoded += outcome == HUB_ENCODED;
    variant->unchanged += outcome == HUB_UNCHANGED;
    return variant_publish(variant, frame, outcome == HUB_ENCODED, ++hub->serial, job->raw->arrival_ns,
                           clock_mono_ns());
}

static struct frame *publish_notice(struct hub *hub, struct variant *variant, struct frame *notice)
{
    if (notice)
        return variant_publish_notice(variant, notice, ++hub->serial);
    if (!variant->notice_wanted)
        variant_give_up_notice(variant);
    return NULL;
}

void hub_publish(struct hub *hub, struct hub_job *job, size_t output, enum hub_outcome outcome,
                 struct frame *frame)
{
    struct variant *variant = job->outputs[output].variant;
    hub_lock(hub);
    struct frame *old =
        job->raw ? publish_picture(hub, job, variant, outcome, frame) : publish_notice(hub, variant, frame);
    if (frame)
        wake_watchers(hub);
    hub_unlock(hub);
    frame_unref(&old);
}

struct hub_late hub_postpone(struct hub *hub, struct hub_job *job, size_t output)
{
    const struct hub_late late = {
        .stream = job->stream, .variant = job->outputs[output].variant, .arrival_ns = job->raw->arrival_ns};
    hub_lock(hub);
    late.variant->is_late = true;
    late.stream->late_count++;
    job->outcome = HUB_ENCODED;
    hub_unlock(hub);
    return late;
}

void hub_publish_late(struct hub *hub, const struct hub_late *late, enum hub_outcome outcome,
                      struct frame *frame)
{
    struct frame *old = NULL;
    hub_lock(hub);
    late->variant->is_late = false;
    variant_note_outcome(late->variant, outcome);
    late->stream->late_count--;
    if (frame) {
        old = variant_publish(late->variant, frame, true, ++hub->serial, late->arrival_ns, clock_mono_ns());
        wake_watchers(hub);
    }
    drop_if_unused(hub, late->stream);
    hub_unlock(hub);
    frame_unref(&old);
}

void hub_finish_job(struct hub *hub, const struct hub_job *job)
{
    struct stream *stream = job->stream;
    uint64_t now_ns = clock_mono_ns();
    hub_lock(hub);
    stream->busy = false;
    for (size_t i = 0; i < job->count; i++) {
        job->outputs[i].variant->codec = job->outputs[i].codec;
        job->outputs[i].variant->busy = false;
    }
    if (job->raw) {
        stream->came_to_nothing = job->outcome > HUB_UNCHANGED;
        count_outcome(hub, job, now_ns);
    }
    offer_work(hub, stream);
    bool is_more = !list_is_empty(&stream->work);
    drop_if_unused(hub, stream);
    hub_unlock(hub);
    if (is_more)
        announce_job(hub);
}

/* ---- sender ---- */

struct watch *hub_watch(struct hub *hub, const char *name, const struct variant_settings *settings)
{
    hub_lock(hub);
    struct stream *stream = name ? find_or_add_stream(hub, name) : find_default(hub);
    if (!stream)
        stream = hub->lobby;
    const struct demand_context context = demand_context(hub, clock_mono_ns());
    struct watch *watch = demand_watch(stream, settings, &context);
    drop_if_unused(hub, stream);
    hub_unlock(hub);
    return watch;
}

struct watch *hub_watch_apart(struct hub *hub, const char *name)
{
    hub_lock(hub);
    struct stream *stream = find_or_add_stream(hub, name);
    const struct demand_context context = demand_context(hub, clock_mono_ns());
    struct watch *watch = demand_watch_apart(stream, &context);
    hub_unlock(hub);
    return watch;
}

struct watch *hub_watch_again(struct hub *hub, struct watch *watch)
{
    hub_lock(hub);
    watch->references++;
    hub_unlock(hub);
    return watch;
}

void hub_unwatch(struct hub *hub, struct watch *watch)
{
    hub_lock(hub);
    struct stream *stream = watch->stream;
    demand_unwatch(watch, clock_mono_ns());
    drop_if_unused(hub, stream);
    hub_unlock(hub);
}

struct watch *hub_watch_other(struct hub *hub, struct watch *watch, const struct variant_settings *settings)
{
    hub_lock(hub);
    const struct demand_context context = demand_context(hub, clock_mono_ns());
    struct watch *other = demand_watch(watch->stream, settings, &context);
    hub_unlock(hub);
    return other;
}

void hub_set_audience(struct hub *hub, struct watch *watch, const struct audience *audience)
{
    struct raw_frame *raw = NULL;
    hub_lock(hub);
    struct stream *stream = watch->stream;
    watch->audience = *audience;
    follow_demand(hub, stream);
    if (!stream->watched) {
        raw = stream->raw;
        stream->raw = NULL;
        count_loss(stream, raw, TALLY_UNWANTED);
        list_remove(&stream->work);
    }
    hub_unlock(hub);
    raw_release(raw);
}

static bool is_news(const struct watch *watch, uint64_t serial, uint64_t seen_serial)
{
    return serial > seen_serial && serial > watch->moved_serial;
}

void hub_look(struct hub *hub, struct watch *watch, struct hub_view *view)
{
    uint64_t now_ns = clock_mono_ns();
    hub_lock(hub);
    struct stream *stream = watch->stream;
    const struct variant *variant = watch->variant;
    judge(hub, stream, now_ns);
    view->frame =
        is_news(watch, variant->frame_serial, view->frame_serial) ? frame_ref(variant->frame) : NULL;
    view->notice =
        is_news(watch, variant->notice_serial, view->notice_serial) ? frame_ref(variant->notice) : NULL;
    view->published_ns = variant->published_ns;
    if (view->frame) {
        view->frame_serial = variant->frame_serial;
        view->picture_serial = variant->picture_serial;
        view->picture_count = watch->pictures_before + variant->picture_count;
    }
    if (view->notice)
        view->notice_serial = variant->notice_serial;
    view->interval_ns = stream_interval_ns(stream, variant->audience.rate);
    view->no_signal_after_ns = hub->options.no_signal_after_ns + view->interval_ns;
    view->expect_soon = stream->condition == CONDITION_LIVE;
    view->tally = &stream->tally;
    view->has_no_pixels = stream->announced && !is_gone(stream) && stream->producer.format == HEADCAM_JPEG;
    hub_unlock(hub);
}

bool hub_request_notice(struct hub *hub, struct watch *watch)
{
    struct notice notice;
    hub_lock(hub);
    struct stream *stream = watch->stream;
    struct variant *variant = watch->variant;
    judge(hub, stream, clock_mono_ns());
    stream_write_notice(stream, variant, hub->options.endpoint, clock_real_ns(), &notice);
    bool is_new = !variant->notice || memcmp(&notice, &variant->notice_text, sizeof(notice)) != 0;
    if (is_new) {
        variant->notice_text = notice;
        variant->notice_wanted = true;
        offer_work(hub, stream);
    }
    hub_unlock(hub);
    if (is_new)
        announce_job(hub);
    return is_new;
}

void hub_explain(struct hub *hub, struct watch *watch, char text[2 * EXPLAIN_BYTES])
{
    char reason[EXPLAIN_BYTES], next_step[EXPLAIN_BYTES];
    hub_lock(hub);
    struct stream *stream = watch->stream;
    judge(hub, stream, clock_mono_ns());
    struct explain_facts facts = stream_explain_facts(stream, hub->options.endpoint);
    facts.obstacle = variant_obstacle(watch->variant);
    explain_reason(&facts, reason);
    explain_next_step(&facts, next_step);
    hub_unlock(hub);
    snprintf(text, (size_t)2 * EXPLAIN_BYTES, "%s%s%s", reason[0] ? reason : "no frame came in time",
             next_step[0] ? "; " : "", next_step);
}

void hub_describe(struct hub *hub, struct watch *watch, struct hub_description *description)
{
    hub_lock(hub);
    struct stream *stream = watch->stream;
    judge(hub, stream, clock_mono_ns());
    struct explain_facts facts = stream_explain_facts(stream, hub->options.endpoint);
    facts.obstacle = variant_obstacle(watch->variant);
    strcpy(description->name, stream->name);
    description->condition = stream->condition;
    explain_reason(&facts, description->reason);
    variant_settings_size(&watch->variant->settings, stream->width, stream->height, &description->width,
                          &description->height);
    description->nominal_fps = stream->producer.fps;
    hub_unlock(hub);
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
        stream_write_report(stream, hub->options.endpoint, hub->options.quality, now_ns,
                            &reports[(*count)++]);
    }
    hub_unlock(hub);
    return reports;
}

void hub_totals(struct hub *hub, struct tally_view *totals)
{
    hub_lock(hub);
    *totals = hub->past;
    struct list *node;
    list_for_each(node, &hub->streams) tally_sum(&container_of(node, struct stream, link)->tally, totals);
    tally_sum(&hub->lobby->tally, totals);
    hub_unlock(hub);
}

struct intake *hub_intake(struct hub *hub)
{
    return &hub->intake;
}

struct hub_timings *hub_timings(struct hub *hub)
{
    return &hub->timings;
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
