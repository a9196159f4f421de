/* SPDX-License-Identifier: MIT */
#include "base/clock.h"
#include "http/drain.h"
#include "tests/unit/support.h"

/* 10 Mbit/s, 40 ms away: 50 kB are in flight. */
static const struct drain_path PATH = {.delivery_bytes_per_s = 1250000, .min_rtt_ns = 40 * NS_PER_MS};
enum { IN_FLIGHT_BYTES = 50000 };

TEST(a_drained_socket_takes_the_next_frame_now)
{
    assert_int_equal(drain_wait_ns(&PATH, 0, 0), 0);
    assert_int_equal(drain_wait_ns(&PATH, DRAIN_FLOOR_BYTES, 0), 0);
}

TEST(what_the_path_keeps_in_flight_does_not_count_as_queued)
{
    assert_int_equal(drain_wait_ns(&PATH, IN_FLIGHT_BYTES + DRAIN_FLOOR_BYTES, 0), 0);
    assert_true(drain_wait_ns(&PATH, IN_FLIGHT_BYTES + DRAIN_FLOOR_BYTES + 1, 0) > 0);
}

TEST(the_wait_is_the_time_that_the_surplus_needs)
{
    size_t queued = IN_FLIGHT_BYTES + DRAIN_FLOOR_BYTES + 125000; /* a tenth of a second too much */
    assert_in_range(drain_wait_ns(&PATH, queued, 0), 99 * NS_PER_MS, 101 * NS_PER_MS);
}

TEST(the_wait_is_neither_busy_nor_endless)
{
    assert_int_equal(drain_wait_ns(&PATH, IN_FLIGHT_BYTES + DRAIN_FLOOR_BYTES + 1, 0), NS_PER_MS);
    assert_int_equal(drain_wait_ns(&PATH, 100000000, 0), 500 * NS_PER_MS);
    const struct drain_path dead = {.delivery_bytes_per_s = 1, .min_rtt_ns = NS_PER_S};
    assert_int_equal(drain_wait_ns(&dead, SIZE_MAX, UINT64_MAX), 500 * NS_PER_MS);
}

TEST(without_an_estimate_it_looks_again_soon)
{
    const struct drain_path unknown = {0};
    assert_int_equal(drain_wait_ns(&unknown, DRAIN_FLOOR_BYTES, 0), 0);
    assert_int_equal(drain_wait_ns(&unknown, 100000, 0), NS_PER_MS);
}

TEST(a_stalled_client_is_looked_at_ever_less_often)
{
    const struct drain_path unknown = {0};
    uint64_t stalled_ns = 0, wait_ns = 0;
    int looks = 0;
    for (; stalled_ns < 30 * NS_PER_S; looks++) {
        uint64_t next_ns = drain_wait_ns(&unknown, 100000, stalled_ns);
        assert_true(next_ns >= wait_ns);
        wait_ns = next_ns;
        stalled_ns += wait_ns;
    }
    assert_int_equal(wait_ns, 500 * NS_PER_MS);
    assert_in_range(looks, 60, 150);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_drained_socket_takes_the_next_frame_now),
        cmocka_unit_test(what_the_path_keeps_in_flight_does_not_count_as_queued),
        cmocka_unit_test(the_wait_is_the_time_that_the_surplus_needs),
        cmocka_unit_test(the_wait_is_neither_busy_nor_endless),
        cmocka_unit_test(without_an_estimate_it_looks_again_soon),
        cmocka_unit_test(a_stalled_client_is_looked_at_ever_less_often),
    };
    return cmocka_run_group_tests_name("http/drain", tests, NULL, NULL);
}
