/* SPDX-License-Identifier: MIT */
#include "http/loop.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/thread.h"
#include "base/wake.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS_AT_ONCE = LISTEN_MOST + 4, ACCEPTS_AT_ONCE = 64 };

/* Where there is no file for a connection, another one is tried for after this. */
static const uint64_t RETRY_NS = 100 * NS_PER_MS;

struct loop {
    struct loop_daemons daemons;
    const struct listeners *listeners;
    size_t max_connections;
    pthread_t thread;
    bool is_started;
    struct pulses *pulses;
    struct pulse pulse;
    struct wake wake; /* a connection was resumed, the thread is to end, or its pulse is asked for */
    atomic_bool is_stopping;
    int epoll_fd; /* the listeners, the wake, and what the daemons wait for */

    /* The thread's own. */
    bool is_accepting; /* the listeners are polled */
    uint64_t retry_ns; /* no accept() before this */
    struct log_limit accept_log, full_log;
};

static bool poll_fd(struct loop *loop, int fd, const void *who)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = (void *)(uintptr_t)who};
    return epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

/* ---- accepting ---- */

static size_t free_places(const struct loop *loop)
{
    const size_t taken = loop->daemons.connections->count;
    return taken < loop->max_connections ? loop->max_connections - taken : 0;
}

static void warn_of_limit(struct loop *loop)
{
    log_limited(&loop->full_log, LOG_WARN,
                "%zu connections are open, as many as there may be; who comes now, even for /healthz, waits "
                "until one of them ends; next: raise --max-viewers or --max-snapshots",
                loop->max_connections);
}

/* Polls the listeners while there is room; until then, who connects waits in their queues. */
static void update_accepting(struct loop *loop, uint64_t now_ns)
{
    bool may_accept = now_ns >= loop->retry_ns && free_places(loop) > 0;
    if (may_accept == loop->is_accepting)
        return;
    for (size_t i = 0; i < loop->listeners->count; i++) {
        const struct listener *listener = &loop->listeners->item[i];
        struct epoll_event event = {.events = may_accept ? EPOLLIN : 0,
                                    .data.ptr = (void *)(uintptr_t)listener};
        epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, listener->fd, &event);
    }
    loop->is_accepting = may_accept;
    if (free_places(loop) == 0)
        warn_of_limit(loop);
}

/* Whether accept() failed for one connection only, or because none is left. */
static bool is_passing(int error)
{
    return error == EAGAIN || error == EWOULDBLOCK || error == EINTR || error == ECONNABORTED ||
           error == EPROTO || error == EPERM || error == ENETDOWN || error == ENETUNREACH ||
           error == EHOSTDOWN || error == EHOSTUNREACH || error == ETIMEDOUT;
}

static void pause_accepting(struct loop *loop, int error)
{
    loop->retry_ns = clock_mono_ns() + RETRY_NS;
    log_limited(&loop->accept_log, LOG_WARN, "cannot accept connections: %s; those that exist go on",
                strerror(error));
}

static void accept_from(struct loop *loop, const struct listener *listener)
{
    struct MHD_Daemon *daemon = listener->is_tls ? loop->daemons.tls : loop->daemons.plain;
    for (int i = 0; i < ACCEPTS_AT_ONCE && free_places(loop) > 0; i++) {
        struct sockaddr_storage address = {0};
        socklen_t length = sizeof(address);
        int fd = accept4(listener->fd, (struct sockaddr *)&address, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (!is_passing(errno))
                pause_accepting(loop, errno);
            return;
        }
        MHD_add_connection(daemon, fd, (const struct sockaddr *)&address, length); /* or closes it */
    }
}

/* ---- the thread ---- */

static uint64_t earlier(uint64_t deadline_ns, struct MHD_Daemon *daemon, uint64_t now_ns)
{
    MHD_UNSIGNED_LONG_LONG ms;
    bool has_timeout = MHD_get_timeout(daemon, &ms) == MHD_YES;
    return has_timeout && now_ns + ms * NS_PER_MS < deadline_ns ? now_ns + ms * NS_PER_MS : deadline_ns;
}

