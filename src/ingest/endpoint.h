/* SPDX-License-Identifier: MIT */
/*
 * endpoint: where producers connect: ipc:// or tcp://, and the socket file of the former. Endpoints that are
 * no files need nothing of what is said here of files.
 */
#ifndef HEADCAM_INGEST_ENDPOINT_H
#define HEADCAM_INGEST_ENDPOINT_H

#include "base/host_port.h"
#include "base/socket_file.h"

enum {
    ENDPOINT_ERROR_BYTES = SOCKET_FILE_ERROR_BYTES,
    ENDPOINT_BYTES = HOST_PORT_BYTES + 8,
};

#define ENDPOINT_TCP  "tcp://"
#define ENDPOINT_RULE "ipc:///PATH or tcp://HOST:PORT"

struct endpoint {
    char text[ENDPOINT_BYTES]; /* as it was given */
    bool is_tcp;
    struct host_port tcp;
};

/* Reads the first length bytes of text. False: they are no endpoint. Pure. */
bool endpoint_read(const char *text, size_t length, struct endpoint *endpoint);

/*
 * What libzmq is to bind: for tcp:// the address of its host. is_ipv6 tells which kind that is. False, and a
 * sentence in error: the host has none.
 */
bool endpoint_resolve(const struct endpoint *endpoint, char address[ENDPOINT_BYTES], bool *is_ipv6,
                      char error[ENDPOINT_ERROR_BYTES]);

/* Makes room for a socket at the endpoint. False, and a sentence in error, where that cannot be. */
bool endpoint_prepare(const char *endpoint, char error[ENDPOINT_ERROR_BYTES]);

/* Sets the mode of the socket file that was bound. */
bool endpoint_set_mode(const char *endpoint, mode_t mode, char error[ENDPOINT_ERROR_BYTES]);

/* Removes the socket file, if it is still this process's, whose socket is still open. */
void endpoint_remove(const char *endpoint);

#endif
