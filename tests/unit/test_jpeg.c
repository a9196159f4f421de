/* SPDX-License-Identifier: MIT */
#include "base/memory.h"
#include "encode/jpeg.h"
#include "stream/raw.h"
#include "tests/unit/support.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_STRIPES = 64 };

static const enum headcam_pixel_format formats[] = {HEADCAM_RGBA, HEADCAM_BGRA, HEADCAM_RGB, HEADCAM_BGR,
                                                    HEADCAM_GRAY8};
static const enum jpeg_subsampling subsamplings[] = {JPEG_420, JPEG_422, JPEG_444};

/* A picture in just the bytes that it may have: rows with padding, the last one without. */
static struct jpeg_pixels make_picture(enum headcam_pixel_format format, uint32_t width, uint32_t height,
                                       size_t padding)
{
    struct dice dice = {width * 7919UL + height};
    size_t row_bytes = (size_t)width * raw_pixel_bytes(format), stride = row_bytes + padding;
    size_t length = stride * (height - 1) + row_bytes;
    uint8_t *rows = memory_zeroed(length);
    dice_fill(&dice, rows, length);
    return (struct jpeg_pixels){format, width, height, stride, rows};
}

static void free_picture(const struct jpeg_pixels *picture)
{
    free((void *)(uintptr_t)picture->rows);
}

/* The restart interval of a run of rows, in MCUs, from the standard's definition of an MCU. */
static unsigned mcus_of(enum headcam_pixel_format format, enum jpeg_subsampling subsampling, uint32_t width,
                        uint32_t rows)
{
    uint32_t mcu_width = format == HEADCAM_GRAY8 || subsampling == JPEG_444 ? 8 : 16;
    uint32_t mcu_height = format != HEADCAM_GRAY8 && subsampling == JPEG_420 ? 16 : 8;
    return (width + mcu_width - 1) / mcu_width * (rows / mcu_height);
}

/* Compresses a picture stripe by stripe, and joins them. */
static void compress_in_stripes(const struct jpeg_pixels *picture, const struct jpeg_settings *settings,
                                uint32_t stripe_rows, struct bytes *out)
{
    struct jpeg_compressor *compressor = jpeg_compressor_create(settings);
    struct bytes stripes[MAX_STRIPES] = {0};
    const struct bytes *order[MAX_STRIPES];
    size_t count = 0;
    for (uint32_t row = 0; row < picture->height; row += stripe_rows, count++) {
        struct jpeg_pixels stripe = *picture;
        stripe.rows += row * picture->stride;
        stripe.height = picture->height - row < stripe_rows ? picture->height - row : stripe_rows;
        assert_true(count < MAX_STRIPES);
        assert_true(jpeg_compress(compressor, &stripe, stripe_rows, &stripes[count]));
        order[count] = &stripes[count];
    }
    jpeg_join(order, count, picture->height, out);
    while (count > 0)
        bytes_fini(&stripes[--count]);
    jpeg_compressor_destroy(compressor);
}

static void assert_stripes_equal_whole(const struct jpeg_pixels *picture,
                                       const struct jpeg_settings *settings, uint32_t stripe_rows)
{
    struct bytes joined = {0}, whole = {0};
    const struct jpeg_extras extras = {
        .restart_mcus = mcus_of(picture->format, settings->subsampling, picture->width, stripe_rows),
    };
    compress_in_stripes(picture, settings, stripe_rows, &joined);
    reference_jpeg(picture, settings, &extras, &whole);
    assert_int_equal(joined.length, whole.length);
    assert_memory_equal(joined.data, whole.data, whole.length);
    bytes_fini(&joined);
    bytes_fini(&whole);
}

