/* SPDX-License-Identifier: MIT */
/*
 * waiter: one snapshot request, while its connection is suspended. The HTTP thread makes it and hands
 * it to the sender; when the connection is resumed it is the HTTP thread's again, answered.
 */
#ifndef HEADCAM_HTTP_WAITER_H
#define HEADCAM_HTTP_WAITER_H

#include "base/list.h"
#include "base/timers.h"
#include "http/client.h"
#include "stream/explain.h"
#include "stream/frame.h"
#include "stream/variant_settings.h"

#include <microhttpd.h>
#include <stdbool.h>

struct channel;
struct watch;

struct waiter {
    /* The question. */
    struct MHD_Connection *connection;
    int fd;
    struct watch *watch;    /* a reference */
    enum variant_form form; /* in which the watch has its pictures */
    uint64_t not_before_ns; /* monotonic, not 0: the oldest capture that will do */
    uint64_t deadline_ns;   /* monotonic */

    struct client client;
    struct list link; /* the sender's inbox, then its channel's waiters */
    struct channel *channel;
    struct timer timer;

    /* The answer: a frame, or why there is none, or can be none. */
    struct frame *frame;
    bool has_left; /* its client closed before */
    bool is_impossible;
    char reason[2 * EXPLAIN_BYTES];
};

#endif
