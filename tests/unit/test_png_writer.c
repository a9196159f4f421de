/* SPDX-License-Identifier: MIT */
#include "base/memory.h"
#include "encode/png_writer.h"
#include "stream/raw.h"
#include "tests/unit/support.h"

#include <png.h>
#include <stdlib.h>
#include <string.h>

static const enum headcam_pixel_format FORMATS[] = {HEADCAM_RGBA, HEADCAM_BGRA, HEADCAM_RGB, HEADCAM_BGR,
                                                    HEADCAM_GRAY8};
static const atomic_bool GO_ON;
enum { PADDING = 5 };

static struct jpeg_pixels make_pixels(enum headcam_pixel_format format, uint32_t width, uint32_t height)
{
    struct dice dice = {width + height};
    struct jpeg_pixels pixels = {.format = format, .width = width, .height = height};
    pixels.stride = (size_t)width * raw_pixel_bytes(format) + PADDING;
    uint8_t *rows = memory_zeroed(pixels.stride * height);
    for (size_t i = 0; i < pixels.stride * height; i++)
        rows[i] = (uint8_t)dice_throw(&dice);
    pixels.rows = rows;
    return pixels;
}

static void free_pixels(const struct jpeg_pixels *pixels)
{
    free((void *)(uintptr_t)pixels->rows);
}

/* What libpng alone reads in a PNG, as RGB or gray; for free(). */
static uint8_t *read_png(const uint8_t *bytes, size_t length, bool is_gray, uint32_t width, uint32_t height)
{
    png_image image = {.version = PNG_IMAGE_VERSION};
    assert_true(png_image_begin_read_from_memory(&image, bytes, length));
    assert_int_equal(image.format, is_gray ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB);
    assert_int_equal(image.width, width);
    assert_int_equal(image.height, height);
    uint8_t *rows = memory_zeroed(PNG_IMAGE_SIZE(image));
    assert_true(png_image_finish_read(&image, NULL, rows, 0, NULL));
    assert_int_equal(image.warning_or_error, 0);
    return rows;
}

/* The byte of a channel of RGB in a pixel. */
static uint8_t channel_of(const uint8_t *pixel, enum headcam_pixel_format format, uint32_t channel)
{
    return pixel[format == HEADCAM_BGRA || format == HEADCAM_BGR ? 2 - channel : channel];
}

static void assert_written(const struct jpeg_pixels *pixels)
{
    bool is_gray = pixels->format == HEADCAM_GRAY8;
    const size_t bytes = raw_pixel_bytes(pixels->format);
    const uint32_t channels = is_gray ? 1 : 3;
    size_t room = png_writer_room(pixels->format, pixels->width, pixels->height);
    uint8_t *png = memory_zeroed(room);
    size_t length = png_writer_write(pixels, &GO_ON, png, room);
    assert_in_range(length, 1, room);
    uint8_t *seen = read_png(png, length, is_gray, pixels->width, pixels->height);
    const uint8_t *at = seen;
    for (uint32_t y = 0; y < pixels->height; y++)
        for (uint32_t x = 0; x < pixels->width; x++)
            for (uint32_t c = 0; c < channels; c++)
                assert_int_equal(
                    *at++, channel_of(pixels->rows + y * pixels->stride + x * bytes, pixels->format, c));
    free(seen);
    free(png);
}

TEST(every_format_is_written_exactly_in_every_size)
{
    static const uint32_t sizes[][2] = {{1, 1}, {1, 17}, {17, 1}, {2, 2}, {63, 65}, {321, 241}};
    for (size_t f = 0; f < COUNT(FORMATS); f++) {
        for (size_t i = 0; i < COUNT(sizes); i++) {
            const struct jpeg_pixels pixels = make_pixels(FORMATS[f], sizes[i][0], sizes[i][1]);
            assert_written(&pixels);
            free_pixels(&pixels);
        }
    }
}

TEST(there_is_room_for_noise_which_cannot_be_compressed)
{
    static const uint32_t sizes[][2] = {{65500, 1}, {1, 65500}, {1920, 200}, {5000, 300}};
    for (size_t i = 0; i < COUNT(sizes); i++) {
        const struct jpeg_pixels pixels = make_pixels(HEADCAM_GRAY8, sizes[i][0], sizes[i][1]);
        assert_written(&pixels);
        free_pixels(&pixels);
    }
}

TEST(a_flat_picture_becomes_small)
{
    enum { SIDE = 256, STRIDE = SIDE * 3 };
    static const uint8_t black[SIDE * STRIDE];
    const struct jpeg_pixels pixels = {
        .format = HEADCAM_RGB, .width = SIDE, .height = SIDE, .stride = STRIDE, .rows = black};
    uint8_t *png = memory_zeroed(sizeof(black));
    assert_in_range(png_writer_write(&pixels, &GO_ON, png, sizeof(black)), 1, 4000);
    free(png);
}

TEST(without_enough_room_nothing_is_written_beyond_it)
{
    const struct jpeg_pixels pixels = make_pixels(HEADCAM_RGB, 100, 100);
    size_t room = png_writer_room(pixels.format, pixels.width, pixels.height);
    uint8_t *png = memory_zeroed(room + 1);
    size_t length = png_writer_write(&pixels, &GO_ON, png, room);
    for (size_t less = 0; less < length; less += 97) {
        png[less] = 0xA5;
        assert_int_equal(png_writer_write(&pixels, &GO_ON, png, less), 0);
        assert_int_equal(png[less], 0xA5);
    }
    assert_int_equal(png_writer_write(&pixels, &GO_ON, png, length - 1), 0);
    assert_int_equal(png_writer_write(&pixels, &GO_ON, png, length), length);
    free(png);
    free_pixels(&pixels);
}

TEST(it_can_be_given_up)
{
    const atomic_bool give_up = true;
    const struct jpeg_pixels pixels = make_pixels(HEADCAM_RGBA, 50, 50);
    size_t room = png_writer_room(pixels.format, pixels.width, pixels.height);
    uint8_t *png = memory_zeroed(room);
    assert_int_equal(png_writer_write(&pixels, &give_up, png, room), 0);
    free(png);
    free_pixels(&pixels);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_format_is_written_exactly_in_every_size),
        cmocka_unit_test(there_is_room_for_noise_which_cannot_be_compressed),
        cmocka_unit_test(a_flat_picture_becomes_small),
        cmocka_unit_test(without_enough_room_nothing_is_written_beyond_it),
        cmocka_unit_test(it_can_be_given_up),
    };
    return cmocka_run_group_tests_name("encode/png_writer", tests, NULL, NULL);
}
