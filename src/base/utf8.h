/* SPDX-License-Identifier: MIT */
/*
 * utf8: text that was cut to fit a buffer. Pure.
 */
#ifndef HEADCAM_BASE_UTF8_H
#define HEADCAM_BASE_UTF8_H

/* Takes away a character at the end of text that was cut in the middle. */
void utf8_trim(char *text);

#endif
