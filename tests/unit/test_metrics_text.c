/* SPDX-License-Identifier: MIT */
#include "base/clock.h"
#include "http/metrics_text.h"
#include "tests/unit/support.h"

#include <string.h>

/* ---- what was written ---- */

static struct bytes text;

static int tear_down(void **state)
{
    (void)state;
    bytes_fini(&text);
    return 0;
}

static void assert_text(const char *expected)
{
    assert_int_equal(text.length, strlen(expected));
    assert_memory_equal(text.data, expected, text.length);
    text.length = 0;
}

TEST(a_head_is_its_help_and_its_type)
{
    metrics_head(&text, "a_total", METRICS_COUNTER, "What it counts.");
    assert_text("# HELP a_total What it counts.\n# TYPE a_total counter\n");
    metrics_head(&text, "b", METRICS_GAUGE, "Now.");
    assert_text("# HELP b Now.\n# TYPE b gauge\n");
    metrics_head(&text, "c_seconds", METRICS_HISTOGRAM, "How long.");
    assert_text("# HELP c_seconds How long.\n# TYPE c_seconds histogram\n");
}

TEST(a_count_is_exact)
{
    metrics_count(&text, "a", NULL, 0);
    metrics_count(&text, "a", NULL, UINT64_MAX);
    assert_text("a 0\na 18446744073709551615\n");
}

TEST(labels_stand_in_their_order)
{
    metrics_count(&text, "a", METRICS_LABELS({"x", "1"}), 7);
    metrics_count(&text, "a", METRICS_LABELS({"x", "1"}, {"y", "zwei"}, {"z", ""}), 7);
    assert_text("a{x=\"1\"} 7\na{x=\"1\",y=\"zwei\",z=\"\"} 7\n");
}

TEST(an_empty_list_of_labels_is_none)
{
    const struct metrics_label none[] = {{0}};
    metrics_count(&text, "a", none, 7);
    assert_text("a 7\n");
}

TEST(label_values_are_escaped)
{
    metrics_count(&text, "a", METRICS_LABELS({"x", "\\"}), 1);
    metrics_count(&text, "a", METRICS_LABELS({"x", "\""}), 1);
    metrics_count(&text, "a", METRICS_LABELS({"x", "\n"}), 1);
    metrics_count(&text, "a", METRICS_LABELS({"x", "\"} 1\nb{y=\"\\n"}), 1);
    metrics_count(&text, "a", METRICS_LABELS({"x", "\r\t{},= K\xc3\xa4se"}), 1);
    assert_text("a{x=\"\\\\\"} 1\n"
                "a{x=\"\\\"\"} 1\n"
                "a{x=\"\\n\"} 1\n"
                "a{x=\"\\\"} 1\\nb{y=\\\"\\\\n\"} 1\n"
                "a{x=\"\r\t{},= K\xc3\xa4se\"} 1\n");
}

TEST(seconds_are_exact_and_have_no_zeros_at_their_end)
{
    static const struct {
        uint64_t value_ns;
        const char *line;
    } cases[] = {
        {0, "a 0\n"},
        {1, "a 0.000000001\n"},
        {NS_PER_MS, "a 0.001\n"},
        {7500 * NS_PER_US, "a 0.0075\n"},
        {NS_PER_S - 1, "a 0.999999999\n"},
        {NS_PER_S, "a 1\n"},
        {10 * NS_PER_S, "a 10\n"},
        {100 * NS_PER_S + 100 * NS_PER_MS, "a 100.1\n"},
        {UINT64_MAX, "a 18446744073.709551615\n"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        metrics_seconds(&text, "a", NULL, cases[i].value_ns);
        assert_text(cases[i].line);
    }
    metrics_seconds(&text, "a", METRICS_LABELS({"x", "1"}), NS_PER_S);
    assert_text("a{x=\"1\"} 1\n");
}

TEST(a_histogram_is_written_whole)
{
    struct histogram histogram = {0};
    struct histogram_view view;
    histogram_observe(&histogram, NS_PER_MS);
    histogram_observe(&histogram, 12 * NS_PER_MS);
    histogram_observe(&histogram, 60 * NS_PER_S);
    histogram_read(&histogram, &view);
    metrics_histogram(&text, "a_seconds", "How long.", &view);
    assert_text("# HELP a_seconds How long.\n"
                "# TYPE a_seconds histogram\n"
                "a_seconds_bucket{le=\"0.001\"} 1\n"
                "a_seconds_bucket{le=\"0.002\"} 1\n"
                "a_seconds_bucket{le=\"0.003\"} 1\n"
                "a_seconds_bucket{le=\"0.005\"} 1\n"
                "a_seconds_bucket{le=\"0.007\"} 1\n"
                "a_seconds_bucket{le=\"0.01\"} 1\n"
                "a_seconds_bucket{le=\"0.015\"} 2\n"
                "a_seconds_bucket{le=\"0.02\"} 2\n"
                "a_seconds_bucket{le=\"0.03\"} 2\n"
                "a_seconds_bucket{le=\"0.05\"} 2\n"
                "a_seconds_bucket{le=\"0.1\"} 2\n"
                "a_seconds_bucket{le=\"0.2\"} 2\n"
                "a_seconds_bucket{le=\"0.5\"} 2\n"
                "a_seconds_bucket{le=\"1\"} 2\n"
                "a_seconds_bucket{le=\"2\"} 2\n"
                "a_seconds_bucket{le=\"5\"} 2\n"
                "a_seconds_bucket{le=\"10\"} 2\n"
                "a_seconds_bucket{le=\"+Inf\"} 3\n"
                "a_seconds_sum 60.013\n"
                "a_seconds_count 3\n");
}

#define WITH_TEXT(test) cmocka_unit_test_teardown(test, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_TEXT(a_head_is_its_help_and_its_type),
        WITH_TEXT(a_count_is_exact),
        WITH_TEXT(labels_stand_in_their_order),
        WITH_TEXT(an_empty_list_of_labels_is_none),
        WITH_TEXT(label_values_are_escaped),
        WITH_TEXT(seconds_are_exact_and_have_no_zeros_at_their_end),
        WITH_TEXT(a_histogram_is_written_whole),
    };
    return cmocka_run_group_tests_name("http/metrics_text", tests, NULL, NULL);
}
