/* SPDX-License-Identifier: MIT */
/*
 * ws_text: the text messages of a WebSocket, JSON both ways: the description of what is shown and errors from
 * the server, wishes from the client. Pure.
 */
#ifndef HEADCAM_HTTP_WS_TEXT_H
#define HEADCAM_HTTP_WS_TEXT_H

#include "stream/hub.h"
#include "stream/pace.h"
#include "stream/variant_settings.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The longest message of a client's, and the most pictures that may be on their way unacknowledged. */
enum { WS_MESSAGE_MAX = 4096, WS_WINDOW_MAX = 64, WS_ERROR_BYTES = 256 };

#define WS_WINDOW_RULE "0 to 64"

/* How a client wants its pictures. */
struct ws_wish {
    millifps rate; /* 0: every frame */
    struct variant_settings settings;
    uint32_t window; /* pictures on their way without an acknowledgement; 0: it sends none */
};

struct ws_request {
    struct ws_wish wish;
    bool has_wish;  /* it says something of it */
    uint64_t acked; /* the update that it acknowledges; 0: none */
};

enum ws_reading {
    WS_READ,
    WS_NO_OBJECT, /* no JSON object at all */
    WS_BAD_VALUE, /* error says which */
};

/* Reads a client's message. A key that is not there leaves what `present` says, null goes back to the
 * default. */
enum ws_reading ws_text_read(const char *text, size_t length, const struct ws_wish *present,
                             struct ws_request *request, char error[WS_ERROR_BYTES]);

/* For free(). */
char *ws_text_description(const struct hub_description *description, const struct ws_wish *wish);
char *ws_text_error(const char *error);

#endif
