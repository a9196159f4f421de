/* SPDX-License-Identifier: MIT */
#include "base/clock.h"
#include "base/histogram.h"
#include "base/thread.h"
#include "tests/unit/support.h"

static struct histogram_view view_of(struct histogram *histogram)
{
    struct histogram_view view;
    histogram_read(histogram, &view);
    return view;
}

TEST(an_empty_one_has_counted_nothing)
{
    struct histogram histogram = {0};
    const struct histogram_view view = view_of(&histogram);
    assert_int_equal(view.count, 0);
    assert_int_equal(view.sum_ns, 0);
    for (int step = 0; step < HISTOGRAM_STEPS; step++)
        assert_int_equal(view.at_most[step], 0);
}

TEST(steps_rise_from_a_millisecond_to_ten_seconds)
{
    assert_int_equal(histogram_bound_ns(0), NS_PER_MS);
    assert_int_equal(histogram_bound_ns(HISTOGRAM_STEPS - 1), 10 * NS_PER_S);
    for (int step = 1; step < HISTOGRAM_STEPS; step++)
        assert_true(histogram_bound_ns(step) > histogram_bound_ns(step - 1));
}

TEST(a_bound_belongs_to_its_own_step)
{
    for (int step = 0; step < HISTOGRAM_STEPS; step++) {
        struct histogram histogram = {0};
        histogram_observe(&histogram, histogram_bound_ns(step));
        struct histogram_view view = view_of(&histogram);
        assert_int_equal(view.at_most[step], 1);
        if (step > 0)
            assert_int_equal(view.at_most[step - 1], 0);

        histogram_observe(&histogram, histogram_bound_ns(step) + 1);
        view = view_of(&histogram);
        assert_int_equal(view.at_most[step], 1);
        assert_int_equal(view.count, 2);
        assert_int_equal(view.sum_ns, 2 * histogram_bound_ns(step) + 1);
    }
}

TEST(what_is_longer_than_all_steps_counts_and_adds_up)
{
    struct histogram histogram = {0};
    histogram_observe(&histogram, 3600 * NS_PER_S);
    histogram_observe(&histogram, 0);
    const struct histogram_view view = view_of(&histogram);
    assert_int_equal(view.at_most[0], 1);
    assert_int_equal(view.at_most[HISTOGRAM_STEPS - 1], 1);
    assert_int_equal(view.count, 2);
    assert_int_equal(view.sum_ns, 3600 * NS_PER_S);
}

enum { OBSERVERS = 4, OBSERVATIONS = 20000 };

static void *observe(void *arg)
{
    for (uint64_t i = 0; i < OBSERVATIONS; i++)
        histogram_observe(arg, i % 12 * NS_PER_S);
    return NULL;
}

TEST(threads_observe_side_by_side_and_nothing_is_lost)
{
    struct histogram histogram = {0};
    pthread_t threads[OBSERVERS];
    uint64_t sum_ns = 0, last = 0;
    for (uint64_t i = 0; i < OBSERVATIONS; i++)
        sum_ns += i % 12 * NS_PER_S;
    for (int i = 0; i < OBSERVERS; i++)
        assert_true(thread_start(&threads[i], "observer", observe, &histogram));
    while (last < OBSERVERS * OBSERVATIONS / 2) { /* read meanwhile, too */
        const struct histogram_view view = view_of(&histogram);
        assert_true(view.count >= last);
        last = view.count;
    }
    for (int i = 0; i < OBSERVERS; i++)
        pthread_join(threads[i], NULL);
    const struct histogram_view view = view_of(&histogram);
    assert_int_equal(view.count, OBSERVERS * OBSERVATIONS);
    assert_int_equal(view.sum_ns, OBSERVERS * sum_ns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_one_has_counted_nothing),
        cmocka_unit_test(steps_rise_from_a_millisecond_to_ten_seconds),
        cmocka_unit_test(a_bound_belongs_to_its_own_step),
        cmocka_unit_test(what_is_longer_than_all_steps_counts_and_adds_up),
        cmocka_unit_test(threads_observe_side_by_side_and_nothing_is_lost),
    };
    return cmocka_run_group_tests_name("base/histogram", tests, NULL, NULL);
}
