/* SPDX-License-Identifier: MIT */
#include "encode/png_writer.h"

#include "stream/raw.h"

#include <png.h>
#include <setjmp.h>
#include <string.h>
#include <zlib.h>

/*
 * Measured with 1080p pictures: run lengths of what differs from the row above take 65 to 85 ms, noise or
 * not. zlib's level 1 as it is takes 55 to 140 and makes noisy pictures a fifth larger; level 6 with all
 * filters takes 350 to 1140 for 1 to 30 % less.
 */
enum { LEVEL = 1, STRATEGY = Z_RLE, FILTER = PNG_FILTER_UP };

/* The signature, and chunks that are not of the picture. */
enum { OVERHEAD_BYTES = 4096, CHUNK_BYTES = 65536 };

struct sink {
    uint8_t *into;
    size_t room, length;
    const atomic_bool *give_up;
};

static uint32_t channels_of(enum headcam_pixel_format format)
{
    return format == HEADCAM_GRAY8 ? 1 : 3;
}

size_t png_writer_room(enum headcam_pixel_format format, uint32_t width, uint32_t height)
{
    /* What zlib cannot compress grows by less than a sixth, in any of its settings. */
    size_t filtered = ((size_t)width * channels_of(format) + 1) * height;
    return filtered + filtered / 6 + OVERHEAD_BYTES;
}

static void on_error(png_structp png, png_const_charp text)
{
    (void)text;
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp text)
{
    (void)png, (void)text;
}

static void on_bytes(png_structp png, png_bytep bytes, size_t length)
{
    struct sink *sink = png_get_io_ptr(png);
    if (length > sink->room - sink->length)
        png_error(png, "no room");
    memcpy(sink->into + sink->length, bytes, length);
    sink->length += length;
}

static void on_flush(png_structp png)
{
    (void)png;
}

static void set_up(png_structp png, png_infop info, const struct jpeg_pixels *pixels)
{
    bool is_gray = pixels->format == HEADCAM_GRAY8;
    png_set_compression_level(png, LEVEL);
    png_set_compression_strategy(png, STRATEGY);
    png_set_compression_buffer_size(png, CHUNK_BYTES);
    png_set_filter(png, PNG_FILTER_TYPE_BASE, FILTER);
    png_set_IHDR(png, info, pixels->width, pixels->height, 8,
                 is_gray ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);
    if (raw_pixel_bytes(pixels->format) == 4)
        png_set_filler(png, 0, PNG_FILLER_AFTER);
    if (pixels->format == HEADCAM_BGRA || pixels->format == HEADCAM_BGR)
        png_set_bgr(png);
}

/* False: it was left half done. All that libpng finds wrong comes back here. */
static bool write_all(png_structp png, png_infop info, const struct jpeg_pixels *pixels, struct sink *sink)
{
    if (setjmp(png_jmpbuf(png)))
        return false;
    png_set_write_fn(png, sink, on_bytes, on_flush);
    set_up(png, info, pixels);
    for (uint32_t row = 0; row < pixels->height; row++) {
        if (atomic_load_explicit(sink->give_up, memory_order_relaxed))
            return false;
        png_write_row(png, pixels->rows + row * pixels->stride);
    }
    png_write_end(png, NULL);
    return true;
}

size_t png_writer_write(const struct jpeg_pixels *pixels, const atomic_bool *give_up, uint8_t *into,
                        size_t room)
{
    struct sink sink = {.into = into, .room = room, .give_up = give_up};
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, on_error, on_warning);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    bool is_written = info && write_all(png, info, pixels, &sink);
    png_destroy_write_struct(&png, &info);
    return is_written ? sink.length : 0;
}
