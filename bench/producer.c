/* SPDX-License-Identifier: MIT */
/*
 * producer.c: headcam's source in the bench, a producer in C that costs as little as the wire
 * allows, so that what is measured is the server. Pixels go through a ring, or inline where that is
 * asked for. Frames are sent while the server subscribes, and never otherwise.
 *
 *   producer ENDPOINT NAME FRAMES SIZE FPS ring|inline
 *
 * SIGUSR1 stops the picture, SIGUSR2 moves it again; frames go on at the same rate. At SIGTERM it says
 * goodbye and prints how many frames it sent. A server that refuses the ring ends it: the figures would
 * be those of something else.
 */
#define _GNU_SOURCE
#include "common.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <headcam/wire.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <zmq.h>

#define RGBA_BYTES          4
#define ANNOUNCE_EVERY_NS   (NS_PER_S / 2)
#define VERDICT_WITHIN_NS   (5 * NS_PER_S)
#define HIGH_WATER_MESSAGES 2 /* a frame the server has no time for is dropped here, not queued */
#define RING_NUMBER         1
#define RING_SLOTS          4
#define IPC                 "ipc://"
#define SHM                 "/dev/shm"

struct ring {
    char path[4096];
    const char *place; /* "socket" or "shm" */
    uint8_t *data;
    size_t slot_bytes;
    uint64_t sequence[RING_SLOTS];
    unsigned next;
    bool confirmed;
};

struct producer {
    void *socket;
    char topic[HEADCAM_NAME_MAX + 2];
    uint64_t instance;
    unsigned width, height;
    double fps;
    bool wanted;
    bool announce_now;
    uint64_t sent;
    struct ring *ring; /* NULL: inline */
};

static volatile sig_atomic_t still;

static void on_still(int number)
{
    still = number == SIGUSR1;
}

static void put(uint8_t *header, size_t at, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++) {
        header[at + i] = (uint8_t)(value >> (8 * i));
    }
}

static uint64_t get(const uint8_t *bytes, unsigned count)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < count; i++) {
        value |= (uint64_t)bytes[i] << (8 * i);
    }
    return value;
}

/* -------------------------------------------------------------------- ring */

static bool is_tmpfs(const char *directory)
{
    struct statfs system;
    return statfs(directory, &system) == 0 && (unsigned long)system.f_type == TMPFS_MAGIC;
}

/* The directory of the server's socket if that is on a tmpfs, else /dev/shm. */
static void ring_choose_directory(struct ring *ring, const char *endpoint, char *directory, size_t room)
{
    ring->place = "shm";
    snprintf(directory, room, SHM);
    if (strncmp(endpoint, IPC, strlen(IPC)) != 0) {
        return;
    }
    char path[2048];
    snprintf(path, sizeof(path), "%s", endpoint + strlen(IPC));
    char *slash = strrchr(path, '/');
    if (!slash) {
        return;
    }
    *slash = '\0';
    if (is_tmpfs(*path ? path : "/")) {
        ring->place = "socket";
        snprintf(directory, room, "%s", path);
    }
}

