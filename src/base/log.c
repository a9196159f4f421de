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

void log_write(enum log_level level, const char *format, ...)
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
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line + used, sizeof(line) - used - 1, format, arguments);
    va_end(arguments);
    make_printable(line + used);
    if (length > 0)
        used += strlen(line + used);
    line[used++] = '\n';
    /* Where nobody reads the log, lines are lost: no thread, and nobody's picture, waits for it. */
    struct pollfd stderr_room = {.fd = STDERR_FILENO, .events = POLLOUT};
    if (poll(&stderr_room, 1, 0) == 1 && (stderr_room.revents & POLLOUT)) {
        ssize_t written = write(STDERR_FILENO, line, used);
        (void)written;
    }
}

bool log_limit_pass(struct log_limit *limit, uint64_t now_ns, uint64_t *suppressed)
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
    *suppressed = limit->suppressed;
    limit->suppressed = 0;
    return true;
}

void log_more(uint64_t suppressed, char text[LOG_MORE_BYTES])
{
    text[0] = '\0';
    if (suppressed != 0)
        snprintf(text, LOG_MORE_BYTES, " (and %" PRIu64 " more)", suppressed);
}
