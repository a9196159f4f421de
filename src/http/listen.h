/* SPDX-License-Identifier: MIT */
/*
 * listen: the listening socket.
 */
#ifndef HEADCAM_HTTP_LISTEN_H
#define HEADCAM_HTTP_LISTEN_H

#include <stdbool.h>
#include <stddef.h>

enum { LISTEN_ERROR_BYTES = 512, LISTEN_URL_BYTES = 300 };

/*
 * Binds and listens. Returns the socket, with the URL that it serves (its real port where 0 was asked
 * for), or -1 with a sentence in error.
 */
int listen_open(const char *host, const char *port, char url[LISTEN_URL_BYTES],
                char error[LISTEN_ERROR_BYTES]);

/* Whether only this machine reaches the socket. */
bool listen_is_local(int fd);

#endif
