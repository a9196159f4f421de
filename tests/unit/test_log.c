/* SPDX-License-Identifier: MIT */
#include "base/clock.h"
#include "base/log.h"
#include "tests/unit/support.h"

#include <string.h>
#include <unistd.h>

enum { STAMP_BYTES = sizeof("2025-11-26T12:00:00.123Z ") - 1 };

/* What a call writes to standard error. */
static char written[4096];
static int saved_stderr, pipe_ends[2];

static void begin_capture(void)
{
    saved_stderr = dup(STDERR_FILENO);
    assert_int_equal(pipe(pipe_ends), 0);
    dup2(pipe_ends[1], STDERR_FILENO);
}

static size_t end_capture(void)
{
    dup2(saved_stderr, STDERR_FILENO);
    close(saved_stderr);
    close(pipe_ends[1]);
    ssize_t got = read(pipe_ends[0], written, sizeof(written) - 1);
    close(pipe_ends[0]);
    written[got > 0 ? got : 0] = '\0';
    return strlen(written);
}

TEST(levels_have_names)
{
    enum log_level level = LOG_INFO;
    assert_true(log_level_from_name("error", &level));
    assert_int_equal(level, LOG_ERROR);
    assert_true(log_level_from_name("warn", &level));
    assert_int_equal(level, LOG_WARN);
    assert_true(log_level_from_name("info", &level));
    assert_int_equal(level, LOG_INFO);
    assert_true(log_level_from_name("debug", &level));
    assert_int_equal(level, LOG_DEBUG);
}

TEST(other_names_are_refused)
{
    const char *const bad[] = {"", "Info", "INFO", "warning", "errors", "err", "2"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        enum log_level level = LOG_WARN;
        assert_false(log_level_from_name(bad[i], &level));
        assert_int_equal(level, LOG_WARN);
    }
}

TEST(an_event_is_one_line_with_time_and_level)
{
    begin_capture();
    log_warn("stream %s: %d", "front", 7);
    end_capture();
    assert_string_equal(written + STAMP_BYTES, "warn  stream front: 7\n");
    const char form[] = "dddd-dd-ddTdd:dd:dd.dddZ ";
    for (size_t i = 0; i < STAMP_BYTES; i++)
        assert_true(form[i] == 'd' ? written[i] >= '0' && written[i] <= '9' : written[i] == form[i]);
}

TEST(text_from_outside_cannot_forge_a_line)
{
    begin_capture();
    log_info("reason: %s", "a\nb\r\x1b[31mc\td\x7f");
    end_capture();
    assert_string_equal(written + STAMP_BYTES, "info  reason: a?b??[31mc?d?\n");
}

TEST(a_line_that_is_too_long_is_cut_and_still_ends)
{
    char text[3000];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    begin_capture();
    log_info("%s", text);
    size_t length = end_capture();
    assert_int_equal(length, 1023);
    assert_int_equal(written[length - 1], '\n');
    assert_int_equal(written[length - 2], 'x');
}

TEST(the_level_decides_what_is_written)
{
    for (int level = LOG_ERROR; level <= LOG_DEBUG; level++) {
        log_set_level((enum log_level)level);
        begin_capture();
        log_error("e");
        log_warn("w");
        log_info("i");
        log_debug("d");
        end_capture();
        size_t lines = 0;
        for (const char *c = written; *c; c++)
            lines += *c == '\n';
        assert_int_equal(lines, level + 1);
    }
    log_set_level(LOG_INFO);
}

TEST(a_flood_logs_once_a_second_and_counts_the_rest)
{
    struct log_limit limit = {0};
    const uint64_t now_ns = 1000 * NS_PER_S;
    char more[LOG_MORE_BYTES] = "?";
    assert_true(log_limit_pass(&limit, now_ns, more));
    assert_string_equal(more, "");
    for (int i = 1; i <= 500; i++)
        assert_false(log_limit_pass(&limit, now_ns + (uint64_t)i * NS_PER_MS, more));
    assert_false(log_limit_pass(&limit, now_ns + NS_PER_S - 1, more));
    assert_true(log_limit_pass(&limit, now_ns + NS_PER_S, more));
    assert_string_equal(more, " (and 501 more)");
    assert_true(log_limit_pass(&limit, now_ns + 3 * NS_PER_S, more));
    assert_string_equal(more, "");
}

