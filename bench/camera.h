/* SPDX-License-Identifier: MIT */
/* camera.h: between the camera's process (camera.c) and the device that stands for it in the
   program under test (fakev4l2.c). */
#ifndef HEADCAM_BENCH_CAMERA_H
#define HEADCAM_BENCH_CAMERA_H

#include <stddef.h>
#include <stdint.h>

#define CAMERA_DONE        ".done"
#define CAMERA_QUEUED      ".queued"
#define CAMERA_BUFFERS_MAX 8

/* On the queued FIFO: an int32, the number of an empty buffer, or one of these. */
#define CAMERA_ON  (-1)
#define CAMERA_OFF (-2)

/* On the done FIFO. */
struct camera_done {
    uint32_t index;
    uint32_t sequence;
    uint64_t published_ns; /* CLOCK_MONOTONIC */
};

/* A YUYV buffer, in whole pages so that each can be mapped by itself. */
static inline size_t camera_buffer_bytes(unsigned width, unsigned height)
{
    return ((size_t)width * height * 2 + 4095) & ~(size_t)4095;
}

#endif
