/* SPDX-License-Identifier: MIT */
/*
 * socket_file: the file of a unix stream socket: its directory, what is left of an earlier server, its
 * mode, and its end. It binds nothing. Any thread.
 */
#ifndef HEADCAM_BASE_SOCKET_FILE_H
#define HEADCAM_BASE_SOCKET_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/un.h>

enum {
    SOCKET_FILE_ERROR_BYTES = 512,
    SOCKET_FILE_PATH_BYTES = sizeof(((struct sockaddr_un *)0)->sun_path), /* with the NUL */
};

/* A path, and how it was asked for, which errors repeat: "--ingest" and "ipc://". */
struct socket_file {
    const char *path;
    const char *flag, *scheme;
};

/*
 * Makes room for a socket: creates its directory, removes the file of a server that is gone. False, and a
 * sentence in error, where that cannot be: another server listens there, something else is in the way, no
 * permission.
 */
bool socket_file_prepare(const struct socket_file *file, char error[SOCKET_FILE_ERROR_BYTES]);

/* Sets the mode of the file that was bound. */
bool socket_file_set_mode(const struct socket_file *file, mode_t mode, char error[SOCKET_FILE_ERROR_BYTES]);

/*
 * Removes the file if this process still listens on it. To be called before the socket is closed: until
 * then a successor refuses to start, so that the file removed is never a successor's.
 */
void socket_file_remove(const char *path);

#endif
