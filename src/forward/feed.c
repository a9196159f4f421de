/* SPDX-License-Identifier: MIT */
#include "forward/feed.h"

#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>

struct feed *feed_create(struct hub *hub, const char *name)
{
    struct feed *feed = memory_zeroed(sizeof(*feed));
    snprintf(feed->name, sizeof(feed->name), "%s", name);
    feed->hub = hub;
    feed->watch = hub_watch_apart(hub, name);
    list_init(&feed->link);
    /* What is there may be old, which its stamp would not tell on a machine with another clock. */
    feed_refresh(feed);
    frame_unref(&feed->frame);
    return feed;
}

void feed_destroy(struct feed *feed)
{
    feed->wants = (struct audience){0};
    feed_tell(feed);
    list_remove(&feed->link);
    hub_unwatch(feed->hub, feed->watch);
    frame_unref(&feed->frame);
    free(feed);
}

void feed_refresh(struct feed *feed)
{
    hub_look(feed->hub, feed->watch, &feed->view);
    frame_unref(&feed->view.notice); /* each headcam draws its own, from the reason */
    if (!feed->view.frame)
        return;
    frame_unref(&feed->frame);
    feed->frame = feed->view.frame;
    feed->view.frame = NULL;
}

void feed_tell(struct feed *feed)
{
    if (feed->wants.edges == feed->told.edges && feed->wants.rate == feed->told.rate)
        return;
    feed->told = feed->wants;
    hub_set_audience(feed->hub, feed->watch, &feed->wants);
}
