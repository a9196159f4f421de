/* SPDX-License-Identifier: MIT */
/*
 * news: what the log is to say of streams. Noted under the hub's lock, and written when that is free again:
 * nobody waits for a log. However often producers change their minds, it is so many lines a second.
 */
#ifndef HEADCAM_STREAM_NEWS_H
#define HEADCAM_STREAM_NEWS_H

#include "base/list.h"
#include "base/log.h"

/* In each second; by default so many streams may be announced, and all of them lost at once. */
enum { NEWS_LINES = 64 };

struct news {
    struct list lines; /* noted, first come first */
    struct log_limit limit;
};

void news_init(struct news *news);

/* Under the lock. */
__attribute__((format(printf, 3, 4))) void news_note(struct news *news, uint64_t now_ns, const char *format,
                                                     ...);

/* Likewise: leaves what was noted in an empty list, which is for news_write(). */
void news_take(struct news *news, struct list *lines);

/* Without the lock. */
void news_write(struct list *lines);

#endif
