/* SPDX-License-Identifier: MIT */
/* asked: what a client asked for, beside the path. NULL where it did not; of several the first counts. */
#ifndef HEADCAM_HTTP_ASKED_H
#define HEADCAM_HTTP_ASKED_H

#include <microhttpd.h>

static inline const char *asked_header(struct MHD_Connection *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

/* "" where it has no value, as in "?fps=". */
static inline const char *asked_parameter(struct MHD_Connection *connection, const char *key)
{
    return MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, key);
}

#endif
