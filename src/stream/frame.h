/* SPDX-License-Identifier: MIT */
/*
 * frame: an encoded picture, shared by all who send it. Immutable once made; the last reference, on
 * whatever thread, gives its bytes back to their owner.
 */
#ifndef HEADCAM_STREAM_FRAME_H
#define HEADCAM_STREAM_FRAME_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct frame {
    const uint8_t *jpeg;
    size_t jpeg_bytes;
    uint32_t width, height;
    uint64_t sequence;        /* the producer's; 0 for a no-signal picture */
    uint64_t capture_real_ns; /* for stamps */
    uint64_t capture_ns;      /* monotonic */
    int64_t sim_time_ns;      /* or HEADCAM_NO_SIM_TIME */
    uint64_t update;          /* or HEADCAM_NO_UPDATE */

    atomic_uint references;
    void (*release)(struct frame *frame); /* frees jpeg and frame */
};

/* A new frame has one reference, its maker's. */
static inline void frame_init(struct frame *frame, void (*release)(struct frame *))
{
    atomic_init(&frame->references, 1);
    frame->release = release;
}

static inline struct frame *frame_ref(struct frame *frame)
{
    if (frame)
        atomic_fetch_add_explicit(&frame->references, 1, memory_order_relaxed);
    return frame;
}

/* Drops the reference in *frame, which may be NULL, and clears it. */
static inline void frame_unref(struct frame **frame)
{
    struct frame *old = *frame;
    *frame = NULL;
    /* acq_rel: what other owners read happens before the release that recycles the bytes. */
    if (old && atomic_fetch_sub_explicit(&old->references, 1, memory_order_acq_rel) == 1)
        old->release(old);
}

#endif
