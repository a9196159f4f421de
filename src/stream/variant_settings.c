/* SPDX-License-Identifier: MIT */
#include "stream/variant_settings.h"

struct variant_settings variant_settings_reduce(const struct variant_settings *settings,
                                                uint32_t source_width, uint32_t server_quality)
{
    struct variant_settings reduced = *settings;
    if (source_width != 0 && reduced.width >= source_width)
        reduced.width = 0;
    if (reduced.quality == server_quality)
        reduced.quality = 0;
    return reduced;
}

void variant_settings_size(const struct variant_settings *settings, uint32_t source_width,
                           uint32_t source_height, uint32_t *width, uint32_t *height)
{
    *width = source_width;
    *height = source_height;
    if (settings->width == 0 || settings->width >= source_width)
        return;
    uint64_t exact = (uint64_t)settings->width * source_height; /* times the source's width */
    uint32_t even = (uint32_t)((exact + source_width) / (2 * (uint64_t)source_width)) * 2;
    *width = settings->width;
    *height = even < 2 ? 2 : even;
    if (*height > source_height)
        *height = source_height;
}
