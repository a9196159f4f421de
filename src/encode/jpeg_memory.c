/* SPDX-License-Identifier: MIT */
#include "encode/jpeg_memory.h"

#include "base/memory.h"

#include <stdlib.h>

/* What libjpeg-turbo's own manager keeps to: SIMD code reads and writes whole vectors. */
enum { ALIGNMENT = 32, ROW_ALIGNMENT = 2 * ALIGNMENT, BLOCK_UNIT = 4096 };

static size_t round_up(size_t bytes, size_t unit)
{
    return (bytes + unit - 1) / unit * unit;
}

static struct jpeg_memory *memory_of(j_common_ptr jpeg)
{
    return jpeg->client_data;
}

static void *allocate(j_common_ptr jpeg, int pool, size_t bytes)
{
    struct jpeg_memory *memory = memory_of(jpeg);
    if (pool != JPOOL_IMAGE)
        return memory->original.alloc_large(jpeg, pool, bytes);
    bytes = round_up(bytes, ALIGNMENT);
    if (bytes > memory->room - memory->used) {
        memory->beyond += bytes;
        return memory->original.alloc_large(jpeg, pool, bytes);
    }
    void *taken = memory->block + memory->used;
    memory->used += bytes;
    return taken;
}

static void *allocate_small(j_common_ptr jpeg, int pool, size_t bytes)
{
    return pool == JPOOL_IMAGE ? allocate(jpeg, pool, bytes)
                               : memory_of(jpeg)->original.alloc_small(jpeg, pool, bytes);
}

/* An array of rows, and the rows. */
static void **allocate_rows(j_common_ptr jpeg, int pool, size_t row_bytes, size_t count)
{
    row_bytes = round_up(row_bytes, ROW_ALIGNMENT);
    void **rows = allocate(jpeg, pool, count * sizeof(rows[0]));
    uint8_t *first = allocate(jpeg, pool, count * row_bytes);
    for (size_t i = 0; i < count; i++)
        rows[i] = first + i * row_bytes;
    return rows;
}

static JSAMPARRAY allocate_samples(j_common_ptr jpeg, int pool, JDIMENSION width, JDIMENSION rows)
{
    return (JSAMPARRAY)allocate_rows(jpeg, pool, width * sizeof(JSAMPLE), rows);
}

static JBLOCKARRAY allocate_blocks(j_common_ptr jpeg, int pool, JDIMENSION width, JDIMENSION rows)
{
    return (JBLOCKARRAY)allocate_rows(jpeg, pool, width * sizeof(JBLOCK), rows);
}

/* A picture is done. The next one like it finds room for everything. */
static void free_pool(j_common_ptr jpeg, int pool)
{
    struct jpeg_memory *memory = memory_of(jpeg);
    memory->original.free_pool(jpeg, pool);
    if (pool != JPOOL_IMAGE)
        return;
    if (memory->beyond > 0) {
        memory->room = round_up(memory->room + memory->beyond, BLOCK_UNIT);
        free(memory->block);
        memory->block = memory_pages(memory->room);
    }
    memory->used = memory->beyond = 0;
}

void jpeg_memory_init(struct jpeg_memory *memory, j_compress_ptr jpeg)
{
    *memory = (struct jpeg_memory){.original = *jpeg->mem};
    jpeg->mem->alloc_small = allocate_small;
    jpeg->mem->alloc_large = allocate;
    jpeg->mem->alloc_sarray = allocate_samples;
    jpeg->mem->alloc_barray = allocate_blocks;
    jpeg->mem->free_pool = free_pool;
}

void jpeg_memory_fini(struct jpeg_memory *memory)
{
    free(memory->block);
}
