/* SPDX-License-Identifier: MIT */
/*
 * jpeg_decode: makes pixels of a producer's JPEG, for the variants that want other pictures than it sent.
 * Any thread.
 */
#ifndef HEADCAM_ENCODE_JPEG_DECODE_H
#define HEADCAM_ENCODE_JPEG_DECODE_H

#include "stream/raw.h"

#include <stddef.h>
#include <stdint.h>

enum { JPEG_DECODE_ERROR_BYTES = 256 };

/* The most scans that a JPEG of this size, neither of them 0, may have: each takes time for all of it. */
unsigned jpeg_decode_scans(uint32_t width, uint32_t height);

/*
 * A raw frame with the stamps of this JPEG, in its size or the smallest of a half, a quarter and an eighth
 * of it that has at least this width and height; libjpeg gives these for less than the whole. NULL, and a
 * sentence in error: as pixels it is larger than max_bytes, it has more scans than jpeg_decode_scans()
 * allows, or libjpeg refused it.
 */
struct raw_frame *jpeg_decode(const struct raw_frame *jpeg, uint32_t least_width, uint32_t least_height,
                              size_t max_bytes, char error[JPEG_DECODE_ERROR_BYTES]);

#endif
