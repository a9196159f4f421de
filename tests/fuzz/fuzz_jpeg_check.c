/* SPDX-License-Identifier: MIT */
/* Input: width and height as big-endian u16, then what shall be a JPEG. */
#include "ingest/jpeg_check.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/support.h"

#include <string.h>

enum { SIZE_BYTES = 4, SIDE = 24 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < SIZE_BYTES)
        return 0;
    uint32_t width = (uint32_t)data[0] << 8 | data[1], height = (uint32_t)data[2] << 8 | data[3];
    const uint8_t *jpeg = data + SIZE_BYTES;
    size_t length = size - SIZE_BYTES;
    const char *flaw = jpeg_check(jpeg, length, width, height);
    if (flaw) {
        fuzz_check(flaw[0] != '\0');
    } else {
        fuzz_check(length >= 4 && memcmp(jpeg, "\xff\xd8", 2) == 0);
        fuzz_check(memcmp(jpeg + length - 2, "\xff\xd9", 2) == 0);
        fuzz_check(jpeg_check(jpeg, length - 1, width, height) != NULL);
    }
    return 0;
}

void fuzz_seeds(void (*add)(const void *data, size_t size))
{
    static const char thumbnail[] = "Exif\0\0\xff\xd8\xff\xda\0\2 a thumbnail \xff\xd9";
    static const struct jpeg_extras kinds[] = {
        {0},
        {.is_progressive = true},
        {.restart_mcus = 1},
        {.app_segment = thumbnail, .app_bytes = sizeof(thumbnail)},
    };
    static const uint8_t rows[SIDE * SIDE * 3] = {0};
    const struct jpeg_pixels pixels = {HEADCAM_RGB, SIDE, SIDE, (size_t)SIDE * 3, rows};
    const struct jpeg_settings settings = {.quality = 50, .subsampling = JPEG_420};
    for (size_t i = 0; i < COUNT(kinds); i++) {
        struct bytes seed = {0}, jpeg = {0};
        reference_jpeg(&pixels, &settings, &kinds[i], &jpeg);
        bytes_append(&seed, "\0\x18\0\x18", SIZE_BYTES);
        bytes_append(&seed, jpeg.data, jpeg.length);
        add(seed.data, seed.length);
        bytes_fini(&seed);
        bytes_fini(&jpeg);
    }
}
