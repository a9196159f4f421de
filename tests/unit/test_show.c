/* SPDX-License-Identifier: MIT */
#include "base/clock.h"
#include "stream/show.h"
#include "tests/unit/support.h"

static const uint64_t NOW_NS = 5000 * NS_PER_S, NO_SIGNAL_NS = 3 * NS_PER_S;

static struct show begin(uint64_t frame_ns, bool expect_soon)
{
    struct show show = {0};
    show_begin(&show, NOW_NS, frame_ns, expect_soon, NO_SIGNAL_NS);
    return show;
}

static struct show live(void)
{
    struct show show = begin(0, true);
    show_frame(&show, NOW_NS, 0);
    return show;
}

TEST(a_viewer_who_comes_while_frames_come_gets_the_last_one_at_once)
{
    struct show show = begin(NOW_NS - NS_PER_S, true);
    assert_int_equal(show.state, SHOW_REPEAT);
    assert_int_equal(show.edition, 1);
}

TEST(a_viewer_who_comes_long_after_the_last_frame_does_not_get_it)
{
    struct show show = begin(NOW_NS - NO_SIGNAL_NS, true);
    assert_int_equal(show.state, SHOW_NOTHING);
    assert_int_equal(show.edition, 0);
}

TEST(a_first_frame_of_a_live_agent_is_awaited_for_a_moment)
{
    struct show show = begin(0, true);
    assert_int_equal(show_tick(&show, NOW_NS + 249 * NS_PER_MS, NO_SIGNAL_NS), SHOW_WAIT);
    assert_int_equal(show_tick(&show, NOW_NS + 250 * NS_PER_MS, NO_SIGNAL_NS), SHOW_NOTICE);
    assert_int_equal(show.state, SHOW_NO_SIGNAL);
}

TEST(without_a_live_agent_the_no_signal_picture_comes_at_once)
{
    struct show show = begin(0, false);
    assert_int_equal(show_tick(&show, NOW_NS, NO_SIGNAL_NS), SHOW_NOTICE);
    assert_int_equal(show.state, SHOW_NO_SIGNAL);
    assert_int_equal(show.edition, 0); /* it is not there yet */
    assert_true(show_notice(&show));
    assert_int_equal(show.edition, 1);
}

TEST(each_frame_is_a_new_edition)
{
    struct show show = live();
    for (uint64_t i = 1; i <= 30; i++) {
        assert_int_equal(show.edition, i);
        show_frame(&show, NOW_NS + i * NS_PER_S / 30, 0);
        assert_int_equal(show.state, SHOW_LIVE);
    }
}

TEST(while_frames_come_nothing_is_repeated)
{
    struct show show = live();
    for (uint64_t ms = 0; ms < 5000; ms += 33) {
        show_frame(&show, NOW_NS + ms * NS_PER_MS, 0);
        assert_int_equal(show_tick(&show, NOW_NS + (ms + 32) * NS_PER_MS, NO_SIGNAL_NS), SHOW_WAIT);
    }
}

TEST(without_frames_the_last_one_is_repeated_after_half_a_second_then_each_second)
{
    struct show show = live();
    const uint64_t repeats_ms[] = {500, 1500, 2500};
    uint64_t edition = show.edition;
    for (size_t i = 0; i < COUNT(repeats_ms); i++) {
        assert_int_equal(show.next_ns, NOW_NS + repeats_ms[i] * NS_PER_MS);
        assert_int_equal(show_tick(&show, show.next_ns - 1, NO_SIGNAL_NS), SHOW_WAIT);
        assert_int_equal(show_tick(&show, show.next_ns, NO_SIGNAL_NS), SHOW_RESEND);
        assert_int_equal(show.state, SHOW_REPEAT);
        assert_int_equal(show.edition, ++edition);
    }
}

TEST(after_three_seconds_the_no_signal_picture_takes_over)
{
    struct show show = live();
    while (show_tick(&show, show.next_ns, NO_SIGNAL_NS) == SHOW_RESEND)
        assert_true(show.next_ns <= NOW_NS + NO_SIGNAL_NS);
    assert_int_equal(show.state, SHOW_NO_SIGNAL);
    assert_int_equal(show.next_ns, NOW_NS + NO_SIGNAL_NS + NS_PER_S);
}

TEST(the_no_signal_picture_is_refreshed_each_second_for_ever)
{
    struct show show = begin(0, false);
    for (uint64_t second = 0; second < 1000; second++) {
        assert_int_equal(show.next_ns, NOW_NS + second * NS_PER_S);
        assert_int_equal(show_tick(&show, show.next_ns, NO_SIGNAL_NS), SHOW_NOTICE);
        assert_true(show_notice(&show));
        assert_int_equal(show.edition, second + 1);
    }
}

TEST(a_viewer_is_never_left_without_a_part_for_longer_than_a_second)
{
    struct show show = live();
    uint64_t last_ns = NOW_NS;
    for (int i = 0; i < 20; i++) {
        assert_true(show.next_ns - last_ns <= NS_PER_S);
        last_ns = show.next_ns;
        assert_int_not_equal(show_tick(&show, show.next_ns, NO_SIGNAL_NS), SHOW_WAIT);
    }
}

