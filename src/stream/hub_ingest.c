/* SPDX-License-Identifier: MIT */
#include "base/clock.h"
#include "stream/hub_inside.h"

#include <stdio.h>
#include <string.h>

/* Subscriptions and variants outlive their last watcher by this: page reloads and snapshots in a row stay
   warm. */
static const uint64_t LINGER_NS = NS_PER_S;

/* ---- who may bring something ---- */

static void forget(struct hub *hub, struct stream *stream, uint64_t now_ns)
{
    news_note(&hub->news, now_ns, "stream %s: forgotten, its agent is gone", stream->name);
    stream->announced = false;
    stream->condition = CONDITION_WAITING;
    if (stream->subscribed)
        wake_signal(&hub->upstream_wake);
    hub_drop_if_unused(hub, stream);
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
        hub_judge(hub, stream, now_ns);
        if (stream_is_gone(stream) && !stream->watched && (!oldest || stream->heard_ns < oldest->heard_ns))
            oldest = stream;
    }
    if (announced < hub->options.max_streams)
        return true;
    if (!oldest)
        return false;
    forget(hub, oldest, now_ns);
    return true;
}

/* Those who wait for a default stream go on with the first one. */
static void leave_lobby(struct hub *hub, uint64_t now_ns)
{
    struct stream *stream = hub_find_default(hub);
    if (!stream || list_is_empty(&hub->lobby->watches))
        return;
    const struct demand_context context = hub_demand_context(hub, now_ns);
    demand_take_over(stream, hub->lobby, &context);
    hub_follow_demand(hub, hub->lobby);
    hub_follow_demand(hub, stream);
}

static void set_size(struct hub *hub, struct stream *stream, uint32_t width, uint32_t height, uint64_t now_ns)
{
    if (width == stream->width && height == stream->height)
        return;
    const struct demand_context context = hub_demand_context(hub, now_ns);
    demand_set_size(stream, width, height, &context);
    hub_follow_demand(hub, stream);
}

/* The stream of a name for a producer that wants to speak for it, or NULL and why not. */
static struct stream *admit(struct hub *hub, const char *name, uint64_t instance, uint64_t now_ns,
                            enum hub_verdict *verdict)
{
    struct stream *stream = hub_find_stream(hub, name);
    if ((!stream || !stream->announced) && !make_room(hub, now_ns)) {
        *verdict = HUB_LIMIT;
        return NULL;
    }
    stream = hub_find_or_add_stream(hub, name); /* making room may have freed an unannounced one */
    bool is_new = !stream->announced;
    if (!stream_accept_producer(stream, instance, now_ns, clock_real_ns())) {
        *verdict = HUB_CONFLICT;
        return NULL;
    }
    if (is_new) {
        list_remove(&stream->link);
        list_append(&hub->streams, &stream->link);
        leave_lobby(hub, now_ns);
        hub_wake_watchers(hub);
    }
    if ((is_new && stream->watched) || (stream->wanted_rate != 0 && !stream->rate_is_told))
        wake_signal(&hub->upstream_wake);
    *verdict = HUB_TAKEN;
    return stream;
}

/* ---- what the producers bring ---- */

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
        hub_judge(hub, stream, now_ns);
    }
    hub_unlock(hub);
    return verdict;
}

void hub_set_transport_reason(struct hub *hub, const char *name, const char *reason)
{
    hub_lock(hub);
    struct stream *stream = hub_find_stream(hub, name);
    if (stream)
        snprintf(stream->producer.transport_reason, sizeof(stream->producer.transport_reason), "%s", reason);
    hub_unlock(hub);
}

bool hub_has_producer(struct hub *hub, const char *name, uint64_t instance)
{
    hub_lock(hub);
    const struct stream *stream = hub_find_stream(hub, name);
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

/* Keeps a raw frame that somebody wants. Returns the one that is not kept, if any. */
static struct raw_frame *keep_raw(struct hub *hub, struct stream *stream, struct raw_frame *raw)
{
    if (!demand_wants_any(stream, raw)) {
        stream_count_loss(stream, raw, TALLY_UNWANTED);
        return raw;
    }
    struct raw_frame *old = stream->raw;
    stream_count_loss(stream, old, TALLY_SUPERSEDED);
    stream->raw = raw;
    hub_offer_work(hub, stream);
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
        hub_judge(hub, stream, raw->arrival_ns);
    }
    hub_unlock(hub);
    bool is_work = surplus != raw;
    raw_release(surplus);
    if (is_work)
        hub_tell_encoder(hub);
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
            hub_wake_watchers(hub);
        } else {
            tally_add(&stream->tally, TALLY_UNWANTED, 1);
        }
        surplus = keep_raw(hub, stream, raw);
        hub_judge(hub, stream, now_ns);
    }
    hub_unlock(hub);
    bool is_work = surplus != raw;
    frame_unref(&old);
    raw_release(surplus);
    if (is_work)
        hub_tell_encoder(hub);
    return verdict;
}

/* ---- what they are told ---- */

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
        hub_drop_if_unused(hub, stream);
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

/* ---- time passes ---- */

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
        hub_judge(hub, stream, now_ns);
        drop_variants(hub, stream, now_ns);
        if (stream->announced && stream_is_gone(stream) &&
            now_ns - stream->heard_ns > hub->options.forget_after_ns)
            forget(hub, stream, now_ns);
    }
    drop_variants(hub, hub->lobby, now_ns);
    hub_unlock(hub);
}
