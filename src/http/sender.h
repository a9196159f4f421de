/* SPDX-License-Identifier: MIT */
/*
 * sender: the thread that serves all viewers and waiting snapshot requests. libmicrohttpd reads the
 * request and sends the response's headers; then its connection is suspended and the sender owns the
 * socket, writes frames to it from where the encoder put them, and sees at once when the client leaves.
 * To end, it resumes the connection, and libmicrohttpd closes it.
 *
 * Any thread may call these functions.
 */
#ifndef HEADCAM_HTTP_SENDER_H
#define HEADCAM_HTTP_SENDER_H

#include "access/access.h"
#include "base/pulse.h"
#include "http/loop.h"
#include "http/viewer.h"
#include "http/visits.h"
#include "http/waiter.h"
#include "stream/hub.h"

#include <stdbool.h>

struct sender;

struct sender_options {
    struct visits *visits; /* is told of viewers */
    struct loop *loop;
    struct access *access; /* NULL: everybody may see everything */
    uint64_t stuck_after_ns;
    struct pulses *pulses;
};

/* Starts the thread. NULL: the system would not let it. */
struct sender *sender_create(struct hub *hub, const struct sender_options *options);

/*
 * Ends everybody and resumes their connections; later comers are turned away. After this the loop and
 * the daemon may be stopped, and after that sender_destroy() called.
 */
void sender_stop(struct sender *sender);
void sender_destroy(struct sender *sender);

/*
 * Suspends the viewer's connection and takes the viewer over until it is resumed. To be called where
 * MHD_suspend_connection() may. False: the sender has stopped, and nothing was done.
 */
bool sender_adopt_viewer(struct sender *sender, struct viewer *viewer);
bool sender_adopt_waiter(struct sender *sender, struct waiter *waiter);

/* What access grants is different: ends the viewers who would not be let in again. */
void sender_recheck(struct sender *sender);

#endif
