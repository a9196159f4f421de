/* SPDX-License-Identifier: MIT */
/*
 * resolver: the thread that asks for the addresses of edges' names, again and again: a name may get others
 * at any time, and asking may take long. Results are taken by the forward thread.
 */
#ifndef HEADCAM_FORWARD_RESOLVER_H
#define HEADCAM_FORWARD_RESOLVER_H

#include "base/wake.h"
#include "forward/target.h"

struct resolver;

/* Of one name, sorted; those of the kind (IPv4 or IPv6) that the first one is, where each is an edge. */
struct resolved {
    char (*addresses)[TARGET_BYTES]; /* tcp://ADDRESS:PORT */
    size_t count;
};

/*
 * Starts the thread, for those of the targets that have a name, whose addresses, where each is an edge, are
 * at most max_edges; wake is signalled when there are results. NULL, with errno.
 */
struct resolver *resolver_create(const struct target *targets, size_t count, size_t max_edges,
                                 const struct wake *wake);
void resolver_destroy(struct resolver *resolver);

/* Takes what is new of a target. False: nothing. The caller frees the addresses. */
bool resolver_take(struct resolver *resolver, size_t target, struct resolved *resolved);

#endif
