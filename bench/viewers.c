/* SPDX-License-Identifier: MIT */
/*
 * viewers.c: N viewers of one MJPEG stream in one thread, cheap enough to leave the machine to the
 * server under test. Counts frames by their part headers, drops the pictures unread in the kernel
 * (MSG_TRUNC), and takes the age of each frame when its last byte arrived.
 *
 * After every viewer has its first live frame, or --start-timeout seconds, it waits --warmup seconds,
 * then measures --windows windows of --window seconds. The CPU time of every --pid is read at the same
 * instants, so that frames and CPU belong together. Prints one JSON object and exits.
 *
 * With --stuck they ask and never read: there are no frames then, only the server's memory.
 *
 * It reads what headcam, uStreamer, ffmpeg's mpjpeg and homemade Python servers send: any case of
 * header names, chunked or not, with or without Content-Length. Without it, the body is scanned for
 * the boundary, and a frame has ended only when the boundary arrived, as in a browser.
 */
#define _GNU_SOURCE
#include "common.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS            256
#define LINE_MAX_BYTES    512
#define PIDS_MAX          8
#define CONNECTING_MAX    4    /* servers with a short listen queue lose the rest */
#define HEADER_READ_BYTES 1024 /* enough for a part's headers, little of its body */
#define SCAN_READ_BYTES   65536
#define RETRY_NS          (NS_PER_S / 500)

enum age_source {
    AGE_X_TIMESTAMP,   /* the part says when it was captured, CLOCK_REALTIME */
    AGE_STAMP_DEQUEUE, /* X-UStreamer-Grab-Time leads to the stamp of the frame it took then */
    AGE_STAMP_ORDINAL, /* the nth part is the nth stamped frame */
};

static struct {
    struct sockaddr_in server;
    const char *host;
    const char *path;
    unsigned viewers;
    double start_timeout_s;
    double warmup_s;
    double window_s;
    unsigned windows;
    pid_t pids[PIDS_MAX];
    unsigned pid_count;
    bool stuck; /* they ask, and never read */
    enum age_source age_source;
    struct stamp *stamps;
} options = {
    .path = "/stream", .viewers = 1, .start_timeout_s = 20, .warmup_s = 1, .window_s = 2, .windows = 3};

/* ------------------------------------------------------- what was measured */

struct ages {
    double *ms;
    size_t count;
    size_t room;
};

struct window {
    uint64_t began_ns;
    uint64_t ended_ns;
    uint64_t frames;
    uint64_t other_parts; /* repeated frames and no-signal pictures */
    uint64_t bytes;
    uint64_t cpu_ns[PIDS_MAX];
    uint64_t own_cpu_ns;
    struct ages ages;
};

static struct window current;
static bool measuring;
static unsigned closed;
static unsigned refused;
static unsigned with_first_frame;
static bool without_content_length;
static char failure[256];

static void ages_add(struct ages *ages, double ms)
{
    if (ages->count == ages->room) {
        ages->room = ages->room ? 2 * ages->room : 4096;
        ages->ms = realloc(ages->ms, ages->room * sizeof(*ages->ms));
        if (!ages->ms) {
            die("memory");
        }
    }
    ages->ms[ages->count++] = ms;
}

/* -------------------------------------------------------------- one viewer */

enum state {
    CONNECTING,
    RESPONSE,  /* lines of the HTTP response's head */
    BETWEEN,   /* lines until a boundary */
    PART_HEAD, /* lines of a part's head */
    BODY,      /* body_left bytes of a picture */
    SCAN,      /* a picture of unknown length */
    SCAN_END,  /* the rest of the boundary's line after one */
};

enum chunk_state { NOT_CHUNKED, CHUNK_SIZE, CHUNK_DATA, CHUNK_END };

struct viewer {
    int fd;
    enum state state;
    bool got_frame;
    enum chunk_state chunk_state;
    uint64_t chunk_left;
    char chunk_line[32];
    size_t chunk_line_bytes;
    char line[LINE_MAX_BYTES];
    size_t line_bytes;
    bool status_seen;
    char boundary[80]; /* as it stands in the body: with its leading "--" */
    size_t boundary_bytes;
    size_t matched; /* of CRLF + boundary, while scanning */
    /* the current part */
    bool has_length;
    uint64_t body_left;
    double stamp_s; /* X-Timestamp or the grab time, 0 without */
    bool live;
    /* counts */
    uint64_t parts;
    uint64_t stamp_cursor;
    uint64_t frames; /* while measuring */
};

