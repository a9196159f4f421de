/* SPDX-License-Identifier: MIT */
/*
 * viewer: one MJPEG client, as a cursor: which frame is on its way to it and how far it got. It writes
 * to the client's socket itself, straight from the shared frame, and holds nothing else.
 *
 * The HTTP thread creates and destroys it; between the two, from sender_adopt() until its connection is
 * resumed, it belongs to the sender's thread, which calls the functions below.
 */
#ifndef HEADCAM_HTTP_VIEWER_H
#define HEADCAM_HTTP_VIEWER_H

#include "base/list.h"
#include "base/timers.h"
#include "http/client.h"
#include "http/multipart.h"
#include "http/peer.h"
#include "stream/name.h"
#include "stream/pace.h"
#include "stream/show.h"
#include "stream/variant_settings.h"

#include <gnutls/gnutls.h>
#include <microhttpd.h>
#include <stdbool.h>

struct channel;
struct watch;

/* Why a viewer was ended. */
enum viewer_end {
    VIEWER_LEFT,        /* its client closed */
    VIEWER_STUCK,       /* it read nothing for --stuck-after */
    VIEWER_FAILED,      /* the connection broke, or could not be watched: end_errno */
    VIEWER_SERVER_ENDS, /* the server is shutting down */
    VIEWER_ENDS,        /* how many there are */
};

struct viewer {
    /* Fixed from the start. */
    struct MHD_Connection *connection;
    int fd;
    gnutls_session_t session; /* NULL: it is sent plain */
    struct watch *watch;      /* a reference */
    char name[NAME_BYTES];    /* "" for the default stream */
    struct variant_settings settings;
    bool advance_headers;
    millifps rate;
    char peer[PEER_BYTES];

    struct client client;
    struct list link;        /* the sender's inbox, then its channel's viewers */
    struct channel *channel; /* NULL until it has one */
    struct timer timer;      /* pacing, draining, and being stuck */
    struct pace pace;
    uint64_t edition;  /* the last one taken */
    uint64_t taken_ns; /* and when */
    uint64_t picture;  /* the watch's number of the last one taken, or of that at its coming */

    /* The part on its way: head, JPEG, tail. */
    bool is_open; /* the opening was put before the first head */
    struct frame *frame;
    enum show_state state; /* what the frame is shown as */
    char head[MULTIPART_OPENING_BYTES + MULTIPART_HEAD_BYTES];
    size_t head_bytes;
    size_t sent; /* of head, JPEG and tail together */

    uint64_t written_bytes; /* to the socket, since the start; as they were before encryption */
    uint64_t drained_bytes; /* of these, no longer in the kernel when last looked at */
    uint64_t progress_ns;   /* when that last rose */

    /* For the log. */
    uint64_t begun_ns, ended_ns;
    uint64_t frames, frames_age_ns; /* new frames sent whole, and their ages at that moment added up */
    uint64_t skipped;               /* frames that it was too slow for */
    enum viewer_end end;
    int end_errno; /* for VIEWER_FAILED */
};

enum viewer_result {
    VIEWER_DONE,    /* the part is in the kernel */
    VIEWER_BLOCKED, /* the socket takes no more now */
    VIEWER_GONE,    /* the connection is over; end and end_errno say why */
};

/* Prepares the socket: bounds what the kernel holds for it. */
void viewer_begin(struct viewer *viewer, uint64_t now_ns);

/* Begins a part; takes a reference of the frame. */
void viewer_take(struct viewer *viewer, struct frame *frame, enum show_state state);

/* Sends what the socket takes of the part. */
enum viewer_result viewer_send(struct viewer *viewer);

/*
 * How long the kernel needs until it holds no more than the path keeps in flight, so that the next
 * frame would leave at once: 0 means now.
 */
uint64_t viewer_drain_ns(struct viewer *viewer, uint64_t now_ns);

/* Looks at how much the client took; progress_ns follows. */
void viewer_check_progress(struct viewer *viewer, uint64_t now_ns);

/* Notes what an error of the socket says about its end: a client may close in several ways. */
void viewer_note_error(struct viewer *viewer, int error);

/* The error that the socket holds, or 0. */
int viewer_error(const struct viewer *viewer);

/* Gives back the part on its way. What is in the kernel for one that is stuck is thrown away, too. */
void viewer_end(struct viewer *viewer, uint64_t now_ns);

#endif
