/* SPDX-License-Identifier: MIT */
/* Input: the width and height that it shall at least have, a byte each, then what shall be a JPEG. */
#include "encode/jpeg_decode.h"
#include "ingest/jpeg_check.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/support.h"

enum { LEAST_BYTES = 2, SIDE = 40, MAX_BYTES = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < LEAST_BYTES)
        return 0;
    const struct raw_frame jpeg = {
        .info = {.width = SIDE, .height = SIDE, .format = HEADCAM_JPEG, .payload_bytes = size - LEAST_BYTES},
        .payload = data + LEAST_BYTES,
    };
    if (jpeg_check(jpeg.payload, jpeg.info.payload_bytes, SIDE, SIDE))
        return 0; /* nothing else is ever decoded */
    char error[JPEG_DECODE_ERROR_BYTES] = "";
    uint32_t least_width = data[0] % SIDE + 1, least_height = data[1] % SIDE + 1;
    struct raw_frame *raw = jpeg_decode(&jpeg, least_width, least_height, MAX_BYTES, error);
    if (!raw) {
        fuzz_check(error[0] != '\0');
        return 0;
    }
    fuzz_check(raw->info.width >= least_width && raw->info.width <= SIDE);
    fuzz_check(raw->info.height >= least_height && raw->info.height <= SIDE);
    uint64_t sum = 0;
    for (size_t i = 0; i < raw->info.payload_bytes; i++) /* all of it is there */
        sum += raw->payload[i];
    fuzz_check(sum <= 255 * raw->info.payload_bytes);
    raw_release(raw);
    return 0;
}

void fuzz_seeds(void (*add)(const void *data, size_t size))
{
    static const struct jpeg_extras kinds[] = {{0},
                                               {.is_progressive = true},
                                               {.is_progressive = true, .scans = SCRIPT_SCANS_MOST},
                                               {.restart_mcus = 1}};
    static const enum headcam_pixel_format formats[] = {HEADCAM_RGB, HEADCAM_GRAY8};
    static uint8_t rows[SIDE * SIDE * 3];
    struct dice dice = {1};
    dice_fill(&dice, rows, sizeof(rows));
    const struct jpeg_settings settings = {.quality = 50, .subsampling = JPEG_420};
    for (size_t i = 0; i < COUNT(kinds) * COUNT(formats); i++) {
        const struct jpeg_extras *kind = &kinds[i / COUNT(formats)];
        const enum headcam_pixel_format format = kind->scans ? HEADCAM_GRAY8 : formats[i % COUNT(formats)];
        const struct jpeg_pixels pixels = {format, SIDE, SIDE, (size_t)SIDE * raw_pixel_bytes(format), rows};
        struct bytes seed = {0}, jpeg = {0};
        reference_jpeg(&pixels, &settings, kind, &jpeg);
        bytes_append(&seed, "\x09\x13", LEAST_BYTES);
        bytes_append(&seed, jpeg.data, jpeg.length);
        add(seed.data, seed.length);
        bytes_fini(&seed);
        bytes_fini(&jpeg);
    }
}
