/* SPDX-License-Identifier: MIT */
#include "encode/source.h"
#include "tests/unit/support.h"

#include <string.h>

enum { WIDTH = 50, HEIGHT = 40, STRIDE = WIDTH * 3 + 11 };

static uint8_t bytes[STRIDE * HEIGHT];
static bool can_read;

static bool read_bytes(const struct raw_frame *raw, size_t offset, void *into, size_t length)
{
    assert_true(offset + length <= raw->info.payload_bytes);
    memcpy(into, bytes + offset, length);
    return can_read;
}

static struct raw_frame frame_of(bool is_inline)
{
    struct dice dice = {3};
    dice_fill(&dice, bytes, sizeof(bytes));
    can_read = true;
    return (struct raw_frame){
        .info = {.width = WIDTH,
                 .height = HEIGHT,
                 .stride = STRIDE,
                 .format = HEADCAM_RGB,
                 .payload_bytes = (size_t)STRIDE * (HEIGHT - 1) + WIDTH * 3UL}, /* without padding */
        .payload = is_inline ? bytes : NULL,
        .read = is_inline ? NULL : read_bytes,
    };
}

TEST(rows_are_those_of_the_frame_wherever_they_are)
{
    struct source_memory memory = {0};
    for (int is_inline = 0; is_inline < 2; is_inline++) {
        const struct raw_frame raw = frame_of(is_inline);
        for (uint32_t first = 0; first < HEIGHT; first += 7) {
            struct jpeg_pixels pixels;
            uint32_t rows = HEIGHT - first < 16 ? HEIGHT - first : 16;
            assert_true(source_rows(&memory, &raw, first, rows, &pixels));
            assert_int_equal(pixels.format, HEADCAM_RGB);
            assert_int_equal(pixels.width, WIDTH);
            assert_int_equal(pixels.height, rows);
            for (uint32_t row = 0; row < rows; row++)
                assert_memory_equal(pixels.rows + row * pixels.stride, bytes + (size_t)(first + row) * STRIDE,
                                    WIDTH * 3UL);
        }
    }
    source_memory_fini(&memory);
}

static bool read_far_bytes(const struct raw_frame *raw, size_t offset, void *into, size_t length)
{
    assert_true(offset + length <= raw->info.payload_bytes);
    assert_int_equal(offset % raw->info.stride + length, WIDTH * 3); /* a row, and nothing beside it */
    memset(into, (int)(offset / raw->info.stride) + 1, length);
    return can_read;
}

TEST(rows_far_apart_take_no_more_memory_than_their_pixels)
{
    const uint32_t stride = 1 << 20;
    struct source_memory memory = {0};
    struct raw_frame raw = frame_of(false);
    raw.info.stride = stride;
    raw.info.payload_bytes = (size_t)stride * HEIGHT;
    raw.read = read_far_bytes;
    struct jpeg_pixels pixels;
    assert_true(source_rows(&memory, &raw, 8, 16, &pixels));
    for (uint32_t row = 0; row < 16; row++)
        for (uint32_t byte = 0; byte < WIDTH * 3; byte++)
            assert_int_equal(pixels.rows[row * pixels.stride + byte], 8 + row + 1);
    assert_in_range(memory.room, 1, 16 * WIDTH * 3 + 2 * 4096);
    can_read = false;
    assert_false(source_rows(&memory, &raw, 8, 16, &pixels));
    source_memory_fini(&memory);
}

TEST(pixels_in_a_message_are_not_copied)
{
    struct source_memory memory = {0};
    struct jpeg_pixels pixels;
    const struct raw_frame raw = frame_of(true);
    assert_true(source_rows(&memory, &raw, 8, 16, &pixels));
    assert_ptr_equal(pixels.rows, bytes + 8UL * STRIDE);
    assert_null(memory.pages);
    source_memory_fini(&memory);
}

TEST(rows_that_are_not_there_are_not_given)
{
    struct source_memory memory = {0};
    struct jpeg_pixels pixels;
    const struct raw_frame raw = frame_of(false);
    can_read = false;
    assert_false(source_rows(&memory, &raw, 0, 16, &pixels));
    source_memory_fini(&memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_those_of_the_frame_wherever_they_are),
        cmocka_unit_test(rows_far_apart_take_no_more_memory_than_their_pixels),
        cmocka_unit_test(pixels_in_a_message_are_not_copied),
        cmocka_unit_test(rows_that_are_not_there_are_not_given),
    };
    return cmocka_run_group_tests_name("encode/source", tests, NULL, NULL);
}
