/* SPDX-License-Identifier: MIT */
/*
 * load: reads the file of users and tokens, and sees to it that it is nobody else's business. The main
 * thread.
 */
#ifndef HEADCAM_ACCESS_LOAD_H
#define HEADCAM_ACCESS_LOAD_H

#include "access/auth_file.h"

/* NULL, with what is wrong and what to do in error. */
struct auth_file *load_auth_file(const char *path, char error[AUTH_ERROR_BYTES]);

#endif