static int epoll;

/* Milliseconds from the frame's capture to now; negative: unknown. */
static double part_age_ms(struct viewer *viewer)
{
    if (options.age_source == AGE_X_TIMESTAMP) {
        return viewer->stamp_s > 0 ? (double)clock_ns(CLOCK_REALTIME) / NS_PER_MS - viewer->stamp_s * 1000.0
                                   : -1;
    }
    uint64_t now = clock_ns(CLOCK_MONOTONIC);
    uint64_t i = viewer->parts;
    if (options.age_source == AGE_STAMP_DEQUEUE) {
        /* The last frame taken before the peer read its own clock, which it rounds to 1 ms. */
        uint64_t grabbed = (uint64_t)(viewer->stamp_s * 1e9) + 1000000;
        uint64_t best = UINT64_MAX;
        for (i = viewer->stamp_cursor; i < STAMPS_MAX && atomic_load(&options.stamps[i].published_ns); i++) {
            uint64_t taken = atomic_load(&options.stamps[i].dequeued_ns);
            if (taken > grabbed) {
                break;
            }
            best = taken ? i : best;
        }
        if (best == UINT64_MAX) {
            return -1;
        }
        viewer->stamp_cursor = best;
        i = best;
    }
    uint64_t published = i < STAMPS_MAX ? atomic_load(&options.stamps[i].published_ns) : 0;
    return published && published < now ? (double)(now - published) / NS_PER_MS : -1;
}

static void part_ended(struct viewer *viewer)
{
    double age = viewer->live ? part_age_ms(viewer) : -1;
    viewer->parts++;
    viewer->state = BETWEEN;
    if (viewer->live && !viewer->got_frame) {
        viewer->got_frame = true;
        with_first_frame++;
    }
    if (!measuring) {
        return;
    }
    if (!viewer->live) {
        current.other_parts++;
        return;
    }
    viewer->frames++;
    current.frames++;
    if (age >= 0) {
        ages_add(&current.ages, age);
    }
}

static const char *header_value(const char *line, const char *name)
{
    size_t bytes = strlen(name);
    if (strncasecmp(line, name, bytes) != 0 || line[bytes] != ':') {
        return NULL;
    }
    line += bytes + 1;
    return line + strspn(line, " \t");
}

static void response_line(struct viewer *viewer, const char *line)
{
    const char *value;
    int status;
    if (!viewer->status_seen) {
        viewer->status_seen = true;
        if (sscanf(line, "HTTP/%*s %d", &status) != 1 || status != 200) {
            snprintf(failure, sizeof(failure), "%.200s", *line ? line : "no status line");
            for (char *c = failure; *c; c++) {
                *c = *c == '"' || *c == '\\' || (unsigned char)*c < ' ' ? '?' : *c; /* it goes into JSON */
            }
        }
    } else if ((value = header_value(line, "Transfer-Encoding")) && !strcasecmp(value, "chunked")) {
        viewer->chunk_state = CHUNK_SIZE;
    } else if (!*line) {
        viewer->state = BETWEEN;
    }
}

static void part_line(struct viewer *viewer, const char *line)
{
    const char *value;
    if ((value = header_value(line, "Content-Length"))) {
        viewer->has_length = true;
        viewer->body_left = strtoull(value, NULL, 10);
    } else if (options.age_source == AGE_X_TIMESTAMP && (value = header_value(line, "X-Timestamp"))) {
        viewer->stamp_s = strtod(value, NULL);
    } else if (options.age_source == AGE_STAMP_DEQUEUE &&
               (value = header_value(line, "X-UStreamer-Grab-Time"))) {
        viewer->stamp_s = strtod(value, NULL);
    } else if ((value = header_value(line, "X-Headcam-State"))) {
        viewer->live = !strcasecmp(value, "live");
    } else if ((value = header_value(line, "X-UStreamer-Online"))) {
        viewer->live = !strcasecmp(value, "true");
    } else if (!*line) {
        viewer->state = viewer->has_length ? BODY : SCAN;
        viewer->matched = 0;
        if (!viewer->has_length) {
            without_content_length = true;
        } else if (!viewer->body_left) {
            part_ended(viewer);
        }
    }
}

