/* SPDX-License-Identifier: MIT */
#include "http/serve.h"

#include "base/clock.h"
#include "http/channel.h"
#include "http/ws_client.h"

/* A viewer that asked for a lower rate gets a frame again only when it has had no part for this long, and
   then in any case. */
static const uint64_t KEEPALIVE_NS = NS_PER_S;

/* A client that was told goodbye has this long to say it, too. */
static const uint64_t CLOSE_NS = 2 * NS_PER_S;

static struct timers *timers_of(const struct viewer *viewer)
{
    return viewer->channel->context->timers;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* When a viewer may take the edition that its channel shows: 0 for now, CLOCK_NEVER where it has it. */
static uint64_t next_take_ns(struct viewer *viewer, uint64_t now_ns)
{
    const struct channel *channel = viewer->channel;
    if (viewer->edition == channel->show.edition || !channel_shown_frame(channel))
        return CLOCK_NEVER;
    uint64_t ready_ns = 0;
    if (channel->show.state == SHOW_LIVE)
        ready_ns = earlier(pace_ready_ns(&viewer->pace), viewer->taken_ns + KEEPALIVE_NS);
    else if (channel->show.state == SHOW_REPEAT && viewer->rate != 0)
        ready_ns = viewer->taken_ns + KEEPALIVE_NS;
    if (now_ns < ready_ns)
        return ready_ns;
    uint64_t drain_ns = viewer_drain_ns(viewer, now_ns);
    return drain_ns == 0 ? 0 : now_ns + drain_ns;
}

static void end_viewer(struct viewer *viewer, enum viewer_end end)
{
    viewer->end = end;
    channel_remove_viewer(viewer);
}

/* A client that took nothing for too long is closed. True if it was. */
static bool close_if_stuck(struct viewer *viewer, uint64_t now_ns)
{
    viewer_check_progress(viewer, now_ns);
    if (now_ns - viewer->progress_ns < viewer->channel->context->stuck_after_ns)
        return false;
    end_viewer(viewer, VIEWER_STUCK);
    return true;
}

/* ---- a WebSocket's ---- */

/* What a client does not say for too long ends it; half the time is left for an answer. */
static bool close_if_silent(struct viewer *viewer, uint64_t now_ns)
{
    if (ws_client_check_heartbeat(viewer, now_ns, viewer->channel->context->stuck_after_ns / 2))
        return false;
    end_viewer(viewer, VIEWER_SILENT);
    return true;
}

/*
 * The close frame has left: nothing follows it, and the connection is closed when the client has read it, or
 * after a while. Closed at once, it could be reset before.
 */
static bool linger(struct viewer *viewer, uint64_t now_ns)
{
    struct ws_client *ws = viewer->ws;
    if (ws->close_by_ns == 0) {
        ws->close_by_ns = now_ns + CLOSE_NS;
        viewer_shut(viewer);
    } else if (now_ns >= ws->close_by_ns) {
        channel_drop_viewer(viewer);
        return false;
    }
    timers_set(timers_of(viewer), &viewer->timer, ws->close_by_ns);
    return true;
}

/* Has the words on their way that the client is to have ahead of the next picture, if any. */
static void take_words(struct viewer *viewer)
{
    const struct channel *channel = viewer->channel;
    struct ws_client *ws = viewer->ws;
    if (ws->described != channel->description_serial)
        ws_client_describe(viewer, &channel->description, channel->description_serial);
    if (ws->talk.out.length > 0)
        viewer_take_words(viewer, &ws->talk.out);
}

enum next_step { STEP_SEND, STEP_WAIT, STEP_GONE };

/* The client has as many pictures as it wants before it acknowledges one. */
static enum next_step wait_for_ack(struct viewer *viewer, uint64_t now_ns)
{
    uint64_t give_up_ns = viewer->taken_ns + viewer->channel->context->stuck_after_ns;
    if (now_ns < give_up_ns) {
        timers_set(timers_of(viewer), &viewer->timer, give_up_ns);
        return STEP_WAIT;
    }
    ws_talk_close(&viewer->ws->talk, WSLAY_CODE_POLICY_VIOLATION,
                  "no picture was acknowledged for too long (--stuck-after)");
    take_words(viewer);
    return STEP_SEND;
}

/* ---- anybody's ---- */

/* Keeps the picture for a viewer whose next one may come too late for its connection. */
static void keep_part(struct viewer *viewer)
{
    frame_unref(&viewer->last);
    if (viewer->pace.interval_ns > KEEPALIVE_NS && viewer->state != SHOW_NO_SIGNAL)
        viewer->last = frame_ref(viewer->frame);
}

static void take_part(struct viewer *viewer, uint64_t now_ns)
{
    const struct channel *channel = viewer->channel;
    viewer->progress_ns = now_ns;
    viewer->edition = channel->show.edition;
    viewer->taken_ns = now_ns;
    if (channel->show.state == SHOW_LIVE)
        pace_taken(&viewer->pace, now_ns);
    if (channel->show.state != SHOW_NO_SIGNAL)
        viewer->picture = channel->view.picture_count;
    viewer_take(viewer, channel_shown_frame(channel), channel->show.state);
    keep_part(viewer);
}

/* Others get new pictures, this one asked for fewer: it gets what it had, and its turn stays when it was. */
static bool take_part_again(struct viewer *viewer, uint64_t now_ns)
{
    if (!viewer->last || viewer->channel->show.state != SHOW_LIVE || now_ns >= pace_ready_ns(&viewer->pace))
        return false;
    viewer->progress_ns = now_ns;
    viewer->taken_ns = now_ns;
    viewer_take(viewer, viewer->last, SHOW_REPEAT);
    return true;
}

/* A part left whole. */
static void count_part(struct viewer *viewer, uint64_t capture_ns)
{
    const struct channel *channel = viewer->channel;
    switch (viewer->state) {
    case SHOW_LIVE: {
        uint64_t age_ns = clock_mono_ns() - capture_ns;
        viewer->frames++;
        viewer->frames_age_ns += age_ns;
        tally_add(channel->view.tally, TALLY_SENT_LIVE, 1);
        histogram_observe(&hub_timings(channel->context->hub)->capture_to_sent, age_ns);
        break;
    }
    case SHOW_REPEAT:
        tally_add(channel->view.tally, TALLY_SENT_REPEAT, 1);
        break;
    case SHOW_NOTHING:
    case SHOW_NO_SIGNAL:
        tally_add(channel->view.tally, TALLY_SENT_NO_SIGNAL, 1);
        break;
    }
}

/* Sends the part, or a WebSocket's words. */
static enum viewer_result send_some(struct viewer *viewer)
{
    bool is_part = viewer->frame != NULL;
    uint64_t capture_ns = is_part ? viewer->frame->capture_ns : 0, written_bytes = viewer->written_bytes;
    enum viewer_result result = viewer_send(viewer);
    tally_add(viewer->channel->view.tally, TALLY_SENT_BYTES, viewer->written_bytes - written_bytes);
    if (result == VIEWER_DONE && is_part)
        count_part(viewer, capture_ns);
    if (result == VIEWER_DONE && viewer->ws)
        ws_client_note_sent(viewer);
    return result;
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
        timers_set(timers_of(viewer), &viewer->timer, take_ns);
        return STEP_WAIT;
    }
    if (!take_part_again(viewer, now_ns))
        take_part(viewer, now_ns);
    return STEP_SEND;
}

bool serve_viewer(struct viewer *viewer)
{
    timers_cancel(timers_of(viewer), &viewer->timer);
    if (viewer->ws && close_if_silent(viewer, clock_mono_ns()))
        return false;
    for (;;) {
        uint64_t now_ns = clock_mono_ns();
        if (!viewer_is_sending(viewer)) {
            enum next_step step = take_next(viewer, now_ns);
            if (step != STEP_SEND)
                return step == STEP_WAIT;
        }
        switch (send_some(viewer)) {
        case VIEWER_DONE:
            break;
        case VIEWER_BLOCKED:
            if (close_if_stuck(viewer, now_ns))
                return false;
            timers_set(timers_of(viewer), &viewer->timer,
                       viewer->progress_ns + viewer->channel->context->stuck_after_ns);
            return true;
        case VIEWER_GONE:
            channel_remove_viewer(viewer);
            return false;
        }
    }
}
