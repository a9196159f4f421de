/* SPDX-License-Identifier: MIT */
/*
 * hub_inside: what the parts of the hub share: hub.c has the list of streams, hub_ingest.c what comes from
 * the producers and goes to them, hub_work.c the encoder's jobs, hub_watch.c the watchers, hub_status.c the
 * reports. Nobody else includes this header. Without a word, a function wants the lock held.
 */
#ifndef HEADCAM_STREAM_HUB_INSIDE_H
#define HEADCAM_STREAM_HUB_INSIDE_H

#include "base/list.h"
#include "stream/demand.h"
#include "stream/hub.h"
#include "stream/news.h"
#include "stream/stream.h"

#include <pthread.h>

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

void hub_lock(struct hub *hub);

/* Then frees and logs what came up meanwhile. */
void hub_unlock(struct hub *hub);

/* NULL: nobody has announced it, and nobody watches it. */
struct stream *hub_find_stream(struct hub *hub, const char *name);
struct stream *hub_find_or_add_stream(struct hub *hub, const char *name);

/* NULL: there is none yet. */
struct stream *hub_find_default(struct hub *hub);

/* Frees a stream that nobody knows any more. */
void hub_drop_if_unused(struct hub *hub, struct stream *stream);

/* Judges its condition anew; a change is news. */
void hub_judge(struct hub *hub, struct stream *stream, uint64_t now_ns);

/* There may be a job of it to take now. */
void hub_offer_work(struct hub *hub, struct stream *stream);

/* Who watches, or what they want, has changed. */
void hub_follow_demand(struct hub *hub, struct stream *stream);

struct demand_context hub_demand_context(struct hub *hub, uint64_t now_ns);

/* There is something new to look at. With the lock or without it. */
void hub_wake_watchers(struct hub *hub);

/* There is a job to take. Without the lock. */
void hub_tell_encoder(struct hub *hub);

#endif
