/* SPDX-License-Identifier: MIT */
/*
 * checker: the thread that checks passwords, which takes tens of milliseconds each by design, so that
 * those who are let in already need not wait for it. It knows nothing of files and requests.
 *
 * Any thread may call these functions.
 */
#ifndef HEADCAM_ACCESS_CHECKER_H
#define HEADCAM_ACCESS_CHECKER_H

#include "access/secret.h"
#include "base/list.h"

#include <stdbool.h>
#include <stddef.h>

struct checker;

enum check_outcome { CHECK_UNDONE, CHECK_DIFFERS, CHECK_MATCHES };

struct check {
    /* Set by who submits it, and valid until on_done. */
    const char *password, *hash;
    uint8_t digest[SECRET_DIGEST_BYTES]; /* a keyed hash of the question: the same one is asked once */
    void (*on_done)(struct check *check, void *arg); /* once, on any thread; check is free then */
    void *arg;

    enum check_outcome outcome; /* undone: the checker was stopped before */
    struct list link;
};

/* Starts the thread. NULL, with errno: the system would not let it. At most max_waiting checks are admitted.
 */
struct checker *checker_create(size_t max_waiting);

/* Each check that waits, is at work, or comes later, is done at once and stays undone: the one at work may
   take long, so the thread is left to end by itself. A second call does nothing. */
void checker_stop(struct checker *checker);
void checker_destroy(struct checker *checker);

/* Keeps a place for one check, which must follow. False: there are as many as may wait. */
bool checker_admit(struct checker *checker);

void checker_submit(struct checker *checker, struct check *check);

#endif
