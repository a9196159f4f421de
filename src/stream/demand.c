/* SPDX-License-Identifier: MIT */
#include "stream/demand.h"

#include "base/memory.h"

#include <stdlib.h>

static struct variant *add_variant(struct stream *stream, const struct variant_settings *settings)
{
    struct variant *variant = memory_zeroed(sizeof(*variant));
    variant_init(variant, settings);
    list_append(&stream->variants, &variant->link);
    return variant;
}

void demand_init(struct stream *stream)
{
    static const struct variant_settings as_it_is;
    list_init(&stream->watches);
    list_init(&stream->variants);
    stream->plain = add_variant(stream, &as_it_is);
}

void demand_fini(struct stream *stream, struct list *gone)
{
    struct list *node, *after;
    list_for_each_safe(node, after, &stream->watches) free(container_of(node, struct watch, link));
    list_splice(gone, &stream->variants);
}

/* ---- watches and their variants ---- */

static struct watch *find_watch(struct stream *stream, const struct variant_settings *settings)
{
    struct list *node;
    list_for_each(node, &stream->watches)
    {
        struct watch *watch = container_of(node, struct watch, link);
        if (!watch->is_apart && variant_settings_equal(&watch->settings, settings))
            return watch;
    }
    return NULL;
}

static struct variant *find_variant(struct stream *stream, const struct variant_settings *settings)
{
    struct list *node;
    list_for_each(node, &stream->variants)
    {
        struct variant *variant = container_of(node, struct variant, link);
        if (variant_settings_equal(&variant->settings, settings))
            return variant;
    }
    return NULL;
}

/* Whether there may be one more. One that nobody watches any more gives way, the longest unwatched first. */
static bool make_room(struct stream *stream, size_t most, struct list *gone)
{
    size_t watched = 0, unwatched = 0;
    struct variant *oldest = NULL;
    struct list *node;
    list_for_each(node, &stream->variants)
    {
        struct variant *variant = container_of(node, struct variant, link);
        if (variant_settings_are_exact(&variant->settings))
            continue;
        watched += variant->watch_count > 0;
        if (variant->watch_count > 0 || variant->busy || variant == stream->plain)
            continue;
        unwatched++;
        if (!oldest || variant->unwatched_since_ns < oldest->unwatched_since_ns)
            oldest = variant;
    }
    if (watched >= most)
        return false;
    if (oldest && watched + unwatched >= most) {
        list_remove(&oldest->link);
        list_append(gone, &oldest->link);
    }
    return true;
}

static void detach(struct watch *watch, uint64_t now_ns)
{
    watch->pictures_before += watch->variant->picture_count;
    if (--watch->variant->watch_count == 0)
        watch->variant->unwatched_since_ns = now_ns;
}

static void attach(struct watch *watch, struct variant *variant, uint64_t serial)
{
    /* What another variant has was made for others, perhaps in another size. */
    if (watch->variant && watch->variant != variant)
        watch->moved_serial = serial;
    watch->variant = variant;
    watch->pictures_before -= variant->picture_count; /* it may be below zero: the sum is not */
    variant->watch_count++;
}

/* Finds or makes the variant that settings come to. NULL: there would be too many. */
static struct variant *find_or_add_variant(struct stream *stream, const struct variant_settings *settings,
                                           const struct demand_context *context)
{
    const struct variant_settings reduced =
        variant_settings_reduce(settings, stream->width, context->quality);
    struct variant *variant = find_variant(stream, &reduced);
    /* There are two exact ones at most, which --max-snapshots bounds. */
    if (!variant && (variant_settings_are_exact(&reduced) || make_room(stream, context->most, context->gone)))
        variant = add_variant(stream, &reduced);
    return variant;
}

/* After its stream, or the size of that, has changed. */
static void attach_again(struct watch *watch, const struct demand_context *context)
{
    struct variant *variant = find_or_add_variant(watch->stream, &watch->settings, context);
    attach(watch, variant ? variant : watch->stream->plain, context->serial);
}

static struct watch *add_watch(struct stream *stream, struct variant *variant,
                               const struct variant_settings *settings, const struct demand_context *context)
{
    struct watch *watch = memory_zeroed(sizeof(*watch));
    watch->stream = stream;
    watch->settings = *settings;
    attach(watch, variant, context->serial);
    list_append(&stream->watches, &watch->link);
    return watch;
}

struct watch *demand_watch(struct stream *stream, const struct variant_settings *settings,
                           const struct demand_context *context)
{
    const struct variant_settings reduced = variant_settings_reduce(settings, 0, context->quality);
    struct watch *watch = find_watch(stream, &reduced);
    if (!watch) {
        struct variant *variant = find_or_add_variant(stream, &reduced, context);
        if (!variant)
            return NULL;
        watch = add_watch(stream, variant, &reduced, context);
    }
    watch->references++;
    return watch;
}

