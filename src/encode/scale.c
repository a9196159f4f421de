/* SPDX-License-Identifier: MIT */
#include "encode/scale.h"

#include "stream/raw.h"

#include <libyuv/convert_argb.h>
#include <libyuv/planar_functions.h>
#include <libyuv/scale.h>
#include <stdbool.h>

/* Bits behind the point of a position between pixels, and those of them that a blend heeds. */
enum { POSITION_BITS = 24, FRACTION_BITS = 8 };

void scale_init(struct scale *scale, uint32_t source_width, uint32_t source_height, uint32_t width,
                uint32_t height)
{
    int halvings = 0;
    while (halvings < SCALE_HALVINGS && source_width >> (halvings + 1) >= width &&
           source_height >> (halvings + 1) >= height)
        halvings++;
    *scale = (struct scale){source_width, source_height, width, height, halvings};
}

uint32_t scale_overlap(const struct scale *scale)
{
    return UINT32_C(1) << scale->halvings;
}

enum headcam_pixel_format scale_format(enum headcam_pixel_format source)
{
    return source == HEADCAM_RGB || source == HEADCAM_BGR ? HEADCAM_BGRA : source;
}

/* ---- the ladder ---- */

void ladder_fini(struct ladder *ladder)
{
    for (int i = 0; i <= SCALE_HALVINGS; i++)
        bytes_fini(&ladder->memory[i]);
    bytes_fini(&ladder->blend);
}

/* Makes room for a step's pixels. */
static uint8_t *make_step(struct ladder *ladder, int number, enum headcam_pixel_format format, uint32_t width,
                          uint32_t height)
{
    size_t stride = (size_t)width * raw_pixel_bytes(format);
    struct bytes *memory = &ladder->memory[number];
    bytes_reserve(memory, stride * height);
    ladder->step[number] = (struct jpeg_pixels){format, width, height, stride, memory->data};
    return memory->data;
}

/* Pixels of three bytes, which libyuv does not scale as they are, as pixels of four. */
static void widen(struct ladder *ladder, const struct jpeg_pixels *pixels)
{
    uint8_t *wide = make_step(ladder, 0, scale_format(pixels->format), pixels->width, pixels->height);
    /* libyuv's names are those of words in little-endian order: its ARGB is BGRA in memory. */
    (pixels->format == HEADCAM_RGB ? RAWToARGB : RGB24ToARGB)(pixels->rows, (int)pixels->stride, wide,
                                                              (int)ladder->step[0].stride, (int)pixels->width,
                                                              (int)pixels->height);
}

void ladder_begin(struct ladder *ladder, const struct jpeg_pixels *pixels, uint32_t first_row, uint32_t rows,
                  uint32_t source_height)
{
    ladder->first_row = first_row;
    ladder->end_row = first_row + rows;
    ladder->source_height = source_height;
    ladder->top = 0;
    if (scale_format(pixels->format) == pixels->format)
        ladder->step[0] = *pixels;
    else
        widen(ladder, pixels);
}

/* Each byte is the mean of four. The Makefile has this file optimised so that the loop is vectorised. */
static inline void halve_rows(const uint8_t *above, const uint8_t *below, uint8_t *restrict into,
                              uint32_t width, const uint32_t pixel_bytes)
{
    for (size_t i = 0; i < width; i++) {
        for (size_t byte = 0; byte < pixel_bytes; byte++) {
            size_t left = 2 * i * pixel_bytes + byte, right = left + pixel_bytes;
            into[i * pixel_bytes + byte] =
                (uint8_t)((above[left] + above[right] + below[left] + below[right] + 2) / 4);
        }
    }
}

/* A last column or row that has no other is left out. */
static void halve_top(struct ladder *ladder)
{
    const struct jpeg_pixels *from = &ladder->step[ladder->top++];
    const uint32_t width = from->width / 2, height = from->height / 2;
    const uint32_t pixel_bytes = raw_pixel_bytes(from->format);
    uint8_t *into = make_step(ladder, ladder->top, from->format, width, height);
    for (size_t row = 0; row < height; row++, into += (size_t)width * pixel_bytes) {
        const uint8_t *above = from->rows + 2 * row * from->stride, *below = above + from->stride;
        if (pixel_bytes == 4)
            halve_rows(above, below, into, width, 4);
        else
            halve_rows(above, below, into, width, 1);
    }
}

static const struct jpeg_pixels *step_of(struct ladder *ladder, int number)
{
    while (ladder->top < number)
        halve_top(ladder);
    return &ladder->step[number];
}

/* ---- the rest of the way ---- */

