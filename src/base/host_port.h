/* SPDX-License-Identifier: MIT */
/*
 * host_port: HOST:PORT, as people write it; an IPv6 address in brackets. Pure; it resolves no names.
 */
#ifndef HEADCAM_BASE_HOST_PORT_H
#define HEADCAM_BASE_HOST_PORT_H

#include <stdbool.h>
#include <stddef.h>

enum { HOST_BYTES = 256, PORT_BYTES = 8, HOST_PORT_BYTES = HOST_BYTES + PORT_BYTES + 2 };

struct host_port {
    char host[HOST_BYTES]; /* without brackets */
    char port[PORT_BYTES];
};

/* Reads the first length bytes of text. False: they are no host and port. */
bool host_port_read(const char *text, size_t length, struct host_port *address);

/* As it is written; text holds HOST_PORT_BYTES. */
void host_port_write(const struct host_port *address, char *text);

/* Whether the host is an IPv6 address. */
bool host_port_is_ipv6(const struct host_port *address);

/* Whether only this machine can be meant: localhost, 127.0.0.0/8, ::1. */
bool host_port_is_loopback(const struct host_port *address);

#endif
