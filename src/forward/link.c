/* SPDX-License-Identifier: MIT */
#include "forward/link.h"

#include "base/clock.h"
#include "base/memory.h"
#include "forward/packet.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

/* The window and the verdicts bound what waits; this only has to be more. */
enum { SEND_HIGH_WATER_MARK = 10 * 1000, RECEIVE_HIGH_WATER_MARK = 10 * 1000 };

/* As in ingest.c; a goodbye may take the last of these. */
enum { HEARTBEAT_MS = 3000, HEARTBEAT_TIMEOUT_MS = 15000, HANDSHAKE_MS = 10000, LINGER_MS = 200 };
enum { CONNECT_MS = 5000, RECONNECT_MS = 250, RECONNECT_MOST_MS = 2000 };

enum { MESSAGES_AT_ONCE = 256, EVENT_BYTES = 6 };

/* In a second: one reason may soon follow another. */
enum { LOG_LINES = 5 };

static const uint64_t REPEAT_NS = NS_PER_S;

/* Who does not answer, for whatever reason, is asked again after this. */
static const uint64_t ANSWER_NS = 10 * NS_PER_S;

/* A connection that was lost with each large frame holds when it has lasted so long. */
static const uint64_t HOLDS_NS = 10 * NS_PER_S;

/* A picture that stays the same is sent this often: it shows the edge that the stream is alive, and its new
   stamps satisfy snapshots there. */
static const uint64_t UNCHANGED_NS = NS_PER_S / 5;

/* A stream on its way to the edge. */
struct route {
    struct list link; /* link->routes */
    struct list active;
    char name[NAME_BYTES];
    bool is_listed; /* in the last report */

    char *announced; /* the last announcement; NULL: none */
    enum condition announced_as;
    uint64_t announced_ns;
    bool is_unanswered, is_taken;
    char refusal[HUB_TEXT_BYTES];

    bool is_subscribed;
    millifps rate;
    struct pace pace;
    struct feed *feed; /* while its frames are taken */
    uint64_t frame_serial, picture_serial, picture_count;
    uint64_t sent_ns;
};

/* ---- routes ---- */

static struct route *find_route(struct link *link, const char *name)
{
    struct list *node;
    list_for_each(node, &link->routes)
    {
        struct route *route = container_of(node, struct route, link);
        if (strcmp(route->name, name) == 0)
            return route;
    }
    return NULL;
}

static struct route *add_route(struct link *link, const char *name)
{
    struct route *route = memory_zeroed(sizeof(*route));
    snprintf(route->name, sizeof(route->name), "%s", name);
    list_init(&route->active);
    list_append(&link->routes, &route->link);
    link->route_count++;
    return route;
}

static void remove_route(struct link *link, struct route *route)
{
    list_remove(&route->active);
    list_remove(&route->link);
    link->route_count--;
    free(route->announced);
    free(route);
}

/* Its frames are taken while the stream is there, the edge has accepted it and asks for it. */
static void follow_demand(struct link *link, struct route *route)
{
    bool is_wanted = route->is_listed && route->is_taken && route->is_subscribed;
    if (is_wanted == (route->feed != NULL))
        return;
    if (is_wanted) {
        route->feed = link->context->find_feed(link->context->arg, route->name);
        route->frame_serial = route->feed->view.frame_serial; /* from the next one on */
        route->picture_serial = route->sent_ns = 0;
        route->picture_count = route->feed->view.picture_count;
        pace_init(&route->pace, route->rate);
        list_append(&link->active, &route->active);
    } else {
        route->feed = NULL;
        list_remove(&route->active);
    }
    link->context->on_demand(link->context->arg);
}

static void remove_if_unused(struct link *link, struct route *route)
{
    if (!route->is_listed && !route->is_subscribed)
        remove_route(link, route);
}

static void remove_routes(struct link *link)
{
    struct list *node, *after;
    list_for_each_safe(node, after, &link->routes) remove_route(link, container_of(node, struct route, link));
    link->context->on_demand(link->context->arg);
}

/* ---- the connection ---- */

