/* SPDX-License-Identifier: MIT */
/*
 * camera.c: the source of frames for the peers, paced by an absolute clock.
 *
 *   camera v4l2 FRAMES SIZE FPS STAMPS DEVICE   YUYV frames into a fake device's buffers (fakev4l2.c)
 *   camera pipe FRAMES SIZE FPS STAMPS          RGBA frames to stdout, each once, none dropped
 *
 * A frame's stamp is taken when the peer could first have had it: for the device after its buffer
 * was filled, for the pipe before the first byte is written.
 */
#define _GNU_SOURCE
#include "camera.h"

#include "common.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIPE_BYTES (1 << 20)

struct pace {
    uint64_t began_ns;
    double period_ns;
    uint64_t ticks;
};

static void pace_next(struct pace *pace)
{
    pace->ticks++;
    uint64_t due = pace->began_ns + (uint64_t)((double)pace->ticks * pace->period_ns);
    uint64_t now = clock_ns(CLOCK_MONOTONIC);
    if (now > due + (uint64_t)pace->period_ns) {
        /* Held up, as by a pipe that nobody reads yet: go on from here, without a burst. */
        pace->began_ns = now;
        pace->ticks = 0;
        return;
    }
    sleep_until_ns(due);
}

static void stamp_frame(struct stamp *stamps, uint64_t sequence, uint64_t now)
{
    if (sequence < STAMPS_MAX) {
        atomic_store(&stamps[sequence].published_ns, now);
    }
}

/* ------------------------------------------------------------------- v4l2 */

struct device {
    int memory, done, queued;
    uint8_t *buffers;
    size_t buffer_bytes;
    bool on;
    uint32_t empty[CAMERA_BUFFERS_MAX]; /* first in, first out */
    unsigned empty_count;
};

static int fifo_open(const char *path, const char *suffix)
{
    char name[4096];
    snprintf(name, sizeof(name), "%s%s", path, suffix);
    unlink(name);
    /* Both ends ours: the program may come and go, and its end never sees a hangup. */
    int fd = mkfifo(name, 0600) == 0 ? open(name, O_RDWR | O_NONBLOCK | O_CLOEXEC) : -1;
    if (fd < 0) {
        die("%s", name);
    }
    return fd;
}

static void device_create(struct device *device, const char *path, unsigned width, unsigned height)
{
    size_t bytes = camera_buffer_bytes(width, height) * CAMERA_BUFFERS_MAX;
    device->buffer_bytes = camera_buffer_bytes(width, height);
    device->done = fifo_open(path, CAMERA_DONE);
    device->queued = fifo_open(path, CAMERA_QUEUED);
    /* The path itself last: once it is there, the device is complete. */
    unlink(path);
    device->memory = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (device->memory < 0 || ftruncate(device->memory, (off_t)bytes) != 0) {
        die("%s", path);
    }
    device->buffers = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, device->memory, 0);
    if (device->buffers == MAP_FAILED) {
        die("%s: cannot be mapped", path);
    }
}

static void device_take_commands(struct device *device)
{
    int32_t command;
    while (read(device->queued, &command, sizeof(command)) == (ssize_t)sizeof(command)) {
        if (command == CAMERA_ON) {
            device->on = true;
        } else if (command == CAMERA_OFF) {
            device->on = false;
            device->empty_count = 0;
        } else if (command >= 0 && command < CAMERA_BUFFERS_MAX && device->empty_count < CAMERA_BUFFERS_MAX) {
            device->empty[device->empty_count++] = (uint32_t)command;
        }
    }
}

static void run_v4l2(const struct frames *frames, struct pace *pace, struct stamp *stamps,
                     struct device *device)
{
    uint32_t sequence = 0;
    uint64_t dropped = 0;
    for (uint64_t i = 0; !stopping; i++, pace_next(pace)) {
        device_take_commands(device);
        if (!device->on || !device->empty_count) {
            dropped += device->on; /* no empty buffer: this frame is lost, as with any camera */
            continue;
        }
        struct camera_done done = {.index = device->empty[0], .sequence = sequence++};
        device->empty_count--;
        memmove(device->empty, device->empty + 1, device->empty_count * sizeof(device->empty[0]));
        memcpy(device->buffers + done.index * device->buffer_bytes, frames_at(frames, i),
               frames->frame_bytes);
        done.published_ns = clock_ns(CLOCK_MONOTONIC);
        stamp_frame(stamps, done.sequence, done.published_ns);
        if (write(device->done, &done, sizeof(done)) != (ssize_t)sizeof(done)) {
            die("the done FIFO");
        }
    }
    fprintf(stderr, "{\"published\": %u, \"dropped\": %llu}\n", sequence, (unsigned long long)dropped);
}

/* ------------------------------------------------------------------- pipe */

static void run_pipe(const struct frames *frames, struct pace *pace, struct stamp *stamps)
{
    uint64_t sequence = 0;
    fcntl(STDOUT_FILENO, F_SETPIPE_SZ, PIPE_BYTES);
    for (; !stopping; pace_next(pace)) {
        stamp_frame(stamps, sequence, clock_ns(CLOCK_MONOTONIC));
        const uint8_t *frame = frames_at(frames, sequence++);
        for (size_t written = 0; written < frames->frame_bytes && !stopping;) {
            ssize_t n = write(STDOUT_FILENO, frame + written, frames->frame_bytes - written);
            if (n < 0 && errno != EINTR) {
                return;
            }
            written += n > 0 ? (size_t)n : 0;
        }
    }
}

int main(int argc, char **argv)
{
    bool v4l2 = argc == 7 && !strcmp(argv[1], "v4l2");
    if (!v4l2 && !(argc == 6 && !strcmp(argv[1], "pipe"))) {
        fputs("usage: camera v4l2 FRAMES SIZE FPS STAMPS DEVICE\n"
              "       camera pipe FRAMES SIZE FPS STAMPS\n",
              stderr);
        return 2;
    }
    unsigned width, height;
    struct frames frames;
    parse_size(argv[3], &width, &height);
    frames_open(&frames, argv[2], (size_t)width * height * (v4l2 ? 2 : 4));
    struct stamp *stamps = stamps_open(argv[5], true);
    struct pace pace = {.period_ns = 1e9 / atof(argv[4])};
    stop_on_signals();
    if (v4l2) {
        struct device device = {.on = false};
        device_create(&device, argv[6], width, height);
        pace.began_ns = clock_ns(CLOCK_MONOTONIC);
        run_v4l2(&frames, &pace, stamps, &device);
    } else {
        pace.began_ns = clock_ns(CLOCK_MONOTONIC);
        run_pipe(&frames, &pace, stamps);
    }
    return 0;
}
