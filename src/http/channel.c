/* SPDX-License-Identifier: MIT */
#include "http/channel.h"

#include "base/clock.h"
#include "base/memory.h"
#include "http/retune.h"
#include "http/serve.h"
#include "http/ws_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

struct channel *channel_create(const struct channel_context *context, struct watch *watch)
{
    struct channel *channel = memory_zeroed(sizeof(*channel));
    channel->context = context;
    channel->watch = hub_watch_again(context->hub, watch);
    channel->timer.on_due = on_channel_due;
    list_init(&channel->link);
    list_init(&channel->viewers);
    list_init(&channel->waiters);
    list_init(&channel->arrivals);

    hub_look(context->hub, watch, &channel->view);
    channel->picture = channel->view.frame;
    channel->notice = channel->view.notice;
    begin_show(channel);
    return channel;
}

void channel_destroy(struct channel *channel)
{
    list_remove(&channel->link);
    timers_cancel(timers_of(channel), &channel->timer);
    hub_unwatch(channel->context->hub, channel->watch);
    frame_unref(&channel->picture);
    frame_unref(&channel->notice);
    free(channel);
}

bool channel_is_empty(const struct channel *channel)
{
    return list_is_empty(&channel->viewers) && list_is_empty(&channel->waiters) &&
           list_is_empty(&channel->arrivals);
}

static void add_rate(struct audience *audience, millifps rate)
{
    bool is_first = audience->viewers + audience->arrivals == 0;
    audience->rate = is_first ? rate : pace_faster(audience->rate, rate);
}

static void add_snapshot(struct audience *audience, uint64_t not_before_ns)
{
    if (audience->snapshots++ == 0 || not_before_ns < audience->snapshots_not_before_ns)
        audience->snapshots_not_before_ns = not_before_ns;
}

void channel_update_audience(struct channel *channel)
{
    struct audience audience = {0};
    struct list *node;
    list_for_each(node, &channel->viewers)
    {
        add_rate(&audience, container_of(node, struct viewer, link)->rate);
        audience.viewers++;
    }
    list_for_each(node, &channel->waiters)
        add_snapshot(&audience, container_of(node, struct waiter, link)->not_before_ns);
    /* They come with the first picture, and may have seen the next one's frame as they did before: it is made
       for them, too. */
    list_for_each(node, &channel->arrivals)
    {
        const struct viewer *viewer = container_of(node, struct viewer, next.link);
        add_snapshot(&audience, viewer->next.not_before_ns);
        add_rate(&audience, viewer->rate);
        audience.arrivals++;
    }
    hub_set_audience(channel->context->hub, channel->watch, &audience);
}

/* ---- viewers ---- */

struct frame *channel_shown_frame(const struct channel *channel)
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

void channel_leave(struct viewer *viewer)
{
    struct channel *channel = viewer->channel;
    list_remove(&viewer->link);
    timers_cancel(timers_of(channel), &viewer->timer);
    viewer->channel = NULL;
    channel->viewer_count--;
}

void channel_remove_viewer(struct viewer *viewer)
{
    struct channel *channel = viewer->channel;
    retune_give_up(viewer);
    channel_leave(viewer);
    channel_update_audience(channel);
    channel->context->release_viewer(viewer, channel->context->arg);
}

void channel_drop_viewer(struct viewer *viewer)
{
    viewer_note_error(viewer, viewer_error(viewer));
    channel_remove_viewer(viewer);
}

static void on_viewer_due(struct timer *timer)
{
    serve_viewer(container_of(timer, struct viewer, timer));
}

static void serve_viewers(struct channel *channel)
{
    struct list *node, *after;
    list_for_each_safe(node, after, &channel->viewers) serve_viewer(container_of(node, struct viewer, link));
}

static bool is_same(const struct hub_description *a, const struct hub_description *b)
{
    return strcmp(a->name, b->name) == 0 && a->condition == b->condition &&
           strcmp(a->reason, b->reason) == 0 && a->width == b->width && a->height == b->height &&
           a->nominal_fps == b->nominal_fps;
}

/* Somebody may be told: sees what there is to tell. True if it is something else than before. */
static bool describe(struct channel *channel)
{
    struct hub_description now;
    hub_describe(channel->context->hub, channel->watch, &now);
    if (channel->description_serial != 0 && is_same(&now, &channel->description))
        return false;
    channel->description = now;
    channel->description_serial++;
    return true;
}

void channel_wake(struct channel *channel)
{
    if (channel->viewer_count == 0)
        begin_show(channel);
}

void channel_enter(struct channel *channel, struct viewer *viewer)
{
    viewer->channel = channel;
    viewer->edition = 0;
    frame_unref(&viewer->last); /* it may be of another size */
    viewer->picture = channel->view.picture_count;
    channel->viewer_count++;
    list_append(&channel->viewers, &viewer->link);
    channel_update_audience(channel);
    if (viewer->ws) {
        viewer->ws->described = 0;
        describe(channel);
    }
}

void channel_add_viewer(struct channel *channel, struct viewer *viewer)
{
    viewer->timer.on_due = on_viewer_due;
    list_init(&viewer->next.link);
    channel_wake(channel);
    channel_enter(channel, viewer);
    serve_viewer(viewer);
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
    waiter->has_left = true;
    answer_waiter(waiter, NULL, "the client closed the connection before the frame came; leave it open");
    channel_update_audience(channel);
}

static void on_waiter_due(struct timer *timer)
{
    struct waiter *waiter = container_of(timer, struct waiter, timer);
    struct channel *channel = waiter->channel;
    char reason[2 * EXPLAIN_BYTES];
    hub_explain(channel->context->hub, channel->watch, reason);
    answer_waiter(waiter, NULL, reason);
    channel_update_audience(channel);
}