static void part_begin(struct viewer *viewer)
{
    viewer->state = PART_HEAD;
    viewer->has_length = false;
    viewer->body_left = 0;
    viewer->stamp_s = 0;
    viewer->live = true;
}

static void take_line(struct viewer *viewer, const char *line)
{
    switch (viewer->state) {
    case RESPONSE:
        response_line(viewer, line);
        break;
    case BETWEEN:
        /* The first line of the body decides what the boundary is: servers disagree about the
           dashes in their Content-Type. */
        if (!strncmp(line, "--", 2)) {
            viewer->boundary_bytes =
                (size_t)snprintf(viewer->boundary, sizeof(viewer->boundary), "%.70s", line);
            part_begin(viewer);
        }
        break;
    case PART_HEAD:
        part_line(viewer, line);
        break;
    case SCAN_END:
        part_begin(viewer);
        break;
    default:
        break;
    }
}

/* Looks for CRLF + boundary. Returns the bytes consumed. */
static size_t scan_bytes(struct viewer *viewer, const char *data, size_t bytes)
{
    char pattern[sizeof(viewer->boundary) + 2];
    size_t pattern_bytes = (size_t)snprintf(pattern, sizeof(pattern), "\r\n%s", viewer->boundary);
    for (size_t i = 0; i < bytes; i++) {
        if (!viewer->matched) {
            /* memchr, for a picture is long and its boundary short. */
            const char *next = memchr(data + i, '\r', bytes - i);
            if (!next) {
                return bytes;
            }
            i = (size_t)(next - data);
            viewer->matched = 1;
        } else if (data[i] == pattern[viewer->matched]) {
            viewer->matched++;
        } else {
            viewer->matched = data[i] == '\r';
        }
        if (viewer->matched == pattern_bytes) {
            part_ended(viewer);
            viewer->state = SCAN_END;
            return i + 1;
        }
    }
    return bytes;
}

/* Takes the next piece of the response, chunking removed: a line, or a stretch of a picture. Returns
   its bytes. */
static size_t feed_piece(struct viewer *viewer, const char *data, size_t bytes)
{
    if (viewer->state == BODY) {
        size_t n = bytes < viewer->body_left ? bytes : (size_t)viewer->body_left;
        viewer->body_left -= n;
        if (!viewer->body_left) {
            part_ended(viewer);
        }
        return n;
    }
    if (viewer->state == SCAN) {
        return scan_bytes(viewer, data, bytes);
    }
    const char *end = memchr(data, '\n', bytes);
    size_t n = end ? (size_t)(end - data) + 1 : bytes;
    size_t room = LINE_MAX_BYTES - 1 - viewer->line_bytes;
    size_t keep = n < room ? n : room;
    memcpy(viewer->line + viewer->line_bytes, data, keep);
    viewer->line_bytes += keep;
    if (end) {
        while (viewer->line_bytes && strchr("\r\n", viewer->line[viewer->line_bytes - 1])) {
            viewer->line_bytes--;
        }
        viewer->line[viewer->line_bytes] = '\0';
        viewer->line_bytes = 0;
        take_line(viewer, viewer->line);
    }
    return n;
}

static void chunk_byte(struct viewer *viewer, char byte)
{
    if (byte != '\n') {
        if (viewer->chunk_state == CHUNK_SIZE && viewer->chunk_line_bytes < sizeof(viewer->chunk_line) - 1) {
            viewer->chunk_line[viewer->chunk_line_bytes++] = byte;
        }
    } else if (viewer->chunk_state == CHUNK_END) {
        viewer->chunk_state = CHUNK_SIZE;
    } else {
        viewer->chunk_line[viewer->chunk_line_bytes] = '\0';
        viewer->chunk_line_bytes = 0;
        viewer->chunk_left = strtoull(viewer->chunk_line, NULL, 16);
        viewer->chunk_state = viewer->chunk_left ? CHUNK_DATA : CHUNK_END;
    }
}

