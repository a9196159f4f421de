/* SPDX-License-Identifier: MIT */
#include "http/links.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

static const char *const attributes[] = {" href=\"", " src=\""};

static void append_text(struct bytes *out, const char *text)
{
    bytes_append(out, text, strlen(text));
}

/* Nothing that has a meaning in a URL or in HTML stays as it is. */
static void append_escaped(struct bytes *out, const char *value)
{
    static const char digits[] = "0123456789ABCDEF";
    for (const unsigned char *c = (const unsigned char *)value; *c; c++) {
        const char escaped[] = {'%', digits[*c >> 4], digits[*c & 15]};
        if (isalnum(*c) || strchr("-._~", *c))
            bytes_append(out, c, 1);
        else
            bytes_append(out, escaped, sizeof(escaped));
    }
}

/* The end of the attribute that begins here, behind its opening quote; NULL: none does. */
static const char *find_link(const char *html, const char *end)
{
    for (size_t i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++) {
        size_t length = strlen(attributes[i]);
        if ((size_t)(end - html) > length && memcmp(html, attributes[i], length) == 0)
            return html + length;
    }
    return NULL;
}

static bool is_relative(const char *link, size_t length)
{
    return length > 0 && link[0] != '/' && !memchr(link, ':', length) && !memchr(link, '?', length) &&
           !memchr(link, '#', length);
}

void links_with_query(const char *html, size_t length, const char *key, const char *value, struct bytes *out)
{
    const char *end = html + length, *copied = html;
    for (const char *at = html; at < end; at++) {
        const char *link = find_link(at, end);
        const char *quote = link ? memchr(link, '"', (size_t)(end - link)) : NULL;
        if (!quote || !is_relative(link, (size_t)(quote - link)))
            continue;
        bytes_append(out, copied, (size_t)(quote - copied));
        append_text(out, "?");
        append_text(out, key);
        append_text(out, "=");
        append_escaped(out, value);
        copied = quote;
        at = quote;
    }
    bytes_append(out, copied, (size_t)(end - copied));
}
