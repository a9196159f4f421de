/* SPDX-License-Identifier: MIT */
#include "base/memory.h"

#include "base/log.h"

#include <stdlib.h>
#include <string.h>

static void *check(void *pointer)
{
    if (!pointer) {
        log_error("out of memory");
        abort();
    }
    return pointer;
}

void *memory_zeroed(size_t bytes)
{
    return check(calloc(1, bytes));
}

void *memory_array(void *old, size_t count, size_t item_bytes)
{
    return check(reallocarray(old, count, item_bytes));
}

void *memory_pages(size_t bytes)
{
    return check(aligned_alloc(4096, bytes));
}

char *memory_string(const char *text)
{
    return check(strdup(text));
}
