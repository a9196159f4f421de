/* SPDX-License-Identifier: MIT */
#include "http/origins.h"

#include <ctype.h>
#include <string.h>

static const char SCHEME_END[] = "://";

static bool ends_with(const char *text, size_t length, const char *end)
{
    size_t end_length = strlen(end);
    return length > end_length && memcmp(text + length - end_length, end, end_length) == 0;
}

static bool has_default_port(const struct text_item *item)
{
    bool is_http = item->length > 7 && memcmp(item->text, "http://", 7) == 0;
    bool is_https = item->length > 8 && memcmp(item->text, "https://", 8) == 0;
    return (is_http && ends_with(item->text, item->length, ":80")) ||
           (is_https && ends_with(item->text, item->length, ":443"));
}

bool origin_is_valid(const struct text_item *item)
{
    if (text_item_is(item, "*"))
        return true;
    const char *scheme_end = memmem(item->text, item->length, SCHEME_END, strlen(SCHEME_END));
    if (!scheme_end || scheme_end == item->text)
        return false;
    const char *host = scheme_end + strlen(SCHEME_END), *end = item->text + item->length;
    for (const char *c = item->text; c < scheme_end; c++)
        if (!islower((unsigned char)*c) && !isdigit((unsigned char)*c) && !strchr("+-.", *c))
            return false;
    for (const char *c = host; c < end; c++)
        if (!islower((unsigned char)*c) && !isdigit((unsigned char)*c) && !strchr("-._:[]", *c))
            return false;
    return host < end && *host != ':' && end[-1] != ':' && !has_default_port(item);
}

struct origin_verdict origins_judge(const struct text_list *allowed, const char *origin)
{
    struct origin_verdict verdict = {0};
    for (size_t i = 0; i < allowed->count; i++) {
        const struct text_item *item = &allowed->items[i];
        if (text_item_is(item, "*")) {
            if (!verdict.allowed)
                verdict.allowed = "*";
            continue;
        }
        verdict.depends_on_the_page = true;
        if (origin && text_item_is(item, origin)) {
            verdict.allowed = origin;
            verdict.with_credentials = true;
        }
    }
    return verdict;
}
