/* SPDX-License-Identifier: MIT */
/*
 * scale: makes pictures smaller, with the help of libyuv, a stripe at a time while its pixels are in the
 * cache. What comes out is bit for bit what the whole picture at once would give. Pure.
 *
 * A picture is halved, by the mean of each four pixels, as long as it stays large enough; the rest of the
 * way, less than another half, is linear interpolation. libyuv's own box filter takes all pixels into
 * account only for planes, at several times the cost; of pixels of four bytes it takes a sample, so that
 * fine lines flicker, and rounds so that pictures change their brightness. Every byte of a pixel is scaled
 * for itself: alpha, which means nothing here, has no influence on the colours.
 */
#ifndef HEADCAM_ENCODE_SCALE_H
#define HEADCAM_ENCODE_SCALE_H

#include "base/bytes.h"
#include "encode/jpeg.h"

#include <stddef.h>
#include <stdint.h>

/* After so many halvings a stripe of JPEG_STRIPE_UNIT rows still has a whole number of rows. */
enum { SCALE_HALVINGS = 4 };

/* The way from one size to a smaller one. */
struct scale {
    uint32_t source_width, source_height;
    uint32_t width, height;
    int halvings;
};

/* Neither side becomes larger; all sides are at least 1 and at most 65500. */
void scale_init(struct scale *scale, uint32_t source_width, uint32_t source_height, uint32_t width,
                uint32_t height);

/* How many rows beyond a stripe are looked at, where the source has them. */
uint32_t scale_overlap(const struct scale *scale);

/* The format of scaled pixels: those of three bytes become four. */
enum headcam_pixel_format scale_format(enum headcam_pixel_format source);

/*
 * A stripe of the source, and its halves as far as they were asked for: what several scales of a picture
 * share. Zeroed, it is ready for ladder_begin().
 */
struct ladder {
    uint32_t first_row, end_row; /* of the stripe, without what it overlaps */
    uint32_t source_height;
    int top; /* the highest step that is made */
    struct jpeg_pixels step[SCALE_HALVINGS + 1];
    struct bytes memory[SCALE_HALVINGS + 1];
    struct bytes blend; /* rows interpolated between rows */
};

void ladder_fini(struct ladder *ladder);

/*
 * Takes the next stripe: `rows` rows from first_row on of a picture with source_height rows. Stripes but
 * the last have a multiple of JPEG_STRIPE_UNIT rows. pixels begins with it, has the overlap behind it, and
 * stays valid and unchanged while the ladder is used.
 */
void ladder_begin(struct ladder *ladder, const struct jpeg_pixels *pixels, uint32_t first_row, uint32_t rows,
                  uint32_t source_height);

/* Puts the rows that the ladder's stripe gives into the scaled picture, which has no padding. */
void scale_stripe(const struct scale *scale, struct ladder *ladder, uint8_t *picture);

#endif
