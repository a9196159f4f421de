/* SPDX-License-Identifier: MIT */
#include "ingest/jpeg_check.h"

#include <stdbool.h>

/* ITU-T T.81, table B.1. */
enum {
    MARKER = 0xFF,
    SOI = 0xD8,
    EOI = 0xD9,
    SOS = 0xDA,
    SOF_FIRST = 0xC0,
    SOF_PROGRESSIVE = 0xC2,
    SOF_LAST = 0xCF,
    DHT = 0xC4,
    JPG = 0xC8,
    DAC = 0xCC,
    RST_FIRST = 0xD0,
    TEM = 0x01,
};

/* Length (2), precision (1), height (2), width (2). */
enum { SOF_BYTES = 7 };

static bool is_sof(uint8_t marker)
{
    return marker >= SOF_FIRST && marker <= SOF_LAST && marker != DHT && marker != JPG && marker != DAC;
}

static uint32_t big_endian(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 8 | bytes[1];
}

const char *jpeg_check(const uint8_t *bytes, size_t length, uint32_t width, uint32_t height)
{
    if (length < 4 || bytes[0] != MARKER || bytes[1] != SOI)
        return "a JPEG begins with SOI (FF D8)";
    if (bytes[length - 2] != MARKER || bytes[length - 1] != EOI)
        return "a JPEG ends with EOI (FF D9)";
    bool has_sof = false;
    size_t at = 2;
    while (at + 4 <= length) {
        if (bytes[at] != MARKER)
            return "a JPEG segment does not begin with a marker";
        uint8_t marker = bytes[at + 1];
        if (marker == MARKER) { /* fill bytes may come before any marker */
            at++;
            continue;
        }
        if (marker == SOI || marker == EOI || marker == TEM || (marker >= RST_FIRST && marker < SOI))
            return "a JPEG has a stray marker before its scan";
        size_t segment_bytes = big_endian(bytes + at + 2);
        if (segment_bytes < 2 || at + 2 + segment_bytes > length - 2)
            return "a JPEG segment runs over the end";
        if (is_sof(marker)) {
            if (marker > SOF_PROGRESSIVE)
                return "a JPEG is neither baseline nor progressive: browsers would not show it";
            if (segment_bytes < SOF_BYTES)
                return "a JPEG frame header is too short";
            if (big_endian(bytes + at + 5) != height || big_endian(bytes + at + 7) != width)
                return "the JPEG's size is not the announced one";
            has_sof = true;
        }
        if (marker == SOS)
            return has_sof ? NULL : "a JPEG scan comes without a frame header (SOF)";
        at += 2 + segment_bytes;
    }
    return "a JPEG has no scan";
}
