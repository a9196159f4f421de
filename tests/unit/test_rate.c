/* SPDX-License-Identifier: MIT */
#include "base/clock.h"
#include "base/rate.h"
#include "tests/unit/support.h"

/* Some time after the start of the machine, and no round number. */
static const uint64_t START_NS = 98765 * NS_PER_S + 43210987;

/* Counts events at a steady rate and returns the time after the last one. */
static uint64_t count_steadily(struct rate *rate, uint64_t from_ns, double per_second, double seconds)
{
    uint64_t interval_ns = (uint64_t)(1e9 / per_second), end_ns = from_ns + (uint64_t)(seconds * 1e9);
    uint64_t now_ns = from_ns;
    for (; now_ns < end_ns; now_ns += interval_ns)
        rate_count(rate, now_ns);
    return now_ns - interval_ns;
}

TEST(nothing_seen_is_rate_0)
{
    struct rate rate = {0};
    assert_true(rate_per_second(&rate, START_NS) == 0);
}

TEST(a_steady_rate_is_shown_as_it_is)
{
    const double rates[] = {2, 5, 15, 29.97, 30, 60, 240};
    for (size_t i = 0; i < COUNT(rates); i++) {
        struct rate rate = {0};
        uint64_t now_ns = count_steadily(&rate, START_NS, rates[i], 7.3);
        assert_float_equal(rate_per_second(&rate, now_ns), rates[i], 0.6);
    }
}

TEST(a_steady_rate_is_right_at_every_moment)
{
    struct rate rate = {0};
    uint64_t now_ns = START_NS;
    for (int i = 0; i < 300; i++, now_ns += NS_PER_S / 30) {
        rate_count(&rate, now_ns);
        if (i > 60)
            assert_float_equal(rate_per_second(&rate, now_ns), 30, 0.6);
    }
}

TEST(the_rate_is_right_soon_after_the_start)
{
    struct rate rate = {0};
    uint64_t now_ns = count_steadily(&rate, START_NS, 30, 0.5);
    assert_float_equal(rate_per_second(&rate, now_ns), 30, 0.6);
}

TEST(a_first_event_does_not_show_as_a_huge_rate)
{
    struct rate rate = {0};
    rate_count(&rate, START_NS);
    assert_true(rate_per_second(&rate, START_NS) <= 1);
    rate_count(&rate, START_NS + 1);
    assert_true(rate_per_second(&rate, START_NS + 2) <= 2);
}

TEST(after_two_silent_seconds_the_rate_is_0)
{
    struct rate rate = {0};
    uint64_t now_ns = count_steadily(&rate, START_NS, 30, 5);
    assert_true(rate_per_second(&rate, now_ns + NS_PER_S) < 30);
    assert_true(rate_per_second(&rate, now_ns + NS_PER_S) > 0);
    assert_true(rate_per_second(&rate, now_ns + 2 * NS_PER_S) == 0);
    assert_true(rate_per_second(&rate, now_ns + 3600 * NS_PER_S) == 0);
}

TEST(after_a_pause_the_rate_is_not_diluted_by_it)
{
    struct rate rate = {0};
    uint64_t now_ns = count_steadily(&rate, START_NS, 30, 5);
    now_ns = count_steadily(&rate, now_ns + 60 * NS_PER_S, 30, 0.7);
    assert_float_equal(rate_per_second(&rate, now_ns), 30, 0.6);
}

TEST(a_new_rate_is_shown_after_two_seconds)
{
    struct rate rate = {0};
    uint64_t now_ns = count_steadily(&rate, START_NS, 60, 5);
    now_ns = count_steadily(&rate, now_ns + NS_PER_S / 10, 10, 2.1);
    assert_float_equal(rate_per_second(&rate, now_ns), 10, 0.6);
}

TEST(a_reader_whose_clock_was_read_before_the_event_sees_no_nonsense)
{
    struct rate rate = {0};
    rate_count(&rate, START_NS);
    rate_count(&rate, START_NS + 10);
    double seen = rate_per_second(&rate, START_NS - NS_PER_MS);
    assert_true(seen >= 1 && seen <= 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_seen_is_rate_0),
        cmocka_unit_test(a_steady_rate_is_shown_as_it_is),
        cmocka_unit_test(a_steady_rate_is_right_at_every_moment),
        cmocka_unit_test(the_rate_is_right_soon_after_the_start),
        cmocka_unit_test(a_first_event_does_not_show_as_a_huge_rate),
        cmocka_unit_test(after_two_silent_seconds_the_rate_is_0),
        cmocka_unit_test(after_a_pause_the_rate_is_not_diluted_by_it),
        cmocka_unit_test(a_new_rate_is_shown_after_two_seconds),
        cmocka_unit_test(a_reader_whose_clock_was_read_before_the_event_sees_no_nonsense),
    };
    return cmocka_run_group_tests_name("base/rate", tests, NULL, NULL);
}
