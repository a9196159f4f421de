/* SPDX-License-Identifier: MIT */
/*
 * origins: which pages of other origins may read what is served (CORS), by --allow-origin. Pure.
 */
#ifndef HEADCAM_HTTP_ORIGINS_H
#define HEADCAM_HTTP_ORIGINS_H

#include "base/text_list.h"

#include <stdbool.h>

#define ORIGIN_RULE "* or up to 32 origins, as http://localhost:3000 or https://example.org"

/* "*", or an origin exactly as browsers send it: scheme and host in lower case, no path, no default port. */
bool origin_is_valid(const struct text_item *item);

/* What an answer says to a page of another origin. */
struct origin_verdict {
    const char *allowed;      /* for Access-Control-Allow-Origin; NULL: nothing */
    bool with_credentials;    /* passwords that the browser knows may come, too */
    bool depends_on_the_page; /* so that caches must keep the answers apart */
};

/* origin is the value of the request's Origin, or NULL. */
struct origin_verdict origins_judge(const struct text_list *allowed, const char *origin);

#endif
