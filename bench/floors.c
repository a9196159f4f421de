/* SPDX-License-Identifier: MIT */
/*
 * floors.c: the least that each part of the work costs on this machine, one subcommand each.
 *
 *   floors encode FILE SIZE QUALITY RESTART_ROWS COUNT|FPS   one-thread libjpeg-turbo, RGBA, 4:2:0
 *   floors memcpy FILE SIZE COUNT|FPS                        copy of one RGBA frame
 *   floors send ADDRESS PORT BYTES FPS                       a bare epoll send loop, as a server
 *
 * The first two work on the cores in turn, for no two are equally fast at any moment: COUNT times (60)
 * without a pause, or FPS times a second (30fps) until SIGTERM, in the middle between two frames of the
 * bench's sources, so that what they measure is the machine as those find it. They print one line of
 * JSON, with every single time in it.
 *
 * `send` serves BYTES of nothing as MJPEG parts to whoever connects, at FPS, until SIGTERM; it is
 * measured from outside, by the same viewers as everything else.
 */
#define _GNU_SOURCE
#include "common.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* Last, for it relies on stdio.h. */
#include <jpeglib.h>

#define RGBA_BYTES 4

/* ------------------------------------------------------------ single times */

#define SAMPLES_MAX 16384

struct sampler {
    double fps;   /* 0: without a pause */
    size_t count; /* how many at most */
    cpu_set_t cores;
    int core;
    size_t taken;
    uint64_t wall_ns, cpu_ns; /* when the present one began */
    uint64_t at_ns[SAMPLES_MAX];
    double cpu_ms[SAMPLES_MAX], wall_ms[SAMPLES_MAX];
};

/* `often` is "60" or "30fps". */
static struct sampler *sampler_create(const char *often)
{
    struct sampler *sampler = calloc(1, sizeof(*sampler));
    char *unit;
    double number = strtod(often, &unit);
    bool paced = !strcmp(unit, "fps");
    if (!sampler || !(number > 0) || (*unit && !paced) ||
        sched_getaffinity(0, sizeof(cpu_set_t), &sampler->cores)) {
        errno = 0;
        die("%s: give a count, as 60, or a rate, as 30fps", often);
    }
    sampler->fps = paced ? number : 0;
    sampler->count = paced || number > SAMPLES_MAX ? SAMPLES_MAX : (size_t)number;
    sampler->core = -1;
    return sampler;
}

static void sampler_next_core(struct sampler *sampler)
{
    do {
        sampler->core = (sampler->core + 1) % CPU_SETSIZE;
    } while (!CPU_ISSET(sampler->core, &sampler->cores));
    cpu_set_t only;
    CPU_ZERO(&only);
    CPU_SET(sampler->core, &only);
    sched_setaffinity(0, sizeof(only), &only);
}

/* Waits until the next piece of work is due, and begins to measure. False: that was all. */
static bool sampler_begin(struct sampler *sampler)
{
    if (sampler->taken == sampler->count) {
        return false;
    }
    sampler_next_core(sampler);
    if (sampler->fps > 0) {
        sleep_until_ns(grid_tick_ns((double)NS_PER_S / sampler->fps, 0.5));
    }
    sampler->wall_ns = clock_ns(CLOCK_MONOTONIC);
    sampler->cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
    return !stopping;
}

static void sampler_end(struct sampler *sampler)
{
    size_t i = sampler->taken++;
    sampler->at_ns[i] = sampler->wall_ns;
    sampler->cpu_ms[i] = (double)(clock_ns(CLOCK_THREAD_CPUTIME_ID) - sampler->cpu_ns) / NS_PER_MS;
    sampler->wall_ms[i] = (double)(clock_ns(CLOCK_MONOTONIC) - sampler->wall_ns) / NS_PER_MS;
}

static void sampler_print(const struct sampler *sampler, size_t bytes, unsigned sum)
{
    printf("{\"bytes\": %zu, \"sum\": %u, \"samples\": [", bytes, sum);
    for (size_t i = 0; i < sampler->taken; i++) {
        printf("%s[%llu, %.3f, %.3f]", i ? ", " : "", (unsigned long long)sampler->at_ns[i],
               sampler->cpu_ms[i], sampler->wall_ms[i]);
    }
    puts("]}");
}

/* ------------------------------------------------------------------ encode */

static size_t encode(struct jpeg_compress_struct *jpeg, const uint8_t *pixels, unsigned width,
                     unsigned height, int quality, unsigned restart_rows, uint8_t *out, size_t room)
{
    unsigned char *to = out;
    unsigned long bytes = room;
    jpeg_mem_dest(jpeg, &to, &bytes);
    jpeg->image_width = width;
    jpeg->image_height = height;
    jpeg->input_components = RGBA_BYTES;
    jpeg->in_color_space = JCS_EXT_RGBX;
    jpeg_set_defaults(jpeg); /* 4:2:0, islow, the standard Huffman tables */
    jpeg_set_quality(jpeg, quality, TRUE);
    jpeg->restart_in_rows = (int)restart_rows;
    jpeg_start_compress(jpeg, TRUE);
    while (jpeg->next_scanline < height) {
        JSAMPROW rows[16];
        unsigned count = 0;
        for (; count < 16 && jpeg->next_scanline + count < height; count++) {
            rows[count] = (JSAMPROW)(pixels + (size_t)(jpeg->next_scanline + count) * width * RGBA_BYTES);
        }
        jpeg_write_scanlines(jpeg, rows, count);
    }
    jpeg_finish_compress(jpeg);
    if (to != out) {
        errno = 0;
        die("a JPEG of %lu bytes did not fit in %zu", bytes, room);
    }
    return bytes;
}

