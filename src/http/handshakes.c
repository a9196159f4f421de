/* SPDX-License-Identifier: MIT */
#include "http/handshakes.h"

#include "base/log.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS_AT_ONCE = 64 };

bool handshakes_init(struct handshakes *handshakes)
{
    list_init(&handshakes->waiting);
    handshakes->has_ended = false;
    handshakes->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (handshakes->epoll_fd < 0)
        log_error("cannot wait for TLS handshakes: %s", strerror(errno));
    return handshakes->epoll_fd >= 0;
}

void handshakes_fini(struct handshakes *handshakes)
{
    close(handshakes->epoll_fd);
}

static void resume(struct handshake *handshake)
{
    epoll_ctl(handshake->all->epoll_fd, EPOLL_CTL_DEL, handshake->fd, NULL);
    list_remove(&handshake->link);
    MHD_resume_connection(handshake->connection);
}

/* libmicrohttpd, which finds the end of file, closes the connection. */
static void end(struct handshake *handshake)
{
    shutdown(handshake->fd, SHUT_RDWR);
    resume(handshake);
}

void handshake_begin(struct handshake *handshake, struct handshakes *all, struct MHD_Connection *connection,
                     int fd)
{
    *handshake = (struct handshake){.all = all, .connection = connection, .fd = fd};
    list_init(&handshake->link);
}

bool handshake_wait(struct handshake *handshake)
{
    struct handshakes *all = handshake->all;
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP, .data.ptr = handshake};
    if (all->has_ended || epoll_ctl(all->epoll_fd, EPOLL_CTL_ADD, handshake->fd, &event) != 0)
        return false;
    MHD_suspend_connection(handshake->connection);
    list_append(&all->waiting, &handshake->link);
    return true;
}

void handshakes_run(struct handshakes *handshakes)
{
    struct epoll_event events[EVENTS_AT_ONCE];
    int count = epoll_wait(handshakes->epoll_fd, events, EVENTS_AT_ONCE, 0);
    for (int i = 0; i < count; i++)
        resume(events[i].data.ptr);
}

void handshakes_end(struct handshakes *handshakes)
{
    handshakes->has_ended = true;
    struct list *node, *after;
    list_for_each_safe(node, after, &handshakes->waiting) end(container_of(node, struct handshake, link));
}
