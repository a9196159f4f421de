/* SPDX-License-Identifier: MIT */
/*
 * throttle: how often an address may guess: a bucket of tries for each, which fills again with time. It
 * reads no clock. Not thread-safe.
 */
#ifndef HEADCAM_ACCESS_THROTTLE_H
#define HEADCAM_ACCESS_THROTTLE_H

#include "access/address.h"

#include <stddef.h>
#include <stdint.h>

struct throttle;

struct throttle_options {
    size_t tries;         /* that an address has at once */
    uint64_t recovery_ns; /* until it has one more */
    size_t addresses;     /* remembered; beyond that the one that tried longest ago is forgotten */
};

struct throttle *throttle_create(const struct throttle_options *options);
void throttle_destroy(struct throttle *throttle);

/* Takes one of the address's tries. Returns 0, or how long until it has one: then nothing is taken. */
uint64_t throttle_take(struct throttle *throttle, const struct address *address, uint64_t now_ns);

/* Gives back one that was taken: it was no failure. */
void throttle_give_back(struct throttle *throttle, const struct address *address);

#endif
