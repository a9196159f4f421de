/* SPDX-License-Identifier: MIT */
#include "ingest/ingest.h"

#include "base/clock.h"
#include "base/list.h"
#include "base/little_endian.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/thread.h"
#include "ingest/jpeg_check.h"
#include "ingest/message.h"
#include "ingest/rings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <zmq.h>

/* Topic, header, pixels. */
enum { MAX_PARTS = 3 };

/* Only the newest frame counts: what waits in the kernel and in libzmq is kept short. */
enum { RECEIVE_HIGH_WATER_MARK = 4 };

/* To a producer that stands still for longer libzmq drops subscriptions, and does not repeat them. */
enum { SEND_HIGH_WATER_MARK = 100 * 1000 };

/* Messages taken before the thread looks at the demand again, so that a flood does not delay it. */
enum { MESSAGES_AT_ONCE = 64 };

static const uint64_t TICK_NS = NS_PER_S / 2;

/* Over tcp:// nobody else tells that the other machine is gone. A frame through a very slow link must fit. */
enum { HEARTBEAT_MS = 3000, HEARTBEAT_TIMEOUT_MS = 15000, HANDSHAKE_MS = 10000 };

struct ingest {
    struct hub *hub;
    struct ingest_options options;
    void *context, *socket;
    void *gate_socket; /* NULL: nobody asks */
    struct wake stop;
    pthread_t thread;
    struct pulse pulse;
    struct log_limit reject_log, send_log;
    struct rings *rings;
};

struct parts {
    zmq_msg_t part[MAX_PARTS];
    int count; /* of all parts, also of those over MAX_PARTS, which are dropped at once */
};

/* ---- messages ---- */

/* Receives all parts of one message. False: none waits. */
static bool receive(void *socket, struct parts *parts)
{
    parts->count = 0;
    bool more = true;
    while (more) {
        zmq_msg_t surplus;
        zmq_msg_t *part = parts->count < MAX_PARTS ? &parts->part[parts->count] : &surplus;
        zmq_msg_init(part);
        if (zmq_msg_recv(part, socket, ZMQ_DONTWAIT) < 0) {
            zmq_msg_close(part);
            return false; /* only before a first part: libzmq hands messages over whole */
        }
        more = zmq_msg_more(part);
        if (parts->count >= MAX_PARTS)
            zmq_msg_close(part);
        parts->count++;
    }
    return true;
}

static void close_parts(struct parts *parts)
{
    for (int i = 0; i < parts->count && i < MAX_PARTS; i++)
        zmq_msg_close(&parts->part[i]);
}

static void reject(struct ingest *ingest, const char *name, const struct message_error *error)
{
    atomic_fetch_add_explicit(&hub_intake(ingest->hub)->rejected[error->reason], 1, memory_order_relaxed);
    log_limited(&ingest->reject_log, LOG_WARN, "message dropped%s%s: %s", name[0] ? " for " : "", name,
                error->text);
}

static const struct {
    enum reject reason;
    const char *text;
} verdicts[] = {
    [HUB_TAKEN] = {REJECT_REASONS, ""},
    [HUB_CONFLICT] = {REJECT_CONFLICT, "another producer has this name; give one of them another --name"},
    [HUB_LIMIT] = {REJECT_LIMIT, "as many streams are announced as --max-streams allows"},
    [HUB_LOOP] = {REJECT_LOOP, "it was forwarded from here, and came back by --forward of another headcam"},
};

static void reject_verdict(struct ingest *ingest, const char *name, enum hub_verdict verdict)
{
    if (verdict == HUB_TAKEN)
        return;
    struct message_error error = {.reason = verdicts[verdict].reason};
    snprintf(error.text, sizeof(error.text), "%s", verdicts[verdict].text);
    reject(ingest, name, &error);
}

/* ---- frames ---- */

/* An inline frame lives in the message it came in. */
struct raw_message {
    struct raw_frame raw;
    zmq_msg_t message;
};

static void release_raw(struct raw_frame *raw)
{
    struct raw_message *self = (struct raw_message *)raw;
    zmq_msg_close(&self->message);
    free(self);
}

