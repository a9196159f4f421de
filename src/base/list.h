/* SPDX-License-Identifier: MIT */
/*
 * list: intrusive doubly linked list. A node that is in no list points to itself, so removing it is
 * always allowed.
 */
#ifndef HEADCAM_BASE_LIST_H
#define HEADCAM_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *next, *prev;
};

#define container_of(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))

#define list_for_each(node, head) for ((node) = (head)->next; (node) != (head); (node) = (node)->next)

/* The body may remove the node. */
#define list_for_each_safe(node, after, head)                                                                \
    for ((node) = (head)->next, (after) = (node)->next; (node) != (head);                                    \
         (node) = (after), (after) = (node)->next)

static inline void list_init(struct list *node)
{
    node->next = node->prev = node;
}

static inline bool list_is_empty(const struct list *head)
{
    return head->next == head;
}

static inline void list_append(struct list *head, struct list *node)
{
    node->prev = head->prev;
    node->next = head;
    head->prev->next = node;
    head->prev = node;
}

static inline void list_remove(struct list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    list_init(node);
}

/* Moves all nodes of one list to the end of another. */
static inline void list_splice(struct list *to, struct list *from)
{
    if (list_is_empty(from))
        return;
    from->next->prev = to->prev;
    from->prev->next = to;
    to->prev->next = from->next;
    to->prev = from->prev;
    list_init(from);
}

#endif