static bool set_int(void *socket, int option, int value)
{
    return zmq_setsockopt(socket, option, &value, sizeof(value)) == 0;
}

static bool set_keys(const struct link *link)
{
    const struct key_pair *keys = link->context->keys;
    return !keys ||
           (zmq_setsockopt(link->socket, ZMQ_CURVE_SERVERKEY, link->edge_key, KEYS_RAW_BYTES) == 0 &&
            zmq_setsockopt(link->socket, ZMQ_CURVE_PUBLICKEY, keys->public_key, KEYS_TEXT_BYTES) == 0 &&
            zmq_setsockopt(link->socket, ZMQ_CURVE_SECRETKEY, keys->secret_key, KEYS_TEXT_BYTES) == 0);
}

static bool set_options(const struct link *link)
{
    void *socket = link->socket;
    return set_int(socket, ZMQ_SNDHWM, SEND_HIGH_WATER_MARK) &&
           set_int(socket, ZMQ_RCVHWM, RECEIVE_HIGH_WATER_MARK) && set_int(socket, ZMQ_XPUB_NODROP, 1) &&
           set_int(socket, ZMQ_IPV6, 1) && set_int(socket, ZMQ_LINGER, LINGER_MS) &&
           set_int(socket, ZMQ_HEARTBEAT_IVL, HEARTBEAT_MS) &&
           set_int(socket, ZMQ_HEARTBEAT_TIMEOUT, HEARTBEAT_TIMEOUT_MS) &&
           set_int(socket, ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS) &&
           set_int(socket, ZMQ_CONNECT_TIMEOUT, CONNECT_MS) &&
           set_int(socket, ZMQ_RECONNECT_IVL, RECONNECT_MS) &&
           set_int(socket, ZMQ_RECONNECT_IVL_MAX, RECONNECT_MOST_MS) && set_keys(link);
}

static bool open_monitor(struct link *link)
{
    char endpoint[64];
    snprintf(endpoint, sizeof(endpoint), "inproc://monitor-%p", link->socket);
    const int events = ZMQ_EVENT_CONNECTED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_CONNECT_RETRIED |
                       ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
                       ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL;
    if (zmq_socket_monitor(link->socket, endpoint, events) != 0)
        return false;
    link->monitor = zmq_socket(link->context->zmq, ZMQ_PAIR);
    return link->monitor && set_int(link->monitor, ZMQ_LINGER, 0) &&
           zmq_connect(link->monitor, endpoint) == 0;
}

static void close_sockets(struct link *link)
{
    if (link->monitor) {
        zmq_socket_monitor(link->socket, NULL, 0);
        zmq_close(link->monitor);
    }
    if (link->socket)
        zmq_close(link->socket);
    link->socket = link->monitor = NULL;
}

__attribute__((format(printf, 2, 3))) static void note_failure(struct link *link, const char *format, ...)
{
    char reason[EDGES_REASON_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason, sizeof(reason), format, arguments);
    va_end(arguments);
    if (strcmp(reason, link->reason) == 0)
        return; /* it was said */
    memcpy(link->reason, reason, sizeof(link->reason));
    log_limited(&link->log, LOG_WARN, "cannot forward to %s: %s; it is tried again and again", link->name,
                reason);
}

/* A socket of its own for the next try, at another address if there are several. */
static void try_anew(struct link *link, int after_ms)
{
    if (link->turn_ns == 0)
        link->turn_ns = clock_mono_ns() + (uint64_t)after_ms * NS_PER_MS;
}

static void open_sockets(struct link *link)
{
    link->socket = zmq_socket(link->context->zmq, ZMQ_XPUB);
    if (link->socket && set_options(link) && open_monitor(link) &&
        zmq_connect(link->socket, link->addresses[link->address]) == 0)
        return;
    note_failure(link, "no socket for it: %s", zmq_strerror(errno));
    close_sockets(link);
    try_anew(link, RECONNECT_MOST_MS);
}

