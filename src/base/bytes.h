/* SPDX-License-Identifier: MIT */
/*
 * bytes: a buffer that grows and is used again.
 */
#ifndef HEADCAM_BASE_BYTES_H
#define HEADCAM_BASE_BYTES_H

#include <stddef.h>
#include <stdint.h>

struct bytes {
    uint8_t *data; /* NULL until it has room */
    size_t length, room;
};

/* Makes room for at least this many bytes; what is there stays. */
void bytes_reserve(struct bytes *bytes, size_t room);

void bytes_append(struct bytes *bytes, const void *data, size_t length);

void bytes_fini(struct bytes *bytes);

#endif
