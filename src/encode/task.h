/* SPDX-License-Identifier: MIT */
/*
 * task: a job of the hub as the encoder's threads work on it: in steps, one after the other, each cut into
 * units that all threads take from. What is to be done is here; who does it when is encoder.c's matter.
 *
 * A frame's first step goes through its stripes: each is read once, encoded for the variants in the source's
 * size, and scaled for the smaller ones, which are encoded in the second step. A ready JPEG is decoded in a
 * step before. A notice is one step of one unit.
 *
 * Where somebody wants the exact pixels, the first step copies them, too: once for all. A PNG of the copy is
 * made by a thread of its own, and comes after the job.
 */
#ifndef HEADCAM_ENCODE_TASK_H
#define HEADCAM_ENCODE_TASK_H

#include "base/list.h"
#include "base/log.h"
#include "encode/exact.h"
#include "encode/frame_pool.h"
#include "encode/jpeg.h"
#include "encode/png_worker.h"
#include "encode/scale.h"
#include "encode/source.h"
#include "stream/hub.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What all tasks share. */
struct task_context {
    struct hub *hub;
    struct frame_pool *frames;
    struct exact_store *exact;
    struct png_worker *png;
    int quality;            /* for those who do not ask for one */
    size_t max_frame_bytes; /* as pixels */
};

/* What a thread works with; zeroed but for its compressor. */
struct task_worker {
    struct jpeg_compressor *compressor;
    struct source_memory source;
    struct ladder ladder;
    struct log_limit log;
};

void task_worker_fini(struct task_worker *worker);

enum task_step { TASK_NOTICE, TASK_DECODE, TASK_STRIPES, TASK_SCALED };

struct task {
    struct list link; /* the encoder's, as the next three */
    size_t units;     /* of the present step */
    size_t taken, ended;

    struct hub_job job;
    enum task_step step;
    struct raw_frame *source;   /* whose pixels are encoded: the job's own, or decoded; NULL: none */
    uint32_t stripe_rows;       /* of the source */
    uint32_t overlap;           /* rows beyond a stripe that some output looks at */
    atomic_bool has_failed;     /* a stripe could not be read */
    struct exact_frame *pixels; /* the copy; NULL: nobody wants it, or there is no room */
    struct frame *notice;
};

/* Begins a job that was taken: its first step is ready. */
void task_begin(const struct task_context *context, struct task *task);

/* Does one unit of the present step. Any thread, several at a time. */
void task_work(const struct task_context *context, struct task *task, struct task_worker *worker,
               size_t unit);

/*
 * All units of a step are done: publishes what is complete, and begins the next step. False: there is none,
 * and the job is finished.
 */
bool task_go_on(const struct task_context *context, struct task *task);

/* Finishes the job as it is, without what is missing. */
void task_give_up(const struct task_context *context, struct task *task);

#endif
