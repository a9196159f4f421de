/* SPDX-License-Identifier: MIT */
/*
 * peer: who is at the other end of a connection, as text for the log. It is the socket's own address;
 * for what a proxy says, see forwarded.h.
 */
#ifndef HEADCAM_HTTP_PEER_H
#define HEADCAM_HTTP_PEER_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/types.h>

enum { PEER_BYTES = 128 };

/* "192.0.2.7:51234", "[2001:db8::7]:51234", without a port where that is 0, or
   "a unix socket". address may be NULL: unknown. Pure. */
void peer_describe(const struct sockaddr *address, char text[PEER_BYTES]);

/* The same of a connection, and of a unix socket who uses it: "user 1000, process 4711". */
void peer_describe_socket(int fd, char text[PEER_BYTES]);

/* The user at the other end of a unix socket. False: it is none. */
bool peer_user(int fd, uid_t *user);

#endif
