/* SPDX-License-Identifier: MIT */
/*
 * keygen: 'headcam keygen', which makes a pair of CURVE keys and writes them to two files.
 */
#ifndef HEADCAM_CURVE_KEYGEN_H
#define HEADCAM_CURVE_KEYGEN_H

/* The arguments behind 'keygen'. Returns the exit code. */
int keygen_main(int count, char *const arguments[]);

#endif
