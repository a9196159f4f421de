/* SPDX-License-Identifier: MIT */
/*
 * text_list: several values in one text, divided by commas, without copying them.
 */
#ifndef HEADCAM_BASE_TEXT_LIST_H
#define HEADCAM_BASE_TEXT_LIST_H

#include <stdbool.h>
#include <stddef.h>

enum { TEXT_LIST_MOST = 32 };

struct text_item {
    const char *text; /* not terminated */
    size_t length;
};

struct text_list {
    struct text_item items[TEXT_LIST_MOST];
    size_t count;
};

/* Takes the item that *rest begins with, and *rest behind its comma; NULL behind the last. */
struct text_item text_list_next(const char **rest);

/* Adds the items of a text, which must last. False: there is no room for all; nothing was added. */
bool text_list_add(struct text_list *list, const char *text);

bool text_item_is(const struct text_item *item, const char *text);

#endif
