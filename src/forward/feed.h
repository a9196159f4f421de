/* SPDX-License-Identifier: MIT */
/*
 * feed: a stream's newest frame for all edges that take it, and the demand of all of them. The forward
 * thread.
 */
#ifndef HEADCAM_FORWARD_FEED_H
#define HEADCAM_FORWARD_FEED_H

#include "base/list.h"
#include "stream/hub.h"

struct feed {
    struct list link; /* the forward thread's feeds */
    char name[NAME_BYTES];
    struct hub *hub;
    struct watch *watch;   /* its own */
    struct hub_view view;  /* serials of what was seen */
    struct frame *frame;   /* the newest that came since the feed began; NULL: none */
    struct audience wants; /* summed up anew where the demand has changed */
    struct audience told;
};

struct feed *feed_create(struct hub *hub, const char *name);

/* Ends the demand. */
void feed_destroy(struct feed *feed);

/* Takes the newest frame. */
void feed_refresh(struct feed *feed);

/* Tells the hub what is wanted, where that has changed. */
void feed_tell(struct feed *feed);

#endif