struct raw_slot {
    struct raw_frame raw;
    struct ring *ring;
};

static bool read_slot(const struct raw_frame *raw, size_t offset, void *into, size_t length)
{
    const struct raw_slot *self = (const struct raw_slot *)raw;
    return ring_read(self->ring, raw->info.slot, offset, into, length);
}

static bool slot_is_intact(const struct raw_frame *raw)
{
    const struct raw_slot *self = (const struct raw_slot *)raw;
    return ring_slot_is(self->ring, raw->info.slot, raw->info.slot_sequence);
}

static void release_slot(struct raw_frame *raw)
{
    struct raw_slot *self = (struct raw_slot *)raw;
    struct ring *ring = self->ring;
    ring_give_memory(ring, self);
    ring_unref(ring);
}

/* A JPEG that is ready lives in the message it came in, too: the frame, and the raw frame, which holds a
   reference of it. */
struct ready_message {
    struct frame frame;
    struct raw_frame raw;
    zmq_msg_t message;
};

static void release_ready(struct frame *frame)
{
    struct ready_message *self = (struct ready_message *)frame;
    zmq_msg_close(&self->message);
    free(self);
}

static void release_ready_raw(struct raw_frame *raw)
{
    struct frame *frame = &container_of(raw, struct ready_message, raw)->frame;
    frame_unref(&frame);
}

static void take_over(zmq_msg_t *to, zmq_msg_t *from)
{
    zmq_msg_init(to);
    zmq_msg_move(to, from);
}

static void stamp(struct raw_frame *raw, const struct raw_info *info)
{
    raw->info = *info;
    raw->arrival_ns = clock_mono_ns();
    raw->capture_ns = raw_capture_mono_ns(info->capture_real_ns, clock_real_ns(), raw->arrival_ns);
}

static enum hub_verdict submit_pixels(struct ingest *ingest, const char *name, const struct raw_info *info,
                                      zmq_msg_t *payload)
{
    struct raw_message *self = memory_zeroed(sizeof(*self));
    take_over(&self->message, payload);
    stamp(&self->raw, info);
    self->raw.payload = zmq_msg_data(&self->message);
    self->raw.release = release_raw;
    return hub_submit(ingest->hub, name, &self->raw);
}

static enum hub_verdict submit_slot(struct ingest *ingest, const char *name, const struct raw_info *info,
                                    struct ring *ring)
{
    struct raw_slot *self = ring_take_memory(ring, sizeof(*self));
    self->ring = ring_ref(ring);
    stamp(&self->raw, info);
    self->raw.payload = NULL; /* read() gives it */
    self->raw.read = read_slot;
    self->raw.is_intact = slot_is_intact;
    self->raw.release = release_slot;
    return hub_submit(ingest->hub, name, &self->raw);
}

static enum hub_verdict submit_ready(struct ingest *ingest, const char *name, const struct raw_info *info,
                                     zmq_msg_t *payload)
{
    struct ready_message *self = memory_zeroed(sizeof(*self));
    take_over(&self->message, payload);
    stamp(&self->raw, info);
    self->raw.payload = zmq_msg_data(&self->message);
    self->raw.release = release_ready_raw;
    frame_init(&self->frame, release_ready);
    self->frame.data = self->raw.payload;
    self->frame.data_bytes = info->payload_bytes;
    self->frame.width = info->width;
    self->frame.height = info->height;
    raw_stamp(&self->raw, &self->frame);
    frame_ref(&self->frame); /* the raw frame's */
    return hub_submit_ready(ingest->hub, name, &self->raw, &self->frame);
}

static void send_bytes(struct ingest *ingest, const char *name, const uint8_t *bytes, size_t length)
{
    if (zmq_send(ingest->socket, bytes, length, ZMQ_DONTWAIT) >= 0)
        return;
    log_limited(&ingest->send_log, LOG_WARN, "cannot tell the producer of %s what is wanted: %s", name,
                zmq_strerror(errno));
}

static uint8_t *put_name(uint8_t *at, const char *name)
{
    size_t length = strlen(name);
    *at++ = (uint8_t)length;
    memcpy(at, name, length);
    return at + length;
}

