/* SPDX-License-Identifier: MIT */
#include "base/clock.h"
#include "stream/raw.h"
#include "tests/unit/support.h"

static const uint64_t REAL_NS = UINT64_C(1764158400) * NS_PER_S, MONO_NS = 5000 * NS_PER_S;

TEST(a_capture_keeps_its_age_on_the_monotonic_clock)
{
    const uint64_t ages_ns[] = {0, 1, 7 * NS_PER_MS, NS_PER_S, 10 * NS_PER_S};
    for (size_t i = 0; i < COUNT(ages_ns); i++)
        assert_int_equal(raw_capture_mono_ns(REAL_NS - ages_ns[i], REAL_NS, MONO_NS), MONO_NS - ages_ns[i]);
}

TEST(a_stamp_in_the_future_counts_as_captured_on_arrival)
{
    assert_int_equal(raw_capture_mono_ns(REAL_NS + 1, REAL_NS, MONO_NS), MONO_NS);
    assert_int_equal(raw_capture_mono_ns(UINT64_MAX, REAL_NS, MONO_NS), MONO_NS);
}

TEST(a_stamp_of_another_clock_counts_as_captured_on_arrival)
{
    assert_int_equal(raw_capture_mono_ns(REAL_NS - 10 * NS_PER_S - 1, REAL_NS, MONO_NS), MONO_NS);
    assert_int_equal(raw_capture_mono_ns(MONO_NS, REAL_NS, MONO_NS), MONO_NS);
    assert_int_equal(raw_capture_mono_ns(0, REAL_NS, MONO_NS), MONO_NS);
}

TEST(a_capture_before_the_start_of_the_machine_counts_as_captured_on_arrival)
{
    assert_int_equal(raw_capture_mono_ns(REAL_NS - 5 * NS_PER_S, REAL_NS, 3 * NS_PER_S), 3 * NS_PER_S);
}

TEST(formats_have_names_and_sizes)
{
    const struct {
        enum headcam_pixel_format format;
        const char *name;
        uint32_t pixel_bytes;
    } formats[] = {
        {HEADCAM_RGBA, "RGBA", 4}, {HEADCAM_BGRA, "BGRA", 4},   {HEADCAM_RGB, "RGB", 3},
        {HEADCAM_BGR, "BGR", 3},   {HEADCAM_GRAY8, "GRAY8", 1}, {HEADCAM_JPEG, "JPEG", 0},
    };
    for (size_t i = 0; i < COUNT(formats); i++) {
        assert_string_equal(raw_format_name(formats[i].format), formats[i].name);
        assert_int_equal(raw_pixel_bytes(formats[i].format), formats[i].pixel_bytes);
    }
}

TEST(what_is_no_format_has_no_name)
{
    const int bad[] = {0, 6, 15, 17, 255};
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_null(raw_format_name((enum headcam_pixel_format)bad[i]));
        assert_int_equal(raw_pixel_bytes((enum headcam_pixel_format)bad[i]), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_capture_keeps_its_age_on_the_monotonic_clock),
        cmocka_unit_test(a_stamp_in_the_future_counts_as_captured_on_arrival),
        cmocka_unit_test(a_stamp_of_another_clock_counts_as_captured_on_arrival),
        cmocka_unit_test(a_capture_before_the_start_of_the_machine_counts_as_captured_on_arrival),
        cmocka_unit_test(formats_have_names_and_sizes),
        cmocka_unit_test(what_is_no_format_has_no_name),
    };
    return cmocka_run_group_tests_name("stream/raw", tests, NULL, NULL);
}
