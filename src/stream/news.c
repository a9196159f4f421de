/* SPDX-License-Identifier: MIT */
#include "stream/news.h"

#include "base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_BYTES = 512 };

struct line {
    struct list link;
    char text[LINE_BYTES];
    char more[LOG_MORE_BYTES];
};

void news_init(struct news *news)
{
    *news = (struct news){.limit = {.lines = NEWS_LINES}};
    list_init(&news->lines);
}

void news_note(struct news *news, uint64_t now_ns, const char *format, ...)
{
    char more[LOG_MORE_BYTES];
    if (!log_limit_pass(&news->limit, now_ns, more))
        return;
    struct line *line = memory_zeroed(sizeof(*line));
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line->text, sizeof(line->text), format, arguments);
    va_end(arguments);
    memcpy(line->more, more, sizeof(more));
    list_append(&news->lines, &line->link);
}

void news_take(struct news *news, struct list *lines)
{
    list_splice(lines, &news->lines);
}

void news_write(struct list *lines)
{
    struct list *node, *after;
    list_for_each_safe(node, after, lines)
    {
        struct line *line = container_of(node, struct line, link);
        list_remove(node);
        log_info("%s%s", line->text, line->more);
        free(line);
    }
}
