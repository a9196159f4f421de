/* SPDX-License-Identifier: MIT */
/*
 * stream: one stream's state, its variants and who watches them, inside the hub and under its lock. Only
 * the hub and its tests include this header; everybody else has pointers and the functions of hub.h.
 */
#ifndef HEADCAM_STREAM_STREAM_H
#define HEADCAM_STREAM_STREAM_H

#include "base/list.h"
#include "base/rate.h"
#include "stream/hub.h"
#include "stream/variant.h"

struct stream {
    struct list link; /* hub->streams, in the order of creation */
    struct list work; /* hub->work, while a job of it may be taken */
    char name[NAME_BYTES];

    /* The producer. */
    bool announced;
    struct announcement producer; /* its last word; size and format follow its frames */
    enum headcam_location location;
    uint64_t heard_ns, frame_ns; /* monotonic, 0: never */
    uint64_t producer_since_ns;  /* monotonic: when it took the name */
    enum condition condition;    /* as last judged */
    uint64_t condition_real_ns;  /* since when */
    uint64_t frame_real_ns, heard_real_ns;

    uint32_t width, height; /* of its frames, or as announced before the first; 0: unknown */

    /* Demand. */
    struct list watches;
    bool watched; /* some watch has an audience */
    size_t viewers, edges;
    uint64_t wanted_since_ns, wanted_since_real_ns;
    uint64_t unwanted_since_ns; /* 0: wanted, or never was, or by edges alone */
    millifps wanted_rate;
    bool subscribed;   /* the producers were told */
    bool rate_is_told; /* likewise */

    /* The way of a frame: at most one of each. */
    struct raw_frame *raw; /* somebody wants a picture of it */
    bool busy;             /* a job of it is out */
    bool came_to_nothing;  /* its last raw frame */
    size_t late_count;     /* of its variants that are late */
    struct list variants;
    struct variant *plain; /* the first of them: the pictures as they are; as long as the stream */

    /* Statistics. */
    struct rate arrivals;
    struct tally tally; /* the sender counts in it, too, without the lock */
    uint64_t encode_mean_ns;
    uint64_t conflicts;
};

struct stream *stream_create(const char *name);

/* Its variants, whose codecs are the encoder's, are left in a list. */
void stream_destroy(struct stream *stream, struct list *variants);

/*
 * Whether a producer may speak for the stream now; if so it is the stream's producer from here on, with
 * nothing left of the one before. A conflict is counted.
 */
bool stream_accept_producer(struct stream *stream, uint64_t instance, uint64_t now_ns, uint64_t now_real_ns);

/* A job was done, with something new encoded, in so much time. */
void stream_note_encoding(struct stream *stream, uint64_t duration_ns);

/* The time from frame to frame that is to be expected, for those who want this rate; 0: unknown. */
uint64_t stream_interval_ns(const struct stream *stream, millifps rate);

/* Judges the condition anew. True if it changed. */
bool stream_judge(struct stream *stream, uint64_t no_signal_after_ns, uint64_t now_ns, uint64_t now_real_ns);

/* Whether its producer is: it said goodbye, or nothing for long. */
bool stream_is_gone(const struct stream *stream);

/* A raw frame, if there is one, came to nothing. A ready JPEG was counted when it came. */
void stream_count_loss(struct stream *stream, const struct raw_frame *raw, enum tally_kind kind);

/* Since when there is no picture, real time. */
uint64_t stream_silent_since_real_ns(const struct stream *stream);

struct explain_facts stream_explain_facts(const struct stream *stream, const char *endpoint);

/* What a no-signal picture says now, in the size of a variant. */
void stream_write_notice(const struct stream *stream, const struct variant *variant, const char *endpoint,
                         uint64_t now_real_ns, struct notice *notice);

void stream_write_report(struct stream *stream, const char *endpoint, uint32_t server_quality,
                         uint64_t now_ns, struct stream_report *report);

#endif