/* Feeds bytes as they came from the socket. */
static void feed(struct viewer *viewer, const char *data, size_t bytes)
{
    while (bytes && !*failure) {
        size_t n = 1;
        if (viewer->state == RESPONSE || viewer->chunk_state == NOT_CHUNKED) {
            n = feed_piece(viewer, data, bytes);
        } else if (viewer->chunk_state == CHUNK_DATA) {
            n = feed_piece(viewer, data, bytes < viewer->chunk_left ? bytes : (size_t)viewer->chunk_left);
            viewer->chunk_left -= n;
            if (!viewer->chunk_left) {
                viewer->chunk_state = CHUNK_END;
            }
        } else {
            chunk_byte(viewer, *data);
        }
        data += n;
        bytes -= n;
    }
}

/* Bytes that may be dropped unread: nothing but picture. */
static size_t discardable(const struct viewer *viewer)
{
    if (viewer->state != BODY) {
        return 0;
    }
    if (viewer->chunk_state == NOT_CHUNKED) {
        return viewer->body_left;
    }
    if (viewer->chunk_state != CHUNK_DATA) {
        return 0;
    }
    return viewer->chunk_left < viewer->body_left ? viewer->chunk_left : viewer->body_left;
}

static void viewer_connect(struct viewer *viewer)
{
    viewer->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (viewer->fd < 0) {
        die("socket");
    }
    viewer->state = CONNECTING;
    if (connect(viewer->fd, (struct sockaddr *)&options.server, sizeof(options.server)) != 0 &&
        errno != EINPROGRESS) {
        die("%s:%d", options.host, ntohs(options.server.sin_port));
    }
    struct epoll_event event = {.events = EPOLLOUT, .data.ptr = viewer};
    epoll_ctl(epoll, EPOLL_CTL_ADD, viewer->fd, &event);
}

static void viewer_close(struct viewer *viewer)
{
    close(viewer->fd);
    viewer->fd = -1;
    closed++;
}

static void viewer_request(struct viewer *viewer)
{
    int error = 0;
    socklen_t size = sizeof(error);
    getsockopt(viewer->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error) {
        /* A full listen queue; try again, in a moment, until the start's time is over. */
        refused++;
        sleep_until_ns(clock_ns(CLOCK_MONOTONIC) + RETRY_NS);
        close(viewer->fd);
        viewer_connect(viewer);
        return;
    }
    char request[1024];
    int bytes = snprintf(request, sizeof(request),
                         "GET %s HTTP/1.1\r\nHost: %s:%d\r\nUser-Agent: headcam-bench\r\nAccept: */*\r\n\r\n",
                         options.path, options.host, ntohs(options.server.sin_port));
    if (send(viewer->fd, request, (size_t)bytes, MSG_NOSIGNAL) != bytes) {
        viewer_close(viewer);
        return;
    }
    viewer->state = RESPONSE;
    if (options.stuck) {
        epoll_ctl(epoll, EPOLL_CTL_DEL, viewer->fd, NULL);
        with_first_frame++;
        return;
    }
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = viewer};
    epoll_ctl(epoll, EPOLL_CTL_MOD, viewer->fd, &event);
}

static void viewer_read(struct viewer *viewer)
{
    static char buffer[SCAN_READ_BYTES];
    for (;;) {
        size_t discard = discardable(viewer);
        size_t want = discard ? discard : viewer->state == SCAN ? SCAN_READ_BYTES : HEADER_READ_BYTES;
        ssize_t n = recv(viewer->fd, discard ? NULL : buffer, want, MSG_DONTWAIT | (discard ? MSG_TRUNC : 0));
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
            return;
        }
        if (n <= 0) {
            viewer_close(viewer);
            return;
        }
        current.bytes += (uint64_t)n;
        if (!discard) {
            feed(viewer, buffer, (size_t)n);
        } else {
            viewer->body_left -= (uint64_t)n;
            if (viewer->chunk_state == CHUNK_DATA && !(viewer->chunk_left -= (uint64_t)n)) {
                viewer->chunk_state = CHUNK_END;
            }
            if (!viewer->body_left) {
                part_ended(viewer);
            }
        }
        if (*failure || (size_t)n < want) {
            return; /* level-triggered: whatever comes later wakes again */
        }
    }
}

