/* SPDX-License-Identifier: MIT */
/*
 * jpeg_memory: keeps the memory that libjpeg uses for a picture, for the next one. libjpeg itself gives it
 * back to the system and asks for it again, a dozen times for each stripe of each frame. Its memory
 * manager is made to be replaced in parts (libjpeg.txt, "Memory management"); these are the parts that
 * sequential compression uses.
 */
#ifndef HEADCAM_ENCODE_JPEG_MEMORY_H
#define HEADCAM_ENCODE_JPEG_MEMORY_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <jpeglib.h>

struct jpeg_memory {
    uint8_t *block;    /* what one picture needed so far; NULL before the first */
    size_t room, used; /* of block */
    size_t beyond;     /* what did not fit into it, and came from libjpeg */
    struct jpeg_memory_mgr original;
};

/*
 * Puts itself between a compressor that was just created and its memory manager. memory is to be the
 * first member of what the compressor's client_data points to.
 */
void jpeg_memory_init(struct jpeg_memory *memory, j_compress_ptr jpeg);

/* After jpeg_destroy_compress(). */
void jpeg_memory_fini(struct jpeg_memory *memory);

#endif
