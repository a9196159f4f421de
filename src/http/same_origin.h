/* SPDX-License-Identifier: MIT */
/*
 * same_origin: whether a page in somebody's browser may open a WebSocket here. Browsers let any page do that,
 * and only say which one it is; everybody else sends no Origin and is not asked. Pure.
 */
#ifndef HEADCAM_HTTP_SAME_ORIGIN_H
#define HEADCAM_HTTP_SAME_ORIGIN_H

#include <stdbool.h>

/*
 * The values of the headers Origin and Host, or NULL. True for who sends no Origin, and for a page from the
 * host that was asked; where a Host names no port, it is that of the origin's scheme.
 */
bool origin_is_same(const char *origin, const char *host);

#endif
