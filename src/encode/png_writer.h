/* SPDX-License-Identifier: MIT */
/*
 * png_writer: pixels as a PNG, exactly: RGB, or gray for GRAY8. The fourth byte of RGBA and BGRA, which
 * means nothing on the wire, is left out. Any thread; it keeps nothing.
 */
#ifndef HEADCAM_ENCODE_PNG_WRITER_H
#define HEADCAM_ENCODE_PNG_WRITER_H

#include "encode/jpeg.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Room for the PNG of such a picture, whatever it shows. */
size_t png_writer_room(enum headcam_pixel_format format, uint32_t width, uint32_t height);

/* Writes a PNG and returns its length. 0: there was no room, or *give_up became true meanwhile. */
size_t png_writer_write(const struct jpeg_pixels *pixels, const atomic_bool *give_up, uint8_t *into,
                        size_t room);

#endif
