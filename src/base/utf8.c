/* SPDX-License-Identifier: MIT */
#include "base/utf8.h"

#include <stddef.h>
#include <string.h>

/* Bytes of the character that begins with this byte. */
static size_t character_bytes(unsigned char first)
{
    return first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
}

void utf8_trim(char *text)
{
    size_t length = strlen(text), start = length;
    while (start > 0 && ((unsigned char)text[start - 1] & 0xc0) == 0x80)
        start--;
    if (start > 0 && character_bytes((unsigned char)text[start - 1]) > length - start + 1)
        text[start - 1] = '\0';
}
