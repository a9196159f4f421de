/* SPDX-License-Identifier: MIT */
#include "http/heartbeat.h"
#include "tests/unit/support.h"

enum { PATIENCE = 100 };

TEST(who_talks_is_not_asked)
{
    struct heartbeat heartbeat = {0};
    for (uint64_t now = 1; now < 1000; now += PATIENCE - 1) {
        heartbeat_heard(&heartbeat, now);
        assert_int_equal(heartbeat_check(&heartbeat, now + PATIENCE - 1, PATIENCE, false), HEARTBEAT_WAIT);
    }
}

TEST(who_is_silent_is_asked_once)
{
    struct heartbeat heartbeat = {0};
    heartbeat_heard(&heartbeat, 1000);
    assert_int_equal(heartbeat_check(&heartbeat, 1099, PATIENCE, false), HEARTBEAT_WAIT);
    assert_int_equal(heartbeat_check(&heartbeat, 1100, PATIENCE, false), HEARTBEAT_ASK);
    assert_int_equal(heartbeat_check(&heartbeat, 1101, PATIENCE, true), HEARTBEAT_WAIT);
    assert_int_equal(heartbeat_check(&heartbeat, 1199, PATIENCE, true), HEARTBEAT_WAIT);
}

TEST(who_does_not_answer_is_given_up)
{
    struct heartbeat heartbeat = {0};
    heartbeat_heard(&heartbeat, 1000);
    heartbeat_check(&heartbeat, 1100, PATIENCE, false);
    assert_int_equal(heartbeat_check(&heartbeat, 1200, PATIENCE, true), HEARTBEAT_GIVE_UP);
}

TEST(an_answer_begins_it_anew)
{
    struct heartbeat heartbeat = {0};
    heartbeat_heard(&heartbeat, 1000);
    heartbeat_check(&heartbeat, 1100, PATIENCE, false);
    heartbeat_heard(&heartbeat, 1150);
    assert_int_equal(heartbeat_check(&heartbeat, 1249, PATIENCE, true), HEARTBEAT_WAIT);
    assert_int_equal(heartbeat_check(&heartbeat, 1250, PATIENCE, true), HEARTBEAT_ASK);
}

TEST(on_a_slow_link_time_counts_from_when_the_ping_is_there)
{
    struct heartbeat heartbeat = {0};
    heartbeat_heard(&heartbeat, 1000);
    heartbeat_check(&heartbeat, 1100, PATIENCE, false);
    for (uint64_t now = 1110; now <= 2000; now += 10)
        assert_int_equal(heartbeat_check(&heartbeat, now, PATIENCE, false), HEARTBEAT_WAIT);
    assert_int_equal(heartbeat_check(&heartbeat, 2099, PATIENCE, true), HEARTBEAT_WAIT);
    assert_int_equal(heartbeat_check(&heartbeat, 2100, PATIENCE, true), HEARTBEAT_GIVE_UP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_talks_is_not_asked),
        cmocka_unit_test(who_is_silent_is_asked_once),
        cmocka_unit_test(who_does_not_answer_is_given_up),
        cmocka_unit_test(an_answer_begins_it_anew),
        cmocka_unit_test(on_a_slow_link_time_counts_from_when_the_ping_is_there),
    };
    return cmocka_run_group_tests_name("http/heartbeat", tests, NULL, NULL);
}
