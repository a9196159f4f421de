/* SPDX-License-Identifier: MIT */
/*
 * ws_client: what a WebSocket's viewer has beyond an MJPEG client's: the conversation, which pictures the
 * client acknowledged, signs of life. As the viewer itself it is made and freed by the HTTP thread; between
 * the two the functions below belong to the sender's thread. It reads the viewer's socket and never writes to
 * it: what is to go, the viewer writes.
 */
#ifndef HEADCAM_HTTP_WS_CLIENT_H
#define HEADCAM_HTTP_WS_CLIENT_H

#include "http/heartbeat.h"
#include "http/viewer.h"
#include "http/ws_talk.h"
#include "http/ws_text.h"

struct ws_client {
    struct ws_talk talk;
    uint32_t window;     /* as ws_wish.window */
    uint64_t update;     /* of the last picture taken: how many there were */
    uint64_t acked;      /* the last one acknowledged */
    uint64_t described;  /* the channel's description that it has; 0: none, or it is to be sent again */
    size_t max_variants; /* for the error that names it */
    struct heartbeat heartbeat;
    uint64_t ping_end;    /* of all bytes written, where the last ping ended; UINT64_MAX while it waits */
    uint64_t close_by_ns; /* once the close frame is gone: how long the client's is waited for; 0: before */
};

void ws_client_init(struct viewer *viewer, struct ws_client *client, uint32_t window, size_t max_variants);
void ws_client_fini(struct ws_client *client);

/* The answer to the handshake goes ahead of everything else. */
void ws_client_answer(struct ws_client *client, const char *answer);

enum ws_heard {
    WS_HEARD_NOTHING, /* the socket is empty, or the client has to read first */
    WS_HEARD,         /* something: there may be more, and there may be something to send now */
    WS_GONE,          /* the client closed its connection */
};

/* Reads a little from the socket, and does what it says. */
enum ws_heard ws_client_hear(struct viewer *viewer);

/* All that may be on its way unacknowledged is. */
static inline bool ws_client_is_behind(const struct ws_client *client)
{
    return client->window > 0 && client->update - client->acked >= client->window;
}

/* What was on its way to the client has left. */
void ws_client_note_sent(struct viewer *viewer);

/* Tells what the viewer is shown, ahead of the next picture. */
void ws_client_describe(struct viewer *viewer, const struct hub_description *description, uint64_t serial);

/* Asks a silent client for a sign of life. False: it gave none in time, patience_ns before and after. */
bool ws_client_check_heartbeat(struct viewer *viewer, uint64_t now_ns, uint64_t patience_ns);

#endif