/* It has come, whatever became of it: its producer may send the next one. */
static void acknowledge(struct ingest *ingest, const char *name, const struct raw_info *info)
{
    uint8_t bytes[HEADCAM_NAME_MAX + 24], *at = bytes;
    *at++ = HEADCAM_UPSTREAM_TAKEN;
    at = put_name(at, name);
    at = put_little_endian(at, info->instance, 8);
    at = put_little_endian(at, info->sequence, 8);
    send_bytes(ingest, name, bytes, (size_t)(at - bytes));
}

static bool refuse(struct message_error *error, enum reject reason, const char *text)
{
    error->reason = reason;
    snprintf(error->text, sizeof(error->text), "%s", text);
    return false;
}

static bool take_ring_frame(struct ingest *ingest, const char *name, const struct raw_info *info,
                            const struct parts *parts, struct message_error *error)
{
    if (parts->count != 2)
        return refuse(error, REJECT_PARTS, "a frame in a ring has two parts");
    struct ring *ring = rings_find(ingest->rings, name, info);
    if (!ring)
        return refuse(error, REJECT_RING, "a frame in a ring, or a slot, that the server does not read");
    reject_verdict(ingest, name, submit_slot(ingest, name, info, ring));
    return true;
}

static bool take_inline_frame(struct ingest *ingest, const char *name, const struct raw_info *info,
                              struct parts *parts, struct message_error *error)
{
    if (parts->count != 3)
        return refuse(error, REJECT_PARTS, "a frame with its pixels inline has three parts");
    zmq_msg_t *payload = &parts->part[2];
    if (!message_check_payload(info, zmq_msg_size(payload), error))
        return false;
    if (info->format != HEADCAM_JPEG) {
        reject_verdict(ingest, name, submit_pixels(ingest, name, info, payload));
        return true;
    }
    const char *flaw = jpeg_check(zmq_msg_data(payload), info->payload_bytes, info->width, info->height);
    if (flaw)
        return refuse(error, REJECT_JPEG, flaw);
    reject_verdict(ingest, name, submit_ready(ingest, name, info, payload));
    return true;
}

static bool take_frame(struct ingest *ingest, const char *name, struct parts *parts,
                       struct message_error *error)
{
    struct raw_info info = {0};
    zmq_msg_t *header = &parts->part[1];
    bool is_taken = message_read_header(zmq_msg_data(header), zmq_msg_size(header),
                                        ingest->options.max_frame_bytes, &info, error);
    if (is_taken)
        is_taken = info.location == HEADCAM_RING ? take_ring_frame(ingest, name, &info, parts, error)
                                                 : take_inline_frame(ingest, name, &info, parts, error);
    if (info.wants_acknowledgement)
        acknowledge(ingest, name, &info);
    return is_taken;
}

/* ---- announcements ---- */

static void send_verdict(struct ingest *ingest, const char *name, const struct announcement *announcement,
                         enum hub_verdict verdict)
{
    uint8_t bytes[HEADCAM_NAME_MAX + 16 + HUB_TEXT_BYTES], *at = bytes;
    *at++ = HEADCAM_UPSTREAM_VERDICT;
    at = put_name(at, name);
    at = put_little_endian(at, announcement->instance, 8);
    *at++ = verdict == HUB_TAKEN;
    size_t length = strlen(verdicts[verdict].text);
    memcpy(at, verdicts[verdict].text, length);
    send_bytes(ingest, name, bytes, (size_t)(at - bytes) + length);
}

static void send_ring_verdict(struct ingest *ingest, const char *name,
                              const struct announcement *announcement, bool is_read, const char *reason)
{
    uint8_t bytes[HEADCAM_NAME_MAX + 16 + RING_ERROR_BYTES], *at = bytes;
    *at++ = HEADCAM_UPSTREAM_RING;
    at = put_name(at, name);
    at = put_little_endian(at, announcement->instance, 8);
    at = put_little_endian(at, announcement->ring.number, 4);
    *at++ = is_read;
    size_t length = strlen(reason);
    memcpy(at, reason, length);
    send_bytes(ingest, name, bytes, (size_t)(at - bytes) + length);
}

