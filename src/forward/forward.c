/* SPDX-License-Identifier: MIT */
#include "forward/forward.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/thread.h"
#include "forward/link.h"
#include "forward/resolver.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

/* How often it looks for what is new of the streams. */
static const uint64_t TICK_NS = NS_PER_S / 4;

/* Names that an edge may ask for, whether there is such a stream or not. */
enum { ROUTES_MOST = 4096 };

/* Of libzmq: a link has one, and two that tell of it; those of before may not be gone yet. */
enum { SOCKETS_OF_A_LINK = 2 * 3 };

/* Polled beside two sockets of each link. */
enum { POLL_STOP, POLL_HUB, POLL_RESOLVER, POLL_LINKS };

struct forward {
    struct hub *hub;
    struct forward_options options;
    struct wake stop, resolver_wake;
    pthread_t thread;
    struct pulse pulse;
    struct link_context context;
    struct resolver *resolver; /* NULL: there are no names */
    struct list links, feeds;
    size_t link_count;
    bool has_other_demand; /* than the hub was told */
    bool is_full;          /* it was said that there are too many edges */
    zmq_pollitem_t *items;
};

/* ---- feeds ---- */

static struct feed *find_feed(void *arg, const char *name)
{
    struct forward *forward = arg;
    struct list *node;
    list_for_each(node, &forward->feeds)
    {
        struct feed *feed = container_of(node, struct feed, link);
        if (strcmp(feed->name, name) == 0)
            return feed;
    }
    struct feed *feed = feed_create(forward->hub, name);
    list_append(&forward->feeds, &feed->link);
    return feed;
}

static void on_demand(void *arg)
{
    struct forward *forward = arg;
    forward->has_other_demand = true;
}

static void tell_demand(struct forward *forward)
{
    struct list *node, *after;
    if (!forward->has_other_demand)
        return;
    forward->has_other_demand = false;
    list_for_each(node, &forward->feeds) container_of(node, struct feed, link)->wants = (struct audience){0};
    list_for_each(node, &forward->links) link_add_wants(container_of(node, struct link, link));
    list_for_each_safe(node, after, &forward->feeds)
    {
        struct feed *feed = container_of(node, struct feed, link);
        if (feed->wants.edges > 0)
            feed_tell(feed);
        else
            feed_destroy(feed);
    }
}

/* ---- links ---- */

static const uint8_t *key_of(const struct forward *forward, size_t target)
{
    const struct key_list *keys = forward->options.edge_keys;
    return forward->options.keys ? keys->keys[keys->count == 1 ? 0 : target] : NULL;
}

/* NULL: there are as many as there may be. */
static struct link *add_link(struct forward *forward, size_t target, const char *name)
{
    if (forward->link_count == forward->options.max_edges) {
        if (!forward->is_full)
            log_warn("cannot forward to %s: there are as many edges as --max-edges allows", name);
        forward->is_full = true;
        return NULL;
    }
    struct link *link =
        link_create(&forward->context, &forward->options.targets[target], name, key_of(forward, target));
    list_append(&forward->links, &link->link);
    forward->link_count++;
    return link;
}

static struct link *find_link(struct forward *forward, const struct target *target, const char *name)
{
    struct list *node;
    list_for_each(node, &forward->links)
    {
        struct link *link = container_of(node, struct link, link);
        if (link->target == target && (!name || strcmp(link->name, name) == 0))
            return link;
    }
    return NULL;
}

static void remove_link(struct forward *forward, struct link *link)
{
    log_info("no longer forwarding to %s: its name has another address", link->name);
    link_destroy(link);
    forward->link_count--;
    forward->is_full = false;
}

static bool is_among(const struct resolved *resolved, const char *address)
{
    for (size_t i = 0; i < resolved->count; i++)
        if (strcmp(resolved->addresses[i], address) == 0)
            return true;
    return false;
}

