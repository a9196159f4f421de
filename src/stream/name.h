/* SPDX-License-Identifier: MIT */
/*
 * name: what a stream may be called. Pure.
 */
#ifndef HEADCAM_STREAM_NAME_H
#define HEADCAM_STREAM_NAME_H

#include "headcam/wire.h"

#include <stdbool.h>
#include <stddef.h>

/* Room for a name and its final zero. */
#define NAME_BYTES (HEADCAM_NAME_MAX + 1)

/* For error messages. */
#define NAME_RULE "1 to 64 characters of A-Z a-z 0-9 . _ -"

bool name_is_valid(const char *text, size_t length);

#endif