/* The user that a message came from, as the kernel tells. */
static uid_t user_of(zmq_msg_t *message)
{
    struct ucred peer;
    socklen_t length = sizeof(peer);
    int fd = zmq_msg_get(message, ZMQ_SRCFD);
    if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0)
        return RINGS_NO_USER;
    return peer.uid; /* -1 over tcp://; the pid is 0 for a producer in another container, too */
}

static void take_ring_offer(struct ingest *ingest, const char *name, const struct announcement *announcement,
                            uid_t owner)
{
    char reason[RING_ERROR_BYTES];
    bool is_read =
        rings_offer(ingest->rings, name, announcement->instance, &announcement->ring, owner, reason);
    if (!is_read)
        hub_set_transport_reason(ingest->hub, name, reason);
    if (!is_read || !announcement->ring.is_confirmed)
        send_ring_verdict(ingest, name, announcement, is_read, reason);
}

static bool take_announcement(struct ingest *ingest, const char *name, struct parts *parts,
                              struct message_error *error)
{
    struct announcement announcement;
    zmq_msg_t *json = &parts->part[1];
    if (!message_read_announcement(zmq_msg_data(json), zmq_msg_size(json), &announcement, error))
        return false;
    bool is_new = !hub_has_producer(ingest->hub, name, announcement.instance);
    enum hub_verdict verdict = hub_announce(ingest->hub, name, &announcement);
    reject_verdict(ingest, name, verdict);
    if (announcement.is_forwarded || is_new || verdict != HUB_TAKEN)
        send_verdict(ingest, name, &announcement, verdict);
    if (verdict == HUB_TAKEN && announcement.ring.number != 0)
        take_ring_offer(ingest, name, &announcement, user_of(json));
    return true;
}

static void take_message(struct ingest *ingest, struct parts *parts)
{
    atomic_fetch_add_explicit(&hub_intake(ingest->hub)->messages, 1, memory_order_relaxed);
    struct message_error error = {0};
    char name[NAME_BYTES] = "";
    bool is_announcement = false;
    bool is_taken = message_read_topic(zmq_msg_data(&parts->part[0]), zmq_msg_size(&parts->part[0]), name,
                                       &is_announcement, &error);
    if (is_taken && (parts->count < 2 || parts->count > (is_announcement ? 2 : MAX_PARTS))) {
        error.reason = REJECT_PARTS;
        snprintf(error.text, sizeof(error.text), "%s of %d parts",
                 is_announcement ? "an announcement" : "a frame", parts->count);
        is_taken = false;
    } else if (is_taken) {
        is_taken = is_announcement ? take_announcement(ingest, name, parts, &error)
                                   : take_frame(ingest, name, parts, &error);
    }
    if (!is_taken)
        reject(ingest, name, &error);
}

static void take_messages(struct ingest *ingest)
{
    for (int i = 0; i < MESSAGES_AT_ONCE; i++) {
        struct parts parts;
        if (!receive(ingest->socket, &parts))
            return;
        take_message(ingest, &parts);
        close_parts(&parts);
    }
}

/* ---- upstream ---- */

static void send_upstream(struct ingest *ingest, const struct upstream *upstream)
{
    uint8_t bytes[HEADCAM_NAME_MAX + 8], *at = bytes;
    if (upstream->kind == UPSTREAM_RATE) {
        *at++ = HEADCAM_UPSTREAM_RATE;
        at = put_name(at, upstream->name);
        at = put_little_endian(at, upstream->rate, 4);
    } else {
        /* ZeroMQ's own: 1 subscribes to a topic, 0 ends it. */
        at += snprintf((char *)bytes, sizeof(bytes), "%c%s/", 1, upstream->name);
        bytes[0] = upstream->kind == UPSTREAM_SUBSCRIBE;
    }
    send_bytes(ingest, upstream->name, bytes, (size_t)(at - bytes));
}

static void tell_producers(struct ingest *ingest)
{
    struct upstream upstream;
    while (hub_next_upstream(ingest->hub, &upstream))
        send_upstream(ingest, &upstream);
}

/* ---- the thread ---- */

