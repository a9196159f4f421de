/* SPDX-License-Identifier: MIT */
/*
 * jpeg_check: whether bytes are a whole JPEG, without decoding it. Pure.
 */
#ifndef HEADCAM_INGEST_JPEG_CHECK_H
#define HEADCAM_INGEST_JPEG_CHECK_H

#include <stddef.h>
#include <stdint.h>

/*
 * NULL if it begins with SOI, has a baseline or progressive frame header (SOF) of this size and a scan,
 * and ends with EOI at its very end; otherwise what is wrong.
 */
const char *jpeg_check(const uint8_t *bytes, size_t length, uint32_t width, uint32_t height);

#endif
