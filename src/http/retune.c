/* SPDX-License-Identifier: MIT */
#include "http/retune.h"

#include "http/channel.h"

void retune_give_up(struct viewer *viewer)
{
    struct channel *next = viewer->next.channel;
    if (!next)
        return;
    list_remove(&viewer->next.link);
    viewer->next.channel = NULL;
    hub_unwatch(next->context->hub, viewer->next.watch);
    channel_update_audience(next);
}

/* Goes over to another channel, with a reference of its watch. */
static void move_viewer(struct viewer *viewer, struct channel *to, struct watch *watch)
{
    struct channel *from = viewer->channel;
    channel_leave(viewer);
    hub_unwatch(from->context->hub, viewer->watch);
    viewer->watch = watch;
    channel_enter(to, viewer); /* first: the stream shall not be unwatched in between */
    channel_update_audience(from);
}

static bool shows_picture(const struct channel *channel)
{
    return channel->show.state == SHOW_LIVE || channel->show.state == SHOW_REPEAT;
}

static bool has_picture_of(const struct channel *channel, uint64_t not_before_ns)
{
    return channel->picture && channel->picture->capture_ns >= not_before_ns;
}

void retune_welcome(struct channel *channel)
{
    struct list *node, *after;
    list_for_each_safe(node, after, &channel->arrivals)
    {
        struct viewer *viewer = container_of(node, struct viewer, next.link);
        if (!has_picture_of(channel, viewer->next.not_before_ns))
            continue;
        list_remove(node);
        viewer->next.channel = NULL;
        move_viewer(viewer, channel, viewer->next.watch);
    }
}

static void set_rate(struct viewer *viewer, millifps rate)
{
    if (rate == viewer->rate)
        return;
    viewer->rate = rate;
    pace_init(&viewer->pace, rate);
    channel_update_audience(viewer->channel);
}

bool retune_viewer(struct viewer *viewer, millifps rate, const struct variant_settings *settings)
{
    const struct channel_context *context = viewer->channel->context;
    struct watch *watch = hub_watch_other(context->hub, viewer->watch, settings);
    if (!watch)
        return false;
    retune_give_up(viewer);
    set_rate(viewer, rate);
    viewer->settings = *settings;
    if (watch == viewer->watch) {
        hub_unwatch(context->hub, watch);
        return true;
    }
    struct channel *next = context->find(watch, context->arg);
    uint64_t seen_ns = viewer->channel->picture ? viewer->channel->picture->capture_ns : 1;
    if (!shows_picture(viewer->channel) || has_picture_of(next, seen_ns)) {
        channel_wake(next);
        move_viewer(viewer, next, watch);
        return true;
    }
    viewer->next.channel = next;
    viewer->next.watch = watch;
    viewer->next.not_before_ns = seen_ns;
    list_append(&next->arrivals, &viewer->next.link);
    channel_update_audience(next);
    return true;
}