static void ring_create(struct ring *ring, const char *endpoint, uint64_t instance, size_t frame_bytes)
{
    char directory[2048], partial[4096];
    ring_choose_directory(ring, endpoint, directory, sizeof(directory));
    snprintf(ring->path, sizeof(ring->path), "%s/headcam-%016llx-%d.ring", directory,
             (unsigned long long)instance, RING_NUMBER);
    snprintf(partial, sizeof(partial), "%s/.headcam-%016llx-%d", directory, (unsigned long long)instance,
             RING_NUMBER);
    ring->slot_bytes = (frame_bytes + HEADCAM_RING_PAGE - 1) / HEADCAM_RING_PAGE * HEADCAM_RING_PAGE;
    size_t bytes = HEADCAM_RING_PAGE + RING_SLOTS * ring->slot_bytes;

    /* Never closed: the lock lasts as long as the process. */
    int fd = open(partial, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        die("%s", partial);
    }
    errno = posix_fallocate(fd, 0, (off_t)bytes);
    if (errno || flock(fd, LOCK_EX | LOCK_NB) != 0) {
        int reason = errno;
        unlink(partial);
        errno = reason;
        die("a ring of %zu bytes in %s", bytes, directory);
    }
    ring->data = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
    if (ring->data == MAP_FAILED) {
        unlink(partial);
        die("%s: cannot be mapped", partial);
    }
    memcpy(ring->data, HEADCAM_RING_MAGIC, strlen(HEADCAM_RING_MAGIC));
    put(ring->data, HEADCAM_RING_AT_INSTANCE, instance, 8);
    put(ring->data, HEADCAM_RING_AT_NUMBER, RING_NUMBER, 4);
    put(ring->data, HEADCAM_RING_AT_SLOTS, RING_SLOTS, 4);
    put(ring->data, HEADCAM_RING_AT_SLOT_BYTES, ring->slot_bytes, 8);
    if (rename(partial, ring->path) != 0) {
        unlink(partial);
        die("%s", ring->path);
    }
}

static void ring_set_sequence(struct ring *ring, unsigned slot, uint64_t sequence)
{
    uint8_t *at = ring->data + HEADCAM_RING_AT_SEQUENCES + (size_t)slot * HEADCAM_RING_SEQUENCE_STRIDE;
    atomic_store_explicit((_Atomic uint64_t *)(void *)at, htole64(sequence), memory_order_release);
}

/* Writes the frame into the next slot. Returns the slot. */
static unsigned ring_write(struct ring *ring, const uint8_t *pixels, size_t bytes)
{
    unsigned slot = ring->next;
    ring->next = (slot + 1) % RING_SLOTS;
    ring_set_sequence(ring, slot, ring->sequence[slot] + 1);
    atomic_thread_fence(memory_order_seq_cst); /* odd before the first pixel */
    memcpy(ring->data + HEADCAM_RING_PAGE + slot * ring->slot_bytes, pixels, bytes);
    ring->sequence[slot] += 2;
    ring_set_sequence(ring, slot, ring->sequence[slot]);
    return slot;
}

/* ---------------------------------------------------------------- the wire */

static void announce(struct producer *producer, const char *state)
{
    const struct ring *ring = producer->ring;
    char topic[HEADCAM_NAME_MAX + 3];
    char offer[128];
    char json[512];
    snprintf(topic, sizeof(topic), "@%s", producer->topic);
    snprintf(offer, sizeof(offer), "{\"number\": %d, \"place\": \"%s\", \"confirmed\": %s}", RING_NUMBER,
             ring ? ring->place : "", ring && ring->confirmed ? "true" : "false");
    int bytes = snprintf(json, sizeof(json),
                         "{\"headcam\": 1, \"instance\": \"%016llx\", \"state\": \"%s\", \"reason\": \"\", "
                         "\"width\": %u, \"height\": %u, \"format\": \"RGBA\", \"fps\": %.3f, "
                         "\"agent\": \"headcam-bench\", \"version\": \"1\", \"ring\": %s}",
                         (unsigned long long)producer->instance, state, producer->width, producer->height,
                         producer->fps, ring ? offer : "{\"reason\": \"the bench asked for inline\"}");
    zmq_send(producer->socket, topic, strlen(topic), ZMQ_SNDMORE | ZMQ_DONTWAIT);
    zmq_send(producer->socket, json, (size_t)bytes, ZMQ_DONTWAIT);
    producer->announce_now = false;
}

static void take_subscription(struct producer *producer, const uint8_t *message, size_t bytes)
{
    size_t topic_bytes = strlen(producer->topic);
    bool is_wish = message[0] == 1;
    if (bytes == topic_bytes + 1 && !memcmp(message + 1, producer->topic, topic_bytes)) {
        producer->wanted = is_wish;
    } else if (bytes > 1 && message[1] == '@' && is_wish) {
        producer->announce_now = true; /* a new server */
    }
}