TEST(joined_stripes_are_bit_for_bit_what_one_pass_gives)
{
    static const uint32_t sizes[][2] = {{1, 1},   {1, 100}, {100, 1}, {16, 16},  {17, 17}, {15, 47},
                                        {33, 31}, {64, 48}, {50, 49}, {130, 75}, {7, 300}};
    static const uint32_t stripe_rows[] = {16, 32, 48};
    for (size_t f = 0; f < COUNT(formats); f++) {
        for (size_t s = 0; s < COUNT(subsamplings); s++) {
            for (size_t z = 0; z < COUNT(sizes); z++) {
                const struct jpeg_settings settings = {.quality = 80, .subsampling = subsamplings[s]};
                struct jpeg_pixels picture = make_picture(formats[f], sizes[z][0], sizes[z][1], z * 3);
                for (size_t r = 0; r < COUNT(stripe_rows); r++)
                    assert_stripes_equal_whole(&picture, &settings, stripe_rows[r]);
                free_picture(&picture);
            }
        }
    }
}

TEST(a_full_hd_picture_in_the_servers_own_stripes_is_what_one_pass_gives)
{
    const struct jpeg_settings settings = {.quality = 80, .subsampling = JPEG_420};
    struct jpeg_pixels picture = make_picture(HEADCAM_RGBA, 1920, 1080, 0);
    uint32_t rows = jpeg_stripe_rows(HEADCAM_RGBA, 1920, 1080);
    assert_true(rows < 1080);
    assert_stripes_equal_whole(&picture, &settings, rows);
    free_picture(&picture);
}

TEST(a_whole_picture_is_what_libjpeg_gives_anybody)
{
    const int qualities[] = {1, 50, 80, 100};
    for (size_t q = 0; q < COUNT(qualities); q++) {
        const struct jpeg_settings settings = {.quality = qualities[q], .subsampling = JPEG_422};
        const struct jpeg_extras none = {0};
        struct jpeg_pixels picture = make_picture(HEADCAM_BGRA, 77, 55, 9);
        struct jpeg_compressor *compressor = jpeg_compressor_create(&settings);
        struct bytes made = {0}, expected = {0};
        assert_true(jpeg_compress(compressor, &picture, 0, &made));
        reference_jpeg(&picture, &settings, &none, &expected);
        assert_int_equal(made.length, expected.length);
        assert_memory_equal(made.data, expected.data, expected.length);
        bytes_fini(&made);
        bytes_fini(&expected);
        jpeg_compressor_destroy(compressor);
        free_picture(&picture);
    }
}

TEST(a_single_stripe_joins_to_itself)
{
    const struct jpeg_settings settings = {.quality = 80, .subsampling = JPEG_420};
    struct jpeg_pixels picture = make_picture(HEADCAM_RGB, 40, 30, 0);
    struct jpeg_compressor *compressor = jpeg_compressor_create(&settings);
    struct bytes stripe = {0}, joined = {0};
    const struct bytes *order[] = {&stripe};
    assert_true(jpeg_compress(compressor, &picture, 0, &stripe));
    jpeg_join(order, 1, 30, &joined);
    assert_int_equal(joined.length, stripe.length);
    assert_memory_equal(joined.data, stripe.data, stripe.length);
    bytes_fini(&stripe);
    bytes_fini(&joined);
    jpeg_compressor_destroy(compressor);
    free_picture(&picture);
}

TEST(a_compressor_gives_the_same_whatever_it_did_before)
{
    struct jpeg_settings settings = {.quality = 70, .subsampling = JPEG_420};
    struct jpeg_compressor *compressor = jpeg_compressor_create(&settings);
    struct bytes made = {0}, expected = {0};
    for (int round = 0; round < 3; round++) {
        for (size_t f = 0; f < COUNT(formats); f++) {
            settings.quality = 70 - 20 * (int)(f / 2);
            jpeg_compressor_set_quality(compressor, settings.quality);
            struct jpeg_pixels picture = make_picture(formats[f], 30 + 20 * (uint32_t)round, 64, 0);
            const struct jpeg_extras extras = {
                .restart_mcus = round == 1 ? mcus_of(formats[f], JPEG_420, picture.width, 32) : 0,
            };
            assert_true(jpeg_compress(compressor, &picture, round == 1 ? 32 : 0, &made));
            reference_jpeg(&picture, &settings, &extras, &expected);
            assert_int_equal(made.length, expected.length);
            assert_memory_equal(made.data, expected.data, expected.length);
            free_picture(&picture);
        }
    }
    bytes_fini(&made);
    bytes_fini(&expected);
    jpeg_compressor_destroy(compressor);
}

