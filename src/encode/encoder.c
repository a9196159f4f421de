/* SPDX-License-Identifier: MIT */
#include "encode/encoder.h"

#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/thread.h"
#include "encode/codec.h"
#include "encode/frame_pool.h"
#include "encode/notice.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One frame, or no-signal picture, at work. */
struct task {
    struct list link; /* encoder->open, while there are stripes to take */
    struct hub_job job;
    size_t count;        /* stripes */
    size_t taken, ended; /* of these */
};

struct encode_thread {
    struct encoder *encoder;
    pthread_t thread;
    struct pulse pulse;
};

struct encoder {
    struct hub *hub;
    struct encoder_options options;
    struct frame_pool *frames;
    struct encode_thread *threads;
    int thread_count;

    /* Guards everything below, and the numbers in the tasks. */
    pthread_mutex_t lock;
    pthread_cond_t work;
    struct list open;  /* tasks with stripes to take */
    struct list spare; /* tasks that are over, to be used again */
    bool may_have_job; /* the hub may have one */
    bool is_stopping;
};

/* ---- stripes and pictures, without the lock ---- */

static struct frame *make_notice(struct encoder *encoder, struct jpeg_compressor *compressor,
                                 const struct notice *notice)
{
    struct pool_frame *made = frame_pool_take(encoder->frames);
    const struct jpeg_pixels pixels = {
        .format = HEADCAM_RGB,
        .width = notice->width,
        .height = notice->height,
        .stride = (size_t)notice->width * 3,
        .rows = memory_zeroed((size_t)notice->width * 3 * notice->height),
    };
    notice_draw(notice, (uint8_t *)(uintptr_t)pixels.rows);
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

static void begin_task(struct task *task)
{
    task->taken = task->ended = 0;
    task->count = 1;
    if (!task->job.raw)
        return;
    if (!task->job.codec)
        task->job.codec = codec_create();
    task->count = codec_begin(task->job.codec, &task->job.raw->info);
}

static void end_task(struct encoder *encoder, struct codec_worker *worker, struct task *task)
{
    struct frame *frame = NULL;
    enum hub_outcome outcome = HUB_ENCODED;
    if (task->job.raw)
        outcome = codec_end(task->job.codec, encoder->frames, task->job.raw, &frame);
    else
        frame = make_notice(encoder, worker->compressor, &task->job.notice);
    hub_finish_job(encoder->hub, &task->job, outcome, frame);
    raw_release(task->job.raw);
}

/* ---- the threads ---- */

/* Takes a new job from the hub. Called and returns with the lock held. */
static void take_job(struct encoder *encoder)
{
    struct task *task;
    if (list_is_empty(&encoder->spare)) {
        task = memory_zeroed(sizeof(*task));
        list_init(&task->link);
    } else {
        task = container_of(encoder->spare.next, struct task, link);
        list_remove(&task->link);
    }
    encoder->may_have_job = false;
    pthread_mutex_unlock(&encoder->lock);
    bool found = hub_take_job(encoder->hub, &task->job);
    if (found)
        begin_task(task);
    pthread_mutex_lock(&encoder->lock);
    if (!found) {
        list_append(&encoder->spare, &task->link);
        return;
    }
    encoder->may_have_job = true;
    list_append(&encoder->open, &task->link);
    if (task->count > 1)
        pthread_cond_broadcast(&encoder->work);
}

/* Takes the next stripe of the oldest open task, works on it, and ends the task with its last one.
   Called and returns with the lock held. */
static void work_on_stripe(struct encoder *encoder, struct codec_worker *worker)
{
    struct task *task = container_of(encoder->open.next, struct task, link);
    size_t stripe = task->taken++;
    if (task->taken == task->count)
        list_remove(&task->link);
    pthread_mutex_unlock(&encoder->lock);

    if (task->job.raw)
        codec_encode_stripe(task->job.codec, worker, task->job.raw, stripe);

    pthread_mutex_lock(&encoder->lock);
    if (++task->ended < task->count)
        return;
    pthread_mutex_unlock(&encoder->lock);
    end_task(encoder, worker, task);
    pthread_mutex_lock(&encoder->lock);
    list_append(&encoder->spare, &task->link);
}

static void *run(void *arg)
{
    struct encode_thread *self = arg;
    struct encoder *encoder = self->encoder;
    struct codec_worker worker = {.compressor = jpeg_compressor_create(&encoder->options.jpeg)};
    pthread_mutex_lock(&encoder->lock);
    while (!encoder->is_stopping) {
        pulse_beat(&self->pulse);
        if (!list_is_empty(&encoder->open))
            work_on_stripe(encoder, &worker);
        else if (encoder->may_have_job)
            take_job(encoder);
        else
            pthread_cond_wait(&encoder->work, &encoder->lock);
    }
    pthread_mutex_unlock(&encoder->lock);
    codec_worker_fini(&worker);
    return NULL;
}

/* All threads; with the lock, so that none is between its beat and its wait. */
static void wake_all(void *arg)
{
    struct encoder *encoder = arg;
    pthread_mutex_lock(&encoder->lock);
    pthread_cond_broadcast(&encoder->work);
    pthread_mutex_unlock(&encoder->lock);
}

static void on_job(void *arg)
{
    struct encoder *encoder = arg;
    pthread_mutex_lock(&encoder->lock);
    encoder->may_have_job = true;
    /* All, not one: a thread that is woken from here gets a core of its own where one is idle, while one
       that another encoding thread wakes is often put on that thread's, and waits there for its turn. */
    pthread_cond_broadcast(&encoder->work);
    pthread_mutex_unlock(&encoder->lock);
}

static void free_codec(void *codec)
{
    codec_destroy(codec);
}

static void join_threads(struct encoder *encoder)
{
    pthread_mutex_lock(&encoder->lock);
    encoder->is_stopping = true;
    pthread_cond_broadcast(&encoder->work);
    pthread_mutex_unlock(&encoder->lock);
    for (int i = 0; i < encoder->thread_count; i++) {
        pthread_join(encoder->threads[i].thread, NULL);
        pulses_remove(&encoder->threads[i].pulse);
    }
}

static void free_tasks(struct list *tasks)
{
    struct list *node, *after;
    list_for_each_safe(node, after, tasks)
    {
        list_remove(node);
        free(container_of(node, struct task, link));
    }
}

struct encoder *encoder_create(struct hub *hub, const struct encoder_options *options)
{
    struct encoder *encoder = memory_zeroed(sizeof(*encoder));
    encoder->hub = hub;
    encoder->options = *options;
    encoder->frames = frame_pool_create();
    encoder->threads = memory_zeroed((size_t)options->threads * sizeof(encoder->threads[0]));
    pthread_mutex_init(&encoder->lock, NULL);
    pthread_cond_init(&encoder->work, NULL);
    list_init(&encoder->open);
    list_init(&encoder->spare);
    const struct hub_encoder calls = {.on_job = on_job, .free_codec = free_codec, .arg = encoder};
    hub_set_encoder(hub, &calls);
    for (; encoder->thread_count < options->threads; encoder->thread_count++) {
        struct encode_thread *thread = &encoder->threads[encoder->thread_count];
        thread->encoder = encoder;
        if (!thread_start(&thread->thread, "encode", run, thread)) {
            log_error("cannot start the encoder's threads: %s", strerror(errno));
            encoder_destroy(encoder);
            return NULL;
        }
        /* One wakes all; twice, it would wait for a thread that stands still in its wait. */
        bool is_first = encoder->thread_count == 0;
        pulses_add(options->pulses, &thread->pulse, "encode", is_first ? wake_all : NULL, encoder);
    }
    return encoder;
}

void encoder_destroy(struct encoder *encoder)
{
    join_threads(encoder);
    /* Stripes that were taken are ended before a thread ends; a task may be left half taken. */
    struct list *node, *after;
    list_for_each_safe(node, after, &encoder->open)
    {
        struct task *task = container_of(node, struct task, link);
        hub_finish_job(encoder->hub, &task->job, HUB_FAILED, NULL);
        raw_release(task->job.raw);
    }
    free_tasks(&encoder->open);
    free_tasks(&encoder->spare);
    frame_pool_destroy(encoder->frames);
    pthread_cond_destroy(&encoder->work);
    pthread_mutex_destroy(&encoder->lock);
    free(encoder->threads);
    free(encoder);
}