static void floor_encode(const char *file, const char *size, int quality, unsigned restart_rows,
                         const char *often)
{
    unsigned width, height;
    parse_size(size, &width, &height);
    struct frames frames;
    frames_open(&frames, file, (size_t)width * height * RGBA_BYTES);
    struct sampler *sampler = sampler_create(often);

    struct jpeg_error_mgr errors;
    struct jpeg_compress_struct jpeg = {.err = jpeg_std_error(&errors)};
    jpeg_create_compress(&jpeg);
    size_t room = frames.frame_bytes;
    uint8_t *out = malloc(room);
    if (!out) {
        die("memory");
    }
    memset(out, 0, room);

    size_t bytes = 0;
    encode(&jpeg, frames.data, width, height, quality, restart_rows, out, room); /* warms up */
    for (uint64_t i = 0; sampler_begin(sampler); i++) {
        bytes += encode(&jpeg, frames_at(&frames, i), width, height, quality, restart_rows, out, room);
        sampler_end(sampler);
    }
    sampler_print(sampler, sampler->taken ? bytes / sampler->taken : 0, 0);
    jpeg_destroy_compress(&jpeg);
    free(out);
    free(sampler);
}

/* ------------------------------------------------------------------ memcpy */

/* As many targets as a ring has slots: enough, with the sources, to leave every cache behind. */
#define COPY_TARGETS 4

static void floor_memcpy(const char *file, const char *size, const char *often)
{
    unsigned width, height;
    parse_size(size, &width, &height);
    struct frames frames;
    frames_open(&frames, file, (size_t)width * height * RGBA_BYTES);
    struct sampler *sampler = sampler_create(often);

    size_t bytes = frames.frame_bytes;
    uint8_t *target = mmap(NULL, bytes * COPY_TARGETS, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (target == MAP_FAILED) {
        die("memory");
    }
    uint8_t sum = 0;
    for (uint64_t i = 0; sampler_begin(sampler); i++) {
        uint8_t *to = target + i % COPY_TARGETS * bytes;
        memcpy(to, frames_at(&frames, i), bytes);
        sampler_end(sampler);
        sum ^= to[i % bytes]; /* the copy is used, so it cannot be optimised away */
    }
    sampler_print(sampler, bytes, sum);
    free(sampler);
}

/* -------------------------------------------------------------------- send */

#define SEND_CLIENTS_MAX 2048
#define EVENTS           256

static const char RESPONSE[] = "HTTP/1.1 200 OK\r\nConnection: close\r\n"
                               "Content-Type: multipart/x-mixed-replace; boundary=frame\r\n\r\n--frame\r\n";
#define STAMP_AT     "X-Timestamp: "
#define STAMP_DIGITS 17 /* 1764158400.123456 */

struct send_client {
    int fd;
    bool asked;        /* the request came */
    bool busy;         /* a part is under way */
    size_t offset;     /* of the part */
    uint64_t sequence; /* of the newest part it got */
};

struct send_server {
    uint8_t *part;
    size_t part_bytes;
    size_t stamp_at;
    uint64_t sequence;
    struct send_client *clients[SEND_CLIENTS_MAX];
    size_t client_count;
};

static void part_create(struct send_server *server, size_t body_bytes)
{
    static const char tail[] = "\r\n--frame\r\n";
    char head[256];
    int head_bytes = snprintf(head, sizeof(head),
                              "Content-Type: image/jpeg\r\nContent-Length: %zu\r\n" STAMP_AT "%*s\r\n\r\n",
                              body_bytes, STAMP_DIGITS, "");
    server->stamp_at = (size_t)(strstr(head, STAMP_AT) - head) + strlen(STAMP_AT);
    server->part_bytes = (size_t)head_bytes + body_bytes + strlen(tail);
    server->part = malloc(server->part_bytes);
    if (!server->part) {
        die("memory");
    }
    memcpy(server->part, head, (size_t)head_bytes);
    memset(server->part + head_bytes, 0x55, body_bytes);
    memcpy(server->part + head_bytes + body_bytes, tail, strlen(tail));
}

static void part_stamp(struct send_server *server)
{
    char text[STAMP_DIGITS + 16];
    uint64_t us = clock_ns(CLOCK_REALTIME) / 1000;
    snprintf(text, sizeof(text), "%010llu.%06llu", (unsigned long long)(us / 1000000),
             (unsigned long long)(us % 1000000));
    memcpy(server->part + server->stamp_at, text, STAMP_DIGITS);
}

static void client_drop(struct send_server *server, struct send_client *client)
{
    for (size_t i = 0; i < server->client_count; i++) {
        if (server->clients[i] == client) {
            server->clients[i] = server->clients[--server->client_count];
            break;
        }
    }
    close(client->fd);
    free(client);
}

/* Sends until the socket is full or the newest part is out. False: the client is gone. */
static bool client_send(struct send_server *server, struct send_client *client)
{
    for (;;) {
        if (!client->busy) {
            if (client->sequence == server->sequence) {
                return true;
            }
            client->sequence = server->sequence;
            client->busy = true;
            client->offset = 0;
        }
        ssize_t n = send(client->fd, server->part + client->offset, server->part_bytes - client->offset,
                         MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0) {
            return errno == EAGAIN || errno == EINTR;
        }
        client->offset += (size_t)n;
        client->busy = client->offset < server->part_bytes;
    }
}

static bool client_event(struct send_server *server, struct send_client *client, uint32_t events)
{
    if (events & (EPOLLERR | EPOLLHUP | EPOLLRDHUP)) {
        return false;
    }
    if (!client->asked) {
        char request[4096];
        if (recv(client->fd, request, sizeof(request), MSG_DONTWAIT) <= 0) {
            return errno == EAGAIN;
        }
        client->asked = true;
        if (send(client->fd, RESPONSE, strlen(RESPONSE), MSG_NOSIGNAL) != (ssize_t)strlen(RESPONSE)) {
            return false;
        }
    }
    return client_send(server, client);
}

static void client_accept(struct send_server *server, int epoll, int listener)
{
    int fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct send_client *client = calloc(1, sizeof(*client));
        if (!client || server->client_count == SEND_CLIENTS_MAX) {
            errno = 0;
            die("more than %d clients", SEND_CLIENTS_MAX);
        }
        client->fd = fd;
        int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        server->clients[server->client_count++] = client;
        /* Edge-triggered for both directions: no epoll_ctl ever again, the cheapest there is. */
        struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = client};
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
    }
}