/* Four fields: red, green over blue, yellow. GRAY8 has four grays. */
static void paint_field(const struct jpeg_pixels *picture, uint32_t x, uint32_t y, const uint8_t rgb[3])
{
    uint32_t pixel_bytes = raw_pixel_bytes(picture->format);
    uint8_t *pixel = (uint8_t *)(uintptr_t)picture->rows + y * picture->stride + (size_t)x * pixel_bytes;
    bool is_blue_first = picture->format == HEADCAM_BGRA || picture->format == HEADCAM_BGR;
    if (pixel_bytes == 1) {
        pixel[0] = rgb[0];
        return;
    }
    pixel[is_blue_first ? 2 : 0] = rgb[0];
    pixel[1] = rgb[1];
    pixel[is_blue_first ? 0 : 2] = rgb[2];
}

TEST(colors_are_right_in_every_format_and_padding_is_never_seen)
{
    enum { WIDTH = 70, HEIGHT = 52, HALF_X = 32, HALF_Y = 32 };
    static const uint8_t colors[2][2][3] = {{{230, 20, 30}, {20, 200, 40}}, {{10, 30, 220}, {240, 220, 20}}};
    for (size_t f = 0; f < COUNT(formats); f++) {
        for (size_t s = 0; s < COUNT(subsamplings); s++) {
            const struct jpeg_settings settings = {.quality = 95, .subsampling = subsamplings[s]};
            struct jpeg_pixels picture = make_picture(formats[f], WIDTH, HEIGHT, 37);
            for (uint32_t y = 0; y < HEIGHT; y++)
                for (uint32_t x = 0; x < WIDTH; x++)
                    paint_field(&picture, x, y, colors[y >= HALF_Y][x >= HALF_X]);
            struct bytes jpeg = {0};
            compress_in_stripes(&picture, &settings, 16, &jpeg);
            uint32_t width, height;
            uint8_t *rgb = decode_jpeg(jpeg.data, jpeg.length, &width, &height);
            assert_int_equal(width, WIDTH);
            assert_int_equal(height, HEIGHT);
            for (uint32_t y = 0; y < HEIGHT; y++) {
                for (uint32_t x = 0; x < WIDTH; x++) {
                    /* Subsampled colour bleeds over the edge between two fields. */
                    if ((x > HALF_X - 3 && x < HALF_X + 2) || (y > HALF_Y - 3 && y < HALF_Y + 2))
                        continue;
                    const uint8_t *seen = rgb + ((size_t)y * WIDTH + x) * 3;
                    const uint8_t *painted = colors[y >= HALF_Y][x >= HALF_X];
                    for (int c = 0; c < 3; c++)
                        assert_true(abs(seen[c] - painted[formats[f] == HEADCAM_GRAY8 ? 0 : c]) <= 6);
                }
            }
            free(rgb);
            bytes_fini(&jpeg);
            free_picture(&picture);
        }
    }
}

TEST(alpha_is_ignored)
{
    const struct jpeg_settings settings = {.quality = 80, .subsampling = JPEG_420};
    struct jpeg_compressor *compressor = jpeg_compressor_create(&settings);
    struct bytes first = {0}, second = {0};
    struct jpeg_pixels picture = make_picture(HEADCAM_RGBA, 40, 30, 0);
    assert_true(jpeg_compress(compressor, &picture, 0, &first));
    for (size_t i = 3; i < 40UL * 30 * 4; i += 4)
        ((uint8_t *)(uintptr_t)picture.rows)[i] ^= 0xff;
    assert_true(jpeg_compress(compressor, &picture, 0, &second));
    assert_int_equal(first.length, second.length);
    assert_memory_equal(first.data, second.data, first.length);
    bytes_fini(&first);
    bytes_fini(&second);
    jpeg_compressor_destroy(compressor);
    free_picture(&picture);
}

