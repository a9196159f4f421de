/* SPDX-License-Identifier: MIT */
#include "encode/codec.h"
#include "tests/unit/support.h"

#include <stdlib.h>
#include <string.h>

enum { WIDTH = 640, HEIGHT = 900, STRIDE = WIDTH * 4 + 64 };

static const struct jpeg_settings SETTINGS = {.quality = 80, .subsampling = JPEG_420};

/* One variant's way through the codec. */
static struct codec *codec;
static struct jpeg_compressor *compressor;
static struct ladder ladder;
static struct frame_pool *pool;
static uint8_t *pixels;
static uint64_t sequence;

static int set_up(void **state)
{
    (void)state;
    struct dice dice = {5};
    codec = codec_create(SETTINGS.quality);
    compressor = jpeg_compressor_create(&SETTINGS);
    pool = frame_pool_create();
    pixels = malloc((size_t)STRIDE * HEIGHT);
    dice_fill(&dice, pixels, (size_t)STRIDE * HEIGHT);
    sequence = 0;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    codec_destroy(codec);
    jpeg_compressor_destroy(compressor);
    ladder_fini(&ladder);
    ladder = (struct ladder){0};
    frame_pool_destroy(pool);
    free(pixels);
    return 0;
}

static struct raw_frame raw_of(enum headcam_pixel_format format, uint32_t height)
{
    sequence++;
    return (struct raw_frame){
        .info = {.sequence = sequence,
                 .width = WIDTH,
                 .height = height,
                 .stride = STRIDE,
                 .format = format,
                 .sim_time_ns = (int64_t)sequence * 1000,
                 .update = sequence * 7,
                 .payload_bytes = (size_t)STRIDE * height},
        .capture_ns = sequence,
        .payload = pixels,
    };
}

/* Row by row as the source has them, a stripe at a time. */
static struct jpeg_pixels stripe_of(const struct raw_frame *raw, uint32_t first_row, uint32_t rows)
{
    return (struct jpeg_pixels){raw->info.format, WIDTH, rows, STRIDE,
                                raw->payload + (size_t)first_row * STRIDE};
}

static enum hub_outcome encode_raw(const struct raw_frame *raw, struct frame **frame)
{
    const uint32_t height = raw->info.height, rows = jpeg_stripe_rows(raw->info.format, WIDTH, height);
    codec_begin(codec, &raw->info, WIDTH, height);
    assert_false(codec_is_scaled(codec));
    for (size_t i = codec_stripes(codec); i > 0; i--) { /* the threads take them in any order */
        uint32_t first_row = (uint32_t)(i - 1) * rows;
        const struct jpeg_pixels stripe =
            stripe_of(raw, first_row, height - first_row < rows ? height - first_row : rows);
        codec_encode_stripe(codec, compressor, &stripe, i - 1);
    }
    return codec_end(codec, pool, raw, frame);
}

/* Shown in a smaller size. */
static enum hub_outcome encode_scaled(const struct raw_frame *raw, uint32_t width, uint32_t height,
                                      struct frame **frame)
{
    codec_begin(codec, &raw->info, width, height);
    assert_true(codec_is_scaled(codec));
    const struct jpeg_pixels whole = stripe_of(raw, 0, raw->info.height);
    ladder_begin(&ladder, &whole, 0, raw->info.height, raw->info.height);
    codec_scale_stripe(codec, &ladder);
    for (size_t i = codec_stripes(codec); i > 0; i--)
        codec_encode_scaled_stripe(codec, compressor, i - 1);
    return codec_end(codec, pool, raw, frame);
}

static enum hub_outcome encode(struct frame **frame)
{
    const struct raw_frame raw = raw_of(HEADCAM_RGBA, HEIGHT);
    return encode_raw(&raw, frame);
}