/* Whether the channel has what a snapshot request waits for; if so, it is answered. */
static bool serve_waiter(struct waiter *waiter)
{
    struct frame *picture = waiter->channel->picture;
    if (picture && picture->capture_ns >= waiter->not_before_ns) {
        answer_waiter(waiter, picture, NULL);
        return true;
    }
    if (waiter->form == VARIANT_JPEG || !waiter->channel->view.has_no_pixels)
        return false;
    waiter->is_impossible = true;
    answer_waiter(waiter, NULL,
                  "this stream's agent sends ready JPEGs, which have no exact pixels; ask for format=jpeg, "
                  "or let the agent send pixels");
    return true;
}

static void serve_waiters(struct channel *channel)
{
    bool is_other_audience = false;
    struct list *node, *after;
    list_for_each_safe(node, after, &channel->waiters) is_other_audience |=
        serve_waiter(container_of(node, struct waiter, link));
    if (is_other_audience)
        channel_update_audience(channel);
}

void channel_add_waiter(struct channel *channel, struct waiter *waiter)
{
    waiter->channel = channel;
    waiter->timer.on_due = on_waiter_due;
    timers_set(timers_of(channel), &waiter->timer, waiter->deadline_ns);
    list_append(&channel->waiters, &waiter->link);
    if (!serve_waiter(waiter))
        channel_update_audience(channel);
}

/* ---- what is shown ---- */

static void tick(struct channel *channel)
{
    channel_refresh(channel); /* how long silence is none depends on who watches */
    switch (show_tick(&channel->show, clock_mono_ns(), channel->view.no_signal_after_ns)) {
    case SHOW_NOTICE:
        if (list_is_empty(&channel->viewers))
            break;
        /* A new picture is served by channel_refresh() as soon as it is drawn; who comes before that gets
           none that says something else, or is of another size. */
        if (hub_request_notice(channel->context->hub, channel->watch))
            frame_unref(&channel->notice);
        else if (show_notice(&channel->show))
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

/* A viewer does not take the picture that is shown because it asked for fewer, and for no other reason. */
static bool is_paced(const struct viewer *viewer, uint64_t now_ns)
{
    return viewer->rate != 0 && !viewer->frame && now_ns < pace_ready_ns(&viewer->pace);
}

/* New pictures came. Those up to the newest are lost to the viewers that have not taken them; of all but
   the first this thread did not even know. */
static void count_skipped(struct channel *channel, uint64_t known_pictures)
{
    uint64_t pictures = channel->view.picture_count;
    if (pictures == known_pictures)
        return; /* the last picture of a variant that the watch did not see before */
    uint64_t now_ns = clock_mono_ns(), unknown = pictures - known_pictures - 1;
    struct list *node;
    list_for_each(node, &channel->viewers)
    {
        struct viewer *viewer = container_of(node, struct viewer, link);
        uint64_t skipped = unknown + (viewer->picture < known_pictures);
        bool is_wanted = !is_paced(viewer, now_ns);
        if (skipped == 0)
            continue;
        tally_add(channel->view.tally, is_wanted ? TALLY_SKIPPED_SLOW : TALLY_SKIPPED_FPS, skipped);
        if (is_wanted)
            viewer->skipped += skipped;
    }
}

void channel_refresh(struct channel *channel)
{
    struct hub_view *view = &channel->view;
    uint64_t known_serial = view->picture_serial, known_pictures = view->picture_count;
    hub_look(channel->context->hub, channel->watch, view);
    bool is_new = channel->description_serial != 0 && describe(channel);
    if (view->notice) {
        frame_unref(&channel->notice);
        channel->notice = view->notice;
        is_new = show_notice(&channel->show);
    }
    if (view->frame) {
        frame_unref(&channel->picture);
        channel->picture = view->frame;
        if (view->picture_serial != known_serial) {
            count_skipped(channel, known_pictures);
            show_frame(&channel->show, clock_mono_ns(), view->interval_ns);
        } else {
            show_unchanged(&channel->show, clock_mono_ns(), view->interval_ns);
        }
        schedule(channel);
        retune_welcome(channel);
        is_new = true;
    }
    if (is_new)
        serve_viewers(channel);
    serve_waiters(channel);
}

/* ---- everybody ---- */

/* Says goodbye where there is room for it: nobody is waited for. */
static void end_viewer(struct viewer *viewer, enum viewer_end end, uint16_t code, const char *reason)
{
    if (viewer->ws) {
        ws_talk_close(&viewer->ws->talk, code, reason);
        if (!serve_viewer(viewer))
            return;
    }
    viewer->end = end;
    channel_remove_viewer(viewer);
}

void channel_end_revoked(struct channel *channel, struct access *access)
{
    struct list *node, *after;
    list_for_each_safe(node, after, &channel->viewers)
    {
        struct viewer *viewer = container_of(node, struct viewer, link);
        if (!access_still_grants(access, viewer->grant, viewer->name))
            end_viewer(viewer, VIEWER_REVOKED, WSLAY_CODE_POLICY_VIOLATION,
                       "this login does not cover the stream any more");
    }
}

void channel_end_all(struct channel *channel, const char *reason)
{
    struct list *node, *after;
    list_for_each_safe(node, after, &channel->viewers) end_viewer(
        container_of(node, struct viewer, link), VIEWER_SERVER_ENDS, WSLAY_CODE_GOING_AWAY, reason);
    list_for_each_safe(node, after, &channel->waiters)
        answer_waiter(container_of(node, struct waiter, link), NULL, reason);
}
