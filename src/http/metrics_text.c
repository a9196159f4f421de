/* SPDX-License-Identifier: MIT */
#include "http/metrics_text.h"

#include "base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { NUMBER_BYTES = 32 };

static void put(struct bytes *text, const char *piece)
{
    bytes_append(text, piece, strlen(piece));
}

static void put_label_value(struct bytes *text, const char *value)
{
    for (const char *c = value; *c; c++) {
        switch (*c) {
        case '\\':
            put(text, "\\\\");
            break;
        case '"':
            put(text, "\\\"");
            break;
        case '\n':
            put(text, "\\n");
            break;
        default:
            bytes_append(text, c, 1);
        }
    }
}

static void put_sample(struct bytes *text, const char *name, const char *suffix,
                       const struct metrics_label *labels, const char *value)
{
    put(text, name);
    put(text, suffix);
    for (const struct metrics_label *label = labels; label && label->name; label++) {
        put(text, label == labels ? "{" : ",");
        put(text, label->name);
        put(text, "=\"");
        put_label_value(text, label->value);
        put(text, "\"");
    }
    put(text, labels && labels->name ? "} " : " ");
    put(text, value);
    put(text, "\n");
}

static const char *count_text(uint64_t count, char number[NUMBER_BYTES])
{
    snprintf(number, NUMBER_BYTES, "%" PRIu64, count);
    return number;
}

/* "0.005", "12": exact, without zeros at its end. */
static const char *seconds_text(uint64_t duration_ns, char number[NUMBER_BYTES])
{
    int length = snprintf(number, NUMBER_BYTES, "%" PRIu64 ".%09" PRIu64, duration_ns / NS_PER_S,
                          duration_ns % NS_PER_S);
    while (number[length - 1] == '0')
        length--;
    if (number[length - 1] == '.')
        length--;
    number[length] = '\0';
    return number;
}

void metrics_head(struct bytes *text, const char *name, enum metrics_type type, const char *help)
{
    static const char *const types[] = {
        [METRICS_COUNTER] = "counter", [METRICS_GAUGE] = "gauge", [METRICS_HISTOGRAM] = "histogram"};
    const char *const pieces[] = {"# HELP ", name, " ", help, "\n# TYPE ", name, " ", types[type], "\n"};
    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++)
        put(text, pieces[i]);
}

void metrics_count(struct bytes *text, const char *name, const struct metrics_label *labels, uint64_t value)
{
    char number[NUMBER_BYTES];
    put_sample(text, name, "", labels, count_text(value, number));
}

void metrics_seconds(struct bytes *text, const char *name, const struct metrics_label *labels,
                     uint64_t value_ns)
{
    char number[NUMBER_BYTES];
    put_sample(text, name, "", labels, seconds_text(value_ns, number));
}

void metrics_histogram(struct bytes *text, const char *name, const char *help,
                       const struct histogram_view *view)
{
    char bound[NUMBER_BYTES], number[NUMBER_BYTES];
    metrics_head(text, name, METRICS_HISTOGRAM, help);
    for (int step = 0; step < HISTOGRAM_STEPS; step++)
        put_sample(text, name, "_bucket",
                   METRICS_LABELS({"le", seconds_text(histogram_bound_ns(step), bound)}),
                   count_text(view->at_most[step], number));
    put_sample(text, name, "_bucket", METRICS_LABELS({"le", "+Inf"}), count_text(view->count, number));
    put_sample(text, name, "_sum", NULL, seconds_text(view->sum_ns, number));
    put_sample(text, name, "_count", NULL, count_text(view->count, number));
}
