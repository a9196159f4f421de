/* SPDX-License-Identifier: MIT */
/*
 * intake: what was counted of the messages that came from producers. Ingest counts, /status reads; any
 * thread.
 */
#ifndef HEADCAM_STREAM_INTAKE_H
#define HEADCAM_STREAM_INTAKE_H

#include <stdatomic.h>
#include <stdint.h>

/* Why a message was dropped; docs/api.md explains each. */
enum reject {
    REJECT_PARTS,
    REJECT_TOPIC,
    REJECT_HEADER,
    REJECT_MAGIC,
    REJECT_VERSION,
    REJECT_FIELD,
    REJECT_SIZE,
    REJECT_JPEG,
    REJECT_ANNOUNCEMENT,
    REJECT_RING,
    REJECT_CONFLICT,
    REJECT_LIMIT,
    REJECT_LOOP,
    REJECT_REASONS, /* how many there are */
};

struct intake {
    _Atomic uint64_t messages;
    _Atomic uint64_t rejected[REJECT_REASONS];
};

/* "parts", "magic" and so on. */
const char *reject_name(enum reject reason);

#endif
