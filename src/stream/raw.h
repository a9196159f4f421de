/* SPDX-License-Identifier: MIT */
/*
 * raw: a frame as its producer sent it, checked, not yet encoded. It has one owner at a time: ingest
 * makes it, the hub keeps the newest, the encoder uses and releases it.
 */
#ifndef HEADCAM_STREAM_RAW_H
#define HEADCAM_STREAM_RAW_H

#include "headcam/wire.h"
#include "stream/frame.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The checked contents of a frame header; units as in wire.h. */
struct raw_info {
    uint64_t instance;
    uint64_t sequence;
    uint64_t capture_real_ns;
    int64_t sim_time_ns; /* or HEADCAM_NO_SIM_TIME */
    uint64_t update;     /* or HEADCAM_NO_UPDATE */
    uint32_t width, height;
    uint32_t stride;
    enum headcam_pixel_format format;
    enum headcam_location location;
    uint32_t ring, slot;
    uint64_t slot_sequence;
    size_t payload_bytes;
    bool wants_acknowledgement;
};

struct raw_frame {
    struct raw_info info;
    uint64_t arrival_ns;    /* monotonic */
    uint64_t capture_ns;    /* monotonic: info.capture_real_ns, moved to that clock */
    const uint8_t *payload; /* info.payload_bytes; NULL where read() gives them */
    /* Copies a part of the payload. False: it is not there. Any thread, several at a time. */
    bool (*read)(const struct raw_frame *raw, size_t offset, void *into, size_t length);
    /* Whether what read() gave is still the frame's; NULL: it always is. */
    bool (*is_intact)(const struct raw_frame *raw);
    void (*release)(struct raw_frame *raw); /* frees payload and raw */
};

static inline bool raw_is_intact(const struct raw_frame *raw)
{
    return !raw->is_intact || raw->is_intact(raw);
}

static inline void raw_release(struct raw_frame *raw)
{
    if (raw)
        raw->release(raw);
}

/* Notes in a picture of it when and as which frame it was captured. */
void raw_stamp(const struct raw_frame *raw, struct frame *frame);

/* Bytes a pixel, or 0 for HEADCAM_JPEG and for what is no format. */
uint32_t raw_pixel_bytes(enum headcam_pixel_format format);

/* "RGBA", "JPEG" and so on; NULL for what is no format. */
const char *raw_format_name(enum headcam_pixel_format format);

/*
 * When a frame was captured, on the monotonic clock, from its real-time stamp: its age at arrival taken
 * from the arrival. A stamp in the future, or over ten seconds old, comes from another clock: then it
 * counts as captured when it arrived.
 */
uint64_t raw_capture_mono_ns(uint64_t capture_real_ns, uint64_t arrival_real_ns, uint64_t arrival_mono_ns);

#endif
