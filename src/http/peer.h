/* SPDX-License-Identifier: MIT */
/*
 * peer: who is at the other end of a connection, for people. Any thread.
 */
#ifndef HEADCAM_HTTP_PEER_H
#define HEADCAM_HTTP_PEER_H

enum { PEER_TEXT_BYTES = 64 };

/* "192.0.2.1:5000", "[2001:db8::1]:5000" or "unix, user 1000, process 4711". */
void peer_describe(int fd, char text[PEER_TEXT_BYTES]);

#endif
