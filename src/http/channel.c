/* SPDX-License-Identifier: MIT */
#include "http/channel.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "http/ws_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A viewer that asked for a lower rate gets a frame again only when it has had no part for this long. */
static const uint64_t KEEPALIVE_NS = NS_PER_S;

/* A client that was told goodbye has this long to say it, too. */
static const uint64_t CLOSE_NS = 2 * NS_PER_S;

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

static void add_snapshot(struct audience *audience, uint64_t not_before_ns)
{
    if (audience->snapshots++ == 0 || not_before_ns < audience->snapshots_not_before_ns)
        audience->snapshots_not_before_ns = not_before_ns;
}

/* Tells the hub who watches, and what would satisfy all of them. */
static void update_audience(struct channel *channel)
{
    struct audience audience = {0};
    struct list *node;
    list_for_each(node, &channel->viewers)
    {
        const struct viewer *viewer = container_of(node, struct viewer, link);
        audience.rate = audience.viewers++ == 0 ? viewer->rate : pace_faster(audience.rate, viewer->rate);
    }
    list_for_each(node, &channel->waiters)
        add_snapshot(&audience, container_of(node, struct waiter, link)->not_before_ns);
    list_for_each(node, &channel->arrivals)
        add_snapshot(&audience, container_of(node, struct viewer, next.link)->next.not_before_ns);
    hub_set_audience(channel->context->hub, channel->watch, &audience);
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

/* It stays where it is, after all. */
static void give_up_next(struct viewer *viewer)
{
    struct channel *next = viewer->next.channel;
    if (!next)
        return;
    list_remove(&viewer->next.link);
    viewer->next.channel = NULL;
    hub_unwatch(next->context->hub, viewer->next.watch);
    update_audience(next);
}

static void remove_viewer(struct viewer *viewer, bool abort)
{
    struct channel *channel = viewer->channel;
    give_up_next(viewer);
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
    log_info("viewer closed: it read nothing for %.0f s (--stuck-after)",
             (double)channel->context->stuck_after_ns / (double)NS_PER_S);
    remove_viewer(viewer, true);
    return true;
}

/* What a WebSocket's client does not say for too long ends it; half the time is left for an answer. */
static bool close_if_silent(struct viewer *viewer, uint64_t now_ns)
{
    uint64_t stuck_after_ns = viewer->channel->context->stuck_after_ns;
    if (ws_client_check_heartbeat(viewer, now_ns, stuck_after_ns / 2))
        return false;
    log_info("viewer closed: it answered no ping for %.0f s (--stuck-after)",
             (double)stuck_after_ns / (double)NS_PER_S);
    remove_viewer(viewer, true);
    return true;
}

/*
 * A WebSocket's close frame has left: nothing follows it, and the connection is closed when the client has
 * read it, or after a while. Closed at once, it could be reset before.
 */
static bool linger(struct viewer *viewer, uint64_t now_ns)
{
    struct ws_client *ws = viewer->ws;
    if (ws->close_by_ns == 0) {
        ws->close_by_ns = now_ns + CLOSE_NS;
        viewer_shut(viewer);
    } else if (now_ns >= ws->close_by_ns) {
        remove_viewer(viewer, false);
        return false;
    }
    timers_set(timers_of(viewer->channel), &viewer->timer, ws->close_by_ns);
    return true;
}

/* Has the words on their way that a WebSocket's client is to have ahead of the next picture, if any. */
static void take_words(struct viewer *viewer)
{
    const struct channel *channel = viewer->channel;
    struct ws_client *ws = viewer->ws;
    if (ws->described != channel->description_serial)
        ws_client_describe(viewer, &channel->description, channel->description_serial);
    if (ws->talk.out.length > 0)
        viewer_take_words(viewer, &ws->talk.out);
}

static void take_picture(struct viewer *viewer, uint64_t now_ns)
{
    const struct channel *channel = viewer->channel;
    viewer->progress_ns = now_ns;
    viewer->edition = channel->show.edition;
    viewer->taken_ns = now_ns;
    if (channel->show.state == SHOW_LIVE)
        pace_taken(&viewer->pace, now_ns);
    viewer_take(viewer, shown_frame(channel), channel->show.state);
}

enum next_step { STEP_SEND, STEP_WAIT, STEP_GONE };

/* A WebSocket's client has as many pictures as it wants before it acknowledges one. */
static enum next_step wait_for_ack(struct viewer *viewer, uint64_t now_ns)
{
    uint64_t give_up_ns = viewer->taken_ns + viewer->channel->context->stuck_after_ns;
    if (now_ns < give_up_ns) {
        timers_set(timers_of(viewer->channel), &viewer->timer, give_up_ns);
        return STEP_WAIT;
    }
    ws_talk_close(&viewer->ws->talk, WSLAY_CODE_POLICY_VIOLATION,
                  "no picture was acknowledged for too long (--stuck-after)");
    take_words(viewer);
    return STEP_SEND;
}

/* Nothing is on its way to the viewer: puts something there if it may have it. */
static enum next_step take_next(struct viewer *viewer, uint64_t now_ns)
{
    if (viewer->ws) {
        if (ws_talk_is_over(&viewer->ws->talk) && viewer->ws->talk.out.length == 0)
            return linger(viewer, now_ns) ? STEP_WAIT : STEP_GONE;
        take_words(viewer);
        if (viewer_is_sending(viewer))
            return STEP_SEND;
        if (ws_client_is_behind(viewer->ws))
            return wait_for_ack(viewer, now_ns);
    }
    uint64_t take_ns = next_take_ns(viewer, now_ns);
    if (take_ns == CLOCK_NEVER)
        return STEP_WAIT;
    if (take_ns != 0) {
        if (close_if_stuck(viewer, now_ns))
            return STEP_GONE;
        timers_set(timers_of(viewer->channel), &viewer->timer, take_ns);
        return STEP_WAIT;
    }
    take_picture(viewer, now_ns);
    return STEP_SEND;
}

bool channel_serve_viewer(struct viewer *viewer)
{
    const struct channel *channel = viewer->channel;
    timers_cancel(timers_of(channel), &viewer->timer);
    if (viewer->ws && close_if_silent(viewer, clock_mono_ns()))
        return false;
    for (;;) {
        uint64_t now_ns = clock_mono_ns();
        if (!viewer_is_sending(viewer)) {
            enum next_step step = take_next(viewer, now_ns);
            if (step != STEP_SEND)
                return step == STEP_WAIT;
        }
        switch (viewer_send(viewer)) {
        case VIEWER_DONE:
            if (viewer->ws)
                ws_client_note_sent(viewer);
            break;
        case VIEWER_BLOCKED:
            if (close_if_stuck(viewer, now_ns))
                return false;
            timers_set(timers_of(channel), &viewer->timer,
                       viewer->progress_ns + channel->context->stuck_after_ns);
            return true;
        case VIEWER_GONE:
            remove_viewer(viewer, false);
            return false;
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

static void enter(struct channel *channel, struct viewer *viewer)
{
    viewer->channel = channel;
    viewer->edition = 0;
    channel->viewer_count++;
    list_append(&channel->viewers, &viewer->link);
    update_audience(channel);
    if (viewer->ws) {
        viewer->ws->described = 0;
        describe(channel);
    }
}

void channel_add_viewer(struct channel *channel, struct viewer *viewer)
{
    viewer->timer.on_due = on_viewer_due;
    list_init(&viewer->next.link);
    if (channel->viewer_count == 0)
        begin_show(channel);
    enter(channel, viewer);
    channel_serve_viewer(viewer);
}

/* ---- viewers that change their mind ---- */

/* Goes over to another channel, with a reference of its watch. */
static void move_viewer(struct viewer *viewer, struct channel *to, struct watch *watch)
{
    struct channel *from = viewer->channel;
    list_remove(&viewer->link);
    timers_cancel(timers_of(from), &viewer->timer);
    from->viewer_count--;
    hub_unwatch(from->context->hub, viewer->watch);
    viewer->watch = watch;
    enter(to, viewer); /* first: the stream shall not be unwatched in between */
    update_audience(from);
}

static bool shows_picture(const struct channel *channel)
{
    return channel->show.state == SHOW_LIVE || channel->show.state == SHOW_REPEAT;
}

static bool has_picture_of(const struct channel *channel, uint64_t not_before_ns)
{
    return channel->picture && channel->picture->capture_ns >= not_before_ns;
}

static void welcome_arrivals(struct channel *channel)
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
    update_audience(viewer->channel);
}

bool channel_retune_viewer(struct viewer *viewer, millifps rate, const struct variant_settings *settings)
{
    const struct channel_context *context = viewer->channel->context;
    struct watch *watch = hub_watch_other(context->hub, viewer->watch, settings);
    if (!watch)
        return false;
    give_up_next(viewer);
    set_rate(viewer, rate);
    viewer->settings = *settings;
    if (watch == viewer->watch) {
        hub_unwatch(context->hub, watch);
        return true;
    }
    struct channel *next = context->find(watch, context->arg);
    uint64_t seen_ns = viewer->channel->picture ? viewer->channel->picture->capture_ns : 1;
    if (!shows_picture(viewer->channel) || has_picture_of(next, seen_ns)) {
        if (next->viewer_count == 0)
            begin_show(next);
        move_viewer(viewer, next, watch);
        return true;
    }
    viewer->next.channel = next;
    viewer->next.watch = watch;
    viewer->next.not_before_ns = seen_ns;
    list_append(&next->arrivals, &viewer->next.link);
    update_audience(next);
    return true;
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

static void on_waiter_due(struct timer *timer)
{
    struct waiter *waiter = container_of(timer, struct waiter, timer);
    struct channel *channel = waiter->channel;
    char reason[2 * EXPLAIN_BYTES];
    hub_explain(channel->context->hub, channel->watch, reason);
    answer_waiter(waiter, NULL, reason);
    update_audience(channel);
}

/* Whether the channel has what a snapshot request waits for; if so, it is answered. */
static bool serve_waiter(struct waiter *waiter)
{
    struct frame *picture = waiter->channel->picture;
    if (!picture || picture->capture_ns < waiter->not_before_ns)
        return false;
    answer_waiter(waiter, picture, NULL);
    return true;
}

static void serve_waiters(struct channel *channel)
{
    bool is_other_audience = false;
    struct list *node, *after;
    list_for_each_safe(node, after, &channel->waiters) is_other_audience |=
        serve_waiter(container_of(node, struct waiter, link));
    if (is_other_audience)
        update_audience(channel);
}

void channel_add_waiter(struct channel *channel, struct waiter *waiter)
{
    waiter->channel = channel;
    waiter->timer.on_due = on_waiter_due;
    timers_set(timers_of(channel), &waiter->timer, waiter->deadline_ns);
    list_append(&channel->waiters, &waiter->link);
    if (!serve_waiter(waiter))
        update_audience(channel);
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

void channel_refresh(struct channel *channel)
{
    struct hub_view *view = &channel->view;
    uint64_t known_picture = view->picture_serial;
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
        if (view->picture_serial != known_picture)
            show_frame(&channel->show, clock_mono_ns(), view->interval_ns);
        else
            show_unchanged(&channel->show, clock_mono_ns(), view->interval_ns);
        schedule(channel);
        welcome_arrivals(channel);
        is_new = true;
    }
    if (is_new)
        serve_viewers(channel);
    serve_waiters(channel);
}

/* ---- everybody ---- */

/* Says goodbye where there is room for it: nobody is waited for. */
static void end_viewer(struct viewer *viewer)
{
    if (viewer->ws) {
        ws_talk_close(&viewer->ws->talk, WSLAY_CODE_GOING_AWAY, "the server is shutting down");
        if (!channel_serve_viewer(viewer))
            return;
    }
    remove_viewer(viewer, false);
}

void channel_end_all(struct channel *channel, const char *reason)
{
    struct list *node, *after;
    list_for_each_safe(node, after, &channel->viewers) end_viewer(container_of(node, struct viewer, link));
    list_for_each_safe(node, after, &channel->waiters)
        answer_waiter(container_of(node, struct waiter, link), NULL, reason);
}
