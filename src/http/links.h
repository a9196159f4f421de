/* SPDX-License-Identifier: MIT */
/*
 * links: a page's own links with a query behind each, for who was let in by a query: the browser asks for
 * the page's files without it. Pure.
 */
#ifndef HEADCAM_HTTP_LINKS_H
#define HEADCAM_HTTP_LINKS_H

#include "base/bytes.h"

#include <stddef.h>

/*
 * Appends HTML with "?KEY=VALUE" behind each relative link, that is each href="" and src="" without a
 * scheme, a slash at its start, a query or a fragment. The value may be anything: it is escaped.
 */
void links_with_query(const char *html, size_t length, const char *key, const char *value, struct bytes *out);

#endif
