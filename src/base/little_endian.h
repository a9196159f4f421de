/* SPDX-License-Identifier: MIT */
/*
 * little_endian: integers of the wire, which are unaligned.
 */
#ifndef HEADCAM_BASE_LITTLE_ENDIAN_H
#define HEADCAM_BASE_LITTLE_ENDIAN_H

#include <stdint.h>

static inline uint64_t little_endian(const uint8_t *bytes, int count)
{
    uint64_t value = 0;
    for (int i = count - 1; i >= 0; i--)
        value = value << 8 | bytes[i];
    return value;
}

/* Returns the byte after the last written. */
static inline uint8_t *put_little_endian(uint8_t *bytes, uint64_t value, int count)
{
    for (int i = 0; i < count; i++)
        bytes[i] = (uint8_t)(value >> (8 * i));
    return bytes + count;
}

#endif