/* Where in the halved picture the middle of a scaled row lies: the row before it, and how far behind that. */
static uint64_t position_of_row(const struct scale *scale, uint32_t row)
{
    uint64_t middle =
        ((2 * (uint64_t)row + 1) * scale->source_height << POSITION_BITS) / (2 * (uint64_t)scale->height);
    uint64_t place = (middle >> scale->halvings) - (UINT64_C(1) << (POSITION_BITS - 1));
    uint64_t last = ((uint64_t)(scale->source_height >> scale->halvings) - 1) << POSITION_BITS;
    return place < last ? place : last;
}

static uint32_t fraction_of(uint64_t place)
{
    return (uint32_t)(place >> (POSITION_BITS - FRACTION_BITS)) & ((1 << FRACTION_BITS) - 1);
}

/* The first scaled row whose middle lies at or below a row of the halved picture. */
static uint32_t first_row_from(const struct scale *scale, uint32_t halved_row)
{
    uint64_t source_row = (uint64_t)halved_row << scale->halvings;
    uint32_t row = (uint32_t)(source_row * scale->height / scale->source_height);
    while (row > 0 && position_of_row(scale, row - 1) >> POSITION_BITS >= halved_row)
        row--;
    while (row < scale->height && position_of_row(scale, row) >> POSITION_BITS < halved_row)
        row++;
    return row;
}

/* One row between two rows. */
static void blend_rows(const struct jpeg_pixels *from, uint32_t first_row, uint64_t place, uint8_t *into)
{
    int row_bytes = (int)(from->width * raw_pixel_bytes(from->format));
    const uint8_t *above = from->rows + ((place >> POSITION_BITS) - first_row) * from->stride;
    const uint8_t *below = fraction_of(place) ? above + from->stride : above;
    InterpolatePlane(above, row_bytes, below, row_bytes, into, row_bytes, row_bytes, 1,
                     (int)fraction_of(place));
}

/* The four bytes of a pixel in 16 bits each, and back. */
static uint64_t spread(uint32_t pixel)
{
    return ((uint64_t)pixel << 24 | pixel) & UINT64_C(0x00ff00ff00ff00ff);
}

static uint32_t gather(uint64_t wide)
{
    return (uint32_t)(wide >> 24 | wide);
}

/*
 * The pixels of a scaled row, between those of a row of the halved picture, behind which its last pixel
 * stands once more. libyuv's own function for this takes 127 128ths of the colours, so that white is not
 * white.
 */
static void blend_columns(const struct scale *scale, const uint32_t *from, uint32_t *into)
{
    const uint64_t rounding = UINT64_C(0x0080008000800080);
    const uint64_t step = ((uint64_t)scale->source_width << POSITION_BITS >> scale->halvings) / scale->width;
    uint64_t place = (step - (UINT64_C(1) << POSITION_BITS)) / 2;
    for (uint32_t column = 0; column < scale->width; column++, place += step) {
        const uint32_t *at = from + (place >> POSITION_BITS);
        uint64_t left = spread(at[0]), right = spread(at[1]);
        uint64_t sum = (left << FRACTION_BITS) + (right - left) * fraction_of(place) + rounding;
        into[column] = gather(sum >> FRACTION_BITS & UINT64_C(0x00ff00ff00ff00ff));
    }
}

/* A row of the halved picture as a row of the scaled one. */
static void scale_columns(const struct scale *scale, enum headcam_pixel_format format, uint8_t *row,
                          uint32_t row_width, uint8_t *into)
{
    if (format == HEADCAM_GRAY8) {
        ScalePlane(row, (int)row_width, (int)row_width, 1, into, (int)scale->width, (int)scale->width, 1,
                   kFilterLinear);
        return;
    }
    uint32_t *pixels = (uint32_t *)(void *)row;
    pixels[row_width] = pixels[row_width - 1];
    blend_columns(scale, pixels, (uint32_t *)(void *)into);
}

void scale_stripe(const struct scale *scale, struct ladder *ladder, uint8_t *picture)
{
    uint32_t halved_first = ladder->first_row >> scale->halvings;
    uint32_t first = first_row_from(scale, halved_first);
    uint32_t end = ladder->end_row == ladder->source_height
                       ? scale->height
                       : first_row_from(scale, ladder->end_row >> scale->halvings);
    if (first == end)
        return;
    const struct jpeg_pixels *from = step_of(ladder, scale->halvings);
    const uint32_t pixel_bytes = raw_pixel_bytes(from->format);
    const bool is_wide_enough = from->width == scale->width;
    bytes_reserve(&ladder->blend, (size_t)(from->width + 1) * pixel_bytes);
    for (uint32_t row = first; row < end; row++) {
        uint8_t *into = picture + (size_t)row * scale->width * pixel_bytes;
        blend_rows(from, halved_first, position_of_row(scale, row),
                   is_wide_enough ? into : ladder->blend.data);
        if (!is_wide_enough)
            scale_columns(scale, from->format, ladder->blend.data, from->width, into);
    }
}