struct link *link_create(const struct link_context *context, const struct target *target, const char *name,
                         const uint8_t *edge_key)
{
    struct link *link = memory_zeroed(sizeof(*link));
    link->context = context;
    link->target = target;
    link->edge_key = edge_key;
    link->since_real_ns = clock_real_ns();
    snprintf(link->name, sizeof(link->name), "%s", name);
    snprintf(link->reason, sizeof(link->reason), "the name is being resolved");
    link->log.lines = LOG_LINES;
    list_init(&link->link);
    list_init(&link->routes);
    list_init(&link->active);
    return link;
}

/* Nothing of the connection is left. */
static void restart(struct link *link)
{
    link->is_to_restart = link->has_answered = false;
    link->turn_ns = 0;
    remove_routes(link);
    link->window = (struct window){0};
    if (link->is_connected)
        link->since_real_ns = clock_real_ns();
    link->is_connected = false;
    close_sockets(link);
    open_sockets(link);
}

void link_set_addresses(struct link *link, const char (*addresses)[TARGET_BYTES], size_t count)
{
    if (count > TARGET_ADDRESSES_MOST)
        count = TARGET_ADDRESSES_MOST;
    if (count == 0)
        return;
    /* Name servers give the same addresses in one order after the other. */
    size_t place = 0;
    while (place < count &&
           (link->address_count == 0 || strcmp(addresses[place], link->addresses[link->address]) != 0))
        place++;
    bool is_at_one = place < count;
    memcpy(link->addresses, addresses, count * sizeof(*addresses));
    link->address_count = count;
    link->address = is_at_one ? place : 0;
    if (is_at_one || link->is_connected)
        return; /* a connection that works is kept */
    snprintf(link->reason, sizeof(link->reason), "connecting");
    restart(link);
}

/* As it seems: it connects again at once, and is lost with the next large one. */
static bool is_closed_by_frames(const struct link *link)
{
    return link->large_losses > 1;
}

/* An edge says nothing to a frame that is too large for its libzmq, which closes the connection. */
static void on_loss(struct link *link)
{
    const size_t bytes = window_largest(&link->window);
    if (link->window.largest_delivered > link->largest_taken)
        link->largest_taken = link->window.largest_delivered;
    link->large_losses = bytes > link->largest_taken ? link->large_losses + 1 : 0;
    link->large_loss_ns = clock_mono_ns();
    if (is_closed_by_frames(link))
        note_failure(
            link,
            "the connection was lost again with a frame of %zu bytes on its way: is that more than its "
            "--max-frame-bytes?",
            bytes);
    else
        note_failure(link, "the connection was lost");
    link->is_to_restart = true;
}

static void on_event(struct link *link, int event)
{
    switch (event) {
    case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
        note_failure(link, "it does not know the public key of this headcam's --curve-key; its --curve-allow "
                           "must list that");
        try_anew(link, RECONNECT_MOST_MS); /* libzmq does not */
        break;
    case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
    case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
        note_failure(link, link->context->keys
                               ? "no handshake: is --curve-edge its public key, and has it a --curve-key?"
                               : "no handshake: does it want keys, by --curve-key and --curve-edge?");
        try_anew(link, RECONNECT_MOST_MS); /* likewise, after some */
        break;
    case ZMQ_EVENT_CONNECTED:
        link->has_answered = true;
        break;
    case ZMQ_EVENT_CONNECT_RETRIED: /* after whatever else failed, too */
        if (!link->has_answered && !link->is_connected)
            note_failure(link, "nobody answers there");
        link->has_answered = false;
        if (link->address_count > 1)
            try_anew(link, RECONNECT_MS);
        break;
    case ZMQ_EVENT_DISCONNECTED:
        if (link->is_connected)
            on_loss(link);
        break;
    default:
        break;
    }
}

static void take_events(struct link *link)
{
    uint8_t head[EVENT_BYTES];
    char address[TARGET_BYTES];
    while (link->monitor && zmq_recv(link->monitor, head, sizeof(head), ZMQ_DONTWAIT) == (int)sizeof(head)) {
        zmq_recv(link->monitor, address, sizeof(address), ZMQ_DONTWAIT);
        uint16_t event;
        memcpy(&event, head, sizeof(event));
        on_event(link, event);
    }
}

/* ---- what the edge says ---- */