/* kind | u8 length | name | u64 instance | u32 ring | u8 verdict | reason */
static void take_verdict(struct producer *producer, const uint8_t *message, size_t bytes)
{
    size_t name_bytes = strlen(producer->topic) - 1;
    const uint8_t *at = message + 2 + name_bytes;
    if (!producer->ring || bytes < 2 + name_bytes + 13 || message[1] != name_bytes ||
        memcmp(message + 2, producer->topic, name_bytes) != 0 || get(at, 8) != producer->instance ||
        get(at + 8, 4) != RING_NUMBER) {
        return;
    }
    if (at[12] != 1) {
        unlink(producer->ring->path);
        errno = 0;
        die("the server refuses the ring %s: %.*s", producer->ring->path,
            (int)(bytes - (2 + name_bytes + 13)), (const char *)at + 13);
    }
    if (!producer->ring->confirmed) {
        producer->ring->confirmed = true;
        producer->announce_now = true;
    }
}

static void take_upstream(struct producer *producer)
{
    uint8_t message[512];
    int n;
    while ((n = zmq_recv(producer->socket, message, sizeof(message), ZMQ_DONTWAIT)) >= 0) {
        size_t bytes = (size_t)n < sizeof(message) ? (size_t)n : sizeof(message);
        if (bytes && message[0] <= 1) {
            take_subscription(producer, message, bytes);
        } else if (bytes && message[0] == HEADCAM_UPSTREAM_RING) {
            take_verdict(producer, message, bytes);
        }
    }
}

static void header_fill(const struct producer *producer, uint8_t header[HEADCAM_HEADER_BYTES],
                        size_t payload_bytes)
{
    memset(header, 0, HEADCAM_HEADER_BYTES);
    memcpy(header + HEADCAM_AT_MAGIC, HEADCAM_WIRE_MAGIC, 4);
    put(header, HEADCAM_AT_VERSION, HEADCAM_WIRE_VERSION, 2);
    put(header, HEADCAM_AT_HEADER_BYTES, HEADCAM_HEADER_BYTES, 2);
    put(header, HEADCAM_AT_INSTANCE, producer->instance, 8);
    put(header, HEADCAM_AT_SEQUENCE, producer->sent, 8);
    put(header, HEADCAM_AT_CAPTURE_NS, clock_ns(CLOCK_REALTIME), 8);
    put(header, HEADCAM_AT_SIM_TIME_NS, (uint64_t)HEADCAM_NO_SIM_TIME, 8);
    put(header, HEADCAM_AT_WIDTH, producer->width, 4);
    put(header, HEADCAM_AT_HEIGHT, producer->height, 4);
    put(header, HEADCAM_AT_STRIDE, (uint64_t)producer->width * RGBA_BYTES, 4);
    put(header, HEADCAM_AT_PIXEL_FORMAT, HEADCAM_RGBA, 1);
    put(header, HEADCAM_AT_LOCATION, HEADCAM_INLINE, 1);
    put(header, HEADCAM_AT_PAYLOAD_BYTES, payload_bytes, 8);
}

/* Captured before it is copied anywhere: the copy into the ring counts as part of the way. */
static bool send_frame(struct producer *producer, const uint8_t *pixels, size_t bytes)
{
    uint8_t header[HEADCAM_HEADER_BYTES];
    producer->sent++;
    header_fill(producer, header, bytes);
    if (producer->ring) {
        unsigned slot = ring_write(producer->ring, pixels, bytes);
        put(header, HEADCAM_AT_LOCATION, HEADCAM_RING, 1);
        put(header, HEADCAM_AT_SLOT, slot, 4);
        put(header, HEADCAM_AT_RING, RING_NUMBER, 4);
        put(header, HEADCAM_AT_SLOT_SEQUENCE, producer->ring->sequence[slot], 8);
    }
    if (zmq_send(producer->socket, producer->topic, strlen(producer->topic), ZMQ_SNDMORE) < 0) {
        return false;
    }
    if (producer->ring) {
        return zmq_send(producer->socket, header, sizeof(header), 0) >= 0;
    }
    zmq_msg_t message;
    /* The frames stay mapped to the end, so libzmq need not copy them. */
    return zmq_send(producer->socket, header, sizeof(header), ZMQ_SNDMORE) >= 0 &&
           zmq_msg_init_data(&message, (void *)(uintptr_t)pixels, bytes, NULL, NULL) == 0 &&
           zmq_msg_send(&message, producer->socket, 0) >= 0;
}

