/* SPDX-License-Identifier: MIT */
#include "base/clock.h"
#include "stream/pace.h"
#include "tests/unit/support.h"

static const uint64_t START_NS = 5000 * NS_PER_S;

enum { SECONDS = 60 };

/* How many frames a second a viewer takes of a source whose frames come with some jitter. */
static double taken_per_second(double source_fps, millifps rate, double jitter)
{
    struct dice dice = {7};
    struct pace pace;
    pace_init(&pace, rate);
    int taken = 0;
    for (int i = 0; i < (int)(source_fps * SECONDS); i++) {
        double late = jitter / source_fps * (double)dice_below(&dice, 1000) / 1000;
        uint64_t now_ns = START_NS + (uint64_t)((i / source_fps + late) * 1e9);
        if (now_ns < pace_ready_ns(&pace))
            continue;
        pace_taken(&pace, now_ns);
        taken++;
    }
    return (double)taken / SECONDS;
}

TEST(without_a_rate_every_frame_is_taken)
{
    assert_float_equal(taken_per_second(60, 0, 0.5), 60, 0);
}

TEST(the_first_frame_is_taken_at_once)
{
    struct pace pace;
    pace_init(&pace, 1000);
    assert_int_equal(pace_ready_ns(&pace), 0);
}

TEST(the_mean_rate_is_the_one_asked_for)
{
    const double rates[] = {0.1, 0.5, 1, 2, 5, 7.5, 10, 12, 15, 20, 24, 25, 29};
    for (size_t i = 0; i < COUNT(rates); i++)
        assert_float_equal(taken_per_second(30, (millifps)(rates[i] * 1000), 0), rates[i], 0.02 * 30);
}

TEST(jitter_does_not_lower_the_rate)
{
    assert_float_equal(taken_per_second(30, 15000, 0.4), 15, 0.5);
    assert_float_equal(taken_per_second(30, 10000, 0.4), 10, 0.5);
    assert_float_equal(taken_per_second(60, 30000, 0.4), 30, 0.5);
}

TEST(a_rate_equal_to_the_sources_takes_every_frame)
{
    assert_float_equal(taken_per_second(30, 30000, 0), 30, 0.1);
    assert_float_equal(taken_per_second(30, 30000, 0.12), 30, 0.5);
    assert_float_equal(taken_per_second(29.97, 30000, 0), 29.97, 0.1);
}

TEST(a_rate_above_the_sources_takes_every_frame)
{
    assert_float_equal(taken_per_second(30, 60000, 0.5), 30, 0.1);
    assert_float_equal(taken_per_second(30, 240000, 0.5), 30, 0.1);
}

TEST(after_a_pause_there_is_no_burst)
{
    struct pace pace;
    pace_init(&pace, 10000);
    pace_taken(&pace, START_NS);
    uint64_t later_ns = START_NS + 60 * NS_PER_S;
    assert_true(later_ns >= pace_ready_ns(&pace));
    pace_taken(&pace, later_ns);
    assert_true(pace_ready_ns(&pace) > later_ns + 80 * NS_PER_MS);
}

TEST(the_fastest_wish_counts_and_every_frame_beats_any_rate)
{
    assert_int_equal(pace_faster(1000, 2000), 2000);
    assert_int_equal(pace_faster(2000, 1000), 2000);
    assert_int_equal(pace_faster(0, 240000), 0);
    assert_int_equal(pace_faster(240000, 0), 0);
    assert_int_equal(pace_faster(0, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_rate_every_frame_is_taken),
        cmocka_unit_test(the_first_frame_is_taken_at_once),
        cmocka_unit_test(the_mean_rate_is_the_one_asked_for),
        cmocka_unit_test(jitter_does_not_lower_the_rate),
        cmocka_unit_test(a_rate_equal_to_the_sources_takes_every_frame),
        cmocka_unit_test(a_rate_above_the_sources_takes_every_frame),
        cmocka_unit_test(after_a_pause_there_is_no_burst),
        cmocka_unit_test(the_fastest_wish_counts_and_every_frame_beats_any_rate),
    };
    return cmocka_run_group_tests_name("stream/pace", tests, NULL, NULL);
}
