/* SPDX-License-Identifier: MIT */
#include "encode/codec.h"

#include "base/memory.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { PAGE = 4096 };

/* Every SAMPLE_STRIDE bytes of a stripe, SAMPLE_BYTES are looked at first. */
enum { SAMPLE_BYTES = 64, SAMPLE_STRIDE = 2048 };

/*
 * Most stripes of a moving picture differ in a sample already, and a hash of all their pixels would be
 * for nothing. So that is taken only where the sample is the same as before; a picture that comes to
 * rest is encoded once more, and then known.
 */
struct stripe {
    bool has_sample, has_hash; /* those of the pixels that jpeg was made of */
    uint64_t sample, hash;
    struct bytes jpeg;
};

struct codec {
    struct raw_info shape; /* of the present frame; stripes of another shape are not known */
    uint32_t stripe_rows;
    size_t count; /* stripes of the present frame */
    size_t room;  /* stripes there ever were */
    struct stripe *stripes;
    const struct bytes **order; /* for jpeg_join() */

    atomic_bool is_changed, has_failed; /* of the present frame */

    /* The picture of the stripes as they are, if there is one: without changes it is shown again. */
    struct frame *picture;
};

struct codec *codec_create(void)
{
    return memory_zeroed(sizeof(struct codec));
}

void codec_destroy(struct codec *codec)
{
    for (size_t i = 0; i < codec->room; i++)
        bytes_fini(&codec->stripes[i].jpeg);
    frame_unref(&codec->picture);
    free(codec->stripes);
    free(codec->order);
    free(codec);
}

static void make_room(struct codec *codec, size_t count)
{
    if (count <= codec->room)
        return;
    codec->stripes = memory_array(codec->stripes, count, sizeof(codec->stripes[0]));
    codec->order = memory_array(codec->order, count, sizeof(codec->order[0]));
    memset(&codec->stripes[codec->room], 0, (count - codec->room) * sizeof(codec->stripes[0]));
    for (size_t i = 0; i < count; i++)
        codec->order[i] = &codec->stripes[i].jpeg;
    codec->room = count;
}

static bool has_same_shape(const struct raw_info *a, const struct raw_info *b)
{
    return a->width == b->width && a->height == b->height && a->format == b->format;
}

size_t codec_begin(struct codec *codec, const struct raw_info *info)
{
    if (!has_same_shape(&codec->shape, info)) {
        frame_unref(&codec->picture);
        for (size_t i = 0; i < codec->room; i++)
            codec->stripes[i].has_sample = codec->stripes[i].has_hash = false;
    }
    codec->shape = *info;
    codec->stripe_rows = jpeg_stripe_rows(info->format, info->width, info->height);
    codec->count = (info->height + codec->stripe_rows - 1) / codec->stripe_rows;
    atomic_store_explicit(&codec->is_changed, false, memory_order_relaxed);
    atomic_store_explicit(&codec->has_failed, false, memory_order_relaxed);
    make_room(codec, codec->count);
    return codec->count;
}

static void reserve_rows(struct codec_worker *worker, size_t room)
{
    if (room <= worker->rows_room)
        return;
    free(worker->rows);
    worker->rows_room = (room + PAGE - 1) / PAGE * PAGE;
    worker->rows = memory_pages(worker->rows_room);
}

void codec_worker_fini(struct codec_worker *worker)
{
    jpeg_compressor_destroy(worker->compressor);
    free(worker->rows);
}

/* The pixels of a stripe, in the message or read from the ring. False: they are not there. */
static bool get_pixels(const struct codec *codec, struct codec_worker *worker, const struct raw_frame *raw,
                       size_t stripe, struct jpeg_pixels *pixels)
{
    const struct raw_info *info = &raw->info;
    uint32_t first_row = (uint32_t)stripe * codec->stripe_rows;
    uint32_t rows = info->height - first_row;
    if (rows > codec->stripe_rows)
        rows = codec->stripe_rows;
    size_t offset = (size_t)first_row * info->stride;
    *pixels = (struct jpeg_pixels){
        .format = info->format, .width = info->width, .height = rows, .stride = info->stride};
    if (raw->payload) {
        pixels->rows = raw->payload + offset;
        return true;
    }
    /* A copy between places that are alike within their pages is several times as fast on some
       processors ("rep movsb" on AMD's). Slots begin at a page. */
    size_t length = (size_t)info->stride * (rows - 1) + (size_t)info->width * raw_pixel_bytes(info->format);
    reserve_rows(worker, length + PAGE);
    pixels->rows = worker->rows + offset % PAGE;
    return raw->read(raw, offset, worker->rows + offset % PAGE, length);
}

