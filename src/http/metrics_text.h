/* SPDX-License-Identifier: MIT */
/*
 * metrics_text: Prometheus' text format, version 0.0.4, written piece by piece into a buffer. Pure.
 *
 * A metric is its head, then its samples, all of them before the next metric's head.
 */
#ifndef HEADCAM_HTTP_METRICS_TEXT_H
#define HEADCAM_HTTP_METRICS_TEXT_H

#include "base/bytes.h"
#include "base/histogram.h"

#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

enum metrics_type { METRICS_COUNTER, METRICS_GAUGE, METRICS_HISTOGRAM };

/* Labels end with one without a name. Values may be any UTF-8; they are escaped. */
struct metrics_label {
    const char *name, *value;
};

#define METRICS_LABELS(...) ((const struct metrics_label[]){__VA_ARGS__, {0}})

/* A metric begins. help is one line without a backslash. */
void metrics_head(struct bytes *text, const char *name, enum metrics_type type, const char *help);

/* A sample; labels may be NULL. */
void metrics_count(struct bytes *text, const char *name, const struct metrics_label *labels, uint64_t value);

/* A sample in seconds, to the nanosecond. */
void metrics_seconds(struct bytes *text, const char *name, const struct metrics_label *labels,
                     uint64_t value_ns);

/* A whole histogram in seconds, with its head. */
void metrics_histogram(struct bytes *text, const char *name, const char *help,
                       const struct histogram_view *view);

#endif
