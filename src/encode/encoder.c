/* SPDX-License-Identifier: MIT */
#include "encode/encoder.h"

#include "base/list.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/thread.h"
#include "encode/codec.h"
#include "encode/exact.h"
#include "encode/frame_pool.h"
#include "encode/png_worker.h"
#include "encode/task.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct encode_thread {
    struct encoder *encoder;
    pthread_t thread;
    struct pulse pulse;
};

struct encoder {
    struct encoder_options options;
    struct task_context context;
    struct encode_thread *threads;
    int thread_count;

    /* Guards everything below, and the numbers of units in the tasks. */
    pthread_mutex_t lock;
    pthread_cond_t work;
    struct list open;  /* tasks with units to take */
    struct list spare; /* tasks that are over, to be used again */
    bool may_have_job; /* the hub may have one */
    bool is_stopping;
};

/* ---- the threads ---- */

/* There are units to take. */
static void open_step(struct encoder *encoder, struct task *task)
{
    list_append(&encoder->open, &task->link);
    if (task->units > 1)
        pthread_cond_broadcast(&encoder->work);
}

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
    bool found = hub_take_job(encoder->context.hub, &task->job);
    if (found)
        task_begin(&encoder->context, task);
    pthread_mutex_lock(&encoder->lock);
    if (!found) {
        list_append(&encoder->spare, &task->link);
        return;
    }
    if (task->job.is_followed) {
        encoder->may_have_job = true;
        pthread_cond_signal(&encoder->work); /* who came meanwhile found nothing, and waits */
    }
    open_step(encoder, task);
}

/* Takes the next unit of the oldest open task and does it; with the last one of a step, the task goes on.
   Called and returns with the lock held. */
static void work_on_task(struct encoder *encoder, struct task_worker *worker)
{
    struct task *task = container_of(encoder->open.next, struct task, link);
    size_t unit = task->taken++;
    if (task->taken == task->units)
        list_remove(&task->link);
    pthread_mutex_unlock(&encoder->lock);

    task_work(&encoder->context, task, worker, unit);

    pthread_mutex_lock(&encoder->lock);
    if (++task->ended < task->units)
        return;
    pthread_mutex_unlock(&encoder->lock);
    bool has_more = task_go_on(&encoder->context, task);
    pthread_mutex_lock(&encoder->lock);
    if (has_more)
        open_step(encoder, task);
    else
        list_append(&encoder->spare, &task->link);
}

static void *run(void *arg)
{
    struct encode_thread *self = arg;
    struct encoder *encoder = self->encoder;
    struct task_worker worker = {.compressor = jpeg_compressor_create(&encoder->options.jpeg)};
    pthread_mutex_lock(&encoder->lock);
    while (!encoder->is_stopping) {
        pulse_beat(&self->pulse);
        if (!list_is_empty(&encoder->open))
            work_on_task(encoder, &worker);
        else if (encoder->may_have_job)
            take_job(encoder);
        else
            pthread_cond_wait(&encoder->work, &encoder->lock);
    }
    pthread_mutex_unlock(&encoder->lock);
    task_worker_fini(&worker);
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

static bool start_threads(struct encoder *encoder)
{
    struct task_context *context = &encoder->context;
    context->png = png_worker_create(context->hub, context->exact);
    if (!context->png)
        return false;
    for (; encoder->thread_count < encoder->options.threads; encoder->thread_count++) {
        struct encode_thread *thread = &encoder->threads[encoder->thread_count];
        thread->encoder = encoder;
        if (!thread_start(&thread->thread, "encode", run, thread))
            return false;
        /* One wakes all; twice, it would wait for a thread that stands still in its wait. */
        bool is_first = encoder->thread_count == 0;
        pulses_add(encoder->options.pulses, &thread->pulse, "encode", is_first ? wake_all : NULL, encoder);
    }
    return true;
}

struct encoder *encoder_create(struct hub *hub, const struct encoder_options *options)
{
    struct encoder *encoder = memory_zeroed(sizeof(*encoder));
    encoder->options = *options;
    encoder->context = (struct task_context){
        .hub = hub,
        .frames = frame_pool_create(),
        .exact = exact_store_create(options->max_exact_bytes),
        .quality = options->jpeg.quality,
        .max_frame_bytes = options->max_frame_bytes,
    };
    encoder->threads = memory_zeroed((size_t)options->threads * sizeof(encoder->threads[0]));
    pthread_mutex_init(&encoder->lock, NULL);
    pthread_cond_init(&encoder->work, NULL);
    list_init(&encoder->open);
    list_init(&encoder->spare);
    const struct hub_encoder calls = {.on_job = on_job, .free_codec = free_codec, .arg = encoder};
    hub_set_encoder(hub, &calls);
    if (!start_threads(encoder)) {
        log_error("cannot start the encoder's threads: %s", strerror(errno));
        encoder_destroy(encoder);
        return NULL;
    }
    return encoder;
}

void encoder_destroy(struct encoder *encoder)
{
    join_threads(encoder);
    /* Units that were taken are ended before a thread ends; a task may be left half taken. */
    struct list *node, *after;
    list_for_each_safe(node, after, &encoder->open)
    {
        task_give_up(&encoder->context, container_of(node, struct task, link));
    }
    if (encoder->context.png)
        png_worker_destroy(encoder->context.png);
    exact_store_destroy(encoder->context.exact);
    free_tasks(&encoder->open);
    free_tasks(&encoder->spare);
    frame_pool_destroy(encoder->context.frames);
    pthread_cond_destroy(&encoder->work);
    pthread_mutex_destroy(&encoder->lock);
    free(encoder->threads);
    free(encoder);
}
