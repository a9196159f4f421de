/* SPDX-License-Identifier: MIT */
/*
 * log: one line an event on standard error. Any thread; a line is written whole, or not at all where
 * nobody reads them: logging never waits.
 */
#ifndef HEADCAM_BASE_LOG_H
#define HEADCAM_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* Sets what is written: this level and the more severe ones. Before the first thread starts. */
void log_set_level(enum log_level level);

/* Finds a level by its name ("error", "warn", "info", "debug"). */
bool log_level_from_name(const char *name, enum log_level *level);

__attribute__((format(printf, 2, 3))) void log_write(enum log_level level, const char *format, ...);

#define log_error(...) log_write(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)  log_write(LOG_WARN, __VA_ARGS__)
#define log_info(...)  log_write(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_DEBUG, __VA_ARGS__)

/*
 * Lets so many events through in each second and counts the others, so that a flood of bad input costs
 * a few lines. Zero-initialised but for lines; one thread a limiter.
 */
struct log_limit {
    unsigned lines; /* in each second; 0: one */
    unsigned passed;
    uint64_t next_ns;
    uint64_t suppressed;
};

/* Writes the line if its limit lets it through, with " (and 7 more)" at its end if it did not let others. */
__attribute__((format(printf, 3, 4))) void log_limited(struct log_limit *limit, enum log_level level,
                                                       const char *format, ...);

/* For who writes the line later: true if it may be, with what then comes at its end, which may be empty. */
enum { LOG_MORE_BYTES = 48 };
bool log_limit_pass(struct log_limit *limit, uint64_t now_ns, char more[LOG_MORE_BYTES]);

#endif
