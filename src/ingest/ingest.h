/* SPDX-License-Identifier: MIT */
/*
 * ingest: the thread that owns the ZeroMQ socket, at all its endpoints. It hears announcements, takes frames,
 * and tells the producers what is wanted. What does not fit is counted, logged at a limited rate, and
 * dropped.
 */
#ifndef HEADCAM_INGEST_INGEST_H
#define HEADCAM_INGEST_INGEST_H

#include "base/pulse.h"
#include "curve/gate.h"
#include "ingest/endpoint.h"
#include "stream/hub.h"

#include <stddef.h>
#include <sys/types.h>

struct ingest;

struct ingest_options {
    const struct endpoint *endpoints;
    size_t endpoint_count;
    mode_t socket_mode;          /* of an ipc:// endpoint's file */
    const struct key_pair *keys; /* for tcp://, and who may send there; NULL: everybody, in the clear */
    struct gate *gate;
    size_t max_frame_bytes;
    struct pulses *pulses;
};

/* Binds the socket and starts the thread. NULL: it could not, and error has a sentence that says why. */
struct ingest *ingest_create(struct hub *hub, const struct ingest_options *options,
                             char error[ENDPOINT_ERROR_BYTES]);

/* Ends the thread. Frames in the hub may outlive it. */
void ingest_destroy(struct ingest *ingest);

#endif