static void begin_forwarding(struct link *link)
{
    link->reason[0] = '\0';
    log_info("forwarding to %s", link->name);
}

static void on_hello(struct link *link)
{
    if (link->is_connected) { /* a connection that libzmq made anew without a word */
        link->is_to_restart = true;
        return;
    }
    link->is_connected = true;
    link->since_real_ns = clock_real_ns();
    if (!is_closed_by_frames(link))
        begin_forwarding(link);
}

static void log_surplus(struct link *link, const char *name)
{
    log_limited(&link->surplus_log, LOG_WARN,
                "%s asks for stream %s, which is one too many: an edge may ask for %zu", link->name, name,
                link->context->max_routes);
}

static void on_subscription(struct link *link, const struct packet *packet)
{
    struct route *route = find_route(link, packet->name);
    if (!route && packet->kind == PACKET_SUBSCRIBE) {
        if (link->route_count < link->context->max_routes)
            route = add_route(link, packet->name);
        else
            log_surplus(link, packet->name);
    }
    if (!route)
        return;
    route->is_subscribed = packet->kind == PACKET_SUBSCRIBE;
    route->rate = 0; /* until it says otherwise */
    follow_demand(link, route);
    remove_if_unused(link, route);
}

static void on_rate(struct link *link, const struct packet *packet)
{
    struct route *route = find_route(link, packet->name);
    if (!route || route->rate == packet->rate)
        return;
    route->rate = packet->rate;
    pace_init(&route->pace, route->rate);
    if (route->feed)
        link->context->on_demand(link->context->arg);
}

static void on_verdict(struct link *link, const struct packet *packet, uint64_t now_ns)
{
    struct route *route = find_route(link, packet->name);
    if (!route || !route->is_unanswered || packet->instance != hub_id(link->context->hub))
        return;
    route->is_unanswered = false;
    route->is_taken = packet->is_taken;
    window_measured(&link->window, now_ns - route->announced_ns);
    window_settle(&link->window, route->announced_ns); /* the edge answers in the order of what is sent */
    if (strcmp(route->refusal, packet->reason) != 0) {
        memcpy(route->refusal, packet->reason, sizeof(route->refusal));
        if (route->refusal[0])
            log_warn("%s does not take stream %s: %s", link->name, route->name, route->refusal);
    }
    follow_demand(link, route);
}

static void take_packet(struct link *link, const struct packet *packet)
{
    uint64_t now_ns = clock_mono_ns();
    switch (packet->kind) {
    case PACKET_HELLO:
        on_hello(link);
        break;
    case PACKET_SUBSCRIBE:
    case PACKET_UNSUBSCRIBE:
        on_subscription(link, packet);
        break;
    case PACKET_RATE:
        on_rate(link, packet);
        break;
    case PACKET_TAKEN:
        if (packet->instance == hub_id(link->context->hub))
            window_acknowledged(&link->window, packet->sequence, now_ns);
        break;
    case PACKET_VERDICT:
        on_verdict(link, packet, now_ns);
        break;
    case PACKET_OTHER:
        break;
    }
}

static bool take_message(struct link *link)
{
    zmq_msg_t message;
    struct packet packet;
    zmq_msg_init(&message);
    bool is_there = zmq_msg_recv(&message, link->socket, ZMQ_DONTWAIT) >= 0;
    if (is_there) {
        packet_read(zmq_msg_data(&message), zmq_msg_size(&message), &packet);
        take_packet(link, &packet);
    }
    zmq_msg_close(&message);
    return is_there;
}

void link_receive(struct link *link)
{
    if (link->socket) {
        take_events(link);
        for (int i = 0; i < MESSAGES_AT_ONCE && !link->is_to_restart && take_message(link); i++)
            ;
    }
    bool is_turn = link->turn_ns != 0 && !link->is_connected && clock_mono_ns() >= link->turn_ns;
    if (is_turn)
        link->address = (link->address + 1) % link->address_count;
    if (link->is_to_restart || is_turn)
        restart(link);
}

/* ---- announcements ---- */