static int timeout_ms(const struct loop *loop, uint64_t now_ns)
{
    uint64_t deadline_ns = loop->retry_ns > now_ns ? loop->retry_ns : CLOCK_NEVER;
    const uint64_t due_ns = connections_next(loop->daemons.connections);
    deadline_ns = earlier(due_ns < deadline_ns ? due_ns : deadline_ns, loop->daemons.plain, now_ns);
    if (loop->daemons.tls)
        deadline_ns = earlier(deadline_ns, loop->daemons.tls, now_ns);
    return clock_timeout_ms(now_ns, deadline_ns);
}

static void run_daemons(struct loop *loop)
{
    connections_run(loop->daemons.connections, clock_mono_ns());
    MHD_run(loop->daemons.plain);
    if (loop->daemons.tls) {
        handshakes_run(loop->daemons.handshakes);
        MHD_run(loop->daemons.tls);
    }
}

static void *run(void *arg)
{
    struct loop *loop = arg;
    struct epoll_event events[EVENTS_AT_ONCE];
    while (!atomic_load(&loop->is_stopping)) {
        pulse_beat(&loop->pulse);
        uint64_t now_ns = clock_mono_ns();
        update_accepting(loop, now_ns);
        int count = epoll_wait(loop->epoll_fd, events, EVENTS_AT_ONCE, timeout_ms(loop, now_ns));
        for (int i = 0; i < count; i++) {
            if (events[i].data.ptr == &loop->wake)
                wake_clear(&loop->wake);
            else if (events[i].data.ptr != &loop->daemons)
                accept_from(loop, events[i].data.ptr);
        }
        run_daemons(loop);
    }
    if (loop->daemons.tls)
        handshakes_end(loop->daemons.handshakes);
    run_daemons(loop); /* what the sender let go in the meantime is answered */
    return NULL;
}

static void wake(void *arg)
{
    struct loop *loop = arg;
    wake_signal(&loop->wake);
}

struct loop *loop_create(const struct listeners *listeners, size_t max_connections, struct pulses *pulses)
{
    struct loop *loop = memory_zeroed(sizeof(*loop));
    loop->listeners = listeners;
    loop->max_connections = max_connections;
    loop->pulses = pulses;
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (!wake_init(&loop->wake) || loop->epoll_fd < 0) {
        log_error("cannot make the HTTP thread's descriptors: %s", strerror(errno));
        loop_destroy(loop);
        return NULL;
    }
    return loop;
}

static bool poll_daemon(struct loop *loop, struct MHD_Daemon *daemon)
{
    int fd = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    return poll_fd(loop, fd, &loop->daemons);
}

static bool poll_all(struct loop *loop)
{
    for (size_t i = 0; i < loop->listeners->count; i++)
        if (!poll_fd(loop, loop->listeners->item[i].fd, &loop->listeners->item[i]))
            return false;
    loop->is_accepting = true;
    return poll_daemon(loop, loop->daemons.plain) &&
           (!loop->daemons.tls || (poll_daemon(loop, loop->daemons.tls) &&
                                   poll_fd(loop, loop->daemons.handshakes->epoll_fd, &loop->daemons))) &&
           poll_fd(loop, loop->wake.fd, &loop->wake);
}

bool loop_start(struct loop *loop, const struct loop_daemons *daemons)
{
    loop->daemons = *daemons;
    loop->is_started = poll_all(loop) && thread_start(&loop->thread, "http", run, loop);
    if (loop->is_started)
        pulses_add(loop->pulses, &loop->pulse, "http", wake, loop);
    else
        log_error("cannot start the HTTP thread: %s", strerror(errno));
    return loop->is_started;
}

void loop_resume(struct loop *loop, struct MHD_Connection *connection)
{
    MHD_resume_connection(connection);
    wake_signal(&loop->wake);
}

void loop_stop(struct loop *loop)
{
    if (!loop->is_started)
        return;
    atomic_store(&loop->is_stopping, true);
    wake_signal(&loop->wake);
    pthread_join(loop->thread, NULL);
    pulses_remove(&loop->pulse);
}

void loop_destroy(struct loop *loop)
{
    close(loop->epoll_fd);
    wake_fini(&loop->wake);
    free(loop);
}
