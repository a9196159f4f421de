/* SPDX-License-Identifier: MIT */
#include "stream/hub.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "stream/hub_inside.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

void hub_lock(struct hub *hub)
{
    pthread_mutex_lock(&hub->lock);
}

void hub_unlock(struct hub *hub)
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

uint64_t hub_id(const struct hub *hub)
{
    return hub->id;
}

struct edges *hub_edges(struct hub *hub)
{
    return &hub->edges;
}

void hub_wake_watchers(struct hub *hub)
{
    wake_signal(&hub->sender_wake);
    if (hub->options.has_edges)
        wake_signal(&hub->forward_wake);
}

void hub_tell_encoder(struct hub *hub)
{
    if (hub->encoder.on_job)
        hub->encoder.on_job(hub->encoder.arg);
}

/* ---- the streams ---- */

struct stream *hub_find_stream(struct hub *hub, const char *name)
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

struct stream *hub_find_or_add_stream(struct hub *hub, const char *name)
{
    struct stream *stream = hub_find_stream(hub, name);
    if (!stream) {
        stream = stream_create(name);
        list_append(&hub->streams, &stream->link);
    }
    return stream;
}

void hub_drop_if_unused(struct hub *hub, struct stream *stream)
{
    if (stream != hub->lobby && !stream->announced && list_is_empty(&stream->watches) &&
        !stream->subscribed && !stream->busy && stream->late_count == 0) {
        tally_sum(&stream->tally, &hub->past);
        stream_destroy(stream, &hub->gone);
    }
}

struct stream *hub_find_default(struct hub *hub)
{
    if (hub->options.default_name)
        return hub_find_or_add_stream(hub, hub->options.default_name);
    struct list *node;
    list_for_each(node, &hub->streams)
    {
        struct stream *stream = container_of(node, struct stream, link);
        if (stream->announced)
            return stream;
    }
    return NULL;
}

void hub_judge(struct hub *hub, struct stream *stream, uint64_t now_ns)
{
    if (!stream_judge(stream, hub->options.no_signal_after_ns, now_ns, clock_real_ns()) || !stream->announced)
        return;
    const struct explain_facts facts = stream_explain_facts(stream, hub->options.endpoint);
    char reason[EXPLAIN_BYTES];
    explain_state(&facts, reason);
    news_note(&hub->news, now_ns, "stream %s: %s%s%s", stream->name, condition_name(stream->condition),
              reason[0] ? ": " : "", reason);
}

void hub_offer_work(struct hub *hub, struct stream *stream)
{
    if (!stream->busy && list_is_empty(&stream->work) && (stream->raw || demand_has_notice(stream)))
        list_append(&hub->work, &stream->work);
}

void hub_follow_demand(struct hub *hub, struct stream *stream)
{
    if (demand_sum(stream, clock_mono_ns(), clock_real_ns()))
        wake_signal(&hub->upstream_wake);
    if (!stream->raw && !demand_has_notice(stream))
        list_remove(&stream->work);
}

struct demand_context hub_demand_context(struct hub *hub, uint64_t now_ns)
{
    return (struct demand_context){
        .most = hub->options.max_variants,
        .quality = hub->options.quality,
        .now_ns = now_ns,
        .serial = hub->serial,
        .gone = &hub->gone,
    };
}