struct watch *demand_watch_apart(struct stream *stream, const struct demand_context *context)
{
    struct watch *watch = add_watch(stream, stream->plain, &stream->plain->settings, context);
    watch->is_apart = true;
    watch->references = 1;
    return watch;
}

void demand_unwatch(struct watch *watch, uint64_t now_ns)
{
    if (--watch->references > 0)
        return;
    detach(watch, now_ns);
    list_remove(&watch->link);
    free(watch);
}

void demand_take_over(struct stream *stream, struct stream *from, const struct demand_context *context)
{
    struct list *node, *after;
    list_for_each_safe(node, after, &from->watches)
    {
        struct watch *watch = container_of(node, struct watch, link);
        detach(watch, context->now_ns);
        list_remove(node);
        list_append(&stream->watches, node);
        watch->stream = stream;
        attach_again(watch, context);
    }
}

void demand_set_size(struct stream *stream, uint32_t width, uint32_t height,
                     const struct demand_context *context)
{
    bool is_as_wide = stream->width == width;
    stream->width = width;
    stream->height = height;
    if (is_as_wide)
        return;
    /* First all of them leave, so that those who came first find room first. */
    struct list *node;
    list_for_each(node, &stream->watches) detach(container_of(node, struct watch, link), context->now_ns);
    list_for_each(node, &stream->watches) attach_again(container_of(node, struct watch, link), context);
}

void demand_drop_variants(struct stream *stream, uint64_t unwatched_before_ns, struct list *gone)
{
    struct list *node, *after;
    list_for_each_safe(node, after, &stream->variants)
    {
        struct variant *variant = container_of(node, struct variant, link);
        if (variant != stream->plain && variant->watch_count == 0 && variant_is_idle(variant) &&
            variant->unwatched_since_ns < unwatched_before_ns) {
            list_remove(node);
            list_append(gone, node);
        }
    }
}

/* ---- what all of them want ---- */

static void sum_variant(const struct stream *stream, struct variant *variant)
{
    struct audience sum = {0};
    struct list *node;
    list_for_each(node, &stream->watches)
    {
        const struct watch *watch = container_of(node, struct watch, link);
        if (watch->variant == variant)
            audience_add(&sum, &watch->audience);
    }
    variant_set_audience(variant, &sum);
    if (sum.viewers == 0 && variant->notice_wanted)
        variant_give_up_notice(variant);
}

bool demand_sum(struct stream *stream, uint64_t now_ns, uint64_t now_real_ns)
{
    struct audience sum = {0};
    struct list *node;
    list_for_each(node, &stream->variants)
    {
        struct variant *variant = container_of(node, struct variant, link);
        sum_variant(stream, variant);
        audience_add(&sum, &variant->audience);
    }
    /* Who watches at an edge has lingered there already. */
    bool lingers = stream->viewers > 0 || stream->edges == 0;
    stream->viewers = sum.viewers;
    stream->edges = sum.edges;
    bool was_watched = stream->watched;
    stream->watched = !audience_is_empty(&sum);
    if (stream->watched && !was_watched) {
        stream->wanted_since_ns = now_ns;
        stream->wanted_since_real_ns = now_real_ns;
        stream->unwanted_since_ns = 0;
    } else if (!stream->watched) {
        if (was_watched)
            stream->unwanted_since_ns = lingers ? now_ns : 0;
        return was_watched; /* until the subscription ends, the rate should not rise */
    }
    /* A snapshot wants the next frame there is. */
    millifps rate = sum.snapshots > 0 ? 0 : sum.rate;
    bool is_other_rate = rate != stream->wanted_rate;
    stream->wanted_rate = rate;
    if (is_other_rate)
        stream->rate_is_told = false;
    return !was_watched || is_other_rate;
}

bool demand_wants(const struct stream *stream, const struct variant *variant, const struct raw_frame *raw)
{
    /* A ready JPEG is there already as it is, and has no pixels to be exact about. */
    bool is_of_no_use = raw->info.format == HEADCAM_JPEG &&
                        (variant == stream->plain || variant_settings_are_exact(&variant->settings));
    return !is_of_no_use && !variant->is_late && variant_wants(variant, raw);
}

bool demand_wants_any(struct stream *stream, const struct raw_frame *raw)
{
    struct list *node;
    list_for_each(node, &stream->variants)
    {
        if (demand_wants(stream, container_of(node, struct variant, link), raw))
            return true;
    }
    return false;
}

bool demand_has_notice(struct stream *stream)
{
    struct list *node;
    list_for_each(node, &stream->variants)
    {
        if (container_of(node, struct variant, link)->notice_wanted)
            return true;
    }
    return false;
}
