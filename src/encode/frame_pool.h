/* SPDX-License-Identifier: MIT */
/*
 * frame_pool: frames whose bytes are used again, so that encoding allocates nothing in the steady
 * state. Any thread.
 */
#ifndef HEADCAM_ENCODE_FRAME_POOL_H
#define HEADCAM_ENCODE_FRAME_POOL_H

#include "base/bytes.h"
#include "stream/frame.h"

struct frame_pool;

struct pool_frame {
    struct frame frame;   /* the first member: what the others see */
    struct bytes bytes;   /* its own bytes, for its maker to fill */
    struct frame *source; /* whose bytes it shows instead, or NULL */
    struct frame_pool *pool;
    struct pool_frame *next; /* while it is free */
};

struct frame_pool *frame_pool_create(void);

/* No more frames will be taken; those still in use free the pool with the last of them. */
void frame_pool_destroy(struct frame_pool *pool);

/* A frame with one reference and bytes.length 0. */
struct pool_frame *frame_pool_take(struct frame_pool *pool);

/* Its bytes are complete. */
void frame_pool_fill(struct pool_frame *frame);

/* A frame with one reference that shows the bytes of another, and has stamps of its own. */
struct pool_frame *frame_pool_share(struct frame_pool *pool, struct frame *source);

#endif
