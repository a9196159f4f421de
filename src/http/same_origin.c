/* SPDX-License-Identifier: MIT */
#include "http/same_origin.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

struct authority {
    const char *host, *port;
    size_t host_length, port_length;
};

/* "host", "host:port" or "[::1]:port". */
static struct authority split(const char *text, const char *standard_port)
{
    const char *bracket = strrchr(text, ']');
    const char *colon = strrchr(bracket ? bracket : text, ':');
    struct authority authority = {.host = text, .host_length = strlen(text)};
    authority.port = standard_port;
    if (colon) {
        authority.host_length = (size_t)(colon - text);
        authority.port = colon + 1;
    }
    authority.port_length = strlen(authority.port);
    return authority;
}

static bool is_same(const char *a, size_t a_length, const char *b, size_t b_length)
{
    return a_length == b_length && strncasecmp(a, b, a_length) == 0;
}

bool origin_is_same(const char *origin, const char *host)
{
    static const struct {
        const char *prefix, *port;
    } schemes[] = {{"http://", "80"}, {"https://", "443"}};
    if (!origin)
        return true;
    for (size_t i = 0; host && i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        size_t length = strlen(schemes[i].prefix);
        if (strncasecmp(origin, schemes[i].prefix, length) != 0)
            continue;
        const struct authority page = split(origin + length, schemes[i].port);
        const struct authority here = split(host, schemes[i].port);
        return page.host_length > 0 && is_same(page.host, page.host_length, here.host, here.host_length) &&
               is_same(page.port, page.port_length, here.port, here.port_length);
    }
    return false;
}