/* ------------------------------------------------------------------- run */

static void run_until(uint64_t deadline_ns, bool until_all_have_frames, struct viewer *viewers)
{
    unsigned next = 0;
    if (!until_all_have_frames) {
        next = options.viewers;
    }
    unsigned connecting = 0;
    while (!*failure && !stopping) {
        uint64_t now = clock_ns(CLOCK_MONOTONIC);
        if (now >= deadline_ns || (until_all_have_frames && with_first_frame == options.viewers)) {
            return;
        }
        for (; next < options.viewers && connecting < CONNECTING_MAX; connecting++) {
            viewer_connect(&viewers[next++]);
        }
        struct epoll_event events[EVENTS];
        int wait_ms = (int)((deadline_ns - now) / 1000000) + 1;
        int count = epoll_wait(epoll, events, EVENTS, wait_ms);
        for (int i = 0; i < count; i++) {
            struct viewer *viewer = events[i].data.ptr;
            if (viewer->state == CONNECTING) {
                viewer_request(viewer);
                connecting -= viewer->state != CONNECTING;
            } else {
                viewer_read(viewer);
            }
        }
    }
}

static void window_begin(struct window *window)
{
    memset(window, 0, sizeof(*window));
    for (unsigned i = 0; i < options.pid_count; i++) {
        window->cpu_ns[i] = process_cpu_ns(options.pids[i]);
    }
    window->own_cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    window->began_ns = clock_ns(CLOCK_MONOTONIC);
}

static void window_end(struct window *window)
{
    window->ended_ns = clock_ns(CLOCK_MONOTONIC);
    for (unsigned i = 0; i < options.pid_count; i++) {
        uint64_t now = process_cpu_ns(options.pids[i]);
        window->cpu_ns[i] = now > window->cpu_ns[i] ? now - window->cpu_ns[i] : 0; /* it may have ended */
    }
    window->own_cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - window->own_cpu_ns;
}

static void print_window(struct window *window)
{
    struct ages *ages = &window->ages;
    printf("{\"began_ns\": %llu, \"ended_ns\": %llu, \"seconds\": %.4f, \"frames\": %llu, \"other_parts\": "
           "%llu, \"bytes\": %llu, \"own_cpu_ms\": %.3f, "
           "\"cpu_ms\": {",
           (unsigned long long)window->began_ns, (unsigned long long)window->ended_ns,
           (double)(window->ended_ns - window->began_ns) / 1e9, (unsigned long long)window->frames,
           (unsigned long long)window->other_parts, (unsigned long long)window->bytes,
           (double)window->own_cpu_ns / NS_PER_MS);
    for (unsigned i = 0; i < options.pid_count; i++) {
        printf("%s\"%d\": %.3f", i ? ", " : "", (int)options.pids[i], (double)window->cpu_ns[i] / NS_PER_MS);
    }
    printf("}, \"age_ms\": {\"count\": %zu, \"p50\": %.3f, \"p95\": %.3f, \"max\": %.3f}}", ages->count,
           percentile(ages->ms, ages->count, 50), percentile(ages->ms, ages->count, 95),
           percentile(ages->ms, ages->count, 100));
}

static void print_per_viewer(const struct viewer *viewers)
{
    double *frames = calloc(options.viewers, sizeof(*frames));
    if (!frames) {
        die("memory");
    }
    double sum = 0;
    for (unsigned i = 0; i < options.viewers; i++) {
        sum += frames[i] = (double)viewers[i].frames;
    }
    printf("\"per_viewer_frames\": {\"mean\": %.2f, \"min\": %.0f, \"p5\": %.0f, \"max\": %.0f}",
           sum / options.viewers, percentile(frames, options.viewers, 0),
           percentile(frames, options.viewers, 5), percentile(frames, options.viewers, 100));
    free(frames);
}

static void usage(void)
{
    fputs("usage: viewers --host ADDRESS --port PORT [--path /stream] [--viewers N]\n"
          "               [--start-timeout S] [--warmup S] [--window S] [--windows N] [--pid PID]...\n"
          "               [--stuck] [--stamps-dequeue FILE | --stamps-ordinal FILE]\n",
          stderr);
    exit(2);
}

