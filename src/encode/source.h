/* SPDX-License-Identifier: MIT */
/*
 * source: the pixels of a raw frame, some rows at a time: in the message that they came in, or read from
 * a ring into memory that a thread keeps for that and that stays in its cache.
 */
#ifndef HEADCAM_ENCODE_SOURCE_H
#define HEADCAM_ENCODE_SOURCE_H

#include "encode/jpeg.h"
#include "stream/raw.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zeroed, it is empty. */
struct source_memory {
    uint8_t *pages;
    size_t room;
};

void source_memory_fini(struct source_memory *memory);

/* Finds rows of a frame; they stay valid until the memory is used again. False: they are not there. */
bool source_rows(struct source_memory *memory, const struct raw_frame *raw, uint32_t first_row, uint32_t rows,
                 struct jpeg_pixels *pixels);

#endif
