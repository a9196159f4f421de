/* SPDX-License-Identifier: MIT */
#include "http/sender.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/thread.h"
#include "http/channel.h"
#include "http/serve.h"
#include "http/ws_client.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum {
    EVENTS_AT_ONCE = 128,
    READS_AT_ONCE = 64, /* of one client, before others have their turn */
};

struct sender {
    struct hub *hub;
    struct sender_options options;
    pthread_t thread;
    struct pulse pulse;
    int epoll_fd;
    struct wake inbox_wake;

    /* Guards the next four. MHD_suspend_connection() is called under it, so that sender_stop() either
       sees a connection in the inbox or turns it away. */
    pthread_mutex_t inbox_lock;
    struct list new_viewers, new_waiters;
    bool is_stopping, must_recheck;

    /* The thread's own. */
    struct channel_context context;
    struct timers timers;
    struct list channels;
};

/* ---- handing over, on the HTTP thread ---- */

static bool adopt(struct sender *sender, struct MHD_Connection *connection, struct list *inbox,
                  struct list *link)
{
    pthread_mutex_lock(&sender->inbox_lock);
    bool is_running = !sender->is_stopping;
    if (is_running) {
        MHD_suspend_connection(connection);
        list_append(inbox, link);
    }
    pthread_mutex_unlock(&sender->inbox_lock);
    if (is_running)
        wake_signal(&sender->inbox_wake);
    return is_running;
}

bool sender_adopt_viewer(struct sender *sender, struct viewer *viewer)
{
    return adopt(sender, viewer->connection, &sender->new_viewers, &viewer->link);
}

bool sender_adopt_waiter(struct sender *sender, struct waiter *waiter)
{
    return adopt(sender, waiter->connection, &sender->new_waiters, &waiter->link);
}

/* ---- the thread ---- */

static void release_viewer(struct viewer *viewer, void *arg)
{
    struct sender *sender = arg;
    epoll_ctl(sender->epoll_fd, EPOLL_CTL_DEL, viewer->fd, NULL);
    viewer_end(viewer, clock_mono_ns());
    visits_viewer_left(sender->options.visits, viewer);
    loop_resume(sender->options.loop, viewer->connection); /* the viewer is the HTTP thread's from here on */
}

static void release_waiter(struct waiter *waiter, void *arg)
{
    struct sender *sender = arg;
    epoll_ctl(sender->epoll_fd, EPOLL_CTL_DEL, waiter->fd, NULL);
    loop_resume(sender->options.loop, waiter->connection); /* likewise */
}

static struct channel *find_channel(struct watch *watch, void *arg)
{
    struct sender *sender = arg;
    struct list *node;
    list_for_each(node, &sender->channels)
    {
        struct channel *channel = container_of(node, struct channel, link);
        if (channel->watch == watch)
            return channel;
    }
    struct channel *channel = channel_create(&sender->context, watch);
    list_append(&sender->channels, &channel->link);
    return channel;
}

static bool has_left(uint32_t events)
{
    return events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR);
}

/* Edge-triggered: a socket is written and read until it has had enough, and only then is an edge awaited.
   Returns 0 or an errno. */
static int poll_client(struct sender *sender, int operation, int fd, uint32_t events, struct client *client)
{
    struct epoll_event event = {.events = events | EPOLLRDHUP | EPOLLET, .data.ptr = client};
    if (epoll_ctl(sender->epoll_fd, operation, fd, &event) == 0)
        return 0;
    int error = errno;
    log_warn("cannot watch a client's socket: %s", strerror(error));
    return error;
}

static int poll_viewer(struct sender *sender, int operation, struct viewer *viewer)
{
    return poll_client(sender, operation, viewer->fd, viewer->ws ? EPOLLIN | EPOLLOUT : EPOLLOUT,
                       &viewer->client);
}

static void on_viewer_events(struct client *client, uint32_t events)
{
    struct viewer *viewer = container_of(client, struct viewer, client);
    if (has_left(events))
        channel_drop_viewer(viewer);
    else if (viewer_is_sending(viewer))
        serve_viewer(viewer);
}

