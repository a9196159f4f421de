/* SPDX-License-Identifier: MIT */
#include "http/connections.h"

#include "base/clock.h"
#include "base/memory.h"
#include "http/kernel_buffer.h"

#include <stdlib.h>
#include <sys/socket.h>

struct connection {
    struct connections *all;
    int fd;
    struct timer timer;         /* while it is to ask */
    struct tls_connection *tls; /* NULL: it is plain */
};

void connections_init(struct connections *connections, uint64_t idle_after_ns, uint64_t stuck_after_ns,
                      struct tls_connections *tls)
{
    *connections = (struct connections){
        .idle_after_ns = idle_after_ns,
        .stuck_after_s = (unsigned)((stuck_after_ns + NS_PER_S - 1) / NS_PER_S),
        .tls = tls,
    };
    timers_init(&connections->timers);
}

void connections_fini(struct connections *connections)
{
    timers_fini(&connections->timers);
}

/* libmicrohttpd, or who waits for the rest of a handshake, finds the end of file. */
static void on_due(struct timer *timer)
{
    shutdown(container_of(timer, struct connection, timer)->fd, SHUT_RDWR);
}

/* From now on, whatever comes meanwhile: who sends a byte now and then is no better than who sends none. */
static void await_request(struct connection *connection)
{
    struct connections *all = connection->all;
    timers_set(&all->timers, &connection->timer, clock_mono_ns() + all->idle_after_ns);
}

static struct connection *begin(struct connections *all, struct MHD_Connection *connection)
{
    struct connection *self = memory_zeroed(sizeof(*self));
    self->all = all;
    self->fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    self->timer.on_due = on_due;
    kernel_buffer_bound(self->fd);
    if (tls_connection_session(connection))
        self->tls = tls_connection_begin(all->tls, connection);
    all->count++;
    await_request(self);
    return self;
}

static void end(struct connection *connection)
{
    timers_cancel(&connection->all->timers, &connection->timer);
    connection->all->count--;
    if (connection->tls)
        tls_connection_end(connection->tls);
    free(connection);
}

void connections_notify(void *connections, struct MHD_Connection *connection, void **context,
                        enum MHD_ConnectionNotificationCode code)
{
    if (code == MHD_CONNECTION_NOTIFY_STARTED)
        *context = begin(connections, connection);
    else
        end(*context);
}

static struct connection *self_of(struct MHD_Connection *connection)
{
    return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

/* libmicrohttpd knows when a client has taken something, and times nothing while it is suspended. */
static void bound_silence(struct MHD_Connection *connection, unsigned seconds)
{
    MHD_set_connection_option(connection, MHD_CONNECTION_OPTION_TIMEOUT, seconds);
}

void connection_has_asked(struct MHD_Connection *connection)
{
    struct connection *self = self_of(connection);
    if (!timer_is_set(&self->timer))
        return;
    timers_cancel(&self->all->timers, &self->timer);
    bound_silence(connection, self->all->stuck_after_s);
}

void connection_is_answered(struct MHD_Connection *connection)
{
    bound_silence(connection, 0);
    await_request(self_of(connection));
}

uint64_t connections_next(const struct connections *connections)
{
    return timers_next(&connections->timers);
}

void connections_run(struct connections *connections, uint64_t now_ns)
{
    timers_run(&connections->timers, now_ns);
}
