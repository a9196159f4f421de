/* SPDX-License-Identifier: MIT */
/*
 * thread: starts named threads that leave all signals to the main thread, and says which can wait.
 */
#ifndef HEADCAM_BASE_THREAD_H
#define HEADCAM_BASE_THREAD_H

#include <pthread.h>
#include <stdbool.h>

/* name: up to 15 characters, as top and gdb show it. False, with errno: the system would not. */
bool thread_start(pthread_t *thread, const char *name, void *(*run)(void *), void *arg);

/* The calling thread has time: others go first where there are not cores for all. */
void thread_give_way(void);

#endif
