/* SPDX-License-Identifier: MIT */
#include "stream/intake.h"

const char *reject_name(enum reject reason)
{
    static const char *const names[REJECT_REASONS] = {
        [REJECT_PARTS] = "parts", [REJECT_TOPIC] = "topic",       [REJECT_HEADER] = "header",
        [REJECT_MAGIC] = "magic", [REJECT_VERSION] = "version",   [REJECT_FIELD] = "field",
        [REJECT_SIZE] = "size",   [REJECT_JPEG] = "jpeg",         [REJECT_ANNOUNCEMENT] = "announcement",
        [REJECT_RING] = "ring",   [REJECT_CONFLICT] = "conflict", [REJECT_LIMIT] = "limit",
        [REJECT_LOOP] = "loop",
    };
    return names[reason];
}