static void options_parse(int argc, char **argv)
{
    static const struct option names[] = {
        {"host", required_argument, NULL, 'h'},
        {"port", required_argument, NULL, 'p'},
        {"path", required_argument, NULL, 'u'},
        {"viewers", required_argument, NULL, 'n'},
        {"warmup", required_argument, NULL, 'w'},
        {"window", required_argument, NULL, 's'},
        {"windows", required_argument, NULL, 'c'},
        {"pid", required_argument, NULL, 'i'},
        {"stuck", no_argument, NULL, 'b'},
        {"stamps-dequeue", required_argument, NULL, 'd'},
        {"stamps-ordinal", required_argument, NULL, 'o'},
        {"start-timeout", required_argument, NULL, 't'},
        {NULL, 0, NULL, 0},
    };
    int key;
    options.server.sin_family = AF_INET;
    while ((key = getopt_long(argc, argv, "", names, NULL)) != -1) {
        switch (key) {
        case 'h':
            options.host = optarg;
            break;
        case 'p':
            options.server.sin_port = htons((uint16_t)atoi(optarg));
            break;
        case 'u':
            options.path = optarg;
            break;
        case 'n':
            options.viewers = (unsigned)atoi(optarg);
            break;
        case 'w':
            options.warmup_s = atof(optarg);
            break;
        case 't':
            options.start_timeout_s = atof(optarg);
            break;
        case 's':
            options.window_s = atof(optarg);
            break;
        case 'c':
            options.windows = (unsigned)atoi(optarg);
            break;
        case 'i':
            if (options.pid_count == PIDS_MAX) {
                usage();
            }
            options.pids[options.pid_count++] = (pid_t)atoi(optarg);
            break;
        case 'b':
            options.stuck = true;
            break;
        case 'd':
            options.age_source = AGE_STAMP_DEQUEUE;
            options.stamps = stamps_open(optarg, false);
            break;
        case 'o':
            options.age_source = AGE_STAMP_ORDINAL;
            options.stamps = stamps_open(optarg, false);
            break;
        default:
            usage();
        }
    }
    if (optind != argc || !options.host || !options.server.sin_port || !options.viewers || !options.windows ||
        inet_pton(AF_INET, options.host, &options.server.sin_addr) != 1) {
        usage();
    }
}

int main(int argc, char **argv)
{
    options_parse(argc, argv);
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    stop_on_signals();

    struct viewer *viewers = calloc(options.viewers, sizeof(*viewers));
    struct window *windows = calloc(options.windows, sizeof(*windows));
    epoll = epoll_create1(EPOLL_CLOEXEC);
    if (!viewers || !windows || epoll < 0) {
        die("memory");
    }
    uint64_t began = clock_ns(CLOCK_MONOTONIC);
    run_until(began + (uint64_t)(options.start_timeout_s * 1e9), true, viewers);
    double start_s = (double)(clock_ns(CLOCK_MONOTONIC) - began) / 1e9;
    if (!with_first_frame && !*failure) {
        snprintf(failure, sizeof(failure), "no live frame within %.0f s", options.start_timeout_s);
    }
    uint64_t deadline = clock_ns(CLOCK_MONOTONIC) + (uint64_t)(options.warmup_s * 1e9);
    run_until(deadline, false, viewers);
    measuring = true;
    for (unsigned i = 0; i < options.windows; i++) {
        deadline = clock_ns(CLOCK_MONOTONIC) + (uint64_t)(options.window_s * 1e9);
        window_begin(&current);
        run_until(deadline, false, viewers);
        window_end(&current);
        windows[i] = current;
    }

    printf("{\"viewers\": %u, \"with_first_frame\": %u, \"closed\": %u, \"refused\": %u, \"start_s\": %.3f, "
           "\"content_length\": %s, \"failure\": \"%s\", ",
           options.viewers, with_first_frame, closed, refused, start_s,
           without_content_length ? "false" : "true", failure);
    print_per_viewer(viewers);
    printf(", \"windows\": [");
    for (unsigned i = 0; i < options.windows; i++) {
        fputs(i ? ", " : "", stdout);
        print_window(&windows[i]);
    }
    puts("]}");
    return *failure || with_first_frame < options.viewers;
}
