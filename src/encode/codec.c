/* SPDX-License-Identifier: MIT */
#include "encode/codec.h"

#include "base/memory.h"

#include <stdlib.h>

struct codec {
    uint32_t height;
    uint32_t stripe_rows;
    size_t count; /* stripes of the present frame */
    size_t room;  /* stripes there ever were */
    struct bytes *stripes;
    const struct bytes **order; /* for jpeg_join() */
};

struct codec *codec_create(void)
{
    return memory_zeroed(sizeof(struct codec));
}

void codec_destroy(struct codec *codec)
{
    for (size_t i = 0; i < codec->room; i++)
        bytes_fini(&codec->stripes[i]);
    free(codec->stripes);
    free(codec->order);
    free(codec);
}

size_t codec_begin(struct codec *codec, const struct raw_info *info)
{
    codec->height = info->height;
    codec->stripe_rows = jpeg_stripe_rows(info->format, info->width, info->height);
    codec->count = (info->height + codec->stripe_rows - 1) / codec->stripe_rows;
    if (codec->count > codec->room) {
        codec->stripes = memory_array(codec->stripes, codec->count, sizeof(codec->stripes[0]));
        codec->order = memory_array(codec->order, codec->count, sizeof(codec->order[0]));
        for (; codec->room < codec->count; codec->room++)
            codec->stripes[codec->room] = (struct bytes){0};
        for (size_t i = 0; i < codec->room; i++)
            codec->order[i] = &codec->stripes[i];
    }
    return codec->count;
}

bool codec_encode_stripe(struct codec *codec, struct jpeg_compressor *compressor, const struct raw_frame *raw,
                         size_t stripe)
{
    uint32_t first_row = (uint32_t)stripe * codec->stripe_rows;
    uint32_t rows = codec->height - first_row;
    if (rows > codec->stripe_rows)
        rows = codec->stripe_rows;
    const struct jpeg_pixels pixels = {
        .format = raw->info.format,
        .width = raw->info.width,
        .height = rows,
        .stride = raw->info.stride,
        .rows = raw->payload + (size_t)first_row * raw->info.stride,
    };
    return jpeg_compress(compressor, &pixels, codec->count > 1 ? codec->stripe_rows : 0,
                         &codec->stripes[stripe]);
}

void codec_join(const struct codec *codec, struct bytes *out)
{
    jpeg_join(codec->order, codec->count, codec->height, out);
}
