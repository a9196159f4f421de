/* SPDX-License-Identifier: MIT */
/*
 * memory: allocation of the process's own small and bounded structures. Running out of memory for
 * these ends the process with a clear line: nothing sensible can go on without them. What a peer
 * asks for in bulk (frames) is bounded by flags before it comes here.
 */
#ifndef HEADCAM_BASE_MEMORY_H
#define HEADCAM_BASE_MEMORY_H

#include <stddef.h>

/* Zeroed bytes. Never NULL. */
void *memory_zeroed(size_t bytes);

/* realloc() of count items. Never NULL. */
void *memory_array(void *old, size_t count, size_t item_bytes);

/* Whole pages, aligned; bytes is a multiple of 4096. Never NULL; free() frees them. */
void *memory_pages(size_t bytes);

/* strdup(). Never NULL. */
char *memory_string(const char *text);

#endif
