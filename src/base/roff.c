/* SPDX-License-Identifier: MIT */
#include "base/roff.h"

#include <stddef.h>
#include <string.h>

/* Characters that roff takes for others, or for the beginning of an escape. */
static const char *escape_of(char c)
{
    switch (c) {
    case '\\':
        return "\\e";
    case '-':
        return "\\-";
    case '\'':
        return "\\(aq";
    case '`':
        return "\\(ga";
    case '^':
        return "\\(ha";
    case '~':
        return "\\(ti";
    default:
        return NULL;
    }
}

void roff_append(struct bytes *page, const char *text)
{
    if (text[0] == '.') /* it would be a request */
        bytes_append(page, "\\&", 2);
    for (const char *c = text; *c; c++) {
        const char *escape = escape_of(*c);
        bytes_append(page, escape ? escape : c, escape ? strlen(escape) : 1);
    }
}
