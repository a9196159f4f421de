/* SPDX-License-Identifier: MIT */
/*
 * listen_address: where to listen, as people write it: HOST:PORT, [IPV6]:PORT or unix:/PATH. Pure; it
 * resolves no names and opens nothing.
 */
#ifndef HEADCAM_HTTP_LISTEN_ADDRESS_H
#define HEADCAM_HTTP_LISTEN_ADDRESS_H

#include "base/host_port.h"
#include "base/socket_file.h"

#include <stdbool.h>
#include <stddef.h>

#define LISTEN_ADDRESS_UNIX "unix:"

/* A path, or else a host and a port. */
struct listen_address {
    char path[SOCKET_FILE_PATH_BYTES];
    struct host_port tcp;
};

/* Reads the first length bytes of text. False: they are no address. */
bool listen_address_read(const char *text, size_t length, struct listen_address *address);

#endif
