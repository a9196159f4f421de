/* SPDX-License-Identifier: MIT */
#include "encode/codec.h"

#include "base/memory.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

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
    int quality;
    struct jpeg_pixels shape; /* of the present frame; stripes of another shape are not known */
    uint32_t stripe_rows;
    size_t count; /* stripes of the present frame */
    size_t room;  /* stripes there ever were */
    struct stripe *stripes;
    const struct bytes **order; /* for jpeg_join() */

    bool is_scaled;
    struct scale scale;
    struct bytes scaled; /* the picture in its own size; its length is not used */

    atomic_bool is_changed, has_failed; /* of the present frame */

    /* The picture of the stripes as they are, if there is one: without changes it is shown again. */
    struct frame *picture;
};

struct codec *codec_create(int quality)
{
    struct codec *codec = memory_zeroed(sizeof(*codec));
    codec->quality = quality;
    return codec;
}

void codec_destroy(struct codec *codec)
{
    for (size_t i = 0; i < codec->room; i++)
        bytes_fini(&codec->stripes[i].jpeg);
    frame_unref(&codec->picture);
    bytes_fini(&codec->scaled);
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

static bool has_same_shape(const struct jpeg_pixels *a, const struct jpeg_pixels *b)
{
    return a->width == b->width && a->height == b->height && a->format == b->format;
}

/* What the picture looks like, apart from its pixels. */
static struct jpeg_pixels shape_of(struct codec *codec, const struct raw_info *info)
{
    if (!codec->is_scaled)
        return (struct jpeg_pixels){.format = info->format, .width = info->width, .height = info->height};
    struct jpeg_pixels shape = {
        .format = scale_format(info->format), .width = codec->scale.width, .height = codec->scale.height};
    shape.stride = (size_t)shape.width * raw_pixel_bytes(shape.format);
    bytes_reserve(&codec->scaled, shape.stride * shape.height);
    shape.rows = codec->scaled.data;
    return shape;
}

void codec_begin(struct codec *codec, const struct raw_info *info, uint32_t width, uint32_t height)
{
    codec->is_scaled = width < info->width || height < info->height;
    scale_init(&codec->scale, info->width, info->height, width, height);
    const struct jpeg_pixels shape = shape_of(codec, info);
    if (!has_same_shape(&codec->shape, &shape)) {
        frame_unref(&codec->picture);
        for (size_t i = 0; i < codec->room; i++)
            codec->stripes[i].has_sample = codec->stripes[i].has_hash = false;
    }
    codec->shape = shape;
    codec->stripe_rows = jpeg_stripe_rows(shape.format, shape.width, shape.height);
    codec->count = (shape.height + codec->stripe_rows - 1) / codec->stripe_rows;
    atomic_store_explicit(&codec->is_changed, false, memory_order_relaxed);
    atomic_store_explicit(&codec->has_failed, false, memory_order_relaxed);
    make_room(codec, codec->count);
}

bool codec_is_scaled(const struct codec *codec)
{
    return codec->is_scaled;
}

size_t codec_stripes(const struct codec *codec)
{
    return codec->count;
}

uint32_t codec_overlap(const struct codec *codec)
{
    return codec->is_scaled ? scale_overlap(&codec->scale) : 0;
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

void codec_scale_stripe(struct codec *codec, struct ladder *ladder)
{
    scale_stripe(&codec->scale, ladder, codec->scaled.data);
}

void codec_encode_stripe(struct codec *codec, struct jpeg_compressor *compressor,
                         const struct jpeg_pixels *pixels, size_t index)
{
    struct stripe *stripe = &codec->stripes[index];
    uint32_t restart_rows = codec->count > 1 ? codec->stripe_rows : 0;
    if (is_unchanged(stripe, pixels))
        return;
    jpeg_compressor_set_quality(compressor, codec->quality);
    bool is_good = jpeg_compress(compressor, pixels, restart_rows, &stripe->jpeg);
    if (!is_good)
        stripe->has_sample = stripe->has_hash = false;
    atomic_store_explicit(is_good ? &codec->is_changed : &codec->has_failed, true, memory_order_relaxed);
}

void codec_encode_scaled_stripe(struct codec *codec, struct jpeg_compressor *compressor, size_t index)
{
    struct jpeg_pixels pixels = codec->shape;
    uint32_t first_row = (uint32_t)index * codec->stripe_rows;
    pixels.rows += first_row * pixels.stride;
    pixels.height = codec->shape.height - first_row;
    if (pixels.height > codec->stripe_rows)
        pixels.height = codec->stripe_rows;
    codec_encode_stripe(codec, compressor, &pixels, index);
}

static void stamp(struct frame *frame, const struct jpeg_pixels *shape, const struct raw_frame *raw)
{
    frame->width = shape->width;
    frame->height = shape->height;
    frame->sequence = raw->info.sequence;
    frame->capture_real_ns = raw->info.capture_real_ns;
    frame->capture_ns = raw->capture_ns;
    frame->sim_time_ns = raw->info.sim_time_ns;
    frame->update = raw->info.update;
}

void codec_give_up(struct codec *codec)
{
    /* Some stripes are now those of a picture that nobody has seen. */
    frame_unref(&codec->picture);
}

enum hub_outcome codec_end(struct codec *codec, struct frame_pool *pool, const struct raw_frame *raw,
                           struct frame **frame)
{
    *frame = NULL;
    if (atomic_load(&codec->has_failed)) {
        codec_give_up(codec);
        return HUB_FAILED;
    }
    if (!codec->picture || atomic_load(&codec->is_changed)) {
        struct pool_frame *made = frame_pool_take(pool);
        jpeg_join(codec->order, codec->count, codec->shape.height, &made->bytes);
        frame_pool_fill(made);
        stamp(&made->frame, &codec->shape, raw);
        frame_unref(&codec->picture);
        codec->picture = &made->frame;
        *frame = frame_ref(codec->picture);
        return HUB_ENCODED;
    }
    struct pool_frame *copy = frame_pool_share(pool, codec->picture);
    stamp(&copy->frame, &codec->shape, raw);
    *frame = &copy->frame;
    return HUB_UNCHANGED;
}
