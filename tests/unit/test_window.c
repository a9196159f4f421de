/* SPDX-License-Identifier: MIT */
#include "base/clock.h"
#include "forward/window.h"
#include "support.h"

static struct window window;

static int begin(void **state)
{
    (void)state;
    window = (struct window){0};
    return 0;
}

/* A path of so many bytes a second and a round trip, which is always kept busy. Returns how much was out at
   most, in frames of so many bytes. */
static size_t run_path(uint64_t rate, uint64_t round_trip_ns, size_t bytes, size_t frames)
{
    uint64_t now_ns = NS_PER_S, free_ns = 0, arrivals[WINDOW_MOST] = {0};
    size_t most = 0, acknowledged = 0, sent = 0;
    window_measured(&window, round_trip_ns);
    while (acknowledged < frames) {
        while (window_may_send(&window, now_ns)) {
            uint64_t begins_ns = free_ns > now_ns ? free_ns : now_ns;
            free_ns = begins_ns + bytes * NS_PER_S / rate;
            arrivals[sent % WINDOW_MOST] = free_ns + round_trip_ns;
            window_sent(&window, sent++, bytes, now_ns);
        }
        most = window.count > most ? window.count : most;
        now_ns = arrivals[acknowledged % WINDOW_MOST];
        assert_true(window_acknowledged(&window, acknowledged++, now_ns));
    }
    return most;
}

TEST(the_first_frame_may_always_be_sent)
{
    assert_true(window_may_send(&window, 2));
    window_sent(&window, 7, 100, 1);
    assert_false(window_may_send(&window, 2));
    assert_true(window_acknowledged(&window, 7, 2));
    assert_true(window_may_send(&window, 2));
}

TEST(on_a_slow_path_one_frame_is_out)
{
    /* 10 Mbit/s, 1 ms: the path itself holds 1.2 KB. */
    assert_int_equal(run_path(1250000, NS_PER_MS, 92000, 200), 1);
}

TEST(a_long_path_is_filled)
{
    /* 100 Mbit/s, 100 ms: the path holds 12 frames of 100 KB; a quarter more, and one, may wait. */
    size_t most = run_path(12500000, 100 * NS_PER_MS, 100000, 1000);
    assert_in_range(most, 13, 18);
}

TEST(there_is_an_end_to_what_is_out)
{
    assert_int_equal(run_path(UINT64_C(10000000000), NS_PER_S, 100, 5000), WINDOW_MOST);
}

TEST(what_a_path_could_once_is_forgotten)
{
    run_path(12500000, 100 * NS_PER_MS, 100000, 1000);
    while (window.count > 0)
        window_acknowledged(&window, window.frames[window.first].sequence, 100 * NS_PER_S);
    /* Ten seconds at a frame in 200 ms. */
    uint64_t now_ns = 200 * NS_PER_S, sequence = 10000;
    for (int i = 0; i < 60; i++) {
        window_sent(&window, ++sequence, 100000, now_ns);
        now_ns += 200 * NS_PER_MS;
        window_acknowledged(&window, sequence, now_ns);
    }
    window_sent(&window, ++sequence, 100000, now_ns);
    window_sent(&window, ++sequence, 100000, now_ns);
    assert_false(window_may_send(&window, now_ns));
}

TEST(nothing_more_goes_to_an_edge_that_stands_still)
{
    run_path(12500000, 100 * NS_PER_MS, 100000, 1000);
    while (window.count > 0)
        window_acknowledged(&window, window.frames[window.first].sequence, 100 * NS_PER_S);
    uint64_t sequence = 10000, now_ns = 100 * NS_PER_S;
    for (int i = 0; i < 30; i++, now_ns += 33 * NS_PER_MS)
        if (window_may_send(&window, now_ns))
            window_sent(&window, ++sequence, 100000, now_ns);
    assert_in_range(window.count, 4, 8); /* as many as come in two round trips */
}

TEST(an_acknowledgement_tells_of_those_before_it)
{
    window_measured(&window, NS_PER_S);
    for (uint64_t i = 0; i < 3; i++)
        window_sent(&window, i, 100, 1);
    assert_false(window_acknowledged(&window, 9, 2));
    assert_int_equal(window.count, 3);
    assert_true(window_acknowledged(&window, 1, 2));
    assert_int_equal(window.count, 1);
    assert_int_equal(window.bytes, 100);
    assert_false(window_acknowledged(&window, 0, 3));
}

/* Who unsubscribed and comes back must not wait for the answer to a frame that never left. */
TEST(a_frame_that_never_left_is_forgotten)
{
    window_measured(&window, NS_PER_MS);
    window_sent(&window, 1, 100, 10);
    window_sent(&window, 2, 100, 20);
    assert_false(window_may_send(&window, NS_PER_S));
    window_settle(&window, 20); /* something sent at 20, ahead of the second, was answered */
    assert_int_equal(window.count, 1);
    assert_int_equal(window.bytes, 100);
    window_settle(&window, 21);
    assert_true(window_may_send(&window, NS_PER_S));
    assert_int_equal(window.delivered, 0);
}

TEST(the_shortest_round_trip_counts)
{
    window_measured(&window, 5);
    window_measured(&window, 9);
    assert_int_equal(window.round_trip_ns, 5);
}

TEST(the_largest_frame_that_is_out_is_known_and_the_largest_that_arrived)
{
    assert_int_equal(window_largest(&window), 0);
    window_sent(&window, 1, 100, NS_PER_S);
    window_sent(&window, 2, 300, NS_PER_S);
    window_sent(&window, 3, 200, NS_PER_S);
    assert_int_equal(window_largest(&window), 300);
    assert_int_equal(window.largest_delivered, 0);
    window_acknowledged(&window, 2, 2 * NS_PER_S);
    assert_int_equal(window_largest(&window), 200);
    assert_int_equal(window.largest_delivered, 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_first_frame_may_always_be_sent, begin),
        cmocka_unit_test_setup(on_a_slow_path_one_frame_is_out, begin),
        cmocka_unit_test_setup(a_long_path_is_filled, begin),
        cmocka_unit_test_setup(there_is_an_end_to_what_is_out, begin),
        cmocka_unit_test_setup(what_a_path_could_once_is_forgotten, begin),
        cmocka_unit_test_setup(nothing_more_goes_to_an_edge_that_stands_still, begin),
        cmocka_unit_test_setup(an_acknowledgement_tells_of_those_before_it, begin),
        cmocka_unit_test_setup(a_frame_that_never_left_is_forgotten, begin),
        cmocka_unit_test_setup(the_largest_frame_that_is_out_is_known_and_the_largest_that_arrived, begin),
        cmocka_unit_test_setup(the_shortest_round_trip_counts, begin),
    };
    return cmocka_run_group_tests_name("forward/window", tests, NULL, NULL);
}
