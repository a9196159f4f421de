/* SPDX-License-Identifier: MIT */
/*
 * codec: what the encoder keeps of a stream from frame to frame: the bytes of its stripes, and what they
 * were made of, so that a stripe whose pixels did not change keeps its bytes. One frame of a stream is
 * encoded at a time; different stripes of it may be encoded by different threads.
 */
#ifndef HEADCAM_ENCODE_CODEC_H
#define HEADCAM_ENCODE_CODEC_H

#include "encode/frame_pool.h"
#include "encode/jpeg.h"
#include "stream/hub.h"
#include "stream/raw.h"

#include <stdbool.h>
#include <stddef.h>

struct codec;

struct codec *codec_create(void);
void codec_destroy(struct codec *codec);

/* Cuts a frame into stripes. Returns how many. */
size_t codec_begin(struct codec *codec, const struct raw_info *info);

/* What a thread needs to encode stripes. */
struct codec_worker {
    struct jpeg_compressor *compressor;
    uint8_t *rows; /* a stripe's pixels, where they are read from a ring; whole pages */
    size_t rows_room;
};

void codec_worker_fini(struct codec_worker *worker);

/* Encodes one stripe of the frame, unless it is the same as in the last one. */
void codec_encode_stripe(struct codec *codec, struct codec_worker *worker, const struct raw_frame *raw,
                         size_t stripe);

/*
 * Ends the frame, all stripes of which were encoded: joins them. *frame is the result, a new reference,
 * or NULL.
 */
enum hub_outcome codec_end(struct codec *codec, struct frame_pool *pool, const struct raw_frame *raw,
                           struct frame **frame);

#endif
