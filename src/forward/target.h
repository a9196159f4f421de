/* SPDX-License-Identifier: MIT */
/*
 * target: where to forward to, as --forward says it. Pure.
 */
#ifndef HEADCAM_FORWARD_TARGET_H
#define HEADCAM_FORWARD_TARGET_H

#include "base/host_port.h"

#include <stdbool.h>
#include <stddef.h>

#define TARGET_TCP  "tcp://"
#define TARGET_DNS  "dns+tcp://"
#define TARGET_RULE "tcp://HOST:PORT, or dns+tcp://NAME:PORT for all addresses of a name"

/* Addresses of an edge's name that are tried one after the other. */
enum { TARGET_ADDRESSES_MOST = 16 };

enum { TARGET_BYTES = HOST_PORT_BYTES + sizeof(TARGET_DNS) };

struct target {
    char text[TARGET_BYTES]; /* as it was given */
    struct host_port tcp;
    bool is_every_address; /* of the name: each is an edge */
    bool is_numeric;       /* there is nothing to resolve */
};

/* Reads the first length bytes of text. False: they are no target. */
bool target_read(const char *text, size_t length, struct target *target);

#endif
