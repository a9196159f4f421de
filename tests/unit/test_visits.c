/* SPDX-License-Identifier: MIT */
#include "base/clock.h"
#include "http/visits.h"
#include "tests/unit/support.h"

#include <errno.h>
#include <string.h>

static const uint64_t STUCK_AFTER_NS = 30 * NS_PER_S;

static char line[VISITS_LINE_BYTES];

static const char *came_line(const struct viewer *viewer)
{
    visits_came_line(viewer, line);
    return line;
}

static const char *left_line(const struct viewer *viewer)
{
    visits_left_line(viewer, STUCK_AFTER_NS, line);
    return line;
}

TEST(who_comes_is_told_with_address_stream_and_settings)
{
    struct viewer viewer = {.peer = "192.0.2.7:51234"};
    assert_string_equal(came_line(&viewer), "viewer 192.0.2.7:51234 of /stream came");
    strcpy(viewer.name, "front");
    assert_string_equal(came_line(&viewer), "viewer 192.0.2.7:51234 of /stream/front came");
    viewer.rate = 29970;
    assert_string_equal(came_line(&viewer), "viewer 192.0.2.7:51234 of /stream/front?fps=29.97 came");
    viewer.advance_headers = true;
    assert_string_equal(came_line(&viewer),
                        "viewer 192.0.2.7:51234 of /stream/front?fps=29.97&advance_headers=1 came");
    viewer.rate = 0;
    assert_string_equal(came_line(&viewer), "viewer 192.0.2.7:51234 of /stream/front?advance_headers=1 came");
    viewer.settings = (struct variant_settings){.width = 640, .quality = 50};
    assert_string_equal(came_line(&viewer), "viewer 192.0.2.7:51234 of "
                                            "/stream/front?width=640&quality=50&advance_headers=1 came");
}

TEST(who_leaves_is_told_with_what_it_got)
{
    const struct viewer viewer = {
        .peer = "[::1]:80",
        .name = "front",
        .begun_ns = 1000 * NS_PER_S,
        .ended_ns = 1081 * NS_PER_S + 240 * NS_PER_MS,
        .frames = 2430,
        .frames_age_ns = 2430 * UINT64_C(12500) * NS_PER_US,
        .skipped = 3,
        .written_bytes = 221300123,
    };
    assert_string_equal(left_line(&viewer),
                        "viewer [::1]:80 of /stream/front left after 81.2 s: its client closed; "
                        "2430 frames, mean age 12.5 ms, 3 skipped, 221300123 bytes");
}

TEST(who_got_no_frame_has_no_mean_age)
{
    const struct viewer viewer = {.peer = "[::1]:80", .written_bytes = 8000};
    assert_string_equal(left_line(&viewer), "viewer [::1]:80 of /stream left after 0.0 s: its client closed; "
                                            "0 frames, 0 skipped, 8000 bytes");
}

TEST(each_end_has_its_reason)
{
    static const struct {
        enum viewer_end end;
        const char *reason;
    } ends[] = {
        {VIEWER_LEFT, ": its client closed; "},
        {VIEWER_STUCK, ": it read nothing for 30 s (--stuck-after); "},
        {VIEWER_SILENT, ": it answered no ping for 30 s (--stuck-after); "},
        {VIEWER_REFUSED, ": it does not speak the WebSocket's protocol; "},
        {VIEWER_REVOKED, ": its login is in --auth-file no more; "},
        {VIEWER_FAILED, ": Connection timed out; "},
        {VIEWER_SERVER_ENDS, ": the server ends; "},
    };
    assert_int_equal(COUNT(ends), VIEWER_ENDS);
    for (size_t i = 0; i < COUNT(ends); i++) {
        const struct viewer viewer = {.end = ends[i].end, .end_errno = ETIMEDOUT};
        assert_non_null(strstr(left_line(&viewer), ends[i].reason));
    }
}

TEST(the_longest_line_is_whole)
{
    struct viewer viewer = {
        .rate = UINT32_MAX,
        .settings = {.width = UINT32_MAX, .quality = UINT32_MAX},
        .advance_headers = true,
        .end = VIEWER_STUCK,
        .ended_ns = UINT64_MAX,
        .frames = UINT64_MAX,
        .frames_age_ns = UINT64_MAX,
        .skipped = UINT64_MAX,
        .written_bytes = UINT64_MAX,
    };
    memset(viewer.peer, 'p', sizeof(viewer.peer) - 1);
    memset(viewer.name, 'n', sizeof(viewer.name) - 1);
    const char *const end = " skipped, 18446744073709551615 bytes";
    left_line(&viewer);
    assert_string_equal(line + strlen(line) - strlen(end), end);
}

TEST(labels_differ)
{
    for (int i = 0; i < VIEWER_ENDS; i++)
        for (int other = 0; other < i; other++)
            assert_string_not_equal(viewer_end_name((enum viewer_end)i),
                                    viewer_end_name((enum viewer_end)other));
    for (int i = 0; i < SNAPSHOT_ENDS; i++)
        for (int other = 0; other < i; other++)
            assert_string_not_equal(snapshot_end_name((enum snapshot_end)i),
                                    snapshot_end_name((enum snapshot_end)other));
}

TEST(everybody_is_counted_whether_told_or_not)
{
    struct visits visits = {0};
    visits_init(&visits, STUCK_AFTER_NS);
    const struct viewer viewer = {.end = VIEWER_STUCK};
    log_set_level(LOG_ERROR);
    for (int i = 0; i < 1000; i++) {
        visits_viewer_came(&visits, &viewer);
        visits_viewer_left(&visits, &viewer);
    }
    log_set_level(LOG_INFO);
    assert_int_equal(visits.viewers_came, 1000);
    assert_int_equal(visits.viewers_left[VIEWER_STUCK], 1000);
    assert_int_equal(visits.viewers_left[VIEWER_LEFT], 0);
    assert_true(visits.came_log.suppressed > 0);
}

TEST(bytes_are_those_of_snapshots_that_were_sent)
{
    struct visits visits = {0};
    visits_snapshot(&visits, SNAPSHOT_SENT, 1000);
    visits_snapshot(&visits, SNAPSHOT_LEFT, 1000);
    visits_snapshot(&visits, SNAPSHOT_NO_FRAME, 0);
    assert_int_equal(visits.snapshot_bytes, 1000);
    for (int i = 0; i < SNAPSHOT_ENDS; i++)
        assert_int_equal(visits.snapshots[i], 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_comes_is_told_with_address_stream_and_settings),
        cmocka_unit_test(who_leaves_is_told_with_what_it_got),
        cmocka_unit_test(who_got_no_frame_has_no_mean_age),
        cmocka_unit_test(each_end_has_its_reason),
        cmocka_unit_test(the_longest_line_is_whole),
        cmocka_unit_test(labels_differ),
        cmocka_unit_test(everybody_is_counted_whether_told_or_not),
        cmocka_unit_test(bytes_are_those_of_snapshots_that_were_sent),
    };
    return cmocka_run_group_tests_name("http/visits", tests, NULL, NULL);
}
