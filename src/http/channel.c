/* SPDX-License-Identifier: MIT */
#include "http/channel.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "http/peer.h"

#include <stdio.h>
#include <stdlib.h>

/* A viewer that asked for a lower rate gets a frame again only when it has had no part for this long. */
static const uint64_t KEEPALIVE_NS = NS_PER_S;

static void on_channel_due(struct timer *timer);
static void on_viewer_due(struct timer *timer);
static void on_waiter_due(struct timer *timer);

static struct timers *timers_of(const struct channel *channel)
{
    return channel->context->timers;
}

static void schedule(struct channel *channel)
{
    timers_set(timers_of(channel), &channel->timer, channel->show.next_ns);
}

/* Somebody begins to look. */
static void begin_show(struct channel *channel)
{
    show_begin(&channel->show, clock_mono_ns(), channel->picture ? channel->view.published_ns : 0,
               channel->view.expect_soon, channel->view.no_signal_after_ns);
    schedule(channel);
}

struct channel *channel_create(const struct channel_context *context, struct stream *stream)
{
    struct channel *channel = memory_zeroed(sizeof(*channel));
    channel->context = context;
    channel->stream = stream;
    channel->timer.on_due = on_channel_due;
    list_init(&channel->link);
    list_init(&channel->viewers);
    list_init(&channel->waiters);

    hub_look(context->hub, stream, &channel->view);
    channel->picture = channel->view.frame;
    channel->notice = channel->view.notice;
    begin_show(channel);
    return channel;
}

void channel_destroy(struct channel *channel)
{
    list_remove(&channel->link);
    timers_cancel(timers_of(channel), &channel->timer);
    hub_unwatch(channel->context->hub, channel->stream);
    frame_unref(&channel->picture);
    frame_unref(&channel->notice);
    free(channel);
}

bool channel_is_empty(const struct channel *channel)
{
    return list_is_empty(&channel->viewers) && list_is_empty(&channel->waiters);
}

/* Tells the hub how many watch, and the rate of the fastest; a snapshot wants the next frame there is. */
static void update_audience(struct channel *channel)
{
    if (channel_is_empty(channel))
        return; /* it ends now; until its subscription does, the rate should not rise */
    millifps rate = 0;
    if (list_is_empty(&channel->waiters)) {
        bool is_first = true;
        struct list *node;
        list_for_each(node, &channel->viewers)
        {
            const struct viewer *viewer = container_of(node, struct viewer, link);
            rate = is_first ? viewer->rate : pace_faster(rate, viewer->rate);
            is_first = false;
        }
    }
    hub_set_audience(channel->context->hub, channel->stream, channel->viewer_count, rate);
}

/* ---- viewers ---- */

static struct frame *shown_frame(const struct channel *channel)
{
    switch (channel->show.state) {
    case SHOW_LIVE:
    case SHOW_REPEAT:
        return channel->picture;
    case SHOW_NO_SIGNAL:
        return channel->notice;
    case SHOW_NOTHING:
        break;
    }
    return NULL;
}

static void remove_viewer(struct viewer *viewer, bool abort)
{
    struct channel *channel = viewer->channel;
    list_remove(&viewer->link);
    timers_cancel(timers_of(channel), &viewer->timer);
    viewer->channel = NULL;
    channel->viewer_count--;
    update_audience(channel);
    channel->context->release_viewer(viewer, abort, channel->context->arg);
}

void channel_drop_viewer(struct viewer *viewer)
{
    remove_viewer(viewer, false);
}

