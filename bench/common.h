/* SPDX-License-Identifier: MIT */
/*
 * common.h: what the bench's programs share: clocks, paced frames, stamps of when a frame became
 * available, and medians. Nothing of headcam itself is used here, so that the floors and the load
 * cannot share a mistake with what they measure.
 */
#ifndef HEADCAM_BENCH_COMMON_H
#define HEADCAM_BENCH_COMMON_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#define NS_PER_S  1000000000ull
#define NS_PER_MS 1000000.0

/* Prints the message and the reason in errno, if there is one, and exits with status 1. */
_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));

uint64_t clock_ns(clockid_t clock);

/* CPU time of another process, all threads, those that ended included; 0 once it is gone. */
uint64_t process_cpu_ns(pid_t pid);

void sleep_until_ns(uint64_t monotonic_ns);

/*
 * The bench's sources tick on one grid of CLOCK_MONOTONIC, and floors in the middle between two ticks
 * (phase 0.5), so that both can run at the same time without meeting. Returns the first tick from now
 * on.
 */
uint64_t grid_tick_ns(double period_ns, double phase);

/* True once SIGTERM or SIGINT came, after stop_on_signals(). */
extern volatile bool stopping;
void stop_on_signals(void);

/* Parses WIDTHxHEIGHT. */
void parse_size(const char *text, unsigned *width, unsigned *height);

/* A file of raw frames, mapped and read in once. */
struct frames {
    const uint8_t *data;
    size_t frame_bytes;
    size_t count;
};
void frames_open(struct frames *frames, const char *path, size_t frame_bytes);

/* Frame i of an endless sequence: forth and back, so that the picture never jumps. */
const uint8_t *frames_at(const struct frames *frames, uint64_t i);

/*
 * When each frame became available, and when the peer took it: the means of telling the age of a
 * picture whose server does not say when it was captured. A file mapped by the source, by the fake
 * device inside the peer, and by the viewers.
 */
#define STAMPS_MAX 65536u
struct stamp {
    _Atomic uint64_t published_ns; /* CLOCK_MONOTONIC; 0: not yet */
    _Atomic uint64_t dequeued_ns;  /* CLOCK_MONOTONIC_RAW, as uStreamer tells time; 0: never taken */
};
struct stamp *stamps_open(const char *path, bool create);

/* Sorts values and returns the given percentile (0 to 100), 0.0 of none. */
double percentile(double *values, size_t count, double percent);

#endif
