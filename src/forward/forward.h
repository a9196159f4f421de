/* SPDX-License-Identifier: MIT */
/*
 * forward: the thread that makes this headcam a producer for others, its edges. It watches streams as the
 * sender does, and sends their newest pictures to the edges whose viewers want them.
 */
#ifndef HEADCAM_FORWARD_FORWARD_H
#define HEADCAM_FORWARD_FORWARD_H

#include "base/pulse.h"
#include "curve/keys.h"
#include "forward/target.h"
#include "stream/hub.h"

struct forward;

struct forward_options {
    const struct target *targets;
    size_t target_count;
    size_t max_edges;
    const struct key_pair *keys;      /* of this headcam; NULL: in the clear */
    const struct key_list *edge_keys; /* of the edges: one for all, or one for each target */
    struct pulses *pulses;
};

/* Starts the thread. What options point to outlives it. NULL: it could not, and logged why. */
struct forward *forward_create(struct hub *hub, const struct forward_options *options);

/* Says goodbye to the edges, and ends the thread. */
void forward_destroy(struct forward *forward);

#endif
