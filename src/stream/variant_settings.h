/* SPDX-License-Identifier: MIT */
/*
 * variant_settings: how a viewer wants a stream's pictures, and what that comes to. Pure.
 */
#ifndef HEADCAM_STREAM_VARIANT_SETTINGS_H
#define HEADCAM_STREAM_VARIANT_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

/* The limits of what may be asked for. */
enum {
    VARIANT_WIDTH_MIN = 16,
    VARIANT_WIDTH_MAX = 65500,
    VARIANT_QUALITY_MIN = 1,
    VARIANT_QUALITY_MAX = 100,
};

/* What a picture is given as. */
enum variant_form {
    VARIANT_JPEG,
    VARIANT_RAW, /* exactly the producer's pixels, without padding between the rows */
    VARIANT_PNG, /* the same, compressed, without alpha */
};

/* All 0: the stream's pictures as they are. */
struct variant_settings {
    uint32_t width;         /* pixels, if the source has as many; 0: the source's width */
    uint32_t quality;       /* of the JPEG; 0: the server's own */
    enum variant_form form; /* not VARIANT_JPEG: the others are 0 */
};

static inline bool variant_settings_equal(const struct variant_settings *a, const struct variant_settings *b)
{
    return a->form == b->form && a->width == b->width && a->quality == b->quality;
}

static inline bool variant_settings_are_exact(const struct variant_settings *settings)
{
    return settings->form != VARIANT_JPEG;
}

/*
 * The settings with 0 for everything that makes no difference, for a source of this width (0: not known)
 * and a server of this quality: those that are equal then give the same pictures.
 */
struct variant_settings variant_settings_reduce(const struct variant_settings *settings,
                                                uint32_t source_width, uint32_t server_quality);

/*
 * The size of the pictures that a source of some size gives. The height follows the width, rounded to an
 * even number, which most video encoders ask for, but never above the source's.
 */
void variant_settings_size(const struct variant_settings *settings, uint32_t source_width,
                           uint32_t source_height, uint32_t *width, uint32_t *height);

#endif