/* The frame is what libjpeg alone makes of the pixels as they are now. */
static void assert_shows_pixels(const struct frame *frame, enum headcam_pixel_format format, uint32_t height)
{
    const struct jpeg_pixels picture = {format, WIDTH, height, STRIDE, pixels};
    uint32_t rows = jpeg_stripe_rows(format, WIDTH, height);
    const struct jpeg_extras extras = {.restart_mcus = rows < height ? (WIDTH / 16) * (rows / 16) : 0};
    struct bytes expected = {0};
    reference_jpeg(&picture, &SETTINGS, &extras, &expected);
    assert_int_equal(frame->jpeg_bytes, expected.length);
    assert_memory_equal(frame->jpeg, expected.data, expected.length);
    bytes_fini(&expected);
    assert_int_equal(frame->width, WIDTH);
    assert_int_equal(frame->height, height);
    assert_int_equal(frame->sequence, sequence);
    assert_int_equal(frame->capture_ns, sequence);
    assert_int_equal(frame->sim_time_ns, sequence * 1000);
    assert_int_equal(frame->update, sequence * 7);
}

static void assert_encoded(enum hub_outcome expected)
{
    struct frame *frame;
    assert_int_equal(encode(&frame), expected);
    assert_shows_pixels(frame, HEADCAM_RGBA, HEIGHT);
    frame_unref(&frame);
}

TEST(a_picture_in_stripes_is_what_one_pass_gives)
{
    assert_encoded(HUB_ENCODED);
    assert_true(codec_stripes(codec) > 3);
}

TEST(a_picture_that_rests_is_shown_again_with_stamps_of_its_own)
{
    assert_encoded(HUB_ENCODED);
    assert_encoded(HUB_ENCODED); /* a picture that comes to rest is encoded once more */
    for (int i = 0; i < 5; i++)
        assert_encoded(HUB_UNCHANGED);
}

TEST(a_change_of_any_single_pixel_is_seen)
{
    struct dice dice = {9};
    assert_encoded(HUB_ENCODED);
    assert_encoded(HUB_ENCODED);
    for (int i = 0; i < 12; i++) {
        assert_encoded(HUB_UNCHANGED);
        size_t row = dice_below(&dice, HEIGHT), byte = dice_below(&dice, (size_t)WIDTH * 4);
        pixels[row * STRIDE + byte] ^= 0x80;
        assert_encoded(HUB_ENCODED);
        while (true) { /* it may be encoded once more */
            struct frame *frame;
            enum hub_outcome outcome = encode(&frame);
            frame_unref(&frame);
            if (outcome == HUB_UNCHANGED)
                break;
        }
    }
}

TEST(padding_is_no_part_of_the_picture)
{
    struct frame *frame;
    for (int i = 0; i < 2; i++) {
        encode(&frame);
        frame_unref(&frame);
    }
    for (size_t row = 0; row < HEIGHT; row++)
        memset(pixels + row * STRIDE + (size_t)WIDTH * 4, (int)row, STRIDE - (size_t)WIDTH * 4);
    assert_encoded(HUB_UNCHANGED);
}

TEST(a_frame_that_was_given_up_is_not_shown_and_the_next_one_is_right)
{
    struct frame *frame;
    assert_encoded(HUB_ENCODED);
    assert_encoded(HUB_ENCODED);
    assert_encoded(HUB_UNCHANGED);
    pixels[0] ^= 0xff;
    assert_int_equal(encode(&frame), HUB_ENCODED);
    frame_unref(&frame);
    codec_give_up(codec);
    assert_encoded(HUB_ENCODED); /* whatever was known of it */
    pixels[0] ^= 0xff;
    assert_encoded(HUB_ENCODED);
}

TEST(a_stream_may_change_its_size_and_format)
{
    static const struct {
        enum headcam_pixel_format format;
        uint32_t height;
    } shapes[] = {{HEADCAM_RGBA, 900}, {HEADCAM_BGRA, 900}, {HEADCAM_RGBA, 900}, {HEADCAM_RGB, 48},
                  {HEADCAM_RGBA, 1},   {HEADCAM_RGBA, 900}, {HEADCAM_BGR, 500},  {HEADCAM_BGRA, 300}};
    for (size_t i = 0; i < COUNT(shapes); i++) {
        struct frame *frame;
        for (int times = 0; times < 3; times++) {
            const struct raw_frame raw = raw_of(shapes[i].format, shapes[i].height);
            assert_int_equal(encode_raw(&raw, &frame), times < 2 ? HUB_ENCODED : HUB_UNCHANGED);
            assert_shows_pixels(frame, shapes[i].format, shapes[i].height);
            frame_unref(&frame);
        }
    }
}

