/* SPDX-License-Identifier: MIT */
/*
 * png_worker: the thread that makes PNGs, one after the other, in the time that live pictures leave. Of a
 * stream there is at most one to make at a time (hub_postpone()), so no more wait than there are streams.
 */
#ifndef HEADCAM_ENCODE_PNG_WORKER_H
#define HEADCAM_ENCODE_PNG_WORKER_H

#include "encode/exact.h"
#include "stream/hub.h"

struct png_worker;

/* Starts the thread. NULL, with errno: the system would not. */
struct png_worker *png_worker_create(struct hub *hub, struct exact_store *store);

/* Ends the thread; what is not done by then comes to nothing. */
void png_worker_destroy(struct png_worker *worker);

/* Makes a PNG of pixels, of which it takes over a reference, and publishes it. Any thread. */
void png_worker_add(struct png_worker *worker, const struct hub_late *late, struct frame *pixels);

#endif
