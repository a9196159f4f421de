/* SPDX-License-Identifier: MIT */
#include "base/bytes.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

void bytes_reserve(struct bytes *bytes, size_t room)
{
    if (room <= bytes->room)
        return;
    bytes->data = memory_array(bytes->data, room, 1);
    bytes->room = room;
}

void bytes_append(struct bytes *bytes, const void *data, size_t length)
{
    if (bytes->length + length > bytes->room)
        bytes_reserve(bytes, (bytes->length + length) * 2);
    memcpy(bytes->data + bytes->length, data, length);
    bytes->length += length;
}

void bytes_fini(struct bytes *bytes)
{
    free(bytes->data);
    *bytes = (struct bytes){0};
}
