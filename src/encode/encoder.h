/* SPDX-License-Identifier: MIT */
/*
 * encoder: the threads that turn raw frames into JPEGs. A frame is cut into stripes, which all threads
 * take from; the thread that ends the last one joins them and publishes the frame. So one frame's
 * latency falls with the number of cores. task.h says what the work on a frame is.
 */
#ifndef HEADCAM_ENCODE_ENCODER_H
#define HEADCAM_ENCODE_ENCODER_H

#include "base/pulse.h"
#include "encode/jpeg.h"
#include "stream/hub.h"

#include <stddef.h>

struct encoder;

struct encoder_options {
    struct jpeg_settings jpeg;
    int threads;
    struct pulses *pulses;
    size_t max_frame_bytes; /* as pixels, for ready JPEGs that are decoded */
    size_t max_exact_bytes; /* of all exact pictures together */
};

/* Starts the threads. NULL: it could not, and logged why. */
struct encoder *encoder_create(struct hub *hub, const struct encoder_options *options);

/* Ends the threads; nothing submits to the hub any more. Frames may outlive it. */
void encoder_destroy(struct encoder *encoder);

#endif
