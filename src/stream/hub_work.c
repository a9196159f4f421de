/* SPDX-License-Identifier: MIT */
#include "base/clock.h"
#include "stream/hub_inside.h"

static void add_output(struct hub_job *job, struct variant *variant)
{
    variant->busy = true;
    job->outputs[job->count++] =
        (struct hub_output){.variant = variant, .settings = variant->settings, .codec = variant->codec};
}

static bool take_notice(struct stream *stream, struct hub_job *job)
{
    struct list *node;
    list_for_each(node, &stream->variants)
    {
        struct variant *variant = container_of(node, struct variant, link);
        if (!variant->notice_wanted)
            continue;
        variant->notice_wanted = false;
        job->notice = variant->notice_text;
        add_output(job, variant);
        return true;
    }
    return false;
}

/* What is wanted may have changed since the frame came: then it is a job without an output. */
static void take_raw(struct stream *stream, struct hub_job *job)
{
    struct list *node;
    job->raw = stream->raw;
    stream->raw = NULL;
    list_for_each(node, &stream->variants)
    {
        struct variant *variant = container_of(node, struct variant, link);
        if (demand_wants(stream, variant, job->raw))
            add_output(job, variant);
    }
}

/* Takes the first job, under the lock. */
static bool take_first(struct hub *hub, struct hub_job *job)
{
    if (list_is_empty(&hub->work))
        return false;
    struct stream *stream = container_of(hub->work.next, struct stream, work);
    list_remove(&stream->work);
    job->stream = stream;
    job->raw = NULL;
    job->count = 0;
    job->outcome = HUB_FAILED;
    /* A frame goes first, unless frame after frame comes to nothing. */
    if ((stream->raw && !stream->came_to_nothing) || !take_notice(stream, job))
        take_raw(stream, job);
    stream->busy = job->count > 0;
    if (!stream->busy) {
        stream_count_loss(stream, job->raw, TALLY_UNWANTED);
        hub_offer_work(hub, stream);
    }
    job->is_followed = !list_is_empty(&hub->work);
    return true;
}

bool hub_take_job(struct hub *hub, struct hub_job *job)
{
    for (;;) {
        job->taken_ns = clock_mono_ns();
        hub_lock(hub);
        bool found = take_first(hub, job);
        hub_unlock(hub);
        if (!found || job->count > 0)
            return found;
        raw_release(job->raw);
    }
}

/* The source has another size by now, and so may those who see the job's variants. */
static bool is_outdated(const struct hub_job *job)
{
    const struct raw_info *info = &job->raw->info;
    return info->width != job->stream->width || info->height != job->stream->height;
}

/* A frame counts once, however many pictures were made of it. Encoding takes its time of ready JPEGs, too,
   where some variant needs it; they themselves were counted when they came. */
static void count_outcome(struct hub *hub, const struct hub_job *job, uint64_t now_ns)
{
    static const enum tally_kind kinds[] = {
        [HUB_ENCODED] = TALLY_ENCODED, [HUB_UNCHANGED] = TALLY_UNCHANGED, [HUB_SUPERSEDED] = TALLY_SUPERSEDED,
        [HUB_TORN] = TALLY_TORN,       [HUB_NO_ROOM] = TALLY_FAILED,      [HUB_NOT_DECODED] = TALLY_FAILED,
        [HUB_FAILED] = TALLY_FAILED,
    };
    if (job->raw->info.format != HEADCAM_JPEG)
        tally_add(&job->stream->tally, kinds[job->outcome], 1);
    if (job->outcome != HUB_ENCODED)
        return;
    stream_note_encoding(job->stream, now_ns - job->taken_ns);
    histogram_observe(&hub->timings.capture_to_encode, job->taken_ns - job->raw->capture_ns);
    histogram_observe(&hub->timings.encode, now_ns - job->taken_ns);
}

/* Returns what the caller is to unref outside the lock. */
static struct frame *publish_picture(struct hub *hub, struct hub_job *job, struct variant *variant,
                                     enum hub_outcome outcome, struct frame *frame)
{
    /* The producer may have gone over to ready JPEGs, which need no job. */
    bool is_late = is_outdated(job) || job->raw->arrival_ns < variant->arrival_ns;
    if (is_late)
        outcome = HUB_SUPERSEDED;
    if (outcome < job->outcome)
        job->outcome = outcome;
    if (is_late)
        return frame;
    variant_note_outcome(variant, outcome);
    if (!frame)
        return NULL;
    variant->encoded += outcome == HUB_ENCODED;
    variant->unchanged += outcome == HUB_UNCHANGED;
    return variant_publish(variant, frame, outcome == HUB_ENCODED, ++hub->serial, job->raw->arrival_ns,
                           clock_mono_ns());
}

static struct frame *publish_notice(struct hub *hub, struct variant *variant, struct frame *notice)
{
    if (notice)
        return variant_publish_notice(variant, notice, ++hub->serial);
    if (!variant->notice_wanted)
        variant_give_up_notice(variant);
    return NULL;
}

void hub_publish(struct hub *hub, struct hub_job *job, size_t output, enum hub_outcome outcome,
                 struct frame *frame)
{
    struct variant *variant = job->outputs[output].variant;
    hub_lock(hub);
    struct frame *old =
        job->raw ? publish_picture(hub, job, variant, outcome, frame) : publish_notice(hub, variant, frame);
    if (frame)
        hub_wake_watchers(hub);
    hub_unlock(hub);
    frame_unref(&old);
}

struct hub_late hub_postpone(struct hub *hub, struct hub_job *job, size_t output)
{
    const struct hub_late late = {
        .stream = job->stream, .variant = job->outputs[output].variant, .arrival_ns = job->raw->arrival_ns};
    hub_lock(hub);
    late.variant->is_late = true;
    late.stream->late_count++;
    job->outcome = HUB_ENCODED;
    hub_unlock(hub);
    return late;
}

void hub_publish_late(struct hub *hub, const struct hub_late *late, enum hub_outcome outcome,
                      struct frame *frame)
{
    struct frame *old = NULL;
    hub_lock(hub);
    late->variant->is_late = false;
    variant_note_outcome(late->variant, outcome);
    late->stream->late_count--;
    if (frame) {
        old = variant_publish(late->variant, frame, true, ++hub->serial, late->arrival_ns, clock_mono_ns());
        hub_wake_watchers(hub);
    }
    hub_drop_if_unused(hub, late->stream);
    hub_unlock(hub);
    frame_unref(&old);
}

void hub_finish_job(struct hub *hub, const struct hub_job *job)
{
    struct stream *stream = job->stream;
    uint64_t now_ns = clock_mono_ns();
    hub_lock(hub);
    stream->busy = false;
    for (size_t i = 0; i < job->count; i++) {
        job->outputs[i].variant->codec = job->outputs[i].codec;
        job->outputs[i].variant->busy = false;
    }
    if (job->raw) {
        stream->came_to_nothing = job->outcome > HUB_UNCHANGED;
        count_outcome(hub, job, now_ns);
    }
    hub_offer_work(hub, stream);
    bool is_more = !list_is_empty(&stream->work);
    hub_drop_if_unused(hub, stream);
    hub_unlock(hub);
    if (is_more)
        hub_tell_encoder(hub);
}
