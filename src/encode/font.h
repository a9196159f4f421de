/* SPDX-License-Identifier: MIT */
/*
 * font: a bitmap font of printable ASCII, for the no-signal picture. Pure.
 */
#ifndef HEADCAM_ENCODE_FONT_H
#define HEADCAM_ENCODE_FONT_H

#include <stdint.h>

enum { FONT_WIDTH = 10, FONT_HEIGHT = 20 };

/* FONT_HEIGHT rows from the top; bit FONT_WIDTH - 1 is the leftmost pixel. '?' for what is no ASCII. */
const uint16_t *font_glyph(char c);

#endif
