/* SPDX-License-Identifier: MIT */
#include "encode/codec.h"
#include "tests/unit/support.h"

#include <stdlib.h>
#include <string.h>

enum { WIDTH = 640, HEIGHT = 900, STRIDE = WIDTH * 4 + 64 };

static const struct jpeg_settings SETTINGS = {.quality = 80, .subsampling = JPEG_420};

/* One stream's way through the codec, with its pixels in a message or in something like a ring. */
static struct codec *codec;
static struct codec_worker worker;
static struct frame_pool *pool;
static uint8_t *pixels;
static uint64_t sequence;
static bool can_read, is_intact;

static bool read_pixels(const struct raw_frame *raw, size_t offset, void *into, size_t length)
{
    assert_true(offset + length <= raw->info.payload_bytes);
    memcpy(into, pixels + offset, length);
    return can_read;
}

static bool tell_intact(const struct raw_frame *raw)
{
    (void)raw;
    return is_intact;
}

static int set_up(void **state)
{
    (void)state;
    struct dice dice = {5};
    codec = codec_create();
    worker = (struct codec_worker){.compressor = jpeg_compressor_create(&SETTINGS)};
    pool = frame_pool_create();
    pixels = malloc((size_t)STRIDE * HEIGHT);
    dice_fill(&dice, pixels, (size_t)STRIDE * HEIGHT);
    sequence = 0;
    can_read = is_intact = true;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    codec_destroy(codec);
    codec_worker_fini(&worker);
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

static enum hub_outcome encode_raw(const struct raw_frame *raw, struct frame **frame)
{
    size_t count = codec_begin(codec, &raw->info);
    for (size_t i = count; i > 0; i--) /* the threads take them in any order */
        codec_encode_stripe(codec, &worker, raw, i - 1);
    return codec_end(codec, pool, raw, frame);
}

static enum hub_outcome encode(struct frame **frame)
{
    const struct raw_frame raw = raw_of(HEADCAM_RGBA, HEIGHT);
    return encode_raw(&raw, frame);
}

static enum hub_outcome encode_from_ring(struct frame **frame)
{
    struct raw_frame raw = raw_of(HEADCAM_RGBA, HEIGHT);
    raw.payload = NULL;
    raw.read = read_pixels;
    raw.is_intact = tell_intact;
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

static void assert_encoded(enum hub_outcome (*how)(struct frame **), enum hub_outcome expected)
{
    struct frame *frame;
    assert_int_equal(how(&frame), expected);
    assert_shows_pixels(frame, HEADCAM_RGBA, HEIGHT);
    frame_unref(&frame);
}

TEST(a_picture_in_stripes_is_what_one_pass_gives)
{
    const struct raw_frame raw = raw_of(HEADCAM_RGBA, HEIGHT);
    assert_true(codec_begin(codec, &raw.info) > 3);
    assert_encoded(encode, HUB_ENCODED);
}

TEST(a_picture_in_a_ring_is_read_stripe_by_stripe)
{
    assert_encoded(encode_from_ring, HUB_ENCODED);
}

TEST(a_picture_that_rests_is_shown_again_with_stamps_of_its_own)
{
    assert_encoded(encode, HUB_ENCODED);
    assert_encoded(encode, HUB_ENCODED); /* a picture that comes to rest is encoded once more */
    for (int i = 0; i < 5; i++)
        assert_encoded(i % 2 ? encode : encode_from_ring, HUB_UNCHANGED);
}

TEST(a_change_of_any_single_pixel_is_seen)
{
    struct dice dice = {9};
    assert_encoded(encode, HUB_ENCODED);
    assert_encoded(encode, HUB_ENCODED);
    for (int i = 0; i < 12; i++) {
        assert_encoded(encode, HUB_UNCHANGED);
        size_t row = dice_below(&dice, HEIGHT), byte = dice_below(&dice, (size_t)WIDTH * 4);
        pixels[row * STRIDE + byte] ^= 0x80;
        assert_encoded(encode, HUB_ENCODED);
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
    assert_encoded(encode, HUB_UNCHANGED);
}

TEST(a_torn_frame_is_not_shown_and_the_next_one_is_right)
{
    struct frame *frame;
    assert_encoded(encode_from_ring, HUB_ENCODED);
    assert_encoded(encode_from_ring, HUB_ENCODED);
    pixels[0] ^= 0xff;
    is_intact = false;
    assert_int_equal(encode_from_ring(&frame), HUB_TORN);
    assert_null(frame);
    is_intact = true;
    pixels[0] ^= 0xff;
    assert_encoded(encode_from_ring, HUB_ENCODED);
    is_intact = false; /* the same pixels, but who knows */
    assert_int_equal(encode_from_ring(&frame), HUB_TORN);
    is_intact = true;
    assert_encoded(encode_from_ring, HUB_ENCODED);
}

TEST(a_frame_that_cannot_be_read_comes_to_nothing_and_the_next_one_is_right)
{
    struct frame *frame;
    assert_encoded(encode_from_ring, HUB_ENCODED);
    can_read = false;
    assert_int_equal(encode_from_ring(&frame), HUB_FAILED);
    assert_null(frame);
    can_read = true;
    assert_encoded(encode_from_ring, HUB_ENCODED);
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
    assert_encoded(encode, HUB_ENCODED);
    frame_unref(&first);
    codec_destroy(codec);
    codec = codec_create();
    assert_int_equal(again->jpeg[again->jpeg_bytes - 3], last);
    frame_unref(&again);
}

#define WITH_CODEC(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_CODEC(a_picture_in_stripes_is_what_one_pass_gives),
        WITH_CODEC(a_picture_in_a_ring_is_read_stripe_by_stripe),
        WITH_CODEC(a_picture_that_rests_is_shown_again_with_stamps_of_its_own),
        WITH_CODEC(a_change_of_any_single_pixel_is_seen),
        WITH_CODEC(padding_is_no_part_of_the_picture),
        WITH_CODEC(a_torn_frame_is_not_shown_and_the_next_one_is_right),
        WITH_CODEC(a_frame_that_cannot_be_read_comes_to_nothing_and_the_next_one_is_right),
        WITH_CODEC(a_stream_may_change_its_size_and_format),
        WITH_CODEC(a_frame_outlives_the_codec_and_what_it_shows_next),
    };
    return cmocka_run_group_tests_name("encode/codec", tests, NULL, NULL);
}
