/* SPDX-License-Identifier: MIT */
#include "headcam/wire.h"
#include "http/multipart.h"
#include "tests/unit/support.h"

#include <string.h>

static const struct frame FRAME = {
    .jpeg_bytes = 91342,
    .sequence = 4711,
    .capture_real_ns = UINT64_C(1764158400123456789),
    .sim_time_ns = INT64_C(12500000000),
    .update = 3021,
};

TEST(the_content_type_names_the_boundary)
{
    assert_string_equal(MULTIPART_CONTENT_TYPE, "multipart/x-mixed-replace; boundary=frame");
}

TEST(a_body_begins_with_the_boundary)
{
    assert_string_equal(multipart_opening(false), "--frame\r\n");
    assert_true(strlen(multipart_opening(false)) <= MULTIPART_OPENING_BYTES);
}

TEST(a_part_has_its_headers_in_a_fixed_order)
{
    char head[MULTIPART_HEAD_BYTES];
    size_t length = multipart_head(head, &FRAME, "live", false);
    assert_string_equal(head, "Content-Type: image/jpeg\r\n"
                              "Content-Length: 91342\r\n"
                              "X-Timestamp: 1764158400.123456\r\n"
                              "X-Headcam-Sequence: 4711\r\n"
                              "X-Headcam-State: live\r\n"
                              "X-Headcam-Sim-Time: 12.500000000\r\n"
                              "X-Headcam-Update: 3021\r\n"
                              "\r\n");
    assert_int_equal(length, strlen(head));
}

TEST(a_frame_has_no_header_for_what_it_does_not_know)
{
    char head[MULTIPART_HEAD_BYTES];
    struct frame frame = FRAME;
    frame.sim_time_ns = HEADCAM_NO_SIM_TIME;
    multipart_head(head, &frame, "live", false);
    assert_null(strstr(head, "X-Headcam-Sim-Time"));
    assert_non_null(strstr(head, "X-Headcam-Update: 3021\r\n\r\n"));
    frame.update = HEADCAM_NO_UPDATE;
    multipart_head(head, &frame, "no-signal", false);
    assert_string_equal(head, "Content-Type: image/jpeg\r\n"
                              "Content-Length: 91342\r\n"
                              "X-Timestamp: 1764158400.123456\r\n"
                              "X-Headcam-Sequence: 4711\r\n"
                              "X-Headcam-State: no-signal\r\n"
                              "\r\n");
}

TEST(the_next_boundary_follows_the_image_at_once)
{
    assert_string_equal(multipart_tail(false), "\r\n--frame\r\n");
}

TEST(with_advance_headers_the_next_head_follows_the_image_at_once)
{
    char head[MULTIPART_HEAD_BYTES] = "untouched";
    assert_string_equal(multipart_opening(true), "--frame\r\nContent-Type: image/jpeg\r\n\r\n");
    assert_int_equal(multipart_head(head, &FRAME, "live", true), 0);
    assert_string_equal(multipart_tail(true), "\r\n--frame\r\nContent-Type: image/jpeg\r\n\r\n");
    assert_true(strlen(multipart_opening(true)) <= MULTIPART_OPENING_BYTES);
}

TEST(the_largest_numbers_fit)
{
    char head[MULTIPART_HEAD_BYTES];
    const struct frame frame = {
        .jpeg_bytes = SIZE_MAX,
        .sequence = UINT64_MAX,
        .capture_real_ns = UINT64_MAX,
        .sim_time_ns = INT64_MIN + 1,
        .update = UINT64_MAX,
    };
    size_t length = multipart_head(head, &frame, "no-signal", false);
    assert_true(length < MULTIPART_HEAD_BYTES);
    assert_int_equal(length, strlen(head));
    assert_string_equal(head + length - 4, "\r\n\r\n");
}

TEST(timestamps_are_seconds_with_six_decimals)
{
    char text[MULTIPART_STAMP_BYTES];
    multipart_timestamp(text, 0);
    assert_string_equal(text, "0.000000");
    multipart_timestamp(text, UINT64_C(1764158400000000999));
    assert_string_equal(text, "1764158400.000000");
    multipart_timestamp(text, UINT64_C(1764158400009999999));
    assert_string_equal(text, "1764158400.009999");
}

TEST(simulation_times_are_seconds_with_nine_decimals_and_a_sign)
{
    char text[MULTIPART_STAMP_BYTES];
    multipart_sim_time(text, 0);
    assert_string_equal(text, "0.000000000");
    multipart_sim_time(text, 1);
    assert_string_equal(text, "0.000000001");
    multipart_sim_time(text, -1);
    assert_string_equal(text, "-0.000000001");
    multipart_sim_time(text, INT64_C(-1500000000));
    assert_string_equal(text, "-1.500000000");
    multipart_sim_time(text, INT64_MAX);
    assert_string_equal(text, "9223372036.854775807");
    multipart_sim_time(text, INT64_MIN + 1);
    assert_string_equal(text, "-9223372036.854775807");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_content_type_names_the_boundary),
        cmocka_unit_test(a_body_begins_with_the_boundary),
        cmocka_unit_test(a_part_has_its_headers_in_a_fixed_order),
        cmocka_unit_test(a_frame_has_no_header_for_what_it_does_not_know),
        cmocka_unit_test(the_next_boundary_follows_the_image_at_once),
        cmocka_unit_test(with_advance_headers_the_next_head_follows_the_image_at_once),
        cmocka_unit_test(the_largest_numbers_fit),
        cmocka_unit_test(timestamps_are_seconds_with_six_decimals),
        cmocka_unit_test(simulation_times_are_seconds_with_nine_decimals_and_a_sign),
    };
    return cmocka_run_group_tests_name("http/multipart", tests, NULL, NULL);
}
