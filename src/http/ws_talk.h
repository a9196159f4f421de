/* SPDX-License-Identifier: MIT */
/*
 * ws_talk: one end of a WebSocket's conversation beside the pictures: texts, pings, closing. wslay does the
 * protocol; this gives it bytes that came and takes the bytes that are to go, and knows no socket. It holds
 * one message of the client's, of at most WS_MESSAGE_MAX bytes however fragmented, and the bytes to go,
 * which stay few as long as ws_talk_is_full() is heeded.
 */
#ifndef HEADCAM_HTTP_WS_TALK_H
#define HEADCAM_HTTP_WS_TALK_H

#include "base/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <wslay/wslay.h>

/* A whole text message, UTF-8. It may call ws_talk_text() and ws_talk_close(). */
typedef void ws_talk_on_text(void *arg, const char *text, size_t length);

struct ws_talk {
    struct wslay_event_context *context;
    const uint8_t *in; /* what is fed, and how much is left of it */
    size_t in_bytes;
    struct bytes out; /* whole frames to go */
    bool is_broken;   /* it was ended without wslay */
    ws_talk_on_text *on_text;
    void *arg;
};

void ws_talk_init(struct ws_talk *talk, ws_talk_on_text *on_text, void *arg);
void ws_talk_fini(struct ws_talk *talk);

/* Takes bytes from the client. What comes after the end is not looked at. */
void ws_talk_feed(struct ws_talk *talk, const void *bytes, size_t length);

/* The client has to read before it is listened to again. */
bool ws_talk_is_full(const struct ws_talk *talk);

/* Add to what is to go; after the end nothing is added. */
void ws_talk_text(struct ws_talk *talk, const char *text);
void ws_talk_ping(struct ws_talk *talk);

/* Ends it, with a code of RFC 6455 and a reason for people. */
void ws_talk_close(struct ws_talk *talk, enum wslay_status_code code, const char *reason);

/* It was ended for what the client said, or did not say. */
bool ws_talk_has_refused(const struct ws_talk *talk);

/* The close frame is in `out`, or was: nothing may follow it. */
bool ws_talk_is_over(const struct ws_talk *talk);

#endif
