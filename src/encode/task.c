/* SPDX-License-Identifier: MIT */
#include "encode/task.h"

#include "base/clock.h"
#include "base/memory.h"
#include "encode/codec.h"
#include "encode/jpeg_decode.h"
#include "encode/notice.h"

#include <stdlib.h>

void task_worker_fini(struct task_worker *worker)
{
    jpeg_compressor_destroy(worker->compressor);
    source_memory_fini(&worker->source);
    ladder_fini(&worker->ladder);
}

/* The size of an output's pictures, for the source as its producer sent it. */
static void output_size(const struct task *task, const struct hub_output *output, uint32_t *width,
                        uint32_t *height)
{
    const struct raw_info *info = &task->job.raw->info;
    variant_settings_size(&output->settings, info->width, info->height, width, height);
}

static void begin_step(struct task *task, enum task_step step, size_t units)
{
    task->step = step;
    task->units = units;
    task->taken = task->ended = 0;
}

static void drop_pixels(struct task *task)
{
    if (!task->pixels)
        return;
    struct frame *frame = &task->pixels->frame;
    task->pixels = NULL;
    frame_unref(&frame);
}

static void finish(const struct task_context *context, struct task *task)
{
    hub_finish_job(context->hub, &task->job);
    drop_pixels(task);
    if (task->source != task->job.raw)
        raw_release(task->source);
    raw_release(task->job.raw);
}

/* ---- notices ---- */

static struct frame *make_notice(const struct task_context *context, struct jpeg_compressor *compressor,
                                 const struct notice *notice)
{
    struct pool_frame *made = frame_pool_take(context->frames);
    const struct jpeg_pixels pixels = {
        .format = HEADCAM_RGB,
        .width = notice->width,
        .height = notice->height,
        .stride = (size_t)notice->width * 3,
        .rows = memory_zeroed((size_t)notice->width * 3 * notice->height),
    };
    notice_draw(notice, (uint8_t *)(uintptr_t)pixels.rows);
    jpeg_compressor_set_quality(compressor, context->quality);
    bool is_made = jpeg_compress(compressor, &pixels, 0, &made->bytes);
    free((void *)(uintptr_t)pixels.rows);
    frame_pool_fill(made);
    made->frame.width = notice->width;
    made->frame.height = notice->height;
    made->frame.sequence = 0;
    made->frame.capture_real_ns = clock_real_ns();
    made->frame.capture_ns = clock_mono_ns();
    made->frame.sim_time_ns = HEADCAM_NO_SIM_TIME;
    made->frame.update = HEADCAM_NO_UPDATE;
    struct frame *frame = &made->frame;
    if (!is_made)
        frame_unref(&frame);
    return frame;
}

/* ---- ready JPEGs ---- */

static void decode(const struct task_context *context, struct task *task, struct task_worker *worker)
{
    uint32_t least_width = 0, least_height = 0;
    for (size_t i = 0; i < task->job.count; i++) {
        uint32_t width, height;
        output_size(task, &task->job.outputs[i], &width, &height);
        least_width = width > least_width ? width : least_width;
        least_height = height > least_height ? height : least_height;
    }
    char error[JPEG_DECODE_ERROR_BYTES];
    task->source = jpeg_decode(task->job.raw, least_width, least_height, context->max_frame_bytes, error);
    if (!task->source)
        log_limited(&worker->log, LOG_WARN, "a producer's JPEG cannot be shown with ?width= or ?quality=: %s",
                    error);
}

/* ---- stripes ---- */

static void begin_stripes(const struct task_context *context, struct task *task)
{
    const struct raw_info *info = &task->source->info;
    task->overlap = 0;
    for (size_t i = 0; i < task->job.count; i++) {
        struct hub_output *output = &task->job.outputs[i];
        if (variant_settings_are_exact(&output->settings)) {
            if (!task->pixels)
                task->pixels = exact_pixels_create(context->exact, task->source);
            continue; /* and has no codec */
        }
        uint32_t width, height;
        output_size(task, output, &width, &height);
        if (!output->codec)
            output->codec =
                codec_create(output->settings.quality ? (int)output->settings.quality : context->quality);
        codec_begin(output->codec, info, width, height);
        if (codec_overlap(output->codec) > task->overlap)
            task->overlap = codec_overlap(output->codec);
    }
    task->stripe_rows = jpeg_stripe_rows(info->format, info->width, info->height);
    atomic_store_explicit(&task->has_failed, false, memory_order_relaxed);
    begin_step(task, TASK_STRIPES, (info->height + task->stripe_rows - 1) / task->stripe_rows);
}

static void work_on_stripe(struct task *task, struct task_worker *worker, size_t stripe)
{
    const uint32_t height = task->source->info.height, first_row = (uint32_t)stripe * task->stripe_rows;
    const uint32_t left = height - first_row, rows = left < task->stripe_rows ? left : task->stripe_rows;
    const uint32_t overlap = left - rows < task->overlap ? left - rows : task->overlap;
    struct jpeg_pixels pixels;
    if (!source_rows(&worker->source, task->source, first_row, rows + overlap, &pixels)) {
        atomic_store_explicit(&task->has_failed, true, memory_order_relaxed);
        return;
    }
    if (task->overlap > 0)
        ladder_begin(&worker->ladder, &pixels, first_row, rows, height);
    pixels.height = rows;
    if (task->pixels)
        exact_pixels_copy(task->pixels, first_row, &pixels);
    for (size_t i = 0; i < task->job.count; i++) {
        struct codec *codec = task->job.outputs[i].codec;
        if (!codec)
            continue;
        if (codec_is_scaled(codec))
            codec_scale_stripe(codec, &worker->ladder);
        else
            codec_encode_stripe(codec, worker->compressor, &pixels, stripe);
    }
}

