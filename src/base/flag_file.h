/* SPDX-License-Identifier: MIT */
/*
 * flag_file: a file that a flag names, read whole, if nobody else may meddle with it. It waits for nobody,
 * and reads no more than such a file can have. The main thread.
 */
#ifndef HEADCAM_BASE_FLAG_FILE_H
#define HEADCAM_BASE_FLAG_FILE_H

#include "base/bytes.h"

#include <stdbool.h>

enum { FLAG_FILE_ERROR_BYTES = 512 };

struct flag_file {
    const char *flag; /* "--auth-file", which errors repeat */
    const char *path;
    bool is_secret;  /* others may not even read it */
    bool is_lenient; /* what others may and should not is a warning: other programs have the file, too */
};

/* Adds its bytes to text. False, with what is wrong and what to do in error. */
bool flag_file_read(const struct flag_file *file, struct bytes *text, char error[FLAG_FILE_ERROR_BYTES]);

#endif
