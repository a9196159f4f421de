/* SPDX-License-Identifier: MIT */
#include "base/clock.h"
#include "tests/unit/support.h"

#include <limits.h>

TEST(monotonic_time_never_goes_back)
{
    uint64_t before_ns = clock_mono_ns();
    for (int i = 0; i < 1000; i++) {
        uint64_t now_ns = clock_mono_ns();
        assert_true(now_ns >= before_ns);
        before_ns = now_ns;
    }
}

TEST(a_timeout_is_rounded_up_so_that_nobody_wakes_too_early)
{
    assert_int_equal(clock_timeout_ms(1000, 1001), 1);
    assert_int_equal(clock_timeout_ms(0, NS_PER_MS), 1);
    assert_int_equal(clock_timeout_ms(0, NS_PER_MS + 1), 2);
    assert_int_equal(clock_timeout_ms(5 * NS_PER_S, 8 * NS_PER_S), 3000);
}

TEST(a_past_deadline_does_not_wait)
{
    assert_int_equal(clock_timeout_ms(1000, 1000), 0);
    assert_int_equal(clock_timeout_ms(1000, 999), 0);
    assert_int_equal(clock_timeout_ms(1000, 0), 0);
}

TEST(no_deadline_waits_for_ever_and_a_far_one_for_long)
{
    assert_int_equal(clock_timeout_ms(1000, CLOCK_NEVER), -1);
    assert_int_equal(clock_timeout_ms(0, CLOCK_NEVER - 1), INT_MAX);
}

TEST(a_time_of_day_is_in_utc)
{
    char text[CLOCK_TIME_OF_DAY_BYTES];
    clock_time_of_day(UINT64_C(1764158400123456789), text);
    assert_string_equal(text, "12:00:00 UTC");
    clock_time_of_day(0, text);
    assert_string_equal(text, "00:00:00 UTC");
    clock_time_of_day(86399 * NS_PER_S + NS_PER_S - 1, text);
    assert_string_equal(text, "23:59:59 UTC");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(monotonic_time_never_goes_back),
        cmocka_unit_test(a_timeout_is_rounded_up_so_that_nobody_wakes_too_early),
        cmocka_unit_test(a_past_deadline_does_not_wait),
        cmocka_unit_test(no_deadline_waits_for_ever_and_a_far_one_for_long),
        cmocka_unit_test(a_time_of_day_is_in_utc),
    };
    return cmocka_run_group_tests_name("base/clock", tests, NULL, NULL);
}