TEST(a_frame_outlives_the_codec_and_what_it_shows_next)
{
    struct frame *first, *again;
    encode(&first);
    frame_unref(&first);
    encode(&first);
    assert_int_equal(encode(&again), HUB_UNCHANGED);
    uint8_t last = again->jpeg[again->jpeg_bytes - 3];
    pixels[0] ^= 0xff;
    assert_encoded(HUB_ENCODED);
    frame_unref(&first);
    codec_destroy(codec);
    codec = codec_create(SETTINGS.quality);
    assert_int_equal(again->jpeg[again->jpeg_bytes - 3], last);
    frame_unref(&again);
}

TEST(a_scaled_picture_has_its_own_size_and_the_colours_of_the_source)
{
    for (size_t row = 0; row < HEIGHT; row++)
        for (size_t column = 0; column < WIDTH; column++)
            memcpy(pixels + row * STRIDE + column * 4, (const uint8_t[]){200, 100, 50, 7}, 4);
    const struct raw_frame raw = raw_of(HEADCAM_RGBA, HEIGHT);
    struct frame *frame;
    assert_int_equal(encode_scaled(&raw, 301, 424, &frame), HUB_ENCODED);
    assert_int_equal(frame->width, 301);
    assert_int_equal(frame->height, 424);
    uint32_t width, height;
    uint8_t *rgb = decode_jpeg(frame->jpeg, frame->jpeg_bytes, &width, &height);
    assert_int_equal(width, 301);
    assert_int_equal(height, 424);
    for (size_t i = 0; i < 301UL * 424 * 3; i += 3) {
        assert_in_range(rgb[i], 197, 203);
        assert_in_range(rgb[i + 1], 97, 103);
        assert_in_range(rgb[i + 2], 47, 53);
    }
    free(rgb);
    frame_unref(&frame);
}

TEST(a_scaled_picture_that_rests_is_known)
{
    struct raw_frame raw = raw_of(HEADCAM_RGBA, HEIGHT);
    struct frame *frame;
    for (int times = 0; times < 4; times++) {
        assert_int_equal(encode_scaled(&raw, 320, 450, &frame), times < 2 ? HUB_ENCODED : HUB_UNCHANGED);
        frame_unref(&frame);
    }
    for (size_t i = 0; i < STRIDE; i++) /* the last row that is not cut away */
        pixels[(size_t)(HEIGHT - 1) * STRIDE + i] ^= 0xff;
    assert_int_equal(encode_scaled(&raw, 320, 450, &frame), HUB_ENCODED);
    frame_unref(&frame);
}

TEST(a_variant_may_be_scaled_and_then_not)
{
    const struct raw_frame raw = raw_of(HEADCAM_RGBA, HEIGHT);
    struct frame *frame;
    for (int times = 0; times < 3; times++) {
        assert_int_equal(encode_scaled(&raw, 320, 450, &frame), HUB_ENCODED);
        frame_unref(&frame);
        assert_encoded(HUB_ENCODED);
    }
}

TEST(a_quality_makes_a_difference)
{
    struct frame *good, *bad;
    encode(&good);
    codec_destroy(codec);
    codec = codec_create(10);
    encode(&bad);
    assert_true(bad->jpeg_bytes < good->jpeg_bytes / 2);
    frame_unref(&good);
    frame_unref(&bad);
}

#define WITH_CODEC(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_CODEC(a_picture_in_stripes_is_what_one_pass_gives),
        WITH_CODEC(a_picture_that_rests_is_shown_again_with_stamps_of_its_own),
        WITH_CODEC(a_change_of_any_single_pixel_is_seen),
        WITH_CODEC(padding_is_no_part_of_the_picture),
        WITH_CODEC(a_frame_that_was_given_up_is_not_shown_and_the_next_one_is_right),
        WITH_CODEC(a_stream_may_change_its_size_and_format),
        WITH_CODEC(a_frame_outlives_the_codec_and_what_it_shows_next),
        WITH_CODEC(a_scaled_picture_has_its_own_size_and_the_colours_of_the_source),
        WITH_CODEC(a_scaled_picture_that_rests_is_known),
        WITH_CODEC(a_variant_may_be_scaled_and_then_not),
        WITH_CODEC(a_quality_makes_a_difference),
    };
    return cmocka_run_group_tests_name("encode/codec", tests, NULL, NULL);
}