/* Each address is an edge. One that is gone from the list is kept while its connection works. */
static void follow_addresses(struct forward *forward, size_t index, const struct resolved *resolved)
{
    const struct target *target = &forward->options.targets[index];
    struct list *node, *after;
    list_for_each_safe(node, after, &forward->links)
    {
        struct link *link = container_of(node, struct link, link);
        if (link->target == target && !link->is_connected && !is_among(resolved, link->name))
            remove_link(forward, link);
    }
    for (size_t i = 0; i < resolved->count; i++) {
        if (find_link(forward, target, resolved->addresses[i]))
            continue;
        struct link *link = add_link(forward, index, resolved->addresses[i]);
        if (link)
            link_set_addresses(link, &resolved->addresses[i], 1);
    }
}

static void take_addresses(struct forward *forward)
{
    for (size_t i = 0; i < forward->options.target_count; i++) {
        const struct target *target = &forward->options.targets[i];
        struct resolved resolved;
        struct link *link;
        if (!resolver_take(forward->resolver, i, &resolved))
            continue;
        if (target->is_every_address)
            follow_addresses(forward, i, &resolved);
        else if ((link = find_link(forward, target, NULL)))
            link_set_addresses(link, resolved.addresses, resolved.count);
        free(resolved.addresses);
    }
}

/* A name's edges are made when its addresses are known, and so is the address of a name. */
static bool add_links(struct forward *forward)
{
    bool has_names = false;
    for (size_t i = 0; i < forward->options.target_count; i++) {
        const struct target *target = &forward->options.targets[i];
        char address[1][TARGET_BYTES] = {{0}};
        has_names |= !target->is_numeric;
        if (target->is_every_address && !target->is_numeric)
            continue;
        struct link *link = add_link(forward, i, target->text);
        if (!link || !target->is_numeric)
            continue;
        /* libzmq does not know the other scheme. */
        memcpy(address[0], target->text, sizeof(address[0]));
        if (target->is_every_address)
            memmove(address[0], target->text + strlen(TARGET_DNS) - strlen(TARGET_TCP),
                    sizeof(address[0]) - (strlen(TARGET_DNS) - strlen(TARGET_TCP)));
        link_set_addresses(link, address, 1);
    }
    if (has_names)
        forward->resolver = resolver_create(forward->options.targets, forward->options.target_count,
                                            forward->options.max_edges, &forward->resolver_wake);
    return !has_names || forward->resolver;
}

/* ---- the thread ---- */

static void report(struct forward *forward)
{
    struct edge_report *reports = memory_zeroed(forward->options.max_edges * sizeof(*reports));
    size_t count = 0;
    struct list *node;
    list_for_each(node, &forward->links)
        link_report(container_of(node, struct link, link), &reports[count++]);
    edges_set(hub_edges(forward->hub), reports, count);
    free(reports);
}

static void tick(struct forward *forward, uint64_t now_ns)
{
    size_t count;
    struct stream_report *reports = hub_report(forward->hub, &count);
    struct list *node;
    list_for_each(node, &forward->links)
        link_announce(container_of(node, struct link, link), reports, count, now_ns);
    free(reports);
    report(forward);
}

static uint64_t send_frames(struct forward *forward)
{
    uint64_t deadline_ns = CLOCK_NEVER;
    struct list *node;
    list_for_each(node, &forward->feeds) feed_refresh(container_of(node, struct feed, link));
    list_for_each(node, &forward->links)
    {
        uint64_t again_ns = link_send(container_of(node, struct link, link), clock_mono_ns());
        if (again_ns < deadline_ns)
            deadline_ns = again_ns;
    }
    return deadline_ns;
}

