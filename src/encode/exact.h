/* SPDX-License-Identifier: MIT */
/*
 * exact: frames that hold a producer's very pixels, or a PNG of them. There are few, and large ones: the
 * memory of each is the system's again when nobody needs the frame any more, and that of all together has
 * a limit. Any thread; of one frame only its maker, until it is published.
 */
#ifndef HEADCAM_ENCODE_EXACT_H
#define HEADCAM_ENCODE_EXACT_H

#include "encode/jpeg.h"
#include "stream/frame.h"
#include "stream/raw.h"

#include <stddef.h>
#include <stdint.h>

struct exact_store;

struct exact_store *exact_store_create(size_t max_bytes);

/* No more frames will be made; those still in use free the store with the last of them. */
void exact_store_destroy(struct exact_store *store);

struct exact_frame {
    struct frame frame; /* the first member: what the others see */
    struct exact_store *store;
    uint8_t *memory;
    size_t room;
};

/* A frame with one reference and room for so many bytes. NULL: the store's limit, or the system, forbids. */
struct exact_frame *exact_frame_create(struct exact_store *store, size_t room);

/* The memory's first bytes are what there is to see; the rest is given back. */
void exact_frame_fill(struct exact_frame *frame, size_t data_bytes);

/* A frame for the pixels of a raw frame. NULL, as above. */
struct exact_frame *exact_pixels_create(struct exact_store *store, const struct raw_frame *raw);

/* Copies rows into it, from first_row on. Any thread, several at a time for different rows. */
void exact_pixels_copy(struct exact_frame *frame, uint32_t first_row, const struct jpeg_pixels *rows);

/* The pixels in such a frame. */
struct jpeg_pixels exact_pixels_of(const struct frame *frame);

#endif
