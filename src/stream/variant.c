/* SPDX-License-Identifier: MIT */
#include "stream/variant.h"

#include <string.h>

void variant_init(struct variant *variant, const struct variant_settings *settings)
{
    memset(variant, 0, sizeof(*variant));
    variant->settings = *settings;
    list_init(&variant->link);
}

void variant_fini(struct variant *variant)
{
    list_remove(&variant->link);
    frame_unref(&variant->frame);
    frame_unref(&variant->notice);
}

void audience_add(struct audience *all, const struct audience *more)
{
    if (audience_streams(more))
        all->rate = audience_streams(all) ? pace_faster(all->rate, more->rate) : more->rate;
    if (more->snapshots > 0 &&
        (all->snapshots == 0 || more->snapshots_not_before_ns < all->snapshots_not_before_ns))
        all->snapshots_not_before_ns = more->snapshots_not_before_ns;
    all->viewers += more->viewers;
    all->edges += more->edges;
    all->arrivals += more->arrivals;
    all->snapshots += more->snapshots;
}

void variant_set_audience(struct variant *variant, const struct audience *audience)
{
    bool did_stream = audience_streams(&variant->audience);
    if (audience_streams(audience) && (!did_stream || audience->rate != variant->audience.rate))
        pace_init(&variant->pace, audience->rate);
    variant->audience = *audience;
}

/*
 * The viewers have paces of their own, which are exact; this one only saves pictures that nobody would take.
 * It lets a frame through half an interval early, so that a source at the same rate may jitter by as much
 * and lose none.
 */
static bool is_due(const struct pace *pace, uint64_t now_ns)
{
    return now_ns + pace->interval_ns / 2 >= pace->due_ns;
}

enum explain_obstacle variant_obstacle(const struct variant *variant)
{
    if (variant->is_late)
        return EXPLAIN_PNG_TAKES_LONG;
    return variant->obstacle;
}

void variant_note_outcome(struct variant *variant, enum hub_outcome outcome)
{
    variant->obstacle = outcome == HUB_NO_ROOM       ? EXPLAIN_NO_ROOM
                        : outcome == HUB_NOT_DECODED ? EXPLAIN_NOT_DECODED
                                                     : EXPLAIN_NONE;
}

bool variant_wants(const struct variant *variant, const struct raw_frame *raw)
{
    const struct audience *audience = &variant->audience;
    if (audience_streams(audience) && is_due(&variant->pace, raw->arrival_ns))
        return true;
    return audience->snapshots > 0 && raw->capture_ns >= audience->snapshots_not_before_ns &&
           (!variant->frame || variant->frame->capture_ns < audience->snapshots_not_before_ns);
}

struct frame *variant_publish(struct variant *variant, struct frame *frame, bool is_new, uint64_t serial,
                              uint64_t arrival_ns, uint64_t now_ns)
{
    struct frame *old = variant->frame;
    variant->frame = frame;
    variant->frame_serial = serial;
    if (is_new) {
        variant->picture_serial = serial;
        variant->picture_count++;
        rate_count(&variant->pictures, now_ns);
    }
    variant->published_ns = now_ns;
    variant->arrival_ns = arrival_ns;
    if (is_due(&variant->pace, arrival_ns)) /* it may have been for a snapshot alone */
        pace_taken(&variant->pace, arrival_ns);
    return old;
}

struct frame *variant_publish_notice(struct variant *variant, struct frame *notice, uint64_t serial)
{
    struct frame *old = variant->notice;
    variant->notice = notice;
    variant->notice_serial = serial;
    return old;
}

void variant_give_up_notice(struct variant *variant)
{
    variant->notice_wanted = false;
    memset(&variant->notice_text, 0, sizeof(variant->notice_text));
}
