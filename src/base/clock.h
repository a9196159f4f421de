/* SPDX-License-Identifier: MIT */
/*
 * clock: the two clocks. Monotonic time is for all logic, real time for stamps that leave the
 * process. Any thread.
 */
#ifndef HEADCAM_BASE_CLOCK_H
#define HEADCAM_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#define NS_PER_US UINT64_C(1000)
#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S  UINT64_C(1000000000)

/* "Never", as a deadline. */
#define CLOCK_NEVER UINT64_MAX

uint64_t clock_mono_ns(void);
uint64_t clock_real_ns(void);

/* Milliseconds from now to a deadline for poll() and friends: rounded up, 0 when past, -1 for never. */
int clock_timeout_ms(uint64_t now_ns, uint64_t deadline_ns);

/* "14:03:05 UTC" of a real time. text holds at least CLOCK_TIME_OF_DAY_BYTES. */
#define CLOCK_TIME_OF_DAY_BYTES sizeof("00:00:00 UTC")
void clock_time_of_day(uint64_t real_ns, char *text);

#endif
