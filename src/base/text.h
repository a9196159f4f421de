/* SPDX-License-Identifier: MIT */
/*
 * text: UTF-8 in buffers of a fixed size, and numbers in text.
 */
#ifndef HEADCAM_BASE_TEXT_H
#define HEADCAM_BASE_TEXT_H

#include <stdbool.h>
#include <stdint.h>

/* Removes the last character of a text if it was cut within it, as snprintf() does. */
void text_drop_cut_character(char *text);

/* Reads decimal digits and nothing else. False, also for NULL: they are none, or too many. */
bool text_read_number(const char *text, uint64_t *value);

#endif