static bool send_announcement(struct link *link, struct route *route, const char *json)
{
    char topic[PACKET_TOPIC_BYTES];
    size_t length = packet_write_topic(topic, route->name, true);
    return zmq_send(link->socket, topic, length, ZMQ_DONTWAIT | ZMQ_SNDMORE) >= 0 &&
           zmq_send(link->socket, json, strlen(json), ZMQ_DONTWAIT) >= 0;
}

/* Only the newest word counts: the next one waits for the answer to the last. */
static void announce(struct link *link, struct route *route, const struct stream_report *report,
                     enum condition state, const char *reason, uint64_t now_ns)
{
    /* The end is told once, and only to whom it was not over already. */
    bool is_over = state == CONDITION_ENDED && (!route->announced || route->announced_as == CONDITION_ENDED);
    bool is_waiting = route->is_unanswered && now_ns - route->announced_ns < ANSWER_NS;
    if (is_waiting || state == CONDITION_WAITING || is_over)
        return;
    char *json = packet_write_announcement(report, state, reason, hub_id(link->context->hub));
    bool is_old = !json || (route->announced && strcmp(json, route->announced) == 0 &&
                            now_ns - route->announced_ns < REPEAT_NS);
    if (is_old || !send_announcement(link, route, json)) {
        free(json);
        return;
    }
    free(route->announced);
    route->announced = json;
    route->announced_as = state;
    route->announced_ns = now_ns;
    route->is_unanswered = true;
}

/* A stream that is no more in the report. */
static void announce_end(struct link *link, struct route *route, uint64_t now_ns)
{
    const struct stream_report nothing = {.condition = CONDITION_ENDED};
    announce(link, route, &nothing, CONDITION_ENDED, "its agent is gone", now_ns);
    follow_demand(link, route);
    remove_if_unused(link, route);
}

void link_announce(struct link *link, const struct stream_report *reports, size_t count, uint64_t now_ns)
{
    struct list *node, *after;
    if (!link->is_connected)
        return;
    if (is_closed_by_frames(link) && now_ns - link->large_loss_ns > HOLDS_NS) {
        link->large_losses = 0;
        begin_forwarding(link);
    }
    list_for_each(node, &link->routes) container_of(node, struct route, link)->is_listed = false;
    for (size_t i = 0; i < count; i++) {
        struct route *route = find_route(link, reports[i].name);
        if (!route)
            route = add_route(link, reports[i].name);
        route->is_listed = true;
        announce(link, route, &reports[i], packet_state(&reports[i]), reports[i].reason, now_ns);
    }
    list_for_each_safe(node, after, &link->routes)
    {
        struct route *route = container_of(node, struct route, link);
        if (!route->is_listed)
            announce_end(link, route, now_ns);
    }
}

/* ---- frames ---- */

void link_add_wants(struct link *link)
{
    struct list *node;
    list_for_each(node, &link->active)
    {
        struct route *route = container_of(node, struct route, active);
        struct audience *wants = &route->feed->wants;
        wants->rate = wants->edges++ == 0 ? route->rate : pace_faster(wants->rate, route->rate);
    }
}

/* When a frame is to be sent: 0 for now, CLOCK_NEVER where there is none. */
static uint64_t next_send_ns(const struct route *route, uint64_t now_ns)
{
    const struct hub_view *view = &route->feed->view;
    if (!route->feed->frame || view->frame_serial == route->frame_serial)
        return CLOCK_NEVER;
    uint64_t ready_ns = pace_ready_ns(&route->pace);
    if (view->picture_serial <= route->picture_serial && route->sent_ns + UNCHANGED_NS > ready_ns)
        ready_ns = route->sent_ns + UNCHANGED_NS;
    return ready_ns <= now_ns ? 0 : ready_ns;
}

static void release_frame(void *data, void *hint)
{
    struct frame *frame = hint;
    (void)data;
    frame_unref(&frame);
}

