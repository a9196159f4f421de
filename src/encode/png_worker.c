/* SPDX-License-Identifier: MIT */
#include "encode/png_worker.h"

#include "base/list.h"
#include "base/memory.h"
#include "base/thread.h"
#include "encode/png_writer.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

struct order {
    struct list link;
    struct hub_late late;
    struct frame *pixels;
};

struct png_worker {
    struct hub *hub;
    struct exact_store *store;
    pthread_t thread;
    atomic_bool is_stopping;

    pthread_mutex_t lock; /* guards orders */
    pthread_cond_t work;
    struct list orders; /* first come first */
};

/* Waits for an order. NULL: the thread is to end. */
static struct order *take_order(struct png_worker *worker)
{
    struct order *order = NULL;
    pthread_mutex_lock(&worker->lock);
    while (list_is_empty(&worker->orders) && !atomic_load(&worker->is_stopping))
        pthread_cond_wait(&worker->work, &worker->lock);
    if (!atomic_load(&worker->is_stopping)) {
        order = container_of(worker->orders.next, struct order, link);
        list_remove(&order->link);
    }
    pthread_mutex_unlock(&worker->lock);
    return order;
}

/* Ends an order; made is its PNG, or NULL. */
static void end_order(struct png_worker *worker, struct order *order, enum hub_outcome outcome,
                      struct frame *made)
{
    frame_unref(&order->pixels);
    hub_publish_late(worker->hub, &order->late, outcome, made);
    free(order);
}

/* The same picture, with the same stamps, but for its bytes. */
static void copy_stamps(struct frame *to, const struct frame *from)
{
    to->width = from->width;
    to->height = from->height;
    to->sequence = from->sequence;
    to->capture_real_ns = from->capture_real_ns;
    to->capture_ns = from->capture_ns;
    to->sim_time_ns = from->sim_time_ns;
    to->update = from->update;
}

static void work_on(struct png_worker *worker, struct order *order)
{
    const struct jpeg_pixels pixels = exact_pixels_of(order->pixels);
    size_t room = png_writer_room(pixels.format, pixels.width, pixels.height);
    struct exact_frame *made = exact_frame_create(worker->store, room);
    if (!made) {
        end_order(worker, order, HUB_NO_ROOM, NULL);
        return;
    }
    struct frame *frame = &made->frame;
    size_t length = png_writer_write(&pixels, &worker->is_stopping, made->memory, room);
    if (length == 0) {
        frame_unref(&frame);
        end_order(worker, order, HUB_FAILED, NULL);
        return;
    }
    exact_frame_fill(made, length);
    copy_stamps(frame, order->pixels);
    end_order(worker, order, HUB_ENCODED, frame);
}

static void *run(void *arg)
{
    struct png_worker *worker = arg;
    struct order *order;
    thread_give_way();
    while ((order = take_order(worker)))
        work_on(worker, order);
    return NULL;
}

struct png_worker *png_worker_create(struct hub *hub, struct exact_store *store)
{
    struct png_worker *worker = memory_zeroed(sizeof(*worker));
    worker->hub = hub;
    worker->store = store;
    pthread_mutex_init(&worker->lock, NULL);
    pthread_cond_init(&worker->work, NULL);
    list_init(&worker->orders);
    if (!thread_start(&worker->thread, "png", run, worker)) {
        free(worker);
        return NULL;
    }
    return worker;
}

void png_worker_destroy(struct png_worker *worker)
{
    pthread_mutex_lock(&worker->lock);
    atomic_store(&worker->is_stopping, true);
    pthread_cond_signal(&worker->work);
    pthread_mutex_unlock(&worker->lock);
    pthread_join(worker->thread, NULL);
    struct list *node, *after;
    list_for_each_safe(node, after, &worker->orders)
    {
        end_order(worker, container_of(node, struct order, link), HUB_FAILED, NULL);
    }
    pthread_cond_destroy(&worker->work);
    pthread_mutex_destroy(&worker->lock);
    free(worker);
}

void png_worker_add(struct png_worker *worker, const struct hub_late *late, struct frame *pixels)
{
    struct order *order = memory_zeroed(sizeof(*order));
    order->late = *late;
    order->pixels = pixels;
    pthread_mutex_lock(&worker->lock);
    list_append(&worker->orders, &order->link);
    pthread_cond_signal(&worker->work);
    pthread_mutex_unlock(&worker->lock);
}
