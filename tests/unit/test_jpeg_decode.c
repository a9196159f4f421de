/* SPDX-License-Identifier: MIT */
#include "encode/jpeg_decode.h"
#include "tests/unit/support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 201, HEIGHT = 123, PIXEL_BYTES = WIDTH * HEIGHT * 4, PLENTY = 1 << 20 };

static struct bytes jpeg;
static uint8_t original[WIDTH * HEIGHT * 3];

/* A JPEG of soft shapes, in three shades, or one for GRAY8. */
static struct raw_frame make_jpeg_as(enum headcam_pixel_format format, const struct jpeg_extras *extras)
{
    const struct jpeg_settings settings = {.quality = 95, .subsampling = JPEG_444};
    const uint32_t bytes = raw_pixel_bytes(format);
    for (uint32_t y = 0; y < HEIGHT; y++)
        for (uint32_t x = 0; x < WIDTH; x++)
            for (uint32_t b = 0; b < bytes; b++)
                original[(y * WIDTH + x) * bytes + b] =
                    (uint8_t)(128 + 100 * sin(3.0 * x / WIDTH + b) * cos(2.0 * y / HEIGHT - b));
    const struct jpeg_pixels pixels = {format, WIDTH, HEIGHT, (size_t)WIDTH * bytes, original};
    reference_jpeg(&pixels, &settings, extras, &jpeg);
    return (struct raw_frame){
        .info = {.sequence = 42,
                 .width = WIDTH,
                 .height = HEIGHT,
                 .format = HEADCAM_JPEG,
                 .sim_time_ns = 7,
                 .capture_real_ns = 8,
                 .payload_bytes = jpeg.length},
        .arrival_ns = 9,
        .capture_ns = 10,
        .payload = jpeg.data,
    };
}

static struct raw_frame make_jpeg(enum headcam_pixel_format format, bool is_progressive)
{
    return make_jpeg_as(format, &(struct jpeg_extras){.is_progressive = is_progressive});
}

static int tear_down(void **state)
{
    (void)state;
    bytes_fini(&jpeg);
    return 0;
}

/* Each decoded pixel is near the one of the original that lies in its middle. */
static void assert_shows_original(const struct raw_frame *raw, uint32_t bytes)
{
    const uint32_t decoded_bytes = raw_pixel_bytes(raw->info.format);
    for (uint32_t y = 0; y + 1 < raw->info.height; y++) {
        for (uint32_t x = 0; x + 1 < raw->info.width; x++) {
            const uint32_t scale = (WIDTH + raw->info.width - 1) / raw->info.width;
            const size_t row = y * scale + scale / 2, column = x * scale + scale / 2;
            const uint8_t *there = original + (row * WIDTH + column) * bytes;
            const uint8_t *here = raw->payload + (size_t)y * raw->info.stride + (size_t)x * decoded_bytes;
            for (uint32_t b = 0; b < bytes; b++)
                assert_in_range(here[b] + 8, there[b], there[b] + 16);
        }
    }
}

TEST(a_jpeg_becomes_pixels_with_its_stamps)
{
    for (int is_progressive = 0; is_progressive < 2; is_progressive++) {
        const struct raw_frame sent = make_jpeg(HEADCAM_RGB, is_progressive);
        char error[JPEG_DECODE_ERROR_BYTES];
        struct raw_frame *raw = jpeg_decode(&sent, WIDTH, HEIGHT, PLENTY, error);
        assert_non_null(raw);
        assert_int_equal(raw->info.width, WIDTH);
        assert_int_equal(raw->info.height, HEIGHT);
        assert_int_equal(raw->info.format, HEADCAM_RGBA);
        assert_int_equal(raw->info.stride, WIDTH * 4);
        assert_int_equal(raw->info.payload_bytes, WIDTH * 4 * HEIGHT);
        assert_int_equal(raw->info.sequence, 42);
        assert_int_equal(raw->info.sim_time_ns, 7);
        assert_int_equal(raw->info.capture_real_ns, 8);
        assert_int_equal(raw->arrival_ns, 9);
        assert_int_equal(raw->capture_ns, 10);
        assert_true(raw_is_intact(raw));
        assert_shows_original(raw, 3);
        raw_release(raw);
    }
}

TEST(a_gray_jpeg_stays_gray)
{
    const struct raw_frame sent = make_jpeg(HEADCAM_GRAY8, false);
    char error[JPEG_DECODE_ERROR_BYTES];
    struct raw_frame *raw = jpeg_decode(&sent, WIDTH, HEIGHT, PLENTY, error);
    assert_int_equal(raw->info.format, HEADCAM_GRAY8);
    assert_shows_original(raw, 1);
    raw_release(raw);
}