static bool send_frame(struct link *link, struct route *route, struct frame *frame)
{
    char topic[PACKET_TOPIC_BYTES];
    uint8_t header[HEADCAM_HEADER_BYTES];
    zmq_msg_t payload;
    size_t length = packet_write_topic(topic, route->name, false);
    packet_write_header(header, frame, hub_id(link->context->hub));
    /* libzmq only reads it, and lets go of it when it was written. */
    if (zmq_msg_init_data(&payload, (void *)(uintptr_t)frame->data, frame->data_bytes, release_frame,
                          frame_ref(frame)) != 0) {
        frame_unref(&(struct frame *){frame});
        return false;
    }
    bool is_sent = zmq_send(link->socket, topic, length, ZMQ_DONTWAIT | ZMQ_SNDMORE) >= 0 &&
                   zmq_send(link->socket, header, sizeof(header), ZMQ_DONTWAIT | ZMQ_SNDMORE) >= 0 &&
                   zmq_msg_send(&payload, link->socket, ZMQ_DONTWAIT) >= 0;
    if (!is_sent)
        zmq_msg_close(&payload);
    return is_sent;
}

/* Counts what the edge missed for being slow; what it did not ask for is no loss. */
static void note_sent(struct link *link, struct route *route, uint64_t now_ns)
{
    const struct hub_view *view = &route->feed->view;
    if (route->pace.interval_ns == 0 && route->sent_ns != 0 && view->picture_count > route->picture_count)
        link->skipped += view->picture_count - route->picture_count - 1;
    route->picture_count = view->picture_count;
    route->frame_serial = view->frame_serial;
    route->picture_serial = view->picture_serial;
    route->sent_ns = now_ns;
    pace_taken(&route->pace, now_ns);
    link->frames++;
    link->bytes += route->feed->frame->data_bytes;
}

uint64_t link_send(struct link *link, uint64_t now_ns)
{
    uint64_t deadline_ns = CLOCK_NEVER;
    struct list *node, *after;
    struct list sent;
    list_init(&sent);
    list_for_each_safe(node, after, &link->active)
    {
        struct route *route = container_of(node, struct route, active);
        uint64_t ready_ns = next_send_ns(route, now_ns);
        if (ready_ns != 0 && ready_ns < deadline_ns)
            deadline_ns = ready_ns;
        if (ready_ns != 0 || !window_may_send(&link->window, now_ns)) /* an acknowledgement goes on */
            continue;
        struct frame *frame = route->feed->frame;
        if (!send_frame(link, route, frame))
            continue;
        window_sent(&link->window, frame->sequence, frame->data_bytes, now_ns);
        note_sent(link, route, now_ns);
        list_remove(node);
        list_append(&sent, node); /* the others go first next time */
    }
    list_splice(&link->active, &sent);
    return deadline_ns;
}

/* ---- the end, and the report ---- */

static void say_goodbye(struct link *link)
{
    const struct stream_report nothing = {.condition = CONDITION_ENDED};
    struct list *node;
    list_for_each(node, &link->routes)
    {
        struct route *route = container_of(node, struct route, link);
        route->is_unanswered = false; /* there is no time to wait for it */
        announce(link, route, &nothing, CONDITION_ENDED, "the headcam that forwards it was stopped",
                 clock_mono_ns());
    }
}

void link_destroy(struct link *link)
{
    if (link->is_connected)
        say_goodbye(link);
    remove_routes(link);
    list_remove(&link->link);
    close_sockets(link);
    free(link);
}

void link_report(const struct link *link, struct edge_report *report)
{
    struct list *node;
    memset(report, 0, sizeof(*report));
    snprintf(report->endpoint, sizeof(report->endpoint), "%s", link->name);
    report->is_connected = link->is_connected;
    memcpy(report->reason, link->reason, sizeof(report->reason));
    report->since_real_ns = link->since_real_ns;
    list_for_each(node, &link->active) report->streams++;
    list_for_each(node, &link->routes)
    {
        const struct route *route = container_of(node, struct route, link);
        if (route->is_listed && route->refusal[0] && !report->reason[0])
            snprintf(report->reason, sizeof(report->reason), "%s is not taken: %.180s", route->name,
                     route->refusal);
    }
    report->frames = link->frames;
    report->bytes = link->bytes;
    report->skipped = link->skipped;
    report->frames_in_flight = link->window.count;
    report->round_trip_ns = link->window.round_trip_ns;
}
