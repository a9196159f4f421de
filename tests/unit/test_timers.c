/* SPDX-License-Identifier: MIT */
#include "base/clock.h"
#include "base/list.h"
#include "base/timers.h"
#include "tests/unit/support.h"

#include <string.h>

enum { MANY = 500 };

struct alarm {
    struct timer timer;
    int runs;
};

static struct alarm alarms[MANY];
static struct timers timers;
static uint64_t last_deadline_ns; /* of the last alarm that ran */

static void ring(struct timer *timer)
{
    assert_true(timer->deadline_ns >= last_deadline_ns);
    assert_false(timer_is_set(timer));
    last_deadline_ns = timer->deadline_ns;
    container_of(timer, struct alarm, timer)->runs++;
}

static int set_up(void **state)
{
    (void)state;
    memset(alarms, 0, sizeof(alarms));
    for (size_t i = 0; i < MANY; i++)
        alarms[i].timer.on_due = ring;
    last_deadline_ns = 0;
    timers_init(&timers);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    timers_fini(&timers);
    return 0;
}

TEST(without_timers_nothing_is_ever_due)
{
    assert_true(timers_next(&timers) == CLOCK_NEVER);
    timers_run(&timers, UINT64_MAX - 1);
}

TEST(a_timer_runs_once_when_its_deadline_has_come)
{
    timers_set(&timers, &alarms[0].timer, 100);
    assert_int_equal(timers_next(&timers), 100);
    timers_run(&timers, 99);
    assert_int_equal(alarms[0].runs, 0);
    assert_true(timer_is_set(&alarms[0].timer));
    timers_run(&timers, 100);
    assert_int_equal(alarms[0].runs, 1);
    timers_run(&timers, 1000);
    assert_int_equal(alarms[0].runs, 1);
    assert_true(timers_next(&timers) == CLOCK_NEVER);
}

TEST(many_timers_run_earliest_first)
{
    struct dice dice = {1};
    for (size_t i = 0; i < MANY; i++)
        timers_set(&timers, &alarms[i].timer, 1 + dice_below(&dice, 1000));
    timers_run(&timers, 500); /* ring() checks the order */
    for (size_t i = 0; i < MANY; i++)
        assert_int_equal(alarms[i].runs, alarms[i].timer.deadline_ns <= 500);
    timers_run(&timers, 1000);
    for (size_t i = 0; i < MANY; i++)
        assert_int_equal(alarms[i].runs, 1);
}

TEST(a_set_timer_moves_to_an_earlier_and_to_a_later_deadline)
{
    timers_set(&timers, &alarms[0].timer, 100);
    timers_set(&timers, &alarms[1].timer, 200);
    timers_set(&timers, &alarms[1].timer, 50);
    assert_int_equal(timers_next(&timers), 50);
    timers_set(&timers, &alarms[1].timer, 300);
    assert_int_equal(timers_next(&timers), 100);
    timers_run(&timers, 299);
    assert_int_equal(alarms[0].runs, 1);
    assert_int_equal(alarms[1].runs, 0);
}

TEST(a_cancelled_timer_does_not_run)
{
    timers_set(&timers, &alarms[0].timer, 100);
    timers_set(&timers, &alarms[1].timer, 100);
    timers_cancel(&timers, &alarms[0].timer);
    timers_cancel(&timers, &alarms[0].timer);
    timers_run(&timers, 100);
    assert_int_equal(alarms[0].runs, 0);
    assert_int_equal(alarms[1].runs, 1);
}

/* The smallest deadline by looking at all. */
static uint64_t next_by_search(void)
{
    uint64_t least = CLOCK_NEVER;
    for (size_t i = 0; i < MANY; i++)
        if (timer_is_set(&alarms[i].timer) && alarms[i].timer.deadline_ns < least)
            least = alarms[i].timer.deadline_ns;
    return least;
}

TEST(the_next_deadline_is_right_after_any_sequence_of_changes)
{
    struct dice dice = {2};
    for (int step = 0; step < 20000; step++) {
        struct timer *timer = &alarms[dice_below(&dice, MANY)].timer;
        if (dice_below(&dice, 3) == 0)
            timers_cancel(&timers, timer);
        else
            timers_set(&timers, timer, 1 + dice_below(&dice, 100000));
        if (step % 16 == 0)
            assert_true(timers_next(&timers) == next_by_search());
    }
    timers_run(&timers, 100000);
    assert_true(next_by_search() == CLOCK_NEVER);
}

static void ring_again_later(struct timer *timer)
{
    ring(timer);
    timers_set(&timers, timer, timer->deadline_ns + 100);
}

TEST(a_timer_may_set_itself_again_while_it_runs)
{
    alarms[0].timer.on_due = ring_again_later;
    timers_set(&timers, &alarms[0].timer, 100);
    timers_run(&timers, 350);
    assert_int_equal(alarms[0].runs, 3);
    assert_int_equal(timers_next(&timers), 400);
}

static void ring_and_silence_next(struct timer *timer)
{
    ring(timer);
    timers_cancel(&timers, &container_of(timer, struct alarm, timer)[1].timer);
}

TEST(a_timer_may_cancel_another_that_is_due_too)
{
    alarms[0].timer.on_due = ring_and_silence_next;
    timers_set(&timers, &alarms[0].timer, 100);
    timers_set(&timers, &alarms[1].timer, 101);
    timers_set(&timers, &alarms[2].timer, 102);
    timers_run(&timers, 200);
    assert_int_equal(alarms[0].runs, 1);
    assert_int_equal(alarms[1].runs, 0);
    assert_int_equal(alarms[2].runs, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(without_timers_nothing_is_ever_due, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_timer_runs_once_when_its_deadline_has_come, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_timers_run_earliest_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_set_timer_moves_to_an_earlier_and_to_a_later_deadline, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_cancelled_timer_does_not_run, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_next_deadline_is_right_after_any_sequence_of_changes, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_timer_may_set_itself_again_while_it_runs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_timer_may_cancel_another_that_is_due_too, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("base/timers", tests, NULL, NULL);
}
