/* SPDX-License-Identifier: MIT */
/*
 * ring: a producer's ring file, read with pread(): no producer can harm the server by what it does to
 * the file. wire.h describes the file. A ring is shared by the frames in its slots; any thread may read.
 */
#ifndef HEADCAM_INGEST_RING_H
#define HEADCAM_INGEST_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct ring;

enum { RING_ERROR_BYTES = 256 };

/* What a ring must be to be opened. */
struct ring_claim {
    const char *directory;
    uint64_t instance;
    uint32_t number;
    uid_t owner; /* of the file: the producer's user */
};

/*
 * Opens a ring and checks everything of it. NULL, and a sentence in error, where it is not what it
 * should be. The new ring has one reference.
 */
struct ring *ring_open(const struct ring_claim *claim, char error[RING_ERROR_BYTES]);

struct ring *ring_ref(struct ring *ring);
void ring_unref(struct ring *ring);

/* Whether such a frame can be in such a slot. */
bool ring_has_room(const struct ring *ring, uint32_t slot, size_t payload_bytes);

/* Copies bytes of a slot. False: they are not there, the file was cut off. */
bool ring_read(const struct ring *ring, uint32_t slot, size_t offset, void *into, size_t length);

/* Whether a slot still holds the frame that was written with this sequence. */
bool ring_slot_is(const struct ring *ring, uint32_t slot, uint64_t sequence);

/*
 * Memory for what a frame of the ring needs beside its pixels, given back to be used again. Always of the
 * same size for a ring.
 */
void *ring_take_memory(struct ring *ring, size_t bytes);
void ring_give_memory(struct ring *ring, void *memory);

/* Removes the rings in a directory whose producers are dead. */
void ring_clean(const char *directory);

#endif