static void *run(void *arg)
{
    struct ingest *ingest = arg;
    const struct wake *demand = hub_upstream_wake(ingest->hub);
    uint64_t tick_ns = clock_mono_ns();
    for (;;) {
        pulse_beat(&ingest->pulse);
        uint64_t deadline_ns = hub_upstream_deadline(ingest->hub);
        zmq_pollitem_t items[] = {
            {ingest->socket, 0, ZMQ_POLLIN, 0},
            {NULL, demand->fd, ZMQ_POLLIN, 0},
            {NULL, ingest->stop.fd, ZMQ_POLLIN, 0},
            {ingest->gate_socket, 0, ZMQ_POLLIN, 0},
        };
        zmq_poll(items, ingest->gate_socket ? 4 : 3,
                 clock_timeout_ms(clock_mono_ns(), tick_ns < deadline_ns ? tick_ns : deadline_ns));
        if (items[2].revents)
            return NULL;
        if (items[1].revents)
            wake_clear(demand);
        if (items[3].revents)
            gate_answer(ingest->options.gate, ingest->gate_socket);
        tell_producers(ingest);
        if (items[0].revents)
            take_messages(ingest);
        if (clock_mono_ns() >= tick_ns) {
            hub_tick(ingest->hub);
            rings_tick(ingest->rings, ingest->hub);
            tick_ns = clock_mono_ns() + TICK_NS;
        }
    }
}

static void wake(void *arg)
{
    struct ingest *ingest = arg;
    wake_signal(hub_upstream_wake(ingest->hub));
}

static bool set_option(void *socket, int option, int64_t value)
{
    int small = (int)value;
    return option == ZMQ_MAXMSGSIZE ? zmq_setsockopt(socket, option, &value, sizeof(value)) == 0
                                    : zmq_setsockopt(socket, option, &small, sizeof(small)) == 0;
}

static bool fail(char error[ENDPOINT_ERROR_BYTES], const char *text)
{
    snprintf(error, ENDPOINT_ERROR_BYTES, "%s: %s", text, zmq_strerror(errno));
    return false;
}

static bool open_socket(struct ingest *ingest, char error[ENDPOINT_ERROR_BYTES])
{
    ingest->context = zmq_ctx_new();
    ingest->socket = ingest->context ? zmq_socket(ingest->context, ZMQ_XSUB) : NULL;
    return (ingest->socket && set_option(ingest->socket, ZMQ_RCVHWM, RECEIVE_HIGH_WATER_MARK) &&
            set_option(ingest->socket, ZMQ_SNDHWM, SEND_HIGH_WATER_MARK) &&
            set_option(ingest->socket, ZMQ_LINGER, 0) &&
            /* A larger part is refused by libzmq before it allocates anything; its sender is disconnected. */
            set_option(ingest->socket, ZMQ_MAXMSGSIZE, (int64_t)ingest->options.max_frame_bytes * 2)) ||
           fail(error, "cannot make the ingest socket");
}

/* Options hold for the endpoints that are bound after them. */
static bool prepare_tcp(struct ingest *ingest, char error[ENDPOINT_ERROR_BYTES])
{
    void *socket = ingest->socket;
    const struct key_pair *keys = ingest->options.keys;
    if (!set_option(socket, ZMQ_HEARTBEAT_IVL, HEARTBEAT_MS) ||
        !set_option(socket, ZMQ_HEARTBEAT_TIMEOUT, HEARTBEAT_TIMEOUT_MS) ||
        !set_option(socket, ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS))
        return fail(error, "cannot prepare the ingest socket for tcp://");
    if (!keys)
        return true;
    /* libzmq asks nobody, and lets everybody in, while there is no gate: it is there first, and closed last.
     */
    ingest->gate_socket = gate_open(ingest->context);
    return (ingest->gate_socket && set_option(socket, ZMQ_CURVE_SERVER, 1) &&
            zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, keys->secret_key, KEYS_TEXT_BYTES) == 0 &&
            zmq_setsockopt(socket, ZMQ_ZAP_DOMAIN, GATE_DOMAIN, strlen(GATE_DOMAIN)) == 0) ||
           fail(error, "cannot prepare the ingest socket for CURVE");
}

