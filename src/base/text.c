/* SPDX-License-Identifier: MIT */
#include "base/text.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* How many bytes a character has, by its first; 0: none begins so. */
static size_t character_bytes(unsigned char first)
{
    if (first < 0x80)
        return 1;
    if (first < 0xc0)
        return 0;
    return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

void text_drop_cut_character(char *text)
{
    size_t length = strlen(text), start = length;
    while (start > 0 && length - start < 4) {
        start--;
        size_t bytes = character_bytes((unsigned char)text[start]);
        if (bytes == 0)
            continue;
        if (bytes > length - start)
            text[start] = '\0';
        return;
    }
}

bool text_read_number(const char *text, uint64_t *value)
{
    if (!text || !text[0] || text[strspn(text, "0123456789")] != '\0')
        return false;
    errno = 0;
    *value = strtoull(text, NULL, 10);
    return errno == 0;
}
