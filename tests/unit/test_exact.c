/* SPDX-License-Identifier: MIT */
#include "encode/exact.h"
#include "tests/unit/support.h"

#include <string.h>

static const size_t PAGE = 4096;

static struct frame *take(struct exact_store *store, size_t room)
{
    struct exact_frame *frame = exact_frame_create(store, room);
    return frame ? &frame->frame : NULL;
}

TEST(all_frames_together_have_a_limit)
{
    struct exact_store *store = exact_store_create(10 * PAGE);
    struct frame *large = take(store, 6 * PAGE), *small = take(store, 3 * PAGE + 1);
    assert_non_null(large);
    assert_non_null(small);
    assert_null(take(store, 1));
    frame_unref(&large);
    large = take(store, 6 * PAGE);
    assert_non_null(large);
    assert_null(take(store, SIZE_MAX - PAGE));
    frame_unref(&small);
    frame_unref(&large);
    exact_store_destroy(store);
}

TEST(what_was_not_filled_is_given_back)
{
    struct exact_store *store = exact_store_create(10 * PAGE);
    struct exact_frame *made = exact_frame_create(store, 10 * PAGE);
    memset(made->memory, 7, 10 * PAGE);
    exact_frame_fill(made, PAGE + 1);
    assert_int_equal(made->frame.data_bytes, PAGE + 1);
    assert_int_equal(made->frame.data[PAGE], 7);
    struct frame *frame = &made->frame, *other = take(store, 8 * PAGE);
    assert_non_null(other);
    assert_null(take(store, 1));
    frame_unref(&frame);
    frame_unref(&other);
    exact_store_destroy(store);
}

TEST(a_frame_may_outlive_the_store)
{
    struct exact_store *store = exact_store_create(PAGE);
    struct exact_frame *made = exact_frame_create(store, 4);
    memcpy(made->memory, "png", 4);
    exact_frame_fill(made, 4);
    exact_store_destroy(store);
    struct frame *frame = &made->frame;
    assert_string_equal((const char *)frame->data, "png");
    frame_unref(&frame);
}

/* Rows of 3 pixels and 2 bytes of padding, in pieces. */
TEST(pixels_are_copied_without_their_padding)
{
    static const uint8_t rows[] = "abcdefghi--jklmnopqr--stuvwxyzA";
    const struct raw_frame raw = {.info = {.width = 3,
                                           .height = 3,
                                           .stride = 11,
                                           .format = HEADCAM_RGB,
                                           .sequence = 7,
                                           .capture_real_ns = 8,
                                           .sim_time_ns = -9,
                                           .update = 10},
                                  .capture_ns = 11};
    struct exact_store *store = exact_store_create(PAGE);
    struct exact_frame *made = exact_pixels_create(store, &raw);
    struct jpeg_pixels piece = {
        .format = HEADCAM_RGB, .width = 3, .height = 1, .stride = 11, .rows = rows + 22};
    exact_pixels_copy(made, 2, &piece);
    piece.height = 2;
    piece.rows = rows;
    exact_pixels_copy(made, 0, &piece);

    struct frame *frame = &made->frame;
    assert_int_equal(frame->data_bytes, 27);
    assert_memory_equal(frame->data, "abcdefghijklmnopqrstuvwxyzA", 27);
    assert_int_equal(frame->format, HEADCAM_RGB);
    assert_int_equal(frame->sequence, 7);
    assert_int_equal(frame->capture_real_ns, 8);
    assert_int_equal(frame->sim_time_ns, -9);
    assert_int_equal(frame->update, 10);
    assert_int_equal(frame->capture_ns, 11);
    const struct jpeg_pixels pixels = exact_pixels_of(frame);
    assert_int_equal(pixels.width, 3);
    assert_int_equal(pixels.height, 3);
    assert_int_equal(pixels.stride, 9);
    assert_ptr_equal(pixels.rows, frame->data);
    frame_unref(&frame);
    exact_store_destroy(store);
}

TEST(pixels_without_padding_are_copied_too)
{
    const struct raw_frame raw = {.info = {.width = 4, .height = 2, .stride = 4, .format = HEADCAM_GRAY8}};
    struct exact_store *store = exact_store_create(PAGE);
    struct exact_frame *made = exact_pixels_create(store, &raw);
    const struct jpeg_pixels rows = {
        .format = HEADCAM_GRAY8, .width = 4, .height = 2, .stride = 4, .rows = (const uint8_t *)"abcdefgh"};
    exact_pixels_copy(made, 0, &rows);
    struct frame *frame = &made->frame;
    assert_memory_equal(frame->data, "abcdefgh", 8);
    assert_null(exact_pixels_create(store, &raw));
    frame_unref(&frame);
    exact_store_destroy(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_frames_together_have_a_limit),
        cmocka_unit_test(what_was_not_filled_is_given_back),
        cmocka_unit_test(a_frame_may_outlive_the_store),
        cmocka_unit_test(pixels_are_copied_without_their_padding),
        cmocka_unit_test(pixels_without_padding_are_copied_too),
    };
    return cmocka_run_group_tests_name("encode/exact", tests, NULL, NULL);
}