TEST(it_is_decoded_no_larger_than_it_must_be)
{
    static const uint32_t cases[][4] = {
        /* asked for, and what comes */
        {201, 123, 201, 123}, {200, 2, 201, 123}, {102, 2, 201, 123}, {101, 62, 101, 62}, {100, 63, 201, 123},
        {52, 2, 101, 62},     {51, 31, 51, 31},   {26, 16, 26, 16},   {16, 2, 26, 16},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct raw_frame sent = make_jpeg(HEADCAM_RGB, i % 2);
        char error[JPEG_DECODE_ERROR_BYTES];
        struct raw_frame *raw = jpeg_decode(&sent, cases[i][0], cases[i][1], PLENTY, error);
        assert_int_equal(raw->info.width, cases[i][2]);
        assert_int_equal(raw->info.height, cases[i][3]);
        assert_shows_original(raw, 3);
        raw_release(raw);
    }
}

TEST(what_libjpeg_refuses_is_no_frame_and_says_why)
{
    struct raw_frame sent = make_jpeg(HEADCAM_RGB, false);
    char error[JPEG_DECODE_ERROR_BYTES] = "";
    for (size_t i = 2; i < jpeg.length - 2; i++) {
        if (jpeg.data[i] == 0xff && jpeg.data[i + 1] == 0xc0) {
            jpeg.data[i + 4] = 12; /* bits a sample */
            break;
        }
    }
    assert_null(jpeg_decode(&sent, 16, 16, PLENTY, error));
    assert_non_null(strstr(error, "precision 12"));
    sent.info.payload_bytes = 2;
    assert_null(jpeg_decode(&sent, 16, 16, PLENTY, error));
}

TEST(a_jpeg_of_too_many_scans_does_not_keep_a_thread_busy)
{
    const unsigned most = jpeg_decode_scans(WIDTH, HEIGHT);
    char error[JPEG_DECODE_ERROR_BYTES] = "", expected[JPEG_DECODE_ERROR_BYTES];
    struct raw_frame sent =
        make_jpeg_as(HEADCAM_GRAY8, &(struct jpeg_extras){.is_progressive = true, .scans = most});
    struct raw_frame *raw = jpeg_decode(&sent, WIDTH, HEIGHT, PLENTY, error);
    assert_non_null(raw);
    assert_shows_original(raw, 1);
    raw_release(raw);

    sent = make_jpeg_as(HEADCAM_GRAY8, &(struct jpeg_extras){.is_progressive = true, .scans = most + 1});
    assert_null(jpeg_decode(&sent, WIDTH, HEIGHT, PLENTY, error));
    snprintf(expected, sizeof(expected), "it has more than %u scans", most);
    assert_memory_equal(error, expected, strlen(expected));
}

TEST(the_larger_a_jpeg_the_fewer_scans_it_may_have)
{
    unsigned before = jpeg_decode_scans(1, 1);
    assert_true(before < SCRIPT_SCANS_MOST);
    for (uint32_t side = 1000; side <= 65500; side += 500) {
        unsigned scans = jpeg_decode_scans(side, side);
        assert_in_range(scans, 10, before); /* libjpeg's own progression */
        before = scans;
    }
    assert_true(before < jpeg_decode_scans(1, 1));
}

TEST(what_would_be_too_large_as_pixels_is_refused_before_libjpeg_sees_it)
{
    struct raw_frame sent = make_jpeg(HEADCAM_RGB, false);
    char error[JPEG_DECODE_ERROR_BYTES];
    assert_null(jpeg_decode(&sent, 16, 16, PIXEL_BYTES - 1, error));
    assert_string_equal(error, "201x123 pixels are more than --max-frame-bytes allows");
    struct raw_frame *raw = jpeg_decode(&sent, 16, 16, PIXEL_BYTES, error);
    assert_non_null(raw);
    raw_release(raw);
    sent.info.width = sent.info.height = 65500;
    assert_null(jpeg_decode(&sent, 16, 16, SIZE_MAX, error));
    assert_string_equal(error, "its size is not the announced one");
}

#define WITH_JPEG(test) cmocka_unit_test_teardown(test, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_JPEG(a_jpeg_becomes_pixels_with_its_stamps),
        WITH_JPEG(a_gray_jpeg_stays_gray),
        WITH_JPEG(it_is_decoded_no_larger_than_it_must_be),
        WITH_JPEG(what_libjpeg_refuses_is_no_frame_and_says_why),
        WITH_JPEG(a_jpeg_of_too_many_scans_does_not_keep_a_thread_busy),
        cmocka_unit_test(the_larger_a_jpeg_the_fewer_scans_it_may_have),
        WITH_JPEG(what_would_be_too_large_as_pixels_is_refused_before_libjpeg_sees_it),
    };
    return cmocka_run_group_tests_name("encode/jpeg_decode", tests, NULL, NULL);
}
