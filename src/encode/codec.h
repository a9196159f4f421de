/* SPDX-License-Identifier: MIT */
/*
 * codec: what the encoder keeps of a variant from frame to frame: the bytes of its stripes, and what they
 * were made of, so that a stripe whose pixels did not change keeps its bytes; and its scaled picture, where
 * it is smaller than the source. One frame of a variant is encoded at a time; different stripes of it may
 * be worked on by different threads.
 *
 * A frame comes stripe by stripe. A variant in the source's size is encoded from these at once; of a smaller
 * one only the picture is complete afterwards, and its own stripes are encoded then.
 */
#ifndef HEADCAM_ENCODE_CODEC_H
#define HEADCAM_ENCODE_CODEC_H

#include "encode/frame_pool.h"
#include "encode/jpeg.h"
#include "encode/scale.h"
#include "stream/hub.h"
#include "stream/raw.h"

#include <stdbool.h>
#include <stddef.h>

struct codec;

struct codec *codec_create(int quality);
void codec_destroy(struct codec *codec);

/* Begins a frame of this source, to be shown in this size, of which no side is larger. */
void codec_begin(struct codec *codec, const struct raw_info *info, uint32_t width, uint32_t height);

/* Whether the variant is smaller than the source. */
bool codec_is_scaled(const struct codec *codec);

/* Into how many stripes its picture is cut; if it is not scaled, those of the source. */
size_t codec_stripes(const struct codec *codec);

/* How many rows beyond a stripe of the source it looks at. */
uint32_t codec_overlap(const struct codec *codec);

/* Takes a stripe of the source for a scaled variant. */
void codec_scale_stripe(struct codec *codec, struct ladder *ladder);

/* Encodes a stripe of the picture, unless it is the same as in the last one. pixels are the source's. */
void codec_encode_stripe(struct codec *codec, struct jpeg_compressor *compressor,
                         const struct jpeg_pixels *pixels, size_t stripe);

/* Likewise a stripe of the scaled picture. */
void codec_encode_scaled_stripe(struct codec *codec, struct jpeg_compressor *compressor, size_t stripe);

/*
 * Ends the frame, all stripes of which were encoded: joins them. *frame is the result, a new reference, or
 * NULL; the stamps are those of raw.
 */
enum hub_outcome codec_end(struct codec *codec, struct frame_pool *pool, const struct raw_frame *raw,
                           struct frame **frame);

/* Ends the frame without a result: its pixels were not what they should be. */
void codec_give_up(struct codec *codec);

#endif