/* A WebSocket's client may have said something, even just before it closed. */
static void on_ws_events(struct client *client, uint32_t events)
{
    struct viewer *viewer = container_of(client, struct viewer, client);
    if (events & (EPOLLHUP | EPOLLERR)) {
        channel_drop_viewer(viewer);
        return;
    }
    struct sender *sender = viewer->channel->context->arg;
    for (int reads = 0; serve_viewer(viewer); reads++) {
        if (reads == READS_AT_ONCE) {
            poll_viewer(sender, EPOLL_CTL_MOD, viewer); /* which brings an event for what is left */
            return;
        }
        switch (ws_client_hear(viewer)) {
        case WS_HEARD:
            break;
        case WS_HEARD_NOTHING:
            return;
        case WS_GONE:
            channel_drop_viewer(viewer);
            return;
        }
    }
}

static void on_waiter_events(struct client *client, uint32_t events)
{
    if (has_left(events))
        channel_drop_waiter(container_of(client, struct waiter, client));
}

static void begin_viewer(struct sender *sender, struct viewer *viewer)
{
    viewer->client.on_events = viewer->ws ? on_ws_events : on_viewer_events;
    viewer_begin(viewer, clock_mono_ns());
    visits_viewer_came(sender->options.visits, viewer);
    viewer->end_errno = poll_viewer(sender, EPOLL_CTL_ADD, viewer);
    /* It may have been let in long ago: its client had the response's head to read. */
    bool is_granted = access_still_grants(sender->options.access, viewer->grant, viewer->name);
    if (viewer->end_errno == 0 && is_granted) {
        channel_add_viewer(find_channel(viewer->watch, sender), viewer);
        return;
    }
    viewer->end = is_granted ? VIEWER_FAILED : VIEWER_REVOKED;
    release_viewer(viewer, sender);
}

/* One whose socket cannot be watched waits all the same, until its timeout. */
static void begin_waiter(struct sender *sender, struct waiter *waiter)
{
    waiter->client.on_events = on_waiter_events;
    poll_client(sender, EPOLL_CTL_ADD, waiter->fd, 0, &waiter->client);
    channel_add_waiter(find_channel(waiter->watch, sender), waiter);
}

static void take_inbox(struct sender *sender)
{
    struct list viewers, waiters;
    list_init(&viewers);
    list_init(&waiters);
    pthread_mutex_lock(&sender->inbox_lock);
    list_splice(&viewers, &sender->new_viewers);
    list_splice(&waiters, &sender->new_waiters);
    pthread_mutex_unlock(&sender->inbox_lock);

    struct list *node, *after;
    list_for_each_safe(node, after, &viewers)
    {
        list_remove(node);
        begin_viewer(sender, container_of(node, struct viewer, link));
    }
    list_for_each_safe(node, after, &waiters)
    {
        list_remove(node);
        begin_waiter(sender, container_of(node, struct waiter, link));
    }
}

/* After the inbox was taken: whoever came before the change is in a channel by now. */
static void recheck(struct sender *sender)
{
    pthread_mutex_lock(&sender->inbox_lock);
    bool is_needed = sender->must_recheck;
    sender->must_recheck = false;
    pthread_mutex_unlock(&sender->inbox_lock);
    if (!is_needed)
        return;
    struct list *node;
    list_for_each(node, &sender->channels)
        channel_end_revoked(container_of(node, struct channel, link), sender->options.access);
}

static void refresh_channels(struct sender *sender)
{
    struct list *node;
    list_for_each(node, &sender->channels) channel_refresh(container_of(node, struct channel, link));
}

static void close_empty_channels(struct sender *sender)
{
    struct list *node, *after;
    list_for_each_safe(node, after, &sender->channels)
    {
        struct channel *channel = container_of(node, struct channel, link);
        if (channel_is_empty(channel))
            channel_destroy(channel);
    }
}

