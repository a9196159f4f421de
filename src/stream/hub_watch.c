/* SPDX-License-Identifier: MIT */
#include "base/clock.h"
#include "stream/hub_inside.h"

#include <stdio.h>
#include <string.h>

struct watch *hub_watch(struct hub *hub, const char *name, const struct variant_settings *settings)
{
    hub_lock(hub);
    struct stream *stream = name ? hub_find_or_add_stream(hub, name) : hub_find_default(hub);
    if (!stream)
        stream = hub->lobby;
    const struct demand_context context = hub_demand_context(hub, clock_mono_ns());
    struct watch *watch = demand_watch(stream, settings, &context);
    hub_drop_if_unused(hub, stream);
    hub_unlock(hub);
    return watch;
}

struct watch *hub_watch_apart(struct hub *hub, const char *name)
{
    hub_lock(hub);
    struct stream *stream = hub_find_or_add_stream(hub, name);
    const struct demand_context context = hub_demand_context(hub, clock_mono_ns());
    struct watch *watch = demand_watch_apart(stream, &context);
    hub_unlock(hub);
    return watch;
}

struct watch *hub_watch_again(struct hub *hub, struct watch *watch)
{
    hub_lock(hub);
    watch->references++;
    hub_unlock(hub);
    return watch;
}

void hub_unwatch(struct hub *hub, struct watch *watch)
{
    hub_lock(hub);
    struct stream *stream = watch->stream;
    demand_unwatch(watch, clock_mono_ns());
    hub_drop_if_unused(hub, stream);
    hub_unlock(hub);
}

struct watch *hub_watch_other(struct hub *hub, struct watch *watch, const struct variant_settings *settings)
{
    hub_lock(hub);
    const struct demand_context context = hub_demand_context(hub, clock_mono_ns());
    struct watch *other = demand_watch(watch->stream, settings, &context);
    hub_unlock(hub);
    return other;
}

void hub_set_audience(struct hub *hub, struct watch *watch, const struct audience *audience)
{
    struct raw_frame *raw = NULL;
    hub_lock(hub);
    struct stream *stream = watch->stream;
    watch->audience = *audience;
    hub_follow_demand(hub, stream);
    if (!stream->watched) {
        raw = stream->raw;
        stream->raw = NULL;
        stream_count_loss(stream, raw, TALLY_UNWANTED);
        list_remove(&stream->work);
    }
    hub_unlock(hub);
    raw_release(raw);
}

static bool is_news(const struct watch *watch, uint64_t serial, uint64_t seen_serial)
{
    return serial > seen_serial && serial > watch->moved_serial;
}

void hub_look(struct hub *hub, struct watch *watch, struct hub_view *view)
{
    uint64_t now_ns = clock_mono_ns();
    hub_lock(hub);
    struct stream *stream = watch->stream;
    const struct variant *variant = watch->variant;
    hub_judge(hub, stream, now_ns);
    view->frame =
        is_news(watch, variant->frame_serial, view->frame_serial) ? frame_ref(variant->frame) : NULL;
    view->notice =
        is_news(watch, variant->notice_serial, view->notice_serial) ? frame_ref(variant->notice) : NULL;
    view->published_ns = variant->published_ns;
    if (view->frame) {
        view->frame_serial = variant->frame_serial;
        view->picture_serial = variant->picture_serial;
        view->picture_count = watch->pictures_before + variant->picture_count;
    }
    if (view->notice)
        view->notice_serial = variant->notice_serial;
    view->interval_ns = stream_interval_ns(stream, variant->audience.rate);
    view->no_signal_after_ns = hub->options.no_signal_after_ns + view->interval_ns;
    view->expect_soon = stream->condition == CONDITION_LIVE;
    view->tally = &stream->tally;
    view->has_no_pixels =
        stream->announced && !stream_is_gone(stream) && stream->producer.format == HEADCAM_JPEG;
    hub_unlock(hub);
}

bool hub_request_notice(struct hub *hub, struct watch *watch)
{
    struct notice notice;
    hub_lock(hub);
    struct stream *stream = watch->stream;
    struct variant *variant = watch->variant;
    hub_judge(hub, stream, clock_mono_ns());
    stream_write_notice(stream, variant, hub->options.endpoint, clock_real_ns(), &notice);
    bool is_new = !variant->notice || memcmp(&notice, &variant->notice_text, sizeof(notice)) != 0;
    if (is_new) {
        variant->notice_text = notice;
        variant->notice_wanted = true;
        hub_offer_work(hub, stream);
    }
    hub_unlock(hub);
    if (is_new)
        hub_tell_encoder(hub);
    return is_new;
}

void hub_explain(struct hub *hub, struct watch *watch, char text[2 * EXPLAIN_BYTES])
{
    char reason[EXPLAIN_BYTES], next_step[EXPLAIN_BYTES];
    hub_lock(hub);
    struct stream *stream = watch->stream;
    hub_judge(hub, stream, clock_mono_ns());
    struct explain_facts facts = stream_explain_facts(stream, hub->options.endpoint);
    facts.obstacle = variant_obstacle(watch->variant);
    explain_reason(&facts, reason);
    explain_next_step(&facts, next_step);
    hub_unlock(hub);
    snprintf(text, (size_t)2 * EXPLAIN_BYTES, "%s%s%s", reason[0] ? reason : "no frame came in time",
             next_step[0] ? "; " : "", next_step);
}

void hub_describe(struct hub *hub, struct watch *watch, struct hub_description *description)
{
    hub_lock(hub);
    struct stream *stream = watch->stream;
    hub_judge(hub, stream, clock_mono_ns());
    struct explain_facts facts = stream_explain_facts(stream, hub->options.endpoint);
    facts.obstacle = variant_obstacle(watch->variant);
    strcpy(description->name, stream->name);
    description->condition = stream->condition;
    explain_reason(&facts, description->reason);
    variant_settings_size(&watch->variant->settings, stream->width, stream->height, &description->width,
                          &description->height);
    description->nominal_fps = stream->producer.fps;
    hub_unlock(hub);
}
