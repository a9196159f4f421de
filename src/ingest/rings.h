/* SPDX-License-Identifier: MIT */
/*
 * rings: which ring each stream's producer offers, and whether it can be read. The ingest thread.
 */
#ifndef HEADCAM_INGEST_RINGS_H
#define HEADCAM_INGEST_RINGS_H

#include "ingest/ring.h"
#include "stream/hub.h"

struct rings;

/* Removes the rings of dead producers from where rings are. The endpoint is the server's own. */
struct rings *rings_create(const char *endpoint);
void rings_destroy(struct rings *rings);

/* Without a user of its own, as over tcp://, a producer can have no ring. */
#define RINGS_NO_USER ((uid_t)-1)

/*
 * A stream's producer offers a ring; owner is its user. True: the ring can be read, and is the stream's
 * from here on. False: reason says why not.
 */
bool rings_offer(struct rings *rings, const char *name, uint64_t instance, const struct ring_offer *offer,
                 uid_t owner, char reason[RING_ERROR_BYTES]);

/* The ring that a frame is in, or NULL if it can be in none. */
struct ring *rings_find(struct rings *rings, const char *name, const struct raw_info *info);

/* Closes the rings of producers that are gone. */
void rings_tick(struct rings *rings, struct hub *hub);

#endif
