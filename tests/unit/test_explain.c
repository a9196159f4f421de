/* SPDX-License-Identifier: MIT */
#include "base/clock.h"
#include "stream/explain.h"
#include "tests/unit/support.h"

#include <string.h>

static const char ENDPOINT[] = "ipc:///run/headcam/ingest.sock";

static struct explain_facts facts_of(enum condition condition, const char *agent, const char *reason)
{
    return (struct explain_facts){condition, "front", agent, reason, ENDPOINT, EXPLAIN_NONE};
}

static void assert_explained(const struct explain_facts *facts, const char *reason, const char *next_step)
{
    char text[EXPLAIN_BYTES];
    explain_reason(facts, text);
    assert_string_equal(text, reason);
    explain_next_step(facts, text);
    assert_string_equal(text, next_step);
}

TEST(a_stream_that_nobody_announced_tells_how_to_start_an_agent)
{
    const struct explain_facts facts = facts_of(CONDITION_WAITING, "", "");
    assert_explained(
        &facts, "no agent has announced stream 'front'",
        "start one: headcam-agent testcard --name front --endpoint ipc:///run/headcam/ingest.sock");
}

TEST(a_server_without_any_stream_tells_how_to_start_an_agent)
{
    struct explain_facts facts = facts_of(CONDITION_WAITING, "", "");
    facts.stream = "";
    assert_explained(&facts, "no agent is connected",
                     "start one: headcam-agent testcard --endpoint ipc:///run/headcam/ingest.sock");
}

TEST(an_agents_own_reason_is_told_as_it_is)
{
    const struct explain_facts starting = facts_of(CONDITION_STARTING, "kit", "warming up: no frame yet");
    assert_explained(&starting, "warming up: no frame yet", "");
    const struct explain_facts stalled = facts_of(CONDITION_STALLED, "kit", "nothing on stdin");
    assert_explained(&stalled, "nothing on stdin", "");
}

TEST(without_a_reason_of_the_agent_there_is_one)
{
    const struct explain_facts starting = facts_of(CONDITION_STARTING, "kit", "");
    assert_explained(&starting, "the agent is starting: no frame yet", "");
    const struct explain_facts stalled = facts_of(CONDITION_STALLED, "kit", "");
    assert_explained(&stalled, "kit answers, but sends no frames", "is the simulation paused?");
    const struct explain_facts nameless = facts_of(CONDITION_STALLED, "", "");
    assert_explained(&nameless, "the agent answers, but sends no frames", "is the simulation paused?");
}

TEST(a_lost_agent_is_named_whatever_it_said_last)
{
    const struct explain_facts facts = facts_of(CONDITION_LOST, "headcam-agent testcard", "all is well");
    assert_explained(&facts, "headcam-agent testcard went silent",
                     "the simulator is busy or gone; the picture returns with it");
}

TEST(a_goodbye_is_told_with_its_reason)
{
    const struct explain_facts plain = facts_of(CONDITION_ENDED, "kit", "");
    assert_explained(&plain, "kit ended", "");
    const struct explain_facts told = facts_of(CONDITION_ENDED, "kit", "end of file");
    assert_explained(&told, "kit ended: end of file", "");
}

static void assert_state_explained(const struct explain_facts *facts, const char *expected)
{
    char text[EXPLAIN_BYTES];
    explain_state(facts, text);
    assert_string_equal(text, expected);
}

TEST(a_live_stream_lacks_nothing_whatever_its_agent_says_of_the_picture)
{
    const struct explain_facts facts = facts_of(CONDITION_LIVE, "kit", "the picture is black: add a light");
    assert_explained(&facts, "", "");
}

TEST(what_keeps_a_live_stream_from_having_a_picture_is_told_with_the_next_step)
{
    struct explain_facts facts = facts_of(CONDITION_LIVE, "kit", "");
    facts.obstacle = EXPLAIN_PNG_TAKES_LONG;
    assert_explained(&facts, "the PNG was not ready in time",
                     "ask with a longer timeout=, or for format=raw");
    facts.obstacle = EXPLAIN_NO_ROOM;
    assert_explained(&facts, "PNG and raw snapshots take as much memory as --max-exact-bytes allows",
                     "wait until clients have read theirs, or allow more");
    facts.obstacle = EXPLAIN_NOT_DECODED;
    assert_explained(&facts, "the agent's JPEG cannot be decoded here", "ask without width= and quality=");
    facts.condition = CONDITION_STARTING; /* which says more */
    assert_explained(&facts, "the agent is starting: no frame yet", "");
}

