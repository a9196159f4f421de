/* SPDX-License-Identifier: MIT */
/*
 * demand: who watches a stream, in which variants, and what all of them want together. Inside the hub and
 * under its lock, as struct stream itself. Variants that are of no use any more are left in a list, for the
 * hub to free them outside the lock.
 */
#ifndef HEADCAM_STREAM_DEMAND_H
#define HEADCAM_STREAM_DEMAND_H

#include "stream/stream.h"

/* What the hub brings along. */
struct demand_context {
    size_t most;       /* variants of a stream that are watched; the plain one is always allowed */
    uint32_t quality;  /* the server's */
    uint64_t now_ns;   /* monotonic */
    uint64_t serial;   /* of what was published last */
    struct list *gone; /* where variants are left */
};

void demand_init(struct stream *stream);
void demand_fini(struct stream *stream, struct list *gone);

/*
 * The watch with these settings, a new one if there is none; a reference more. NULL: it would need a
 * variant too many.
 */
struct watch *demand_watch(struct stream *stream, const struct variant_settings *settings,
                           const struct demand_context *context);

/* A watch of the pictures as they are that nobody shares. */
struct watch *demand_watch_apart(struct stream *stream, const struct demand_context *context);

/* Drops a reference. */
void demand_unwatch(struct watch *watch, uint64_t now_ns);

/* Takes over all watches of another stream; one for which there is no variant left sees the plain one. */
void demand_take_over(struct stream *stream, struct stream *from, const struct demand_context *context);

/* Notes the source's size; each watch then sees the variant that its settings now come to, likewise. */
void demand_set_size(struct stream *stream, uint32_t width, uint32_t height,
                     const struct demand_context *context);

/* Gives up the variants that nobody has watched for a time. */
void demand_drop_variants(struct stream *stream, uint64_t unwatched_before_ns, struct list *gone);

/* Sums up what all watches want. True if the producers are to be told something else. */
bool demand_sum(struct stream *stream, uint64_t now_ns, uint64_t now_real_ns);

/* Whether somebody wants a picture of a frame that is not there already: in a variant, or in any. */
bool demand_wants(const struct stream *stream, const struct variant *variant, const struct raw_frame *raw);
bool demand_wants_any(struct stream *stream, const struct raw_frame *raw);

/* Whether a no-signal picture of some variant is to be drawn. */
bool demand_has_notice(struct stream *stream);

#endif
