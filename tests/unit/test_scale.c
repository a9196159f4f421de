/* SPDX-License-Identifier: MIT */
#include "base/memory.h"
#include "encode/scale.h"
#include "stream/raw.h"
#include "tests/unit/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { GUARD_BYTES = 64, GUARD = 0xa5 };

static const enum headcam_pixel_format formats[] = {HEADCAM_RGBA, HEADCAM_BGRA, HEADCAM_RGB, HEADCAM_BGR,
                                                    HEADCAM_GRAY8};

/* Source and target, even and odd, and each number of halvings. */
static const uint32_t sizes[][4] = {{64, 48, 32, 24},     {64, 48, 16, 12},     {641, 479, 320, 239},
                                    {641, 479, 640, 478}, {640, 480, 427, 320}, {1920, 65, 640, 2},
                                    {300, 200, 299, 2},   {1000, 1, 500, 1},    {257, 129, 16, 8},
                                    {640, 333, 213, 111}, {768, 65, 24, 2},     {512, 384, 200, 150}};

/* Soft shapes, a shade to each byte of a pixel, and noise in the alpha. */
static struct jpeg_pixels make_scene(enum headcam_pixel_format format, uint32_t width, uint32_t height,
                                     size_t padding)
{
    struct dice dice = {width * 31UL + height};
    uint32_t bytes = raw_pixel_bytes(format);
    size_t stride = (size_t)width * bytes + padding;
    uint8_t *rows = memory_zeroed(stride * height);
    dice_fill(&dice, rows, stride * height);
    for (uint32_t y = 0; y < height; y++)
        for (uint32_t x = 0; x < width; x++)
            for (uint32_t b = 0; b < bytes && b < 3; b++)
                rows[y * stride + (size_t)x * bytes + b] =
                    (uint8_t)(128 + 100 * sin(3.0 * x / width + b) * cos(2.0 * y / height - b) + 0.5);
    return (struct jpeg_pixels){format, width, height, stride, rows};
}

static void free_pixels(const struct jpeg_pixels *pixels)
{
    free((void *)(uintptr_t)pixels->rows);
}

/* Scales in stripes of so many rows, each in a buffer that ends where it may be read last. */
static struct jpeg_pixels scale_in_stripes(const struct jpeg_pixels *source, uint32_t width, uint32_t height,
                                           uint32_t stripe_rows)
{
    struct scale scale;
    struct ladder ladder = {0};
    scale_init(&scale, source->width, source->height, width, height);
    struct jpeg_pixels scaled = {scale_format(source->format), width, height, 0, NULL};
    scaled.stride = (size_t)width * raw_pixel_bytes(scaled.format);
    uint8_t *picture = memory_zeroed(scaled.stride * height + GUARD_BYTES);
    memset(picture + scaled.stride * height, GUARD, GUARD_BYTES);
    scaled.rows = picture;
    for (uint32_t row = 0; row < source->height; row += stripe_rows) {
        uint32_t left = source->height - row, rows = left < stripe_rows ? left : stripe_rows;
        uint32_t overlapped = rows + scale_overlap(&scale);
        struct jpeg_pixels stripe = *source;
        stripe.height = overlapped < left ? overlapped : left;
        size_t length =
            source->stride * (stripe.height - 1) + (size_t)source->width * raw_pixel_bytes(source->format);
        uint8_t *copy = malloc(length);
        memcpy(copy, source->rows + row * source->stride, length);
        stripe.rows = copy;
        ladder_begin(&ladder, &stripe, row, rows, source->height);
        scale_stripe(&scale, &ladder, picture);
        free(copy);
    }
    for (size_t i = 0; i < GUARD_BYTES; i++)
        assert_int_equal(picture[scaled.stride * height + i], GUARD);
    ladder_fini(&ladder);
    return scaled;
}

/* What a byte of a scaled pixel is where each source pixel counts by the area that it covers. */
static double mean_of_area(const struct jpeg_pixels *source, const struct jpeg_pixels *scaled, uint32_t x,
                           uint32_t y, uint32_t byte)
{
    uint32_t bytes = raw_pixel_bytes(source->format);
    double x_ratio = (double)source->width / scaled->width, y_ratio = (double)source->height / scaled->height;
    double left = x * x_ratio, right = left + x_ratio, top = y * y_ratio, bottom = top + y_ratio, sum = 0;
    for (uint32_t row = (uint32_t)top; row < source->height && row < bottom; row++)
        for (uint32_t column = (uint32_t)left; column < source->width && column < right; column++)
            sum += (fmin(row + 1, bottom) - fmax(row, top)) * (fmin(column + 1, right) - fmax(column, left)) *
                   source->rows[row * source->stride + (size_t)column * bytes + byte];
    return sum / (x_ratio * y_ratio);
}

