/* SPDX-License-Identifier: MIT */
/*
 * process: what this process uses of the machine, as the kernel counts it. Any thread; it reads /proc, so
 * it is for those who are asked now and then.
 */
#ifndef HEADCAM_BASE_PROCESS_H
#define HEADCAM_BASE_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

struct process_usage {
    uint64_t cpu_ns; /* of all threads, since the start */
    uint64_t max_fds;
    bool has_proc; /* /proc is there, and so are these: */
    uint64_t virtual_bytes, resident_bytes;
    uint64_t open_fds;
};

void process_read_usage(struct process_usage *usage);

#endif
