/* SPDX-License-Identifier: MIT */
/*
 * drain: when the next frame should be taken for a socket. Taken too early it grows old in the kernel;
 * taken too late the path runs dry. The right moment is when the kernel holds just what the path keeps
 * in flight: its delivery rate times its round-trip time. Pure.
 */
#ifndef HEADCAM_HTTP_DRAIN_H
#define HEADCAM_HTTP_DRAIN_H

#include <stddef.h>
#include <stdint.h>

/* This little in the kernel never counts as old. */
enum { DRAIN_FLOOR_BYTES = 8 * 1024 };

struct drain_path {
    uint64_t delivery_bytes_per_s; /* the kernel's estimate; 0: none yet */
    uint64_t min_rtt_ns;
};

/*
 * How long until a socket that holds queued bytes may take the next frame; 0: now. Where nothing was
 * delivered for stalled_ns, it looks again ever less often.
 */
uint64_t drain_wait_ns(const struct drain_path *path, size_t queued_bytes, uint64_t stalled_ns);

#endif
