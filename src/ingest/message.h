/* SPDX-License-Identifier: MIT */
/*
 * message: reads the parts of a producer's message: topic, frame header, announcement. Pure; every
 * field is checked here, and nothing else looks at raw bytes.
 */
#ifndef HEADCAM_INGEST_MESSAGE_H
#define HEADCAM_INGEST_MESSAGE_H

#include "stream/hub.h"
#include "stream/intake.h"
#include "stream/name.h"
#include "stream/raw.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MESSAGE_ERROR_BYTES = 128 };

/* Why a part was refused: the counter, and a sentence for the log. */
struct message_error {
    enum reject reason;
    char text[MESSAGE_ERROR_BYTES];
};

/* Reads "NAME/" or "@NAME/". */
bool message_read_topic(const void *bytes, size_t length, char name[NAME_BYTES], bool *is_announcement,
                        struct message_error *error);

/*
 * Reads a frame header of length bytes and checks every field against the others, and the payload's
 * size against max_frame_bytes. Where that fails, info has what the header says, or is left as it was where
 * that does not begin as one.
 */
bool message_read_header(const void *bytes, size_t length, size_t max_frame_bytes, struct raw_info *info,
                         struct message_error *error);

/* Checks that an inline payload is as long as its header says. */
bool message_check_payload(const struct raw_info *info, size_t length, struct message_error *error);

/* Reads an announcement's JSON. */
bool message_read_announcement(const void *bytes, size_t length, struct announcement *announcement,
                               struct message_error *error);

#endif