static void floor_send(const char *address, int port, size_t bytes, double fps)
{
    static struct send_server server;
    if (!(fps > 0)) {
        errno = 0;
        die("FPS must be above 0");
    }
    part_create(&server, bytes);
    part_stamp(&server);

    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (inet_pton(AF_INET, address, &to.sin_addr) != 1 ||
        bind(listener, (struct sockaddr *)&to, sizeof(to)) != 0 || listen(listener, 1024) != 0) {
        die("%s:%d", address, port);
    }
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    long period_ns = (long)((double)NS_PER_S / fps);
    struct timespec period = {.tv_sec = period_ns / (long)NS_PER_S, .tv_nsec = period_ns % (long)NS_PER_S};
    struct itimerspec spec = {.it_interval = period};
    uint64_t first_ns = grid_tick_ns((double)NS_PER_S / fps, 0.5);
    spec.it_value.tv_sec = (time_t)(first_ns / NS_PER_S);
    spec.it_value.tv_nsec = (long)(first_ns % NS_PER_S);
    timerfd_settime(timer, TFD_TIMER_ABSTIME, &spec, NULL);
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &listener};
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
    event.data.ptr = &timer;
    epoll_ctl(epoll, EPOLL_CTL_ADD, timer, &event);

    while (!stopping) {
        struct epoll_event events[EVENTS];
        int count = epoll_wait(epoll, events, EVENTS, -1);
        bool tick = false;
        for (int i = 0; i < count; i++) {
            if (events[i].data.ptr == &listener) {
                client_accept(&server, epoll, listener);
            } else if (events[i].data.ptr == &timer) {
                uint64_t expired;
                tick = read(timer, &expired, sizeof(expired)) == sizeof(expired);
            } else if (!client_event(&server, events[i].data.ptr, events[i].events)) {
                client_drop(&server, events[i].data.ptr);
            }
        }
        if (tick) {
            server.sequence++;
            part_stamp(&server);
            for (size_t i = server.client_count; i-- > 0;) {
                struct send_client *client = server.clients[i];
                if (client->asked && !client->busy && !client_send(&server, client)) {
                    client_drop(&server, client);
                }
            }
        }
    }
}

int main(int argc, char **argv)
{
    stop_on_signals();
    if (argc == 7 && !strcmp(argv[1], "encode")) {
        floor_encode(argv[2], argv[3], atoi(argv[4]), (unsigned)atoi(argv[5]), argv[6]);
    } else if (argc == 5 && !strcmp(argv[1], "memcpy")) {
        floor_memcpy(argv[2], argv[3], argv[4]);
    } else if (argc == 6 && !strcmp(argv[1], "send")) {
        floor_send(argv[2], atoi(argv[3]), strtoul(argv[4], NULL, 10), atof(argv[5]));
    } else {
        fputs("usage: floors encode FILE SIZE QUALITY RESTART_ROWS COUNT|FPSfps\n"
              "       floors memcpy FILE SIZE COUNT|FPSfps\n"
              "       floors send ADDRESS PORT BYTES FPS\n",
              stderr);
        return 2;
    }
    return 0;
}
