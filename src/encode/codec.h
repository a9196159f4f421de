/* SPDX-License-Identifier: MIT */
/*
 * codec: what the encoder keeps of a stream from frame to frame: its stripes and their bytes. One frame
 * of a stream is encoded at a time; different stripes of it may be encoded by different threads.
 */
#ifndef HEADCAM_ENCODE_CODEC_H
#define HEADCAM_ENCODE_CODEC_H

#include "encode/jpeg.h"
#include "stream/raw.h"

#include <stdbool.h>
#include <stddef.h>

struct codec;

struct codec *codec_create(void);
void codec_destroy(struct codec *codec);

/* Cuts a frame into stripes. Returns how many. */
size_t codec_begin(struct codec *codec, const struct raw_info *info);

/* Encodes one stripe of the frame. False: it came to nothing. */
bool codec_encode_stripe(struct codec *codec, struct jpeg_compressor *compressor, const struct raw_frame *raw,
                         size_t stripe);

/* Joins the stripes, all of which were encoded, to the frame's JPEG, which replaces what is in out. */
void codec_join(const struct codec *codec, struct bytes *out);

#endif