TEST(after_a_refusal_the_compressor_goes_on)
{
    const struct jpeg_settings settings = {.quality = 80, .subsampling = JPEG_420};
    struct jpeg_compressor *compressor = jpeg_compressor_create(&settings);
    struct bytes made = {0};
    struct jpeg_pixels picture = make_picture(HEADCAM_RGB, 40, 30, 0), too_wide = picture;
    too_wide.width = 70000;
    assert_false(jpeg_compress(compressor, &too_wide, 0, &made));
    assert_true(jpeg_compress(compressor, &picture, 0, &made));
    uint32_t width, height;
    free(decode_jpeg(made.data, made.length, &width, &height));
    assert_int_equal(width, 40);
    bytes_fini(&made);
    jpeg_compressor_destroy(compressor);
    free_picture(&picture);
}

TEST(stripes_are_whole_mcu_rows_fit_a_cache_and_the_restart_interval_fits_its_field)
{
    for (uint32_t width = 1; width <= 65500; width += width < 5000 ? 1 : 61) {
        for (size_t f = 0; f < COUNT(formats); f++) {
            uint32_t rows = jpeg_stripe_rows(formats[f], width, 65500);
            if (rows == 65500)
                continue; /* one stripe has no restart interval */
            assert_int_equal(rows % JPEG_STRIPE_UNIT, 0);
            assert_true(rows > 0);
            size_t stripe_bytes = (size_t)rows * width * raw_pixel_bytes(formats[f]);
            assert_true(rows == JPEG_STRIPE_UNIT || stripe_bytes <= 512UL * 1024);
            for (size_t s = 0; s < COUNT(subsamplings); s++)
                assert_true(mcus_of(formats[f], subsamplings[s], width, rows) <= 65535);
        }
    }
}

TEST(a_small_picture_is_one_stripe)
{
    assert_int_equal(jpeg_stripe_rows(HEADCAM_RGBA, 320, 200), 200);
    assert_int_equal(jpeg_stripe_rows(HEADCAM_RGBA, 1, 1), 1);
    assert_int_equal(jpeg_stripe_rows(HEADCAM_RGBA, 65500, 7), 7);
}

TEST(subsamplings_have_names)
{
    enum jpeg_subsampling subsampling = JPEG_444;
    assert_true(jpeg_subsampling_from_name("4:2:0", &subsampling));
    assert_int_equal(subsampling, JPEG_420);
    assert_true(jpeg_subsampling_from_name("4:2:2", &subsampling));
    assert_int_equal(subsampling, JPEG_422);
    assert_true(jpeg_subsampling_from_name("4:4:4", &subsampling));
    assert_int_equal(subsampling, JPEG_444);
    assert_false(jpeg_subsampling_from_name("4:1:1", &subsampling));
    assert_false(jpeg_subsampling_from_name("", &subsampling));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(joined_stripes_are_bit_for_bit_what_one_pass_gives),
        cmocka_unit_test(a_full_hd_picture_in_the_servers_own_stripes_is_what_one_pass_gives),
        cmocka_unit_test(a_whole_picture_is_what_libjpeg_gives_anybody),
        cmocka_unit_test(a_single_stripe_joins_to_itself),
        cmocka_unit_test(a_compressor_gives_the_same_whatever_it_did_before),
        cmocka_unit_test(colors_are_right_in_every_format_and_padding_is_never_seen),
        cmocka_unit_test(alpha_is_ignored),
        cmocka_unit_test(after_a_refusal_the_compressor_goes_on),
        cmocka_unit_test(stripes_are_whole_mcu_rows_fit_a_cache_and_the_restart_interval_fits_its_field),
        cmocka_unit_test(a_small_picture_is_one_stripe),
        cmocka_unit_test(subsamplings_have_names),
    };
    return cmocka_run_group_tests_name("encode/jpeg", tests, NULL, NULL);
}
