/* SPDX-License-Identifier: MIT */
/*
 * client: what the sender's epoll knows of a viewer or a waiting snapshot request: whom to tell.
 */
#ifndef HEADCAM_HTTP_CLIENT_H
#define HEADCAM_HTTP_CLIENT_H

#include <stdint.h>

struct client {
    /* Something happened on its socket (EPOLL*). It may be gone afterwards. */
    void (*on_events)(struct client *client, uint32_t events);
};

#endif
