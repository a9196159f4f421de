/* SPDX-License-Identifier: MIT */
/*
 * variant: the pictures of a stream with some settings, and the watches that see them. Like struct stream
 * it is inside the hub and under its lock; only the files of the hub include this header.
 */
#ifndef HEADCAM_STREAM_VARIANT_H
#define HEADCAM_STREAM_VARIANT_H

#include "base/list.h"
#include "base/rate.h"
#include "stream/hub.h"
#include "stream/variant_settings.h"

/*
 * What is wanted of a stream by all who asked for the same. Which variant that is may change: when the
 * source becomes smaller than what was asked for, and back.
 */
struct watch {
    struct list link; /* stream->watches */
    struct stream *stream;
    struct variant *variant;
    uint64_t moved_serial;            /* what was published when it went over to this variant; 0: never */
    struct variant_settings settings; /* as asked for */
    uint64_t pictures_before;         /* of other variants, less those that this one already had */
    size_t references;
    bool is_apart; /* it has an audience of its own: nobody else shares it */
    struct audience audience;
};

struct variant {
    struct list link;                 /* stream->variants, its plain one first */
    struct variant_settings settings; /* with no more than makes a difference */
    size_t watch_count;               /* watches that see it */
    uint64_t unwatched_since_ns;      /* while there are none */

    /* The demand of its watches. */
    struct audience audience;
    struct pace pace; /* at the rate of the fastest viewer */

    /* The way of a frame. */
    bool busy;                      /* a job for it is out */
    bool is_late;                   /* so is a picture that was postponed */
    enum explain_obstacle obstacle; /* why its last one came to nothing */
    void *codec;
    bool notice_wanted;
    struct notice notice_text;
    struct frame *frame, *notice;
    uint64_t frame_serial, picture_serial, notice_serial; /* of what was published last */
    uint64_t picture_count;                               /* of new pictures */
    uint64_t published_ns;
    uint64_t arrival_ns; /* of the frame that it shows */

    /* Statistics. */
    struct rate pictures;
    uint64_t encoded, unchanged;
};

void variant_init(struct variant *variant, const struct variant_settings *settings);

/* Without its codec, which is the encoder's. */
void variant_fini(struct variant *variant);

/* Audiences together want what each of them wants. */
void audience_add(struct audience *all, const struct audience *more);

/* Whether somebody takes frame after frame. */
static inline bool audience_streams(const struct audience *audience)
{
    return audience->viewers > 0 || audience->edges > 0 || audience->arrivals > 0;
}

static inline bool audience_is_empty(const struct audience *audience)
{
    return !audience_streams(audience) && audience->snapshots == 0;
}

/* Nothing that is out comes back to it. */
static inline bool variant_is_idle(const struct variant *variant)
{
    return !variant->busy && !variant->is_late;
}

/* What keeps it from having a picture, although there are frames. */
enum explain_obstacle variant_obstacle(const struct variant *variant);

/* What came of its part in a job. */
void variant_note_outcome(struct variant *variant, enum hub_outcome outcome);

/* Notes what its watches want together. */
void variant_set_audience(struct variant *variant, const struct audience *audience);

/*
 * Whether somebody wants a picture of this frame: a viewer whose time for one has come, or a waiting
 * snapshot that no picture has answered yet.
 */
bool variant_wants(const struct variant *variant, const struct raw_frame *raw);

/* A picture of a frame that came at arrival_ns. Returns what the caller is to unref outside the lock. */
struct frame *variant_publish(struct variant *variant, struct frame *frame, bool is_new, uint64_t serial,
                              uint64_t arrival_ns, uint64_t now_ns);

/* Likewise a no-signal picture. */
struct frame *variant_publish_notice(struct variant *variant, struct frame *notice, uint64_t serial);

/* A no-signal picture that was asked for will not come; the one there is says something else. */
void variant_give_up_notice(struct variant *variant);

#endif