/* When a viewer may take the edition that its channel shows: 0 for now, CLOCK_NEVER where it has it. */
static uint64_t next_take_ns(struct viewer *viewer, uint64_t now_ns)
{
    const struct channel *channel = viewer->channel;
    if (viewer->edition == channel->show.edition || !shown_frame(channel))
        return CLOCK_NEVER;
    uint64_t ready_ns = 0;
    if (channel->show.state == SHOW_LIVE)
        ready_ns = pace_ready_ns(&viewer->pace);
    else if (channel->show.state == SHOW_REPEAT && viewer->rate != 0)
        ready_ns = viewer->taken_ns + KEEPALIVE_NS;
    if (now_ns < ready_ns)
        return ready_ns;
    uint64_t drain_ns = viewer_drain_ns(viewer, now_ns);
    return drain_ns == 0 ? 0 : now_ns + drain_ns;
}

/* A client that took nothing for too long is closed. True if it was. */
static bool close_if_stuck(struct viewer *viewer, uint64_t now_ns)
{
    const struct channel *channel = viewer->channel;
    viewer_check_progress(viewer, now_ns);
    if (now_ns - viewer->progress_ns < channel->context->stuck_after_ns)
        return false;
    char peer[PEER_BYTES];
    peer_describe_socket(viewer->fd, peer);
    log_info("viewer closed (%s): it read nothing for %.0f s (--stuck-after)", peer,
             (double)channel->context->stuck_after_ns / (double)NS_PER_S);
    remove_viewer(viewer, true);
    return true;
}

void channel_serve_viewer(struct viewer *viewer)
{
    struct channel *channel = viewer->channel;
    struct timers *timers = timers_of(channel);
    timers_cancel(timers, &viewer->timer);
    for (;;) {
        uint64_t now_ns = clock_mono_ns();
        if (!viewer->frame) {
            uint64_t take_ns = next_take_ns(viewer, now_ns);
            if (take_ns == CLOCK_NEVER)
                return;
            if (take_ns != 0) {
                if (!close_if_stuck(viewer, now_ns))
                    timers_set(timers, &viewer->timer, take_ns);
                return;
            }
            viewer->progress_ns = now_ns;
            viewer->edition = channel->show.edition;
            viewer->taken_ns = now_ns;
            if (channel->show.state == SHOW_LIVE)
                pace_taken(&viewer->pace, now_ns);
            viewer_take(viewer, shown_frame(channel), show_state_name(channel->show.state));
        }
        switch (viewer_send(viewer)) {
        case VIEWER_DONE:
            break;
        case VIEWER_BLOCKED:
            if (!close_if_stuck(viewer, now_ns))
                timers_set(timers, &viewer->timer, viewer->progress_ns + channel->context->stuck_after_ns);
            return;
        case VIEWER_GONE:
            remove_viewer(viewer, false);
            return;
        }
    }
}

static void on_viewer_due(struct timer *timer)
{
    channel_serve_viewer(container_of(timer, struct viewer, timer));
}

static void serve_viewers(struct channel *channel)
{
    struct list *node, *after;
    list_for_each_safe(node, after, &channel->viewers)
        channel_serve_viewer(container_of(node, struct viewer, link));
}

void channel_add_viewer(struct channel *channel, struct viewer *viewer)
{
    viewer->channel = channel;
    viewer->edition = 0;
    viewer->timer.on_due = on_viewer_due;
    if (channel->viewer_count++ == 0)
        begin_show(channel);
    list_append(&channel->viewers, &viewer->link);
    update_audience(channel);
    channel_serve_viewer(viewer);
}

/* ---- waiters ---- */

static void answer_waiter(struct waiter *waiter, struct frame *frame, const char *reason)
{
    struct channel *channel = waiter->channel;
    list_remove(&waiter->link);
    timers_cancel(timers_of(channel), &waiter->timer);
    waiter->channel = NULL;
    waiter->frame = frame_ref(frame);
    if (reason)
        snprintf(waiter->reason, sizeof(waiter->reason), "%s", reason);
    channel->context->release_waiter(waiter, channel->context->arg);
}

/* Whoever closed only its sending side, as some clients of netcat's kind do, still reads this. */
void channel_drop_waiter(struct waiter *waiter)
{
    struct channel *channel = waiter->channel;
    answer_waiter(waiter, NULL, "the client closed the connection before the frame came; leave it open");
    update_audience(channel);
}

