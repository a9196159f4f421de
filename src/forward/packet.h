/* SPDX-License-Identifier: MIT */
/*
 * packet: what goes to an edge and comes from it, in the bytes of headcam/wire.h. Pure.
 */
#ifndef HEADCAM_FORWARD_PACKET_H
#define HEADCAM_FORWARD_PACKET_H

#include "stream/hub.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PACKET_TOPIC_BYTES = HEADCAM_NAME_MAX + 3 };

/* "NAME/" or "@NAME/". Returns its length. */
size_t packet_write_topic(char topic[PACKET_TOPIC_BYTES], const char *name, bool is_announcement);

/* What an edge is told of a stream's state; CONDITION_WAITING: nothing. */
enum condition packet_state(const struct stream_report *report);

/*
 * An announcement's JSON; id is the forwarding headcam's. NULL: it came through as many headcams as it may.
 * The caller frees it.
 */
char *packet_write_announcement(const struct stream_report *report, enum condition state, const char *reason,
                                uint64_t id);

void packet_write_header(uint8_t header[HEADCAM_HEADER_BYTES], const struct frame *frame, uint64_t instance);

enum packet_kind {
    PACKET_OTHER, /* of no meaning here */
    PACKET_HELLO, /* the edge wants announcements: it is there */
    PACKET_SUBSCRIBE,
    PACKET_UNSUBSCRIBE,
    PACKET_RATE,
    PACKET_TAKEN,
    PACKET_VERDICT,
};

/* A message of an edge. */
struct packet {
    enum packet_kind kind;
    char name[NAME_BYTES];
    millifps rate;
    uint64_t instance, sequence;
    bool is_taken;
    char reason[HUB_TEXT_BYTES];
};

void packet_read(const uint8_t *bytes, size_t length, struct packet *packet);

#endif