static bool bind_endpoint(struct ingest *ingest, const struct endpoint *endpoint,
                          char error[ENDPOINT_ERROR_BYTES])
{
    char address[ENDPOINT_BYTES];
    bool is_ipv6;
    if (!endpoint_prepare(endpoint->text, error) || !endpoint_resolve(endpoint, address, &is_ipv6, error))
        return false;
    if (!set_option(ingest->socket, ZMQ_IPV6, is_ipv6))
        return fail(error, "cannot prepare the ingest socket for IPv6");
    /* The file never has more permissions than it shall have, not even between bind and chmod. */
    mode_t old_mask = umask(~ingest->options.socket_mode & 0777);
    int bound = zmq_bind(ingest->socket, address);
    int reason = errno;
    umask(old_mask);
    if (bound != 0) {
        snprintf(error, ENDPOINT_ERROR_BYTES, "cannot bind %s: %s; choose another --ingest", endpoint->text,
                 zmq_strerror(reason));
        return false;
    }
    if (endpoint->is_tcp) {
        size_t room = sizeof(address);
        zmq_getsockopt(ingest->socket, ZMQ_LAST_ENDPOINT, address, &room);
        log_info("headcam takes frames of other machines at %s, %s", address,
                 ingest->options.keys ? "with CURVE" : "without keys");
    }
    return endpoint_set_mode(endpoint->text, ingest->options.socket_mode, error);
}

static bool bind_all(struct ingest *ingest, bool is_tcp, char error[ENDPOINT_ERROR_BYTES])
{
    bool is_first = true;
    for (size_t i = 0; i < ingest->options.endpoint_count; i++) {
        const struct endpoint *endpoint = &ingest->options.endpoints[i];
        if (endpoint->is_tcp != is_tcp)
            continue;
        if ((is_tcp && is_first && !prepare_tcp(ingest, error)) || !bind_endpoint(ingest, endpoint, error))
            return false;
        is_first = false;
    }
    return true;
}

static void close_socket(struct ingest *ingest)
{
    if (ingest->socket) {
        for (size_t i = 0; i < ingest->options.endpoint_count; i++)
            endpoint_remove(ingest->options.endpoints[i].text);
        zmq_close(ingest->socket);
    }
    if (ingest->gate_socket)
        zmq_close(ingest->gate_socket);
    if (ingest->context)
        zmq_ctx_term(ingest->context);
}

/* Rings are where agents of this machine connect. */
static const char *ring_endpoint(const struct ingest *ingest)
{
    for (size_t i = 0; i < ingest->options.endpoint_count; i++)
        if (!ingest->options.endpoints[i].is_tcp)
            return ingest->options.endpoints[i].text;
    return ingest->options.endpoints[0].text;
}

struct ingest *ingest_create(struct hub *hub, const struct ingest_options *options,
                             char error[ENDPOINT_ERROR_BYTES])
{
    struct ingest *ingest = memory_zeroed(sizeof(*ingest));
    ingest->hub = hub;
    ingest->options = *options;
    if (!open_socket(ingest, error) || !bind_all(ingest, false, error) || !bind_all(ingest, true, error)) {
        close_socket(ingest);
        free(ingest);
        return NULL;
    }
    ingest->rings = rings_create(ring_endpoint(ingest));
    static const uint8_t all_announcements[] = {1, '@'};
    zmq_send(ingest->socket, all_announcements, sizeof(all_announcements), 0);
    if (!wake_init(&ingest->stop) || !thread_start(&ingest->thread, "ingest", run, ingest)) {
        snprintf(error, ENDPOINT_ERROR_BYTES, "cannot start the ingest thread: %s", strerror(errno));
        rings_destroy(ingest->rings);
        close_socket(ingest);
        free(ingest);
        return NULL;
    }
    pulses_add(ingest->options.pulses, &ingest->pulse, "ingest", wake, ingest);
    return ingest;
}

void ingest_destroy(struct ingest *ingest)
{
    wake_signal(&ingest->stop);
    pthread_join(ingest->thread, NULL);
    pulses_remove(&ingest->pulse);
    wake_fini(&ingest->stop);
    rings_destroy(ingest->rings);
    close_socket(ingest);
    free(ingest);
}
