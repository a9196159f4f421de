/* SPDX-License-Identifier: MIT */
/*
 * jpeg: compresses pixels with libjpeg-turbo, whole pictures or stripes of them that join to one.
 *
 * A stripe is a run of whole MCU rows, compressed as a picture of its own. Compression starts afresh at
 * a restart marker, so the entropy-coded data of stripes, joined with restart markers, are bit for bit
 * what libjpeg-turbo gives for the whole picture with that restart interval (ITU-T T.81, F.1.1.5.1).
 * A compressor belongs to one thread at a time; the rest is pure.
 */
#ifndef HEADCAM_ENCODE_JPEG_H
#define HEADCAM_ENCODE_JPEG_H

#include "base/bytes.h"
#include "headcam/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum jpeg_subsampling { JPEG_420, JPEG_422, JPEG_444 };

/* "4:2:0", "4:2:2" or "4:4:4". */
bool jpeg_subsampling_from_name(const char *name, enum jpeg_subsampling *subsampling);

struct jpeg_settings {
    int quality;                       /* 1 to 100 */
    enum jpeg_subsampling subsampling; /* not for GRAY8, which has nothing to subsample */
};

struct jpeg_pixels {
    enum headcam_pixel_format format; /* not HEADCAM_JPEG */
    uint32_t width, height;
    size_t stride;
    const uint8_t *rows;
};

struct jpeg_compressor;

struct jpeg_compressor *jpeg_compressor_create(const struct jpeg_settings *settings);
void jpeg_compressor_destroy(struct jpeg_compressor *compressor);

/* Compresses with this quality from here on, 1 to 100. */
void jpeg_compressor_set_quality(struct jpeg_compressor *compressor, int quality);

/*
 * Compresses pixels into a whole JPEG, which replaces what is in out. restart_rows, if not 0, is the
 * restart interval in rows of pixels, a multiple of JPEG_STRIPE_UNIT. False, logged: libjpeg refused.
 */
bool jpeg_compress(struct jpeg_compressor *compressor, const struct jpeg_pixels *pixels,
                   uint32_t restart_rows, struct bytes *out);

/* Stripes have a multiple of this many rows: a whole number of MCU rows in every subsampling. */
enum { JPEG_STRIPE_UNIT = 16 };

/*
 * How many rows a stripe of such a picture has, so that it fits a processor's cache; as many as the
 * picture has or more: one stripe.
 */
uint32_t jpeg_stripe_rows(enum headcam_pixel_format format, uint32_t width, uint32_t height);

/*
 * Joins count stripes, each the jpeg_compress() of its rows with the same restart_rows, to the JPEG of
 * the whole picture, which replaces what is in out.
 */
void jpeg_join(const struct bytes *const *stripes, size_t count, uint32_t height, struct bytes *out);

#endif
