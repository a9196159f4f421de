/* SPDX-License-Identifier: MIT */
#include "encode/source.h"

#include "base/memory.h"

#include <stdlib.h>

/* Padding is read along while the stride is no more than so many rows' pixels. */
enum { PAGE = 4096, WIDEST_STRIDE = 2 };

void source_memory_fini(struct source_memory *memory)
{
    free(memory->pages);
}

static void reserve(struct source_memory *memory, size_t room)
{
    if (room <= memory->room)
        return;
    free(memory->pages);
    memory->room = (room + PAGE - 1) / PAGE * PAGE;
    memory->pages = memory_pages(memory->room);
}

/* Row by row: a producer's stride may be as large as its frames may. */
static bool read_without_padding(struct source_memory *memory, const struct raw_frame *raw, size_t offset,
                                 struct jpeg_pixels *pixels)
{
    const size_t row_bytes = (size_t)pixels->width * raw_pixel_bytes(pixels->format);
    reserve(memory, row_bytes * pixels->height);
    for (uint32_t row = 0; row < pixels->height; row++)
        if (!raw->read(raw, offset + row * pixels->stride, memory->pages + row * row_bytes, row_bytes))
            return false;
    pixels->stride = row_bytes;
    pixels->rows = memory->pages;
    return true;
}

bool source_rows(struct source_memory *memory, const struct raw_frame *raw, uint32_t first_row, uint32_t rows,
                 struct jpeg_pixels *pixels)
{
    const struct raw_info *info = &raw->info;
    size_t offset = (size_t)first_row * info->stride;
    *pixels = (struct jpeg_pixels){
        .format = info->format, .width = info->width, .height = rows, .stride = info->stride};
    if (raw->payload) {
        pixels->rows = raw->payload + offset;
        return true;
    }
    const size_t row_bytes = (size_t)info->width * raw_pixel_bytes(info->format);
    if (info->stride > WIDEST_STRIDE * row_bytes)
        return read_without_padding(memory, raw, offset, pixels);
    /* A copy between places that are alike within their pages is several times as fast on some
       processors ("rep movsb" on AMD's). Slots begin at a page. */
    size_t length = (size_t)info->stride * (rows - 1) + row_bytes;
    reserve(memory, length + PAGE);
    pixels->rows = memory->pages + offset % PAGE;
    return raw->read(raw, offset, memory->pages + offset % PAGE, length);
}
