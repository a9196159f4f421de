/* SPDX-License-Identifier: MIT */
/*
 * listen: the listening sockets, those that it opens and those that the service manager hands over. The
 * main thread, before the HTTP thread starts and after it has ended.
 */
#ifndef HEADCAM_HTTP_LISTEN_H
#define HEADCAM_HTTP_LISTEN_H

#include "http/listen_address.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { LISTEN_MOST = 32, LISTEN_ERROR_BYTES = SOCKET_FILE_ERROR_BYTES, LISTEN_URL_BYTES = 300 };

struct listener {
    int fd;                            /* non-blocking */
    bool is_tls;                       /* its clients are to shake hands */
    char url[LISTEN_URL_BYTES];        /* http[s]://HOST:PORT/, with its real port, or unix:/PATH */
    char path[SOCKET_FILE_PATH_BYTES]; /* of the socket file to be removed; empty: none */
};

/* Zeroed: none yet. */
struct listeners {
    bool has_tls; /* those of TCP are to speak TLS; set before the first */
    struct listener item[LISTEN_MOST];
    size_t count;
};

/* Binds and listens; mode is that of a socket file. False, and a sentence in error, if it cannot. */
bool listen_open(struct listeners *listeners, const struct listen_address *address, mode_t mode,
                 char error[LISTEN_ERROR_BYTES]);

/* Takes over a socket that listens already. False, and a sentence in error, if it is of no use. */
bool listen_adopt(struct listeners *listeners, int fd, char error[LISTEN_ERROR_BYTES]);

/* Closes all, and removes their files. */
void listen_close(struct listeners *listeners);

/* Whether only this machine reaches the socket. */
bool listen_is_local(int fd);

#endif
