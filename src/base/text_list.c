/* SPDX-License-Identifier: MIT */
#include "base/text_list.h"

#include <string.h>

struct text_item text_list_next(const char **rest)
{
    struct text_item item = {*rest, strcspn(*rest, ",")};
    *rest = item.text[item.length] ? item.text + item.length + 1 : NULL;
    return item;
}

bool text_list_add(struct text_list *list, const char *text)
{
    const size_t before = list->count;
    while (text && list->count < TEXT_LIST_MOST)
        list->items[list->count++] = text_list_next(&text);
    if (text)
        list->count = before;
    return !text;
}

bool text_item_is(const struct text_item *item, const char *text)
{
    return strlen(text) == item->length && memcmp(item->text, text, item->length) == 0;
}
