/* SPDX-License-Identifier: MIT */
#include "base/wake.h"

#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

bool wake_init(struct wake *wake)
{
    wake->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return wake->fd >= 0;
}

void wake_fini(struct wake *wake)
{
    close(wake->fd);
    wake->fd = -1;
}

void wake_signal(const struct wake *wake)
{
    uint64_t one = 1;
    ssize_t written = write(wake->fd, &one, sizeof(one));
    (void)written; /* EAGAIN means that it is signalled as much as it can be */
}

void wake_clear(const struct wake *wake)
{
    uint64_t count;
    ssize_t got = read(wake->fd, &count, sizeof(count));
    (void)got; /* EAGAIN means that it was not signalled */
}
