/* SPDX-License-Identifier: MIT */
#include "base/clock.h"
#include "service/watchdog.h"
#include "tests/unit/support.h"

static const uint64_t TIMEOUT_NS = 4 * NS_PER_S;
static const uint64_t ROUND_NS = NS_PER_S;

/* Threads that exist in their pulses only: one that is woken, one that turns by itself. */
static struct pulses pulses;
static struct pulse woken, itself;
static struct watchdog watchdog;
static int wakes;
static uint64_t now_ns;

static void on_wake(void *arg)
{
    assert_ptr_equal(arg, &woken);
    assert_true(itself.is_asked); /* it may be woken with this one */
    wakes++;
}

static int set_up(void **state)
{
    (void)state;
    woken = itself = (struct pulse){0};
    wakes = 0;
    now_ns = 100 * NS_PER_S;
    pulses_init(&pulses);
    pulses_add(&pulses, &woken, "woken", on_wake, &woken);
    pulses_add(&pulses, &itself, "itself", NULL, NULL);
    watchdog_init(&watchdog, &pulses, TIMEOUT_NS, now_ns);
    return 0;
}

/* The next round, in which those who were asked have beaten, or not. */
static bool next_round(bool woken_beats, bool itself_beats)
{
    if (woken_beats)
        pulse_beat(&woken);
    if (itself_beats)
        pulse_beat(&itself);
    now_ns += ROUND_NS;
    return watchdog_run(&watchdog, now_ns);
}

TEST(the_first_sign_of_life_is_at_once)
{
    assert_int_equal(watchdog.next_ns, now_ns);
    assert_true(watchdog_run(&watchdog, now_ns));
    assert_int_equal(watchdog.next_ns, now_ns + ROUND_NS);
}

TEST(between_rounds_nobody_is_asked)
{
    watchdog_run(&watchdog, now_ns);
    assert_int_equal(wakes, 1);
    assert_false(watchdog_run(&watchdog, now_ns + ROUND_NS - 1));
    assert_int_equal(wakes, 1);
}

TEST(while_all_turn_each_round_has_its_sign)
{
    watchdog_run(&watchdog, now_ns);
    for (int i = 0; i < 10; i++) {
        assert_true(next_round(true, true));
        assert_null(watchdog.silent);
    }
    assert_int_equal(wakes, 11);
}

TEST(a_thread_that_stands_still_stops_the_signs_and_is_named)
{
    watchdog_run(&watchdog, now_ns);
    assert_true(next_round(true, true));
    for (int i = 0; i < 3; i++) {
        assert_false(next_round(false, true));
        assert_string_equal(watchdog.silent, "woken");
    }
    assert_true(next_round(true, false)); /* it was not asked while the other one was silent */
    assert_false(next_round(true, false));
    assert_string_equal(watchdog.silent, "itself");
}

TEST(one_that_comes_back_brings_them_back)
{
    watchdog_run(&watchdog, now_ns);
    assert_false(next_round(false, true));
    assert_true(next_round(true, true));
    assert_null(watchdog.silent);
}

TEST(a_turn_may_last_three_rounds)
{
    watchdog_run(&watchdog, now_ns);
    uint64_t last_ns = now_ns;
    assert_false(next_round(false, true));
    assert_false(next_round(false, true));
    assert_true(next_round(true, true));
    assert_true(now_ns - last_ns < TIMEOUT_NS);
}

TEST(while_one_is_silent_nobody_is_woken)
{
    watchdog_run(&watchdog, now_ns);
    next_round(true, false);
    next_round(true, false);
    assert_int_equal(wakes, 1);
}

TEST(a_thread_that_ended_is_not_asked)
{
    watchdog_run(&watchdog, now_ns);
    pulses_remove(&woken);
    assert_true(next_round(false, true));
    assert_int_equal(wakes, 1);
}

TEST(without_a_timeout_it_never_runs)
{
    watchdog_init(&watchdog, &pulses, 0, now_ns);
    assert_true(watchdog.next_ns == CLOCK_NEVER);
    assert_false(watchdog_run(&watchdog, now_ns + 1000 * NS_PER_S));
    assert_int_equal(wakes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_first_sign_of_life_is_at_once, set_up),
        cmocka_unit_test_setup(between_rounds_nobody_is_asked, set_up),
        cmocka_unit_test_setup(while_all_turn_each_round_has_its_sign, set_up),
        cmocka_unit_test_setup(a_thread_that_stands_still_stops_the_signs_and_is_named, set_up),
        cmocka_unit_test_setup(one_that_comes_back_brings_them_back, set_up),
        cmocka_unit_test_setup(a_turn_may_last_three_rounds, set_up),
        cmocka_unit_test_setup(while_one_is_silent_nobody_is_woken, set_up),
        cmocka_unit_test_setup(a_thread_that_ended_is_not_asked, set_up),
        cmocka_unit_test_setup(without_a_timeout_it_never_runs, set_up),
    };
    return cmocka_run_group_tests_name("service/watchdog", tests, NULL, NULL);
}