TEST(with_the_next_frame_the_stream_is_live_again)
{
    struct show show = begin(0, false);
    show_tick(&show, NOW_NS, NO_SIGNAL_NS);
    show_notice(&show);
    show_frame(&show, NOW_NS + NS_PER_S, 0);
    assert_int_equal(show.state, SHOW_LIVE);
    assert_int_equal(show.edition, 2);
    assert_int_equal(show.next_ns, NOW_NS + 1500 * NS_PER_MS);
}

TEST(a_no_signal_picture_that_comes_after_a_frame_is_not_shown)
{
    struct show show = begin(0, false);
    show_tick(&show, NOW_NS, NO_SIGNAL_NS);
    show_frame(&show, NOW_NS + 1, 0);
    assert_false(show_notice(&show));
    assert_int_equal(show.state, SHOW_LIVE);
    assert_int_equal(show.edition, 1);
}

TEST(a_slow_source_is_given_its_own_time_before_no_signal)
{
    const uint64_t patient_ns = NO_SIGNAL_NS + 10 * NS_PER_S;
    struct show show = live();
    while (show.next_ns < NOW_NS + patient_ns)
        assert_int_equal(show_tick(&show, show.next_ns, patient_ns), SHOW_RESEND);
    assert_int_equal(show.next_ns, NOW_NS + patient_ns);
    assert_int_equal(show_tick(&show, show.next_ns, patient_ns), SHOW_NOTICE);
}

TEST(an_unchanged_frame_keeps_the_stream_alive_and_sends_nothing)
{
    struct show show = live();
    uint64_t edition = show.edition;
    for (uint64_t second = 1; second <= 10; second++) {
        show_unchanged(&show, NOW_NS + second * NS_PER_S, 0);
        assert_int_equal(show.edition, edition);
        assert_int_equal(show_tick(&show, NOW_NS + second * NS_PER_S, NO_SIGNAL_NS), SHOW_RESEND);
        edition = show.edition;
    }
}

TEST(an_unchanged_frame_after_no_signal_is_shown)
{
    struct show show = begin(0, false);
    show_tick(&show, NOW_NS, NO_SIGNAL_NS);
    show_unchanged(&show, NOW_NS + NS_PER_S, 0);
    assert_int_equal(show.state, SHOW_LIVE);
    assert_int_equal(show.edition, 1);
}

TEST(a_slow_streams_frame_is_not_repeated_just_before_the_next_one)
{
    struct show show = begin(0, true);
    show_frame(&show, NOW_NS, NS_PER_S / 2);
    assert_int_equal(show_tick(&show, NOW_NS + 740 * NS_PER_MS, NO_SIGNAL_NS), SHOW_WAIT);
    assert_int_equal(show_tick(&show, NOW_NS + 750 * NS_PER_MS, NO_SIGNAL_NS), SHOW_RESEND);
    show_frame(&show, NOW_NS + NS_PER_S, 10 * NS_PER_S); /* a part each second is due all the same */
    assert_int_equal(show_tick(&show, NOW_NS + 2 * NS_PER_S, NO_SIGNAL_NS), SHOW_RESEND);
}

TEST(states_have_the_names_of_the_header)
{
    assert_string_equal(show_state_name(SHOW_LIVE), "live");
    assert_string_equal(show_state_name(SHOW_REPEAT), "repeat");
    assert_string_equal(show_state_name(SHOW_NO_SIGNAL), "no-signal");
    assert_string_equal(show_state_name(SHOW_NOTHING), "no-signal");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_viewer_who_comes_while_frames_come_gets_the_last_one_at_once),
        cmocka_unit_test(a_viewer_who_comes_long_after_the_last_frame_does_not_get_it),
        cmocka_unit_test(a_first_frame_of_a_live_agent_is_awaited_for_a_moment),
        cmocka_unit_test(without_a_live_agent_the_no_signal_picture_comes_at_once),
        cmocka_unit_test(each_frame_is_a_new_edition),
        cmocka_unit_test(while_frames_come_nothing_is_repeated),
        cmocka_unit_test(without_frames_the_last_one_is_repeated_after_half_a_second_then_each_second),
        cmocka_unit_test(after_three_seconds_the_no_signal_picture_takes_over),
        cmocka_unit_test(the_no_signal_picture_is_refreshed_each_second_for_ever),
        cmocka_unit_test(a_viewer_is_never_left_without_a_part_for_longer_than_a_second),
        cmocka_unit_test(with_the_next_frame_the_stream_is_live_again),
        cmocka_unit_test(a_no_signal_picture_that_comes_after_a_frame_is_not_shown),
        cmocka_unit_test(a_slow_source_is_given_its_own_time_before_no_signal),
        cmocka_unit_test(a_slow_streams_frame_is_not_repeated_just_before_the_next_one),
        cmocka_unit_test(an_unchanged_frame_keeps_the_stream_alive_and_sends_nothing),
        cmocka_unit_test(an_unchanged_frame_after_no_signal_is_shown),
        cmocka_unit_test(states_have_the_names_of_the_header),
    };
    return cmocka_run_group_tests_name("stream/show", tests, NULL, NULL);
}
