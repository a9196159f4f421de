/* SPDX-License-Identifier: MIT */
#include "stream/name.h"

static bool is_name_character(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
}

bool name_is_valid(const char *text, size_t length)
{
    if (length == 0 || length > HEADCAM_NAME_MAX)
        return false;
    for (size_t i = 0; i < length; i++)
        if (!is_name_character(text[i]))
            return false;
    return true;
}