static bool is_stopping(struct sender *sender)
{
    pthread_mutex_lock(&sender->inbox_lock);
    bool stopping = sender->is_stopping;
    pthread_mutex_unlock(&sender->inbox_lock);
    return stopping;
}

static void serve_event(const struct epoll_event *event)
{
    struct client *client = event->data.ptr;
    client->on_events(client, event->events);
}

static void *run(void *arg)
{
    struct sender *sender = arg;
    const void *inbox = &sender->inbox_wake, *hub = hub_sender_wake(sender->hub);
    struct epoll_event events[EVENTS_AT_ONCE];
    while (!is_stopping(sender)) {
        pulse_beat(&sender->pulse);
        int count = epoll_wait(sender->epoll_fd, events, EVENTS_AT_ONCE,
                               clock_timeout_ms(clock_mono_ns(), timers_next(&sender->timers)));
        bool has_inbox = false, has_frames = false;
        /* Clients first: each event's client is alive as long as nothing else ran. */
        for (int i = 0; i < count; i++) {
            if (events[i].data.ptr == inbox)
                has_inbox = true;
            else if (events[i].data.ptr == hub)
                has_frames = true;
            else
                serve_event(&events[i]);
        }
        if (has_inbox) {
            wake_clear(inbox);
            take_inbox(sender);
            recheck(sender);
        }
        if (has_frames) {
            wake_clear(hub);
            refresh_channels(sender);
        }
        timers_run(&sender->timers, clock_mono_ns());
        close_empty_channels(sender);
    }
    take_inbox(sender);
    struct list *node;
    list_for_each(node, &sender->channels)
        channel_end_all(container_of(node, struct channel, link), "the server is shutting down");
    close_empty_channels(sender);
    return NULL;
}

void sender_recheck(struct sender *sender)
{
    pthread_mutex_lock(&sender->inbox_lock);
    sender->must_recheck = true;
    pthread_mutex_unlock(&sender->inbox_lock);
    wake_signal(&sender->inbox_wake);
}

static bool poll_wake(struct sender *sender, const struct wake *wake)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = (void *)(uintptr_t)wake};
    return epoll_ctl(sender->epoll_fd, EPOLL_CTL_ADD, wake->fd, &event) == 0;
}

static void wake(void *arg)
{
    struct sender *sender = arg;
    wake_signal(&sender->inbox_wake);
}

struct sender *sender_create(struct hub *hub, const struct sender_options *options)
{
    struct sender *sender = memory_zeroed(sizeof(*sender));
    sender->hub = hub;
    sender->options = *options;
    sender->context = (struct channel_context){
        .hub = hub,
        .timers = &sender->timers,
        .stuck_after_ns = options->stuck_after_ns,
        .release_viewer = release_viewer,
        .release_waiter = release_waiter,
        .find = find_channel,
        .arg = sender,
    };
    pthread_mutex_init(&sender->inbox_lock, NULL);
    list_init(&sender->new_viewers);
    list_init(&sender->new_waiters);
    list_init(&sender->channels);
    timers_init(&sender->timers);
    sender->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (!wake_init(&sender->inbox_wake) || sender->epoll_fd < 0 || !poll_wake(sender, &sender->inbox_wake) ||
        !poll_wake(sender, hub_sender_wake(hub)) || !thread_start(&sender->thread, "sender", run, sender)) {
        log_error("cannot start the sender: %s", strerror(errno));
        return NULL;
    }
    pulses_add(options->pulses, &sender->pulse, "sender", wake, sender);
    return sender;
}

void sender_stop(struct sender *sender)
{
    pthread_mutex_lock(&sender->inbox_lock);
    sender->is_stopping = true;
    pthread_mutex_unlock(&sender->inbox_lock);
    wake_signal(&sender->inbox_wake);
    pthread_join(sender->thread, NULL);
    pulses_remove(&sender->pulse);
}

void sender_destroy(struct sender *sender)
{
    timers_fini(&sender->timers);
    close(sender->epoll_fd);
    wake_fini(&sender->inbox_wake);
    pthread_mutex_destroy(&sender->inbox_lock);
    free(sender);
}
