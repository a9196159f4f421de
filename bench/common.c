/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "common.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

volatile bool stopping;

void die(const char *format, ...)
{
    int reason = errno;
    va_list args;
    va_start(args, format);
    fprintf(stderr, "%s: ", program_invocation_short_name);
    vfprintf(stderr, format, args);
    va_end(args);
    if (reason) {
        fprintf(stderr, ": %s", strerror(reason));
    }
    fputc('\n', stderr);
    exit(1);
}

uint64_t clock_ns(clockid_t clock)
{
    struct timespec now;
    if (clock_gettime(clock, &now) != 0) {
        return 0;
    }
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

uint64_t process_cpu_ns(pid_t pid)
{
    clockid_t clock;
    return clock_getcpuclockid(pid, &clock) == 0 ? clock_ns(clock) : 0;
}

void sleep_until_ns(uint64_t monotonic_ns)
{
    struct timespec until = {
        .tv_sec = (time_t)(monotonic_ns / NS_PER_S),
        .tv_nsec = (long)(monotonic_ns % NS_PER_S),
    };
    while (!stopping && clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR) {
    }
}

uint64_t grid_tick_ns(double period_ns, double phase)
{
    double now = (double)clock_ns(CLOCK_MONOTONIC);
    double ticks = (double)(uint64_t)(now / period_ns) + phase;
    while (ticks * period_ns < now) {
        ticks += 1;
    }
    return (uint64_t)(ticks * period_ns);
}

static void on_signal(int number)
{
    (void)number;
    stopping = true;
}

void stop_on_signals(void)
{
    /* No SA_RESTART: a blocking call must return, so that its loop sees the flag. */
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

void parse_size(const char *text, unsigned *width, unsigned *height)
{
    char end;
    if (sscanf(text, "%ux%u%c", width, height, &end) != 2 || !*width || !*height) {
        errno = 0;
        die("%s: not a size; give WIDTHxHEIGHT", text);
    }
}

void frames_open(struct frames *frames, const char *path, size_t frame_bytes)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat info;
    if (fd < 0 || fstat(fd, &info) != 0) {
        die("%s", path);
    }
    frames->frame_bytes = frame_bytes;
    frames->count = (size_t)info.st_size / frame_bytes;
    if (!frames->count) {
        errno = 0;
        die("%s: holds no frame of %zu bytes", path, frame_bytes);
    }
    void *data = mmap(NULL, frames->count * frame_bytes, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0);
    if (data == MAP_FAILED) {
        die("%s: cannot be mapped", path);
    }
    frames->data = data;
    close(fd);
}

const uint8_t *frames_at(const struct frames *frames, uint64_t i)
{
    size_t n = frames->count;
    size_t index = 0;
    if (n > 1) {
        index = i % (2 * n - 2);
        index = index < n ? index : 2 * n - 2 - index;
    }
    return frames->data + index * frames->frame_bytes;
}

struct stamp *stamps_open(const char *path, bool create)
{
    size_t bytes = STAMPS_MAX * sizeof(struct stamp);
    int fd = open(path, (create ? O_CREAT | O_TRUNC : 0) | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0 || (create && ftruncate(fd, (off_t)bytes) != 0)) {
        die("%s", path);
    }
    void *stamps = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
    if (stamps == MAP_FAILED) {
        die("%s: cannot be mapped", path);
    }
    close(fd);
    return stamps;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

double percentile(double *values, size_t count, double percent)
{
    if (!count) {
        return 0.0;
    }
    qsort(values, count, sizeof(*values), compare);
    return values[(size_t)(percent / 100.0 * (double)(count - 1) + 0.5)];
}