static uint64_t sample_pixels(const struct jpeg_pixels *pixels)
{
    size_t row_bytes = (size_t)pixels->width * raw_pixel_bytes(pixels->format);
    uint64_t hash = 0;
    for (uint32_t row = 0; row < pixels->height; row++) {
        /* Another phase in each row, so that no column is left out everywhere. */
        for (size_t at = row * SAMPLE_BYTES % SAMPLE_STRIDE; at < row_bytes; at += SAMPLE_STRIDE) {
            size_t length = row_bytes - at < SAMPLE_BYTES ? row_bytes - at : SAMPLE_BYTES;
            hash = XXH3_64bits_withSeed(pixels->rows + row * pixels->stride + at, length, hash);
        }
    }
    return hash;
}

static uint64_t hash_pixels(const struct jpeg_pixels *pixels)
{
    size_t row_bytes = (size_t)pixels->width * raw_pixel_bytes(pixels->format);
    if (pixels->stride == row_bytes)
        return XXH3_64bits(pixels->rows, row_bytes * pixels->height);
    /* What is between the rows is no part of the picture. */
    uint64_t hash = 0;
    for (uint32_t row = 0; row < pixels->height; row++)
        hash = XXH3_64bits_withSeed(pixels->rows + row * pixels->stride, row_bytes, hash);
    return hash;
}

/* Whether a stripe's pixels are those that its JPEG was made of; notes what was found out of them. */
static bool is_unchanged(struct stripe *stripe, const struct jpeg_pixels *pixels)
{
    uint64_t sample = sample_pixels(pixels);
    bool has_same_sample = stripe->has_sample && sample == stripe->sample;
    stripe->sample = sample;
    stripe->has_sample = true;
    if (!has_same_sample) {
        stripe->has_hash = false;
        return false;
    }
    uint64_t hash = hash_pixels(pixels);
    bool has_same_hash = stripe->has_hash && hash == stripe->hash;
    stripe->hash = hash;
    stripe->has_hash = true;
    return has_same_hash;
}

void codec_encode_stripe(struct codec *codec, struct codec_worker *worker, const struct raw_frame *raw,
                         size_t index)
{
    struct stripe *stripe = &codec->stripes[index];
    struct jpeg_pixels pixels;
    uint32_t restart_rows = codec->count > 1 ? codec->stripe_rows : 0;
    bool is_good = get_pixels(codec, worker, raw, index, &pixels);
    if (is_good) {
        if (is_unchanged(stripe, &pixels))
            return;
        is_good = jpeg_compress(worker->compressor, &pixels, restart_rows, &stripe->jpeg);
    }
    if (!is_good)
        stripe->has_sample = stripe->has_hash = false;
    atomic_store_explicit(is_good ? &codec->is_changed : &codec->has_failed, true, memory_order_relaxed);
}

static void stamp(struct frame *frame, const struct raw_frame *raw)
{
    frame->width = raw->info.width;
    frame->height = raw->info.height;
    frame->sequence = raw->info.sequence;
    frame->capture_real_ns = raw->info.capture_real_ns;
    frame->capture_ns = raw->capture_ns;
    frame->sim_time_ns = raw->info.sim_time_ns;
    frame->update = raw->info.update;
}

enum hub_outcome codec_end(struct codec *codec, struct frame_pool *pool, const struct raw_frame *raw,
                           struct frame **frame)
{
    *frame = NULL;
    bool is_torn = !raw_is_intact(raw), has_failed = atomic_load(&codec->has_failed);
    if (is_torn || has_failed) {
        /* The stripes are now those of a picture that nobody has seen. */
        frame_unref(&codec->picture);
        return is_torn ? HUB_TORN : HUB_FAILED;
    }
    bool is_same = codec->picture && !atomic_load(&codec->is_changed);
    if (!is_same) {
        struct pool_frame *made = frame_pool_take(pool);
        jpeg_join(codec->order, codec->count, codec->shape.height, &made->bytes);
        frame_pool_fill(made);
        stamp(&made->frame, raw);
        frame_unref(&codec->picture);
        codec->picture = &made->frame;
        *frame = frame_ref(codec->picture);
        return HUB_ENCODED;
    }
    struct pool_frame *copy = frame_pool_share(pool, codec->picture);
    stamp(&copy->frame, raw);
    *frame = &copy->frame;
    return HUB_UNCHANGED;
}
