/* SPDX-License-Identifier: MIT */
/*
 * wake: an eventfd by which any thread wakes the one that polls it.
 */
#ifndef HEADCAM_BASE_WAKE_H
#define HEADCAM_BASE_WAKE_H

#include <stdbool.h>

struct wake {
    int fd; /* readable after wake_signal() until wake_clear() */
};

bool wake_init(struct wake *wake);
void wake_fini(struct wake *wake);

/* Any thread. */
void wake_signal(const struct wake *wake);

/* The polling thread, before it looks at what it was woken for. */
void wake_clear(const struct wake *wake);

#endif
