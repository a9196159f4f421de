/* SPDX-License-Identifier: MIT */
#include "http/handshakes.h"

#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS_AT_ONCE = 64 };

bool handshakes_init(struct handshakes *handshakes, uint64_t timeout_ns)
{
    handshakes->timeout_ns = timeout_ns;
    list_init(&handshakes->waiting);
    timers_init(&handshakes->timers);
    handshakes->has_ended = false;
    handshakes->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (handshakes->epoll_fd < 0)
        log_error("cannot wait for TLS handshakes: %s", strerror(errno));
    return handshakes->epoll_fd >= 0;
}

void handshakes_fini(struct handshakes *handshakes)
{
    timers_fini(&handshakes->timers);
    close(handshakes->epoll_fd);
}

static void resume(struct handshake *handshake)
{
    epoll_ctl(handshake->all->epoll_fd, EPOLL_CTL_DEL, handshake->fd, NULL);
    timers_cancel(&handshake->all->timers, &handshake->timer);
    list_remove(&handshake->link);
    MHD_resume_connection(handshake->connection);
}

/* libmicrohttpd, which finds the end of file, closes the connection. */
static void end(struct handshake *handshake)
{
    shutdown(handshake->fd, SHUT_RDWR);
    resume(handshake);
}

static void on_due(struct timer *timer)
{
    end(container_of(timer, struct handshake, timer));
}

void handshake_begin(struct handshake *handshake, struct handshakes *all, struct MHD_Connection *connection,
                     int fd)
{
    *handshake = (struct handshake){.all = all, .connection = connection, .fd = fd};
    handshake->timer.on_due = on_due;
    handshake->deadline_ns = clock_mono_ns() + all->timeout_ns;
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
    timers_set(&all->timers, &handshake->timer, handshake->deadline_ns);
    return true;
}

uint64_t handshakes_next(const struct handshakes *handshakes)
{
    return timers_next(&handshakes->timers);
}

void handshakes_run(struct handshakes *handshakes, uint64_t now_ns)
{
    struct epoll_event events[EVENTS_AT_ONCE];
    int count = epoll_wait(handshakes->epoll_fd, events, EVENTS_AT_ONCE, 0);
    for (int i = 0; i < count; i++)
        resume(events[i].data.ptr);
    timers_run(&handshakes->timers, now_ns);
}

void handshakes_end(struct handshakes *handshakes)
{
    handshakes->has_ended = true;
    struct list *node, *after;
    list_for_each_safe(node, after, &handshakes->waiting) end(container_of(node, struct handshake, link));
}
