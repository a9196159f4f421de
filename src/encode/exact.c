/* SPDX-License-Identifier: MIT */
#include "encode/exact.h"

#include "base/memory.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { PAGE = 4096 };

struct exact_store {
    size_t max_bytes;
    atomic_size_t used_bytes;
    atomic_uint references; /* its maker's, and one of each frame */
};

struct exact_store *exact_store_create(size_t max_bytes)
{
    struct exact_store *store = memory_zeroed(sizeof(*store));
    store->max_bytes = max_bytes;
    atomic_init(&store->references, 1);
    return store;
}

void exact_store_destroy(struct exact_store *store)
{
    if (atomic_fetch_sub_explicit(&store->references, 1, memory_order_acq_rel) == 1)
        free(store);
}

static bool take_room(struct exact_store *store, size_t room)
{
    size_t used = atomic_load(&store->used_bytes);
    do {
        if (room > store->max_bytes || used > store->max_bytes - room)
            return false;
    } while (!atomic_compare_exchange_weak(&store->used_bytes, &used, used + room));
    return true;
}

static void release(struct frame *base)
{
    struct exact_frame *frame = (struct exact_frame *)base;
    struct exact_store *store = frame->store;
    munmap(frame->memory, frame->room);
    atomic_fetch_sub(&store->used_bytes, frame->room);
    exact_store_destroy(store);
    free(frame);
}

static size_t whole_pages(size_t bytes)
{
    return (bytes + PAGE - 1) / PAGE * PAGE;
}

struct exact_frame *exact_frame_create(struct exact_store *store, size_t room)
{
    room = whole_pages(room);
    if (!take_room(store, room))
        return NULL;
    /* malloc() would keep some of it for later. */
    void *memory = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        atomic_fetch_sub(&store->used_bytes, room);
        return NULL;
    }
    struct exact_frame *frame = memory_zeroed(sizeof(*frame));
    frame->store = store;
    frame->memory = memory;
    frame->room = room;
    frame->frame.data = frame->memory;
    atomic_fetch_add_explicit(&store->references, 1, memory_order_relaxed);
    frame_init(&frame->frame, release);
    return frame;
}

void exact_frame_fill(struct exact_frame *frame, size_t data_bytes)
{
    frame->frame.data_bytes = data_bytes;
    size_t kept = whole_pages(data_bytes), surplus = frame->room - kept;
    if (surplus == 0)
        return;
    munmap(frame->memory + kept, surplus);
    frame->room = kept;
    atomic_fetch_sub(&frame->store->used_bytes, surplus);
}

/* ---- pixels ---- */

static size_t row_bytes(const struct frame *frame)
{
    return (size_t)frame->width * raw_pixel_bytes(frame->format);
}

struct exact_frame *exact_pixels_create(struct exact_store *store, const struct raw_frame *raw)
{
    const struct raw_info *info = &raw->info;
    size_t bytes = (size_t)info->width * raw_pixel_bytes(info->format) * info->height;
    struct exact_frame *frame = exact_frame_create(store, bytes);
    if (!frame)
        return NULL;
    frame->frame.data_bytes = bytes;
    frame->frame.format = info->format;
    frame->frame.width = info->width;
    frame->frame.height = info->height;
    raw_stamp(raw, &frame->frame);
    return frame;
}

void exact_pixels_copy(struct exact_frame *frame, uint32_t first_row, const struct jpeg_pixels *rows)
{
    size_t length = row_bytes(&frame->frame);
    uint8_t *to = frame->memory + first_row * length;
    if (rows->stride == length) {
        memcpy(to, rows->rows, length * rows->height);
        return;
    }
    for (uint32_t row = 0; row < rows->height; row++)
        memcpy(to + row * length, rows->rows + row * rows->stride, length);
}

struct jpeg_pixels exact_pixels_of(const struct frame *frame)
{
    return (struct jpeg_pixels){.format = frame->format,
                                .width = frame->width,
                                .height = frame->height,
                                .stride = row_bytes(frame),
                                .rows = frame->data};
}
