/* SPDX-License-Identifier: MIT */
#include "ingest/rings.h"

#include "base/list.h"
#include "base/log.h"
#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char SHM[] = "/dev/shm";
static const char IPC[] = "ipc://";

/* In a second: where one stream's ring cannot be read, those of its agent's others cannot either. */
enum { REFUSAL_LINES = 20 };

struct entry {
    struct list link;
    char name[NAME_BYTES];
    uint64_t instance;
    uint32_t number;
    struct ring *ring;             /* NULL: it cannot be read */
    char reason[RING_ERROR_BYTES]; /* why not, as logged last */
};

struct rings {
    struct list entries; /* at most one a stream */
    char *directory;     /* of the ingest socket; NULL where that is no file */
    struct log_limit refusal_log;
};

static char *directory_of(const char *endpoint)
{
    if (strncmp(endpoint, IPC, strlen(IPC)) != 0 || endpoint[strlen(IPC)] == '@')
        return NULL;
    char *directory = memory_string(endpoint + strlen(IPC));
    char *slash = strrchr(directory, '/');
    if (!slash)
        strcpy(directory, "."); /* a path has one character at least */
    else
        slash[slash == directory] = '\0';
    return directory;
}

struct rings *rings_create(const char *endpoint)
{
    struct rings *rings = memory_zeroed(sizeof(*rings));
    list_init(&rings->entries);
    rings->refusal_log.lines = REFUSAL_LINES;
    rings->directory = directory_of(endpoint);
    if (rings->directory)
        ring_clean(rings->directory);
    ring_clean(SHM);
    return rings;
}

static void remove_entry(struct entry *entry)
{
    list_remove(&entry->link);
    ring_unref(entry->ring);
    free(entry);
}

void rings_destroy(struct rings *rings)
{
    struct list *node, *after;
    list_for_each_safe(node, after, &rings->entries)
    {
        remove_entry(container_of(node, struct entry, link));
    }
    free(rings->directory);
    free(rings);
}

static struct entry *find_entry(const struct rings *rings, const char *name)
{
    struct list *node;
    list_for_each(node, &rings->entries)
    {
        struct entry *entry = container_of(node, struct entry, link);
        if (strcmp(entry->name, name) == 0)
            return entry;
    }
    return NULL;
}

static struct ring *open_ring(const struct rings *rings, const struct entry *entry,
                              const struct ring_offer *offer, uid_t owner, char reason[RING_ERROR_BYTES])
{
    const char *directory = offer->place == RING_IN_SHM ? SHM : rings->directory;
    if (!directory || owner == RINGS_NO_USER) {
        snprintf(reason, RING_ERROR_BYTES, "a ring needs an ipc:// endpoint%s",
                 directory ? "" : " that is a file");
        return NULL;
    }
    const struct ring_claim claim = {
        .directory = directory, .instance = entry->instance, .number = entry->number, .owner = owner};
    return ring_open(&claim, reason);
}

static void log_refusal(struct rings *rings, const char *name, const char *reason)
{
    log_limited(&rings->refusal_log, LOG_WARN, "stream %s: its frames come inline: %s", name, reason);
}

bool rings_offer(struct rings *rings, const char *name, uint64_t instance, const struct ring_offer *offer,
                 uid_t owner, char reason[RING_ERROR_BYTES])
{
    struct entry *entry = find_entry(rings, name);
    if (!entry || entry->instance != instance || entry->number != offer->number) {
        if (entry)
            remove_entry(entry);
        entry = memory_zeroed(sizeof(*entry));
        snprintf(entry->name, sizeof(entry->name), "%s", name);
        entry->instance = instance;
        entry->number = offer->number;
        list_append(&rings->entries, &entry->link);
    }
    reason[0] = '\0';
    if (entry->ring)
        return true;
    /* What could not be read may be readable by now. */
    entry->ring = open_ring(rings, entry, offer, owner, reason);
    if (entry->ring)
        log_debug("stream %s: ring %u is read", name, (unsigned)offer->number);
    else if (strcmp(entry->reason, reason) != 0)
        log_refusal(rings, name, reason);
    snprintf(entry->reason, sizeof(entry->reason), "%s", reason);
    return entry->ring != NULL;
}

struct ring *rings_find(struct rings *rings, const char *name, const struct raw_info *info)
{
    const struct entry *entry = find_entry(rings, name);
    if (!entry || entry->instance != info->instance || entry->number != info->ring || !entry->ring ||
        !ring_has_room(entry->ring, info->slot, info->payload_bytes))
        return NULL;
    return entry->ring;
}

void rings_tick(struct rings *rings, struct hub *hub)
{
    struct list *node, *after;
    list_for_each_safe(node, after, &rings->entries)
    {
        struct entry *entry = container_of(node, struct entry, link);
        if (!hub_has_producer(hub, entry->name, entry->instance))
            remove_entry(entry);
    }
}
