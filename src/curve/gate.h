/* SPDX-License-Identifier: MIT */
/*
 * gate: who may connect by tcp://, by their public keys. libzmq asks for each connection, on a socket that
 * the thread of its context's owner polls (ZAP, ZeroMQ's RFC 27).
 */
#ifndef HEADCAM_CURVE_GATE_H
#define HEADCAM_CURVE_GATE_H

#include "curve/keys.h"

struct gate;

/* The name under which sockets ask. */
#define GATE_DOMAIN "headcam"

/* NULL, with what is wrong in error: the file of --curve-allow is no list of keys. */
struct gate *gate_create(const char *path, char error[KEYS_ERROR_BYTES]);
void gate_destroy(struct gate *gate);

/* Reads the file again. Who is connected stays; a file with a mistake changes nothing. Any thread. */
void gate_reload(struct gate *gate);

/* The socket on which a context's others ask, to be made before they are bound; NULL, with errno. */
void *gate_open(void *context);

/* Answers what was asked, and logs who was turned away. */
void gate_answer(struct gate *gate, void *socket);

#endif
