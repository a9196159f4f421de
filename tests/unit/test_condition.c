/* SPDX-License-Identifier: MIT */
#include "base/clock.h"
#include "stream/condition.h"
#include "tests/unit/support.h"

static const uint64_t NOW_NS = 5000 * NS_PER_S, STALL_NS = 3 * NS_PER_S;

/* A live agent, heard just now, watched for a minute, its last frame just now. */
static struct condition_facts live_facts(void)
{
    return (struct condition_facts){
        .announced = true,
        .announced_as = CONDITION_LIVE,
        .heard_ns = NOW_NS,
        .frame_ns = NOW_NS,
        .expected_since_ns = NOW_NS - 60 * NS_PER_S,
        .stall_after_ns = STALL_NS,
    };
}

TEST(without_an_announcement_a_stream_waits)
{
    const struct condition_facts facts = {.expected_since_ns = NOW_NS - 60 * NS_PER_S};
    assert_int_equal(condition_judge(&facts, NOW_NS), CONDITION_WAITING);
}

TEST(with_frames_a_stream_is_live)
{
    const struct condition_facts facts = live_facts();
    assert_int_equal(condition_judge(&facts, NOW_NS), CONDITION_LIVE);
}

TEST(an_agents_own_word_counts)
{
    struct condition_facts facts = live_facts();
    facts.announced_as = CONDITION_STARTING;
    assert_int_equal(condition_judge(&facts, NOW_NS), CONDITION_STARTING);
    facts.announced_as = CONDITION_STALLED;
    assert_int_equal(condition_judge(&facts, NOW_NS), CONDITION_STALLED);
    facts.announced_as = CONDITION_ENDED;
    assert_int_equal(condition_judge(&facts, NOW_NS), CONDITION_ENDED);
}

TEST(an_agent_that_is_silent_for_two_seconds_is_lost)
{
    struct condition_facts facts = live_facts();
    assert_int_equal(condition_judge(&facts, NOW_NS + CONDITION_SILENT_NS), CONDITION_LIVE);
    assert_int_equal(condition_judge(&facts, NOW_NS + CONDITION_SILENT_NS + 1), CONDITION_LOST);
    facts.announced_as = CONDITION_STARTING;
    assert_int_equal(condition_judge(&facts, NOW_NS + CONDITION_SILENT_NS + 1), CONDITION_LOST);
}

TEST(an_agent_that_said_goodbye_is_not_lost)
{
    struct condition_facts facts = live_facts();
    facts.announced_as = CONDITION_ENDED;
    assert_int_equal(condition_judge(&facts, NOW_NS + 60 * NS_PER_S), CONDITION_ENDED);
}

TEST(an_agent_heard_a_moment_after_the_judges_clock_was_read_is_not_lost)
{
    struct condition_facts facts = live_facts();
    facts.heard_ns = NOW_NS + 1;
    facts.frame_ns = NOW_NS + 1;
    assert_int_equal(condition_judge(&facts, NOW_NS), CONDITION_LIVE);
}

TEST(a_watched_stream_without_frames_is_stalled)
{
    struct condition_facts facts = live_facts();
    facts.frame_ns = NOW_NS - STALL_NS;
    assert_int_equal(condition_judge(&facts, NOW_NS), CONDITION_LIVE);
    facts.frame_ns--;
    assert_int_equal(condition_judge(&facts, NOW_NS), CONDITION_STALLED);
    facts.frame_ns = 0;
    assert_int_equal(condition_judge(&facts, NOW_NS), CONDITION_STALLED);
}

TEST(an_unwatched_stream_without_frames_is_live)
{
    struct condition_facts facts = live_facts();
    facts.frame_ns = NOW_NS - 3600 * NS_PER_S;
    facts.expected_since_ns = 0;
    assert_int_equal(condition_judge(&facts, NOW_NS), CONDITION_LIVE);
}

TEST(a_stream_that_is_watched_again_has_time_to_bring_a_frame)
{
    struct condition_facts facts = live_facts();
    facts.frame_ns = NOW_NS - 3600 * NS_PER_S;
    facts.expected_since_ns = NOW_NS - STALL_NS;
    assert_int_equal(condition_judge(&facts, NOW_NS), CONDITION_LIVE);
    assert_int_equal(condition_judge(&facts, NOW_NS + 1), CONDITION_STALLED);
}

TEST(conditions_have_names)
{
    const struct {
        enum condition condition;
        const char *name;
    } names[] = {
        {CONDITION_WAITING, "waiting"}, {CONDITION_LIVE, "live"}, {CONDITION_STARTING, "starting"},
        {CONDITION_STALLED, "stalled"}, {CONDITION_LOST, "lost"}, {CONDITION_ENDED, "ended"},
    };
    for (size_t i = 0; i < COUNT(names); i++)
        assert_string_equal(condition_name(names[i].condition), names[i].name);
}

TEST(an_agent_may_announce_only_what_it_can_know)
{
    enum condition condition = CONDITION_WAITING;
    assert_true(condition_from_announcement("live", &condition));
    assert_int_equal(condition, CONDITION_LIVE);
    assert_true(condition_from_announcement("starting", &condition));
    assert_int_equal(condition, CONDITION_STARTING);
    assert_true(condition_from_announcement("stalled", &condition));
    assert_int_equal(condition, CONDITION_STALLED);
    assert_true(condition_from_announcement("ended", &condition));
    assert_int_equal(condition, CONDITION_ENDED);
    const char *const bad[] = {"lost", "waiting", "", "Live", "live "};
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_false(condition_from_announcement(bad[i], &condition));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_an_announcement_a_stream_waits),
        cmocka_unit_test(with_frames_a_stream_is_live),
        cmocka_unit_test(an_agents_own_word_counts),
        cmocka_unit_test(an_agent_that_is_silent_for_two_seconds_is_lost),
        cmocka_unit_test(an_agent_that_said_goodbye_is_not_lost),
        cmocka_unit_test(an_agent_heard_a_moment_after_the_judges_clock_was_read_is_not_lost),
        cmocka_unit_test(a_watched_stream_without_frames_is_stalled),
        cmocka_unit_test(an_unwatched_stream_without_frames_is_live),
        cmocka_unit_test(a_stream_that_is_watched_again_has_time_to_bring_a_frame),
        cmocka_unit_test(conditions_have_names),
        cmocka_unit_test(an_agent_may_announce_only_what_it_can_know),
    };
    return cmocka_run_group_tests_name("stream/condition", tests, NULL, NULL);
}