static void on_waiter_due(struct timer *timer)
{
    struct waiter *waiter = container_of(timer, struct waiter, timer);
    struct channel *channel = waiter->channel;
    char reason[2 * EXPLAIN_BYTES];
    hub_explain(channel->context->hub, channel->stream, reason);
    answer_waiter(waiter, NULL, reason);
    update_audience(channel);
}

static void serve_waiters(struct channel *channel)
{
    if (!channel->picture || list_is_empty(&channel->waiters))
        return;
    struct list *node, *after;
    list_for_each_safe(node, after, &channel->waiters)
    {
        struct waiter *waiter = container_of(node, struct waiter, link);
        if (channel->picture->capture_ns >= waiter->not_before_ns)
            answer_waiter(waiter, channel->picture, NULL);
    }
    if (list_is_empty(&channel->waiters))
        update_audience(channel);
}

void channel_add_waiter(struct channel *channel, struct waiter *waiter)
{
    waiter->channel = channel;
    waiter->timer.on_due = on_waiter_due;
    timers_set(timers_of(channel), &waiter->timer, waiter->deadline_ns);
    list_append(&channel->waiters, &waiter->link);
    update_audience(channel);
    serve_waiters(channel);
}

/* ---- what is shown ---- */

static void tick(struct channel *channel)
{
    channel_refresh(channel); /* how long silence is none depends on who watches */
    switch (show_tick(&channel->show, clock_mono_ns(), channel->view.no_signal_after_ns)) {
    case SHOW_NOTICE:
        if (list_is_empty(&channel->viewers))
            break;
        /* A new picture is served by channel_refresh() as soon as it is drawn. */
        if (!hub_request_notice(channel->context->hub, channel->stream) && show_notice(&channel->show))
            serve_viewers(channel);
        break;
    case SHOW_RESEND:
        serve_viewers(channel);
        break;
    case SHOW_WAIT:
        break;
    }
    schedule(channel);
}

static void on_channel_due(struct timer *timer)
{
    tick(container_of(timer, struct channel, timer));
}

void channel_refresh(struct channel *channel)
{
    struct hub_view *view = &channel->view;
    uint64_t known_pictures = view->picture_count;
    hub_look(channel->context->hub, channel->stream, view);
    bool is_new = false;
    if (view->notice) {
        frame_unref(&channel->notice);
        channel->notice = view->notice;
        is_new = show_notice(&channel->show);
    }
    if (view->frame) {
        frame_unref(&channel->picture);
        channel->picture = view->frame;
        if (view->picture_count != known_pictures)
            show_frame(&channel->show, clock_mono_ns(), view->interval_ns);
        else
            show_unchanged(&channel->show, clock_mono_ns(), view->interval_ns);
        schedule(channel);
        is_new = true;
    }
    if (is_new)
        serve_viewers(channel);
    serve_waiters(channel);
}

/* ---- everybody ---- */

void channel_move_all(struct channel *from, struct channel *to)
{
    struct list *node, *after;
    list_for_each_safe(node, after, &from->viewers)
    {
        struct viewer *viewer = container_of(node, struct viewer, link);
        list_remove(node);
        from->viewer_count--;
        timers_cancel(timers_of(from), &viewer->timer);
        channel_add_viewer(to, viewer);
    }
    list_for_each_safe(node, after, &from->waiters)
    {
        list_remove(node);
        channel_add_waiter(to, container_of(node, struct waiter, link));
    }
}

void channel_end_all(struct channel *channel, const char *reason)
{
    struct list *node, *after;
    list_for_each_safe(node, after, &channel->viewers)
        remove_viewer(container_of(node, struct viewer, link), false);
    list_for_each_safe(node, after, &channel->waiters)
        answer_waiter(container_of(node, struct waiter, link), NULL, reason);
}
