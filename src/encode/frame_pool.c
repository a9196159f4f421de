/* SPDX-License-Identifier: MIT */
#include "encode/frame_pool.h"

#include "base/memory.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

/* More free frames than this are given back to the system: a burst of slow viewers has passed. */
enum { MAX_FREE = 16 };

struct frame_pool {
    pthread_mutex_t lock; /* guards all below */
    struct pool_frame *free;
    size_t free_count, used_count;
    bool is_closed;
};

struct frame_pool *frame_pool_create(void)
{
    struct frame_pool *pool = memory_zeroed(sizeof(*pool));
    pthread_mutex_init(&pool->lock, NULL);
    return pool;
}

static void free_pool(struct frame_pool *pool)
{
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

static void free_frame(struct pool_frame *frame)
{
    bytes_fini(&frame->bytes);
    free(frame);
}

void frame_pool_destroy(struct frame_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    while (pool->free) {
        struct pool_frame *frame = pool->free;
        pool->free = frame->next;
        free_frame(frame);
    }
    pool->is_closed = true;
    bool is_last = pool->used_count == 0;
    pthread_mutex_unlock(&pool->lock);
    if (is_last)
        free_pool(pool);
}

static void give_back(struct frame *base)
{
    struct pool_frame *frame = (struct pool_frame *)base;
    struct frame_pool *pool = frame->pool;
    frame_unref(&frame->source); /* before the lock: it may come back to this pool */
    pthread_mutex_lock(&pool->lock);
    bool is_kept = !pool->is_closed && pool->free_count < MAX_FREE;
    if (is_kept) {
        frame->next = pool->free;
        pool->free = frame;
        pool->free_count++;
    }
    bool is_last = --pool->used_count == 0 && pool->is_closed;
    pthread_mutex_unlock(&pool->lock);
    if (!is_kept)
        free_frame(frame);
    if (is_last)
        free_pool(pool);
}

struct pool_frame *frame_pool_take(struct frame_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    struct pool_frame *frame = pool->free;
    if (frame) {
        pool->free = frame->next;
        pool->free_count--;
    }
    pool->used_count++;
    pthread_mutex_unlock(&pool->lock);
    if (!frame)
        frame = memory_zeroed(sizeof(*frame));
    frame->pool = pool;
    frame->bytes.length = 0;
    frame_init(&frame->frame, give_back);
    return frame;
}

void frame_pool_fill(struct pool_frame *frame)
{
    frame->frame.data = frame->bytes.data;
    frame->frame.data_bytes = frame->bytes.length;
}

struct pool_frame *frame_pool_share(struct frame_pool *pool, struct frame *source)
{
    struct pool_frame *frame = frame_pool_take(pool);
    frame->source = frame_ref(source);
    frame->frame.data = source->data;
    frame->frame.data_bytes = source->data_bytes;
    return frame;
}
