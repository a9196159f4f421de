/* SPDX-License-Identifier: MIT */
#include "base/clock.h"
#include "base/memory.h"
#include "stream/hub_inside.h"

#include <string.h>

struct stream_report *hub_report(struct hub *hub, size_t *count)
{
    uint64_t now_ns = clock_mono_ns();
    /* At most max_streams are announced; the room is made outside the lock. */
    struct stream_report *reports = memory_array(NULL, hub->options.max_streams, sizeof(reports[0]));
    *count = 0;
    hub_lock(hub);
    struct list *node;
    list_for_each(node, &hub->streams)
    {
        struct stream *stream = container_of(node, struct stream, link);
        if (!stream->announced)
            continue;
        hub_judge(hub, stream, now_ns);
        stream_write_report(stream, hub->options.endpoint, hub->options.quality, now_ns,
                            &reports[(*count)++]);
    }
    hub_unlock(hub);
    return reports;
}

void hub_totals(struct hub *hub, struct tally_view *totals)
{
    hub_lock(hub);
    *totals = hub->past;
    struct list *node;
    list_for_each(node, &hub->streams) tally_sum(&container_of(node, struct stream, link)->tally, totals);
    tally_sum(&hub->lobby->tally, totals);
    hub_unlock(hub);
}

struct intake *hub_intake(struct hub *hub)
{
    return &hub->intake;
}

struct hub_timings *hub_timings(struct hub *hub)
{
    return &hub->timings;
}

bool hub_default_name(struct hub *hub, char name[NAME_BYTES])
{
    hub_lock(hub);
    const struct stream *stream = hub_find_default(hub);
    if (stream)
        memcpy(name, stream->name, NAME_BYTES);
    hub_unlock(hub);
    return stream != NULL;
}