static void wait(struct forward *forward, uint64_t deadline_ns)
{
    zmq_pollitem_t *items = forward->items;
    int count = POLL_LINKS;
    struct list *node;
    items[POLL_STOP] = (zmq_pollitem_t){NULL, forward->stop.fd, ZMQ_POLLIN, 0};
    items[POLL_HUB] = (zmq_pollitem_t){NULL, hub_forward_wake(forward->hub)->fd, ZMQ_POLLIN, 0};
    items[POLL_RESOLVER] = (zmq_pollitem_t){NULL, forward->resolver_wake.fd, ZMQ_POLLIN, 0};
    list_for_each(node, &forward->links)
    {
        const struct link *link = container_of(node, struct link, link);
        if (!link->socket)
            continue;
        items[count++] = (zmq_pollitem_t){link->socket, 0, ZMQ_POLLIN, 0};
        items[count++] = (zmq_pollitem_t){link->monitor, 0, ZMQ_POLLIN, 0};
    }
    zmq_poll(items, count, clock_timeout_ms(clock_mono_ns(), deadline_ns));
}

static void *run(void *arg)
{
    struct forward *forward = arg;
    uint64_t tick_ns = clock_mono_ns(), send_ns = CLOCK_NEVER;
    for (;;) {
        struct list *node;
        pulse_beat(&forward->pulse);
        wait(forward, tick_ns < send_ns ? tick_ns : send_ns);
        if (forward->items[POLL_STOP].revents)
            return NULL;
        if (forward->items[POLL_HUB].revents)
            wake_clear(hub_forward_wake(forward->hub));
        if (forward->items[POLL_RESOLVER].revents) {
            wake_clear(&forward->resolver_wake);
            take_addresses(forward);
        }
        list_for_each(node, &forward->links) link_receive(container_of(node, struct link, link));
        uint64_t now_ns = clock_mono_ns();
        if (now_ns >= tick_ns) {
            tick(forward, now_ns);
            tick_ns = now_ns + TICK_NS;
        }
        tell_demand(forward);
        send_ns = send_frames(forward);
    }
}

static void wake(void *arg)
{
    struct forward *forward = arg;
    wake_signal(hub_forward_wake(forward->hub));
}

static void release(struct forward *forward)
{
    struct list *node, *after;
    if (forward->resolver)
        resolver_destroy(forward->resolver);
    wake_fini(&forward->resolver_wake);
    wake_fini(&forward->stop);
    list_for_each_safe(node, after, &forward->links) link_destroy(container_of(node, struct link, link));
    list_for_each_safe(node, after, &forward->feeds) feed_destroy(container_of(node, struct feed, link));
    if (forward->context.zmq)
        zmq_ctx_term(forward->context.zmq);
    free(forward->items);
    free(forward);
}

struct forward *forward_create(struct hub *hub, const struct forward_options *options)
{
    struct forward *forward = memory_zeroed(sizeof(*forward));
    forward->hub = hub;
    forward->options = *options;
    forward->stop.fd = forward->resolver_wake.fd = -1; /* none yet: release() closes them */
    list_init(&forward->links);
    list_init(&forward->feeds);
    forward->items = memory_array(NULL, POLL_LINKS + 2 * options->max_edges, sizeof(*forward->items));
    forward->context = (struct link_context){
        .zmq = zmq_ctx_new(),
        .hub = hub,
        .keys = options->keys,
        .max_routes = ROUTES_MOST,
        .find_feed = find_feed,
        .on_demand = on_demand,
        .arg = forward,
    };
    const int sockets = SOCKETS_OF_A_LINK * (int)options->max_edges;
    if (!wake_init(&forward->stop) || !wake_init(&forward->resolver_wake) || !forward->context.zmq ||
        zmq_ctx_set(forward->context.zmq, ZMQ_MAX_SOCKETS, sockets) != 0 || !add_links(forward) ||
        !thread_start(&forward->thread, "forward", run, forward)) {
        log_error("cannot start forwarding: %s", strerror(errno));
        release(forward);
        return NULL;
    }
    pulses_add(options->pulses, &forward->pulse, "forward", wake, forward);
    return forward;
}

void forward_destroy(struct forward *forward)
{
    wake_signal(&forward->stop);
    pthread_join(forward->thread, NULL);
    pulses_remove(&forward->pulse);
    release(forward);
}