/* Where a colour that is byte `byte` of a source pixel is in a scaled one. */
static uint32_t scaled_byte(enum headcam_pixel_format source, uint32_t byte)
{
    return source == HEADCAM_RGB ? 2 - byte : byte;
}

static double psnr(const struct jpeg_pixels *source, const struct jpeg_pixels *scaled)
{
    uint32_t bytes = raw_pixel_bytes(source->format), scaled_bytes = raw_pixel_bytes(scaled->format);
    double sum = 0;
    size_t count = 0;
    for (uint32_t y = 0; y < scaled->height; y++) {
        for (uint32_t x = 0; x < scaled->width; x++) {
            for (uint32_t b = 0; b < bytes && b < 3; b++, count++) {
                double seen = scaled->rows[y * scaled->stride + (size_t)x * scaled_bytes +
                                           scaled_byte(source->format, b)];
                double error = seen - mean_of_area(source, scaled, x, y, b);
                sum += error * error;
            }
        }
    }
    return 10 * log10(255.0 * 255.0 / (sum / (double)count + 1e-9));
}

TEST(the_picture_is_the_same_only_smaller)
{
    for (size_t f = 0; f < COUNT(formats); f++) {
        for (size_t s = 0; s < COUNT(sizes); s++) {
            struct jpeg_pixels source = make_scene(formats[f], sizes[s][0], sizes[s][1], f * 5);
            struct jpeg_pixels scaled = scale_in_stripes(&source, sizes[s][2], sizes[s][3], 16);
            assert_int_equal(scaled.format, scale_format(formats[f]));
            double quality = psnr(&source, &scaled);
            if (quality < 40)
                fail_msg("%ux%u to %ux%u, format %d: %.1f dB", sizes[s][0], sizes[s][1], sizes[s][2],
                         sizes[s][3], formats[f], quality);
            free_pixels(&source);
            free_pixels(&scaled);
        }
    }
}

TEST(stripes_give_bit_for_bit_what_the_whole_gives)
{
    for (size_t f = 0; f < COUNT(formats); f++) {
        for (size_t s = 0; s < COUNT(sizes); s++) {
            struct jpeg_pixels source = make_scene(formats[f], sizes[s][0], sizes[s][1], 0);
            struct jpeg_pixels whole = scale_in_stripes(&source, sizes[s][2], sizes[s][3], source.height);
            for (uint32_t rows = 16; rows < source.height; rows += 48) {
                struct jpeg_pixels scaled = scale_in_stripes(&source, sizes[s][2], sizes[s][3], rows);
                assert_memory_equal(scaled.rows, whole.rows, whole.stride * whole.height);
                free_pixels(&scaled);
            }
            free_pixels(&source);
            free_pixels(&whole);
        }
    }
}

TEST(half_the_size_is_the_mean_of_four)
{
    for (size_t f = 0; f < COUNT(formats); f++) {
        struct jpeg_pixels source = make_scene(formats[f], 64, 48, 0);
        struct jpeg_pixels half = scale_in_stripes(&source, 32, 24, 16);
        uint32_t bytes = raw_pixel_bytes(source.format);
        for (uint32_t y = 0; y < 24; y++) {
            for (uint32_t x = 0; x < 32; x++) {
                for (uint32_t b = 0; b < bytes && b < 3; b++) {
                    const uint8_t *four = source.rows + 2UL * y * source.stride + 2UL * x * bytes + b;
                    int sum = four[0] + four[bytes] + four[source.stride] + four[source.stride + bytes];
                    int seen = half.rows[y * half.stride + (size_t)x * raw_pixel_bytes(half.format) +
                                         scaled_byte(formats[f], b)];
                    assert_int_equal(seen, (sum + 2) / 4);
                }
            }
        }
        free_pixels(&source);
        free_pixels(&half);
    }
}

