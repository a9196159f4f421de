/* SPDX-License-Identifier: MIT */
#include "encode/source.h"

#include "base/memory.h"

#include <stdlib.h>

enum { PAGE = 4096 };

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
    /* A copy between places that are alike within their pages is several times as fast on some
       processors ("rep movsb" on AMD's). Slots begin at a page. */
    size_t length = (size_t)info->stride * (rows - 1) + (size_t)info->width * raw_pixel_bytes(info->format);
    reserve(memory, length + PAGE);
    pixels->rows = memory->pages + offset % PAGE;
    return raw->read(raw, offset, memory->pages + offset % PAGE, length);
}
