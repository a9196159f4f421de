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

/* Goes over to the channel of a watch, of which it has a reference: at once, or when that has a picture. */
static void approach(struct viewer *viewer, struct watch *watch)
{
    const struct channel_context *context = viewer->channel->context;
    if (watch == viewer->watch) {
        hub_unwatch(context->hub, watch);
        return;
    }
    struct channel *next = context->find(watch, context->arg);
    uint64_t seen_ns = viewer->channel->picture ? viewer->channel->picture->capture_ns : 1;
    if (!shows_picture(viewer->channel) || has_picture_of(next, seen_ns)) {
        channel_wake(next);
        move_viewer(viewer, next, watch);
        return;
    }
    viewer->next.channel = next;
    viewer->next.watch = watch;
    viewer->next.not_before_ns = seen_ns;
    list_append(&next->arrivals, &viewer->next.link);
    channel_update_audience(next);
}

/* A channel that is left is not to use up a variant until the sender's turn ends. */
static void let_go(struct channel *channel)
{
    if (channel_is_empty(channel))
        channel_destroy(channel);
}

/* The watch of other settings. NULL: there would be a variant too many, even without what it waits for. */
static struct watch *watch_other(struct viewer *viewer, const struct variant_settings *settings)
{
    struct hub *hub = viewer->channel->context->hub;
    struct channel *next = viewer->next.channel;
    struct watch *watch = hub_watch_other(hub, viewer->watch, settings);
    if (watch || !next)
        return watch;
    retune_give_up(viewer);
    let_go(next);
    watch = hub_watch_other(hub, viewer->watch, settings);
    if (watch)
        return watch;
    watch = hub_watch_other(hub, viewer->watch, &viewer->settings);
    if (watch) /* unless somebody was faster */
        approach(viewer, watch);
    return NULL;
}

bool retune_viewer(struct viewer *viewer, millifps rate, const struct variant_settings *settings)
{
    struct watch *watch = watch_other(viewer, settings);
    if (!watch)
        return false;
    struct channel *from = viewer->channel, *given_up = viewer->next.channel;
    retune_give_up(viewer);
    set_rate(viewer, rate);
    viewer->settings = *settings;
    approach(viewer, watch);
    let_go(from);
    if (given_up)
        let_go(given_up);
    return true;
}
