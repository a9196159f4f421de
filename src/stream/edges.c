/* SPDX-License-Identifier: MIT */
#include "stream/edges.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

void edges_init(struct edges *edges)
{
    pthread_mutex_init(&edges->lock, NULL);
    edges->reports = NULL;
    edges->count = 0;
}

void edges_fini(struct edges *edges)
{
    pthread_mutex_destroy(&edges->lock);
    free(edges->reports);
}

static struct edge_report *copy(const struct edge_report *reports, size_t count)
{
    if (count == 0)
        return NULL;
    struct edge_report *copies = memory_array(NULL, count, sizeof(*copies));
    memcpy(copies, reports, count * sizeof(*copies));
    return copies;
}

void edges_set(struct edges *edges, const struct edge_report *reports, size_t count)
{
    struct edge_report *fresh = copy(reports, count);
    pthread_mutex_lock(&edges->lock);
    struct edge_report *old = edges->reports;
    edges->reports = fresh;
    edges->count = count;
    pthread_mutex_unlock(&edges->lock);
    free(old);
}

struct edge_report *edges_get(struct edges *edges, size_t *count)
{
    pthread_mutex_lock(&edges->lock);
    struct edge_report *reports = copy(edges->reports, edges->count);
    *count = edges->count;
    pthread_mutex_unlock(&edges->lock);
    return reports;
}