TEST(what_an_agent_says_of_a_live_picture_is_told_as_it_is)
{
    const struct explain_facts black = facts_of(CONDITION_LIVE, "kit", "the picture is black: add a light");
    assert_state_explained(&black, "the picture is black: add a light");
    const struct explain_facts plain = facts_of(CONDITION_LIVE, "kit", "");
    assert_state_explained(&plain, "");
}

TEST(the_state_of_a_stream_that_is_not_live_is_why_there_is_no_picture)
{
    const struct explain_facts starting = facts_of(CONDITION_STARTING, "kit", "warming up");
    assert_state_explained(&starting, "warming up");
    const struct explain_facts lost = facts_of(CONDITION_LOST, "kit", "");
    assert_state_explained(&lost, "kit went silent");
}

TEST(texts_that_are_too_long_are_cut)
{
    char agent[300], reason[300], text[EXPLAIN_BYTES];
    memset(agent, 'a', sizeof(agent));
    memset(reason, 'r', sizeof(reason));
    agent[299] = reason[299] = '\0';
    for (int condition = CONDITION_WAITING; condition <= CONDITION_ENDED; condition++) {
        const struct explain_facts facts = {
            (enum condition)condition, agent, agent, reason, reason, EXPLAIN_NONE};
        explain_reason(&facts, text);
        assert_true(strlen(text) < EXPLAIN_BYTES);
        explain_state(&facts, text);
        assert_true(strlen(text) < EXPLAIN_BYTES);
        explain_next_step(&facts, text);
        assert_true(strlen(text) < EXPLAIN_BYTES);
    }
}

TEST(a_text_that_is_cut_ends_with_a_whole_character)
{
    char reason[300] = "", text[EXPLAIN_BYTES];
    for (size_t i = 0; i + 2 < sizeof(reason); i += 2)
        strcat(reason, "ö");
    const struct explain_facts facts = facts_of(CONDITION_ENDED, "agent", reason);
    explain_reason(&facts, text);
    size_t prefix = strlen("agent ended: ");
    assert_int_equal((strlen(text) - prefix) % 2, 0);
    assert_true(strlen(text) >= EXPLAIN_BYTES - 2);
}

TEST(durations_are_told_in_their_own_size)
{
    const struct {
        uint64_t ns;
        const char *text;
    } durations[] = {
        {0, "for 0 s"},
        {NS_PER_S - 1, "for 0 s"},
        {12 * NS_PER_S, "for 12 s"},
        {60 * NS_PER_S - 1, "for 59 s"},
        {60 * NS_PER_S, "for 1 min"},
        {3599 * NS_PER_S, "for 59 min"},
        {3600 * NS_PER_S, "for 1 h 00 min"},
        {7500 * NS_PER_S, "for 2 h 05 min"},
        {360000 * NS_PER_S, "for 100 h 00 min"},
    };
    for (size_t i = 0; i < COUNT(durations); i++) {
        char text[EXPLAIN_BYTES];
        explain_duration(durations[i].ns, text);
        assert_string_equal(text, durations[i].text);
    }
}

TEST(an_edge_is_told_of_its_origin)
{
    char text[EXPLAIN_BYTES];
    const struct explain_facts facts = {.condition = CONDITION_WAITING,
                                        .stream = "",
                                        .agent = "",
                                        .reason = "",
                                        .endpoint = "tcp://[::]:5555"};
    explain_next_step(&facts, text);
    assert_string_equal(text, "at its origin: headcam --forward tcp://THIS_HOST:PORT");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_edge_is_told_of_its_origin),
        cmocka_unit_test(a_stream_that_nobody_announced_tells_how_to_start_an_agent),
        cmocka_unit_test(a_server_without_any_stream_tells_how_to_start_an_agent),
        cmocka_unit_test(an_agents_own_reason_is_told_as_it_is),
        cmocka_unit_test(without_a_reason_of_the_agent_there_is_one),
        cmocka_unit_test(a_lost_agent_is_named_whatever_it_said_last),
        cmocka_unit_test(a_goodbye_is_told_with_its_reason),
        cmocka_unit_test(a_live_stream_lacks_nothing_whatever_its_agent_says_of_the_picture),
        cmocka_unit_test(what_keeps_a_live_stream_from_having_a_picture_is_told_with_the_next_step),
        cmocka_unit_test(what_an_agent_says_of_a_live_picture_is_told_as_it_is),
        cmocka_unit_test(the_state_of_a_stream_that_is_not_live_is_why_there_is_no_picture),
        cmocka_unit_test(texts_that_are_too_long_are_cut),
        cmocka_unit_test(a_text_that_is_cut_ends_with_a_whole_character),
        cmocka_unit_test(durations_are_told_in_their_own_size),
    };
    return cmocka_run_group_tests_name("stream/explain", tests, NULL, NULL);
}