TEST(the_count_of_what_was_suppressed_has_room_for_all_of_it)
{
    struct log_limit limit = {.suppressed = UINT64_MAX};
    char more[LOG_MORE_BYTES];
    assert_true(log_limit_pass(&limit, NS_PER_S, more));
    assert_string_equal(more, " (and 18446744073709551615 more)");
}

TEST(a_limited_line_ends_with_the_count_of_those_before_it)
{
    struct log_limit limit = {.suppressed = 7, .next_ns = CLOCK_NEVER};
    begin_capture();
    log_limited(&limit, LOG_WARN, "disk %d is full", 3);
    log_limited(&limit, LOG_WARN, "disk %d is full", 4);
    end_capture();
    assert_string_equal(written + STAMP_BYTES, "warn  disk 3 is full (and 7 more)\n");
    assert_int_equal(limit.suppressed, 1);
}

TEST(a_limited_line_that_is_cut_keeps_its_count)
{
    struct log_limit limit = {.suppressed = 7};
    begin_capture();
    log_limited(&limit, LOG_WARN, "%02000d", 0);
    const char end[] = "000 (and 7 more)\n";
    assert_string_equal(written + end_capture() - strlen(end), end);
}

TEST(a_limit_of_several_lines_lets_so_many_through_each_second)
{
    struct log_limit limit = {.lines = 3};
    const uint64_t now_ns = 1000 * NS_PER_S;
    char more[LOG_MORE_BYTES] = "?";
    for (int i = 0; i < 3; i++) {
        assert_true(log_limit_pass(&limit, now_ns + (uint64_t)i * NS_PER_MS, more));
        assert_string_equal(more, "");
    }
    assert_false(log_limit_pass(&limit, now_ns + NS_PER_S - 1, more));
    assert_false(log_limit_pass(&limit, now_ns + NS_PER_S - 1, more));
    assert_true(log_limit_pass(&limit, now_ns + NS_PER_S, more));
    assert_string_equal(more, " (and 2 more)");
    assert_true(log_limit_pass(&limit, now_ns + NS_PER_S, more));
    assert_string_equal(more, "");
    assert_true(log_limit_pass(&limit, now_ns + NS_PER_S, more));
    assert_false(log_limit_pass(&limit, now_ns + 2 * NS_PER_S - 1, more));
}

TEST(rare_events_are_all_logged)
{
    struct log_limit limit = {0};
    char more[LOG_MORE_BYTES];
    for (uint64_t second = 1; second < 10; second++) {
        assert_true(log_limit_pass(&limit, second * NS_PER_S, more));
        assert_string_equal(more, "");
    }
}

TEST(a_log_that_nobody_reads_stops_nobody)
{
    begin_capture();
    alarm(10);
    for (int i = 0; i < 2000; i++) /* far more than a pipe holds */
        log_warn("line %d of many, each of which is to be read by somebody", i);
    alarm(0);
    end_capture();
    assert_non_null(strstr(written, "line 0 of many"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(levels_have_names),
        cmocka_unit_test(other_names_are_refused),
        cmocka_unit_test(an_event_is_one_line_with_time_and_level),
        cmocka_unit_test(text_from_outside_cannot_forge_a_line),
        cmocka_unit_test(a_line_that_is_too_long_is_cut_and_still_ends),
        cmocka_unit_test(the_level_decides_what_is_written),
        cmocka_unit_test(a_flood_logs_once_a_second_and_counts_the_rest),
        cmocka_unit_test(the_count_of_what_was_suppressed_has_room_for_all_of_it),
        cmocka_unit_test(a_limited_line_ends_with_the_count_of_those_before_it),
        cmocka_unit_test(a_limited_line_that_is_cut_keeps_its_count),
        cmocka_unit_test(a_limit_of_several_lines_lets_so_many_through_each_second),
        cmocka_unit_test(rare_events_are_all_logged),
        cmocka_unit_test(a_log_that_nobody_reads_stops_nobody),
    };
    return cmocka_run_group_tests_name("base/log", tests, NULL, NULL);
}
