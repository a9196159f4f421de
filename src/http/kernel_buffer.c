/* SPDX-License-Identifier: MIT */
#include "http/kernel_buffer.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <sys/socket.h>

/* Beyond what is in flight. */
enum { UNSENT_BYTES = 64 * 1024 };

static void bound_tcp(int fd)
{
    const int unsent = UNSENT_BYTES;
    setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof(unsent));
}

/*
 * On a unix socket nothing is in flight: what was written is in the buffer until it is read, in blocks of
 * at most half of it. The kernel doubles what is asked for.
 */
static void bound_unix(int fd)
{
    const int buffer = UNSENT_BYTES / 2;
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer));
}

static bool is_unix(int fd)
{
    int domain = AF_UNSPEC;
    socklen_t length = sizeof(domain);
    return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) == 0 && domain == AF_UNIX;
}

void kernel_buffer_bound(int fd)
{
    if (is_unix(fd))
        bound_unix(fd);
    else
        bound_tcp(fd);
}
