/* SPDX-License-Identifier: MIT */
/*
 * channel: one watch of the hub's and those who share it: what it shows now, its viewers, and the snapshot
 * requests that wait for its next frame. It belongs to the sender's thread.
 */
#ifndef HEADCAM_HTTP_CHANNEL_H
#define HEADCAM_HTTP_CHANNEL_H

#include "access/access.h"
#include "base/list.h"
#include "base/timers.h"
#include "http/viewer.h"
#include "http/waiter.h"
#include "stream/hub.h"
#include "stream/show.h"

/* What channels share: the sender's thread gives it to each. */
struct channel_context {
    struct hub *hub;
    struct timers *timers;
    uint64_t stuck_after_ns;
    /* Ends a viewer or a waiter: it is in no list and has no timer any more; viewer->end says why. */
    void (*release_viewer)(struct viewer *viewer, void *arg);
    void (*release_waiter)(struct waiter *waiter, void *arg);
    /* The channel of a watch, a new one if there is none. */
    struct channel *(*find)(struct watch *watch, void *arg);
    void *arg;
};

struct channel {
    struct list link; /* the sender's channels */
    const struct channel_context *context;
    struct watch *watch;   /* a reference */
    struct hub_view view;  /* serials of what was seen */
    struct frame *picture; /* the newest frame */
    struct frame *notice;  /* its newest no-signal picture */
    struct show show;
    struct timer timer; /* show.next_ns */
    struct list viewers, waiters;
    struct list arrivals; /* viewers of other channels that come when it has a picture */
    size_t viewer_count;
    struct hub_description description; /* as those know it who are told */
    uint64_t description_serial;        /* from 1 on */
};

/* A channel for all who have this watch. */
struct channel *channel_create(const struct channel_context *context, struct watch *watch);

/* Ends watching. Nobody is left in it. */
void channel_destroy(struct channel *channel);

bool channel_is_empty(const struct channel *channel);

void channel_add_viewer(struct channel *channel, struct viewer *viewer);
void channel_add_waiter(struct channel *channel, struct waiter *waiter);

/* The stream may have something new: takes it, and serves everybody. */
void channel_refresh(struct channel *channel);

/* A viewer's client closed, or its connection broke, or its WebSocket is over; a waiter's client closed. */
void channel_drop_viewer(struct viewer *viewer);
void channel_drop_waiter(struct waiter *waiter);

/* Ends the viewers whose login is good for nothing here any more. */
void channel_end_revoked(struct channel *channel, struct access *access);

/* Ends everybody. */
void channel_end_all(struct channel *channel, const char *reason);

/* ---- for serve.c and retune.c ---- */

/* The picture that viewers see now, or NULL. */
struct frame *channel_shown_frame(const struct channel *channel);

/* Somebody is about to enter, on his own: if nobody was there, the show begins. */
void channel_wake(struct channel *channel);

/* Into the channel's viewers, and out of them: the audience is told of the first only. */
void channel_enter(struct channel *channel, struct viewer *viewer);
void channel_leave(struct viewer *viewer);

/* Ends a viewer; viewer->end says why. */
void channel_remove_viewer(struct viewer *viewer);

/* Tells the hub who watches, and what would satisfy all of them. */
void channel_update_audience(struct channel *channel);

#endif
