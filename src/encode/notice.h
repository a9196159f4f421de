/* SPDX-License-Identifier: MIT */
/*
 * notice: draws the no-signal picture. Pure.
 */
#ifndef HEADCAM_ENCODE_NOTICE_H
#define HEADCAM_ENCODE_NOTICE_H

#include "stream/hub.h"

#include <stdint.h>

/* Draws into notice->width x notice->height pixels of RGB, without padding. */
void notice_draw(const struct notice *notice, uint8_t *rgb);

#endif
