/* SPDX-License-Identifier: MIT */
/*
 * viewer: one client that watches, as a cursor: which frame is on its way to it and how far it got. It
 * writes to the client's socket itself, straight from the shared frame, and holds nothing else. What is
 * around the JPEG is a multipart's, or with `ws` a WebSocket's.
 *
 * The HTTP thread creates and destroys it; between the two, from sender_adopt() until its connection is
 * resumed, it belongs to the sender's thread, which calls the functions below.
 */
#ifndef HEADCAM_HTTP_VIEWER_H
#define HEADCAM_HTTP_VIEWER_H

#include "base/bytes.h"
#include "base/list.h"
#include "base/timers.h"
#include "http/client.h"
#include "http/multipart.h"
#include "http/peer.h"
#include "http/ws_frame.h"
#include "stream/name.h"
#include "stream/pace.h"
#include "stream/show.h"
#include "stream/variant_settings.h"

#include <gnutls/gnutls.h>
#include <microhttpd.h>
#include <stdbool.h>

struct channel;
struct grant;
struct watch;
struct ws_client;

/* Why a viewer was ended. */
enum viewer_end {
    VIEWER_LEFT,        /* its client closed */
    VIEWER_STUCK,       /* it read nothing for --stuck-after */
    VIEWER_SILENT,      /* its WebSocket answered no ping for --stuck-after */
    VIEWER_REFUSED,     /* its WebSocket was closed for what it said */
    VIEWER_REVOKED,     /* its login is in --auth-file no more */
    VIEWER_FAILED,      /* the connection broke, or could not be watched: end_errno */
    VIEWER_SERVER_ENDS, /* the server is shutting down */
    VIEWER_ENDS,        /* how many there are */
};

struct viewer {
    /* Fixed from the start. */
    struct MHD_Connection *connection;
    int fd;
    gnutls_session_t session; /* NULL: it is sent plain */
    char name[NAME_BYTES];    /* "" for the default stream */
    bool advance_headers;
    struct ws_client *ws; /* NULL: the client takes MJPEG */
    char peer[PEER_BYTES];
    const struct grant *grant; /* by which it came in: its request's, which outlives it */

    /* What it asked for; a WebSocket's client may ask for something else at any time. */
    struct watch *watch; /* a reference */
    struct variant_settings settings;
    millifps rate;

    struct client client;
    struct list link;        /* the sender's inbox, then its channel's viewers */
    struct channel *channel; /* NULL until it has one */
    struct timer timer;      /* pacing, draining, and being stuck */
    struct pace pace;
    uint64_t edition;  /* the last one taken */
    uint64_t taken_ns; /* and when */
    uint64_t picture;  /* the watch's number of the last one taken, or of that at its coming */

    struct frame *last; /* a reference, which one that asked for few keeps to have it again */

    /* The channel that it goes over to when that has a picture as new as those it has seen. */
    struct {
        struct list link;        /* that channel's arrivals */
        struct channel *channel; /* NULL: none */
        struct watch *watch;     /* a reference */
        uint64_t not_before_ns;  /* monotonic, not 0: of the capture */
    } next;

    /* Texts and control frames of a WebSocket on their way. */
    struct bytes words;

    /* The part on its way: head, JPEG, tail. */
    bool is_open; /* the opening was put before the first head */
    struct frame *frame;
    enum show_state state;                                     /* what the frame is shown as */
    char head[MULTIPART_OPENING_BYTES + MULTIPART_HEAD_BYTES]; /* more than WS_HEAD_BYTES */
    size_t head_bytes;
    size_t sent; /* of words, or of head, JPEG and tail together */

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

/* Prepares the socket: what is written leaves at once. */
void viewer_begin(struct viewer *viewer, uint64_t now_ns);

/* Begins a part; takes a reference of the frame. */
void viewer_take(struct viewer *viewer, struct frame *frame, enum show_state state);

/* Begins with words instead, which it takes out of there. */
void viewer_take_words(struct viewer *viewer, struct bytes *words);

static inline bool viewer_is_sending(const struct viewer *viewer)
{
    return viewer->frame || viewer->words.length > 0;
}

/* Sends what the socket takes of the part, or of the words. */
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

/* As recv() without waiting, of what the client says: -1 and errno, 0 at its end. */
ssize_t viewer_receive(const struct viewer *viewer, void *bytes, size_t room);

/* Nothing more is written: the client sees the end once it has read what there is. */
void viewer_shut(struct viewer *viewer);

/* Gives back the part on its way. What is in the kernel for one that is stuck is thrown away, too. */
void viewer_end(struct viewer *viewer, uint64_t now_ns);

#endif