/* Lines as fine as the source has them become their mean, not one or the other. */
TEST(fine_lines_do_not_flicker)
{
    for (uint32_t width = 24; width <= 192; width += 24) {
        struct jpeg_pixels source = make_scene(HEADCAM_BGRA, 384, 64, 0);
        for (size_t i = 0; i < source.stride * source.height; i++)
            ((uint8_t *)(uintptr_t)source.rows)[i] = i / 4 % 2 ? 255 : 0;
        struct jpeg_pixels scaled = scale_in_stripes(&source, width, 64 * width / 384, 16);
        for (size_t i = 0; i < scaled.stride * scaled.height; i++)
            assert_in_range(scaled.rows[i], 127, 128);
        free_pixels(&source);
        free_pixels(&scaled);
    }
}

TEST(white_stays_white_and_no_colour_changes)
{
    for (size_t s = 0; s < COUNT(sizes); s++) {
        for (int shade = 0; shade <= 255; shade += 51) {
            struct jpeg_pixels source = make_scene(HEADCAM_RGBA, sizes[s][0], sizes[s][1], 0);
            memset((uint8_t *)(uintptr_t)source.rows, shade, source.stride * source.height);
            struct jpeg_pixels scaled = scale_in_stripes(&source, sizes[s][2], sizes[s][3], 16);
            for (size_t i = 0; i < scaled.stride * scaled.height; i++)
                assert_int_equal(scaled.rows[i], shade);
            free_pixels(&source);
            free_pixels(&scaled);
        }
    }
}

TEST(noise_keeps_its_brightness)
{
    enum { SIDE = 256 };
    struct jpeg_pixels source = make_scene(HEADCAM_BGRA, SIDE, SIDE, 0);
    struct dice dice = {8};
    double expected = 0;
    for (size_t i = 0; i < source.stride * source.height; i++)
        expected += ((uint8_t *)(uintptr_t)source.rows)[i] = (uint8_t)dice_below(&dice, 256);
    expected /= (double)source.stride * source.height;
    for (uint32_t side = SIDE / 2; side >= SIDE >> SCALE_HALVINGS; side /= 2) {
        struct jpeg_pixels scaled = scale_in_stripes(&source, side, side, 16);
        double seen = 0;
        for (size_t i = 0; i < scaled.stride * side; i++)
            seen += scaled.rows[i];
        /* A mean of four that lies in the middle between two values is rounded up. */
        double change = seen / ((double)scaled.stride * side) - expected;
        assert_true(change > -0.1 && change < 0.6);
        free_pixels(&scaled);
    }
    free_pixels(&source);
}

TEST(alpha_has_no_influence_on_the_colours)
{
    struct jpeg_pixels source = make_scene(HEADCAM_RGBA, 320, 240, 0);
    struct jpeg_pixels before = scale_in_stripes(&source, 100, 76, 16);
    for (size_t i = 3; i < source.stride * source.height; i += 4)
        ((uint8_t *)(uintptr_t)source.rows)[i] = 0;
    struct jpeg_pixels after = scale_in_stripes(&source, 100, 76, 16);
    for (size_t i = 0; i < after.stride * after.height; i++)
        if (i % 4 != 3)
            assert_int_equal(after.rows[i], before.rows[i]);
    free_pixels(&source);
    free_pixels(&before);
    free_pixels(&after);
}

TEST(a_ladder_serves_several_scales)
{
    struct jpeg_pixels source = make_scene(HEADCAM_RGB, 640, 480, 0);
    struct jpeg_pixels alone = scale_in_stripes(&source, 200, 150, 480);
    struct scale large, small;
    struct ladder ladder = {0};
    scale_init(&small, 640, 480, 100, 76);
    scale_init(&large, 640, 480, 200, 150);
    assert_true(small.halvings > large.halvings);
    uint8_t *picture = memory_zeroed(200UL * 150 * 4);
    ladder_begin(&ladder, &source, 0, 480, 480);
    scale_stripe(&small, &ladder, picture);
    scale_stripe(&large, &ladder, picture);
    assert_memory_equal(picture, alone.rows, 200UL * 150 * 4);
    ladder_fini(&ladder);
    free(picture);
    free_pixels(&source);
    free_pixels(&alone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_picture_is_the_same_only_smaller),
        cmocka_unit_test(stripes_give_bit_for_bit_what_the_whole_gives),
        cmocka_unit_test(half_the_size_is_the_mean_of_four),
        cmocka_unit_test(fine_lines_do_not_flicker),
        cmocka_unit_test(white_stays_white_and_no_colour_changes),
        cmocka_unit_test(noise_keeps_its_brightness),
        cmocka_unit_test(alpha_has_no_influence_on_the_colours),
        cmocka_unit_test(a_ladder_serves_several_scales),
    };
    return cmocka_run_group_tests_name("encode/scale", tests, NULL, NULL);
}
