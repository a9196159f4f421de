/* SPDX-License-Identifier: MIT */
#include "base/log.h"

#include "base/clock.h"

#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LINE_BYTES = 1024 };

static const uint64_t LIMIT_INTERVAL_NS = NS_PER_S;

static const char *const level_names[] = {"error", "warn", "info", "debug"};
static enum log_level max_level = LOG_INFO;

void log_set_level(enum log_level level)
{
    max_level = level;
}

bool log_level_from_name(const char *name, enum log_level *level)
{
    for (size_t i = 0; i < sizeof(level_names) / sizeof(level_names[0]); i++) {
        if (strcmp(name, level_names[i]) == 0) {
            *level = (enum log_level)i;
            return true;
        }
    }
    return false;
}

/* Control characters in names and reasons from outside must not forge or garble lines. */
static void make_printable(char *text)
{
    for (char *c = text; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
}

__attribute__((format(printf, 2, 0))) static void write_line(enum log_level level, const char *format,
                                                             va_list arguments, const char *end)
{
    if (level > max_level)
        return;
    uint64_t now_ns = clock_real_ns();
    time_t seconds = (time_t)(now_ns / NS_PER_S);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    char line[LINE_BYTES];
    size_t used = strftime(line, sizeof(line), "%Y-%m-%dT%H:%M:%S", &tm);
    used += (size_t)snprintf(line + used, sizeof(line) - used, ".%03uZ %-5s ",
                             (unsigned)(now_ns % NS_PER_S / NS_PER_MS), level_names[level]);
    const size_t end_length = strlen(end);
    vsnprintf(line + used, sizeof(line) - used - end_length - 1, format, arguments);
    make_printable(line + used);
    used += strlen(line + used);
    memcpy(line + used, end, end_length);
    used += end_length;
    line[used++] = '\n';
    /* Where nobody reads the log, lines are lost: no thread, and nobody's picture, waits for it. */
    struct pollfd stderr_room = {.fd = STDERR_FILENO, .events = POLLOUT};
    if (poll(&stderr_room, 1, 0) == 1 && (stderr_room.revents & POLLOUT)) {
        ssize_t written = write(STDERR_FILENO, line, used);
        (void)written;
    }
}

void log_write(enum log_level level, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    write_line(level, format, arguments, "");
    va_end(arguments);
}

bool log_limit_pass(struct log_limit *limit, uint64_t now_ns, char more[LOG_MORE_BYTES])
{
    if (now_ns >= limit->next_ns) {
        limit->passed = 0;
        limit->next_ns = now_ns + LIMIT_INTERVAL_NS;
    }
    if (limit->passed >= (limit->lines ? limit->lines : 1)) {
        limit->suppressed++;
        return false;
    }
    limit->passed++;
    more[0] = '\0';
    if (limit->suppressed != 0)
        snprintf(more, LOG_MORE_BYTES, " (and %" PRIu64 " more)", limit->suppressed);
    limit->suppressed = 0;
    return true;
}

void log_limited(struct log_limit *limit, enum log_level level, const char *format, ...)
{
    char more[LOG_MORE_BYTES];
    if (!log_limit_pass(limit, clock_mono_ns(), more))
        return;
    va_list arguments;
    va_start(arguments, format);
    write_line(level, format, arguments, more);
    va_end(arguments);
}