/* --------------------------------------------------------------------- run */

static void run(struct producer *producer, const struct frames *frames)
{
    const uint64_t offered = clock_ns(CLOCK_MONOTONIC);
    const double period_ns = 1e9 / producer->fps;
    uint64_t announced = 0;
    uint64_t picture = 0;
    while (!stopping) {
        sleep_until_ns(grid_tick_ns(period_ns, 0));
        uint64_t now = clock_ns(CLOCK_MONOTONIC);
        take_upstream(producer);
        if (producer->announce_now || now - announced >= ANNOUNCE_EVERY_NS) {
            announce(producer, "live");
            announced = now;
        }
        bool ready = !producer->ring || producer->ring->confirmed;
        if (!ready && now - offered > VERDICT_WITHIN_NS) {
            errno = 0;
            die("the server says nothing about the ring %s", producer->ring->path);
        }
        picture += !still;
        if (ready && producer->wanted &&
            !send_frame(producer, frames_at(frames, picture), frames->frame_bytes) && errno != EINTR) {
            die("sending");
        }
    }
    announce(producer, "ended");
}

static void *connect_to(const char *endpoint, void *context)
{
    void *socket = zmq_socket(context, ZMQ_XPUB);
    int high_water = HIGH_WATER_MESSAGES;
    int linger_ms = 200;
    zmq_setsockopt(socket, ZMQ_SNDHWM, &high_water, sizeof(high_water));
    zmq_setsockopt(socket, ZMQ_LINGER, &linger_ms, sizeof(linger_ms));
    if (zmq_connect(socket, endpoint) != 0) {
        die("%s", endpoint);
    }
    return socket;
}

static struct ring ring;

static void remove_ring(void)
{
    if (*ring.path) {
        unlink(ring.path);
    }
}

int main(int argc, char **argv)
{
    bool is_inline = argc == 7 && !strcmp(argv[6], "inline");
    if (argc != 7 || strlen(argv[2]) > HEADCAM_NAME_MAX || (!is_inline && strcmp(argv[6], "ring") != 0)) {
        fputs("usage: producer ENDPOINT NAME FRAMES SIZE FPS ring|inline\n", stderr);
        return 2;
    }
    struct producer producer = {.fps = atof(argv[5])};
    snprintf(producer.topic, sizeof(producer.topic), "%s/", argv[2]);
    parse_size(argv[4], &producer.width, &producer.height);
    struct frames frames;
    frames_open(&frames, argv[3], (size_t)producer.width * producer.height * RGBA_BYTES);
    if (getrandom(&producer.instance, sizeof(producer.instance), 0) != sizeof(producer.instance)) {
        die("getrandom");
    }
    producer.instance |= 1; /* never 0 */
    stop_on_signals();
    const struct sigaction still_action = {.sa_handler = on_still, .sa_flags = SA_RESTART};
    sigaction(SIGUSR1, &still_action, NULL);
    sigaction(SIGUSR2, &still_action, NULL);
    if (!is_inline) {
        atexit(remove_ring);
        ring_create(&ring, argv[1], producer.instance, frames.frame_bytes);
        producer.ring = &ring;
    }

    void *context = zmq_ctx_new();
    producer.socket = connect_to(argv[1], context);
    run(&producer, &frames);
    printf("{\"published\": %llu}\n", (unsigned long long)producer.sent);
    zmq_close(producer.socket);
    zmq_ctx_term(context);
    return 0;
}
