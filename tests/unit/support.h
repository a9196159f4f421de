/* SPDX-License-Identifier: MIT */
/*
 * support: what the unit tests and the fuzz tests share: numbers that look random and are the same in
 * every run, files, and JPEGs made and read by libjpeg alone.
 */
#ifndef HEADCAM_TESTS_SUPPORT_H
#define HEADCAM_TESTS_SUPPORT_H

#include "base/bytes.h"
#include "encode/jpeg.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define TEST(name) static void name(__attribute__((unused)) void **test_state)

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct dice {
    uint64_t state; /* the seed */
};

uint64_t dice_throw(struct dice *dice);

/* From 0 to sides - 1. */
uint64_t dice_below(struct dice *dice, uint64_t sides);

/* Picture content that no encoder finds easy, in all bytes of a buffer. */
void dice_fill(struct dice *dice, uint8_t *bytes, size_t length);

/* A whole file, with a zero behind it, for free(). */
char *read_whole_file(const char *path, size_t *length);

/* First each coefficient but the DC's in a scan of its own, less one bit, then that bit. */
enum { SCRIPT_SCANS_MOST = 1 + 2 * 63 };

/* What libjpeg shall do beside the ordinary. */
struct jpeg_extras {
    unsigned restart_mcus; /* restart interval; 0: none */
    bool is_progressive;
    unsigned scans; /* of a progressive one in gray, 2 to SCRIPT_SCANS_MOST; 0: as many as are usual */
    const void *app_segment; /* contents of an APP1 segment; NULL: none */
    unsigned app_bytes;
};

/* libjpeg's own single-pass JPEG of a picture, as anybody would make it, replacing what is in out. */
void reference_jpeg(const struct jpeg_pixels *pixels, const struct jpeg_settings *settings,
                    const struct jpeg_extras *extras, struct bytes *out);

/* Decodes to RGB without padding, for free(). */
uint8_t *decode_jpeg(const uint8_t *jpeg, size_t length, uint32_t *width, uint32_t *height);

/* Sleeps a moment, for polling on a condition. False: the deadline has passed. */
bool still_before(uint64_t deadline_ns);

#endif
