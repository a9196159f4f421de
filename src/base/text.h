/* SPDX-License-Identifier: MIT */
/*
 * text: UTF-8 in buffers of a fixed size.
 */
#ifndef HEADCAM_BASE_TEXT_H
#define HEADCAM_BASE_TEXT_H

/* Removes the last character of a text if it was cut within it, as snprintf() does. */
void text_drop_cut_character(char *text);

#endif
