/* SPDX-License-Identifier: MIT */
#include "http/query.h"

#include "base/clock.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static const double MIN_FPS = 0.1, MAX_FPS = 240;

bool query_fps_number(double fps, millifps *value)
{
    if (!(fps >= MIN_FPS && fps <= MAX_FPS))
        return false;
    *value = (millifps)(fps * 1000 + 0.5);
    return true;
}

bool query_fps(const char *text, millifps *value)
{
    if (!text)
        return true;
    /* strtod() alone would take " 5", "0x5" and "inf". */
    if (text[strspn(text, "0123456789.")] != '\0')
        return false;
    char *end;
    double fps = strtod(text, &end);
    return end != text && !*end && query_fps_number(fps, value);
}

/* At most ten digits, which fit. */
static bool read_whole(const char *text, uint64_t least, uint64_t most, uint64_t *value)
{
    size_t length = strlen(text);
    if (length == 0 || length > 10 || strspn(text, "0123456789") != length)
        return false;
    *value = strtoull(text, NULL, 10);
    return *value >= least && *value <= most;
}

bool query_whole(const char *text, uint32_t least, uint32_t most, uint32_t *value)
{
    uint64_t whole = *value;
    if (text && !read_whole(text, least, most, &whole))
        return false;
    *value = (uint32_t)whole;
    return true;
}

bool query_ms(const char *text, uint64_t max_ms, uint64_t *value_ns)
{
    uint64_t ms;
    if (!text)
        return true;
    if (!read_whole(text, 0, max_ms, &ms))
        return false;
    *value_ns = ms * NS_PER_MS;
    return true;
}

bool query_form(const char *text, enum variant_form *value)
{
    static const char *const names[] = {
        [VARIANT_JPEG] = "jpeg", [VARIANT_RAW] = "raw", [VARIANT_PNG] = "png"};
    if (!text)
        return true;
    for (size_t form = 0; form < sizeof(names) / sizeof(names[0]); form++) {
        if (strcmp(text, names[form]) == 0) {
            *value = (enum variant_form)form;
            return true;
        }
    }
    return false;
}

bool query_flag(const char *text, bool *value)
{
    if (!text)
        return true;
    if (strcmp(text, "0") != 0 && strcmp(text, "1") != 0)
        return false;
    *value = text[0] == '1';
    return true;
}

bool query_action_is(const char *text, const char *action)
{
    size_t length = strlen(action);
    return text && strncmp(text, action, length) == 0 && !isalnum((unsigned char)text[length]);
}