/* The frame came to nothing. */
static void publish_nothing(const struct task_context *context, struct task *task, enum hub_outcome outcome)
{
    for (size_t i = 0; i < task->job.count; i++) {
        if (task->job.outputs[i].codec)
            codec_give_up(task->job.outputs[i].codec);
        hub_publish(context->hub, &task->job, i, outcome, NULL);
    }
}

/* Publishes those outputs that are scaled, or those that are not. */
static void publish(const struct task_context *context, struct task *task, bool are_scaled)
{
    for (size_t i = 0; i < task->job.count; i++) {
        struct codec *codec = task->job.outputs[i].codec;
        if (!codec || codec_is_scaled(codec) != are_scaled)
            continue;
        struct frame *frame;
        enum hub_outcome outcome = codec_end(codec, context->frames, task->source, &frame);
        hub_publish(context->hub, &task->job, i, outcome, frame);
    }
}

static void publish_exact(const struct task_context *context, struct task *task)
{
    for (size_t i = 0; i < task->job.count; i++) {
        const struct variant_settings *settings = &task->job.outputs[i].settings;
        if (!variant_settings_are_exact(settings))
            continue;
        if (!task->pixels) {
            hub_publish(context->hub, &task->job, i, HUB_NO_ROOM, NULL);
        } else if (settings->form == VARIANT_RAW) {
            hub_publish(context->hub, &task->job, i, HUB_ENCODED, frame_ref(&task->pixels->frame));
        } else {
            const struct hub_late late = hub_postpone(context->hub, &task->job, i);
            png_worker_add(context->png, &late, frame_ref(&task->pixels->frame));
        }
    }
    drop_pixels(task);
}

/* ---- the stripes of scaled variants, those of one behind those of another ---- */

static bool is_scaled(const struct hub_output *output)
{
    return output->codec && codec_is_scaled(output->codec);
}

static size_t scaled_units(const struct task *task)
{
    size_t units = 0;
    for (size_t i = 0; i < task->job.count; i++)
        if (is_scaled(&task->job.outputs[i]))
            units += codec_stripes(task->job.outputs[i].codec);
    return units;
}

static void work_on_scaled(struct task *task, struct task_worker *worker, size_t unit)
{
    for (size_t i = 0; i < task->job.count; i++) {
        struct codec *codec = task->job.outputs[i].codec;
        if (!is_scaled(&task->job.outputs[i]))
            continue;
        if (unit < codec_stripes(codec)) {
            codec_encode_scaled_stripe(codec, worker->compressor, unit);
            return;
        }
        unit -= codec_stripes(codec);
    }
}

/* ---- steps ---- */

void task_begin(const struct task_context *context, struct task *task)
{
    task->notice = NULL;
    task->source = NULL;
    task->pixels = NULL;
    if (!task->job.raw) {
        begin_step(task, TASK_NOTICE, 1);
    } else if (task->job.raw->info.format == HEADCAM_JPEG) {
        begin_step(task, TASK_DECODE, 1);
    } else {
        task->source = task->job.raw;
        begin_stripes(context, task);
    }
}

void task_work(const struct task_context *context, struct task *task, struct task_worker *worker, size_t unit)
{
    switch (task->step) {
    case TASK_NOTICE:
        task->notice = make_notice(context, worker->compressor, &task->job.notice);
        break;
    case TASK_DECODE:
        decode(context, task, worker);
        break;
    case TASK_STRIPES:
        work_on_stripe(task, worker, unit);
        break;
    case TASK_SCALED:
        work_on_scaled(task, worker, unit);
        break;
    }
}

/* All stripes were read. Those who see the source in its size need not wait for the others. */
static bool end_stripes(const struct task_context *context, struct task *task)
{
    bool is_torn = !raw_is_intact(task->source);
    if (is_torn || atomic_load(&task->has_failed)) {
        publish_nothing(context, task, is_torn ? HUB_TORN : HUB_FAILED);
        return false;
    }
    publish(context, task, false);
    publish_exact(context, task);
    begin_step(task, TASK_SCALED, scaled_units(task));
    return task->units > 0;
}

bool task_go_on(const struct task_context *context, struct task *task)
{
    switch (task->step) {
    case TASK_NOTICE:
        hub_publish(context->hub, &task->job, 0, HUB_ENCODED, task->notice);
        break;
    case TASK_DECODE:
        if (task->source) {
            begin_stripes(context, task);
            return true;
        }
        publish_nothing(context, task, HUB_NOT_DECODED);
        break;
    case TASK_STRIPES:
        if (end_stripes(context, task))
            return true;
        break;
    case TASK_SCALED:
        publish(context, task, true);
        break;
    }
    finish(context, task);
    return false;
}

void task_give_up(const struct task_context *context, struct task *task)
{
    frame_unref(&task->notice);
    finish(context, task);
}
