/* SPDX-License-Identifier: MIT */
#include "access/checker.h"

#include "base/memory.h"
#include "base/thread.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/* What is done while somebody guesses must not take the cores from the encoder. */
enum { NICENESS = 10 };

/* What is asked, copied: who gives a check up takes its strings along. */
struct question {
    char password[SECRET_BYTES], hash[CRYPT_OUTPUT_SIZE];
    uint8_t digest[SECRET_DIGEST_BYTES];
};

struct checker {
    pthread_t thread;
    size_t max_waiting;

    pthread_mutex_t queue_lock; /* guards the next four */
    pthread_cond_t queue_changed;
    struct list queue;
    struct check *at_work; /* NULL as soon as it was given up, too */
    size_t admitted;       /* in the queue, about to come, or at work */
    bool is_stopping;
    atomic_uint owners; /* who created it; and the thread, once it is left to end by itself */

    /* The thread's own. */
    struct crypt_data *work;
    struct question question, last; /* of the last one the password is gone */
    enum check_outcome last_outcome;
};

static void release(struct checker *checker)
{
    if (atomic_fetch_sub(&checker->owners, 1) > 1)
        return;
    pthread_cond_destroy(&checker->queue_changed);
    pthread_mutex_destroy(&checker->queue_lock);
    free(checker->work);
    free(checker);
}

static void copy(struct question *question, const struct check *check)
{
    snprintf(question->password, sizeof(question->password), "%s", check->password);
    snprintf(question->hash, sizeof(question->hash), "%s", check->hash);
    memcpy(question->digest, check->digest, sizeof(check->digest));
}

/* The next check, or NULL: the checker ends. */
static struct check *take(struct checker *checker)
{
    struct check *check = NULL;
    pthread_mutex_lock(&checker->queue_lock);
    while (list_is_empty(&checker->queue) && !checker->is_stopping)
        pthread_cond_wait(&checker->queue_changed, &checker->queue_lock);
    if (!checker->is_stopping) {
        check = container_of(checker->queue.next, struct check, link);
        list_remove(&check->link);
        copy(&checker->question, check);
    }
    checker->at_work = check;
    pthread_mutex_unlock(&checker->queue_lock);
    return check;
}

/* False: the check was given up meanwhile, and is finished. */
static bool take_back(struct checker *checker)
{
    pthread_mutex_lock(&checker->queue_lock);
    bool is_own = checker->at_work != NULL;
    checker->at_work = NULL;
    pthread_mutex_unlock(&checker->queue_lock);
    return is_own;
}

static void finish(struct checker *checker, struct check *check, enum check_outcome outcome)
{
    pthread_mutex_lock(&checker->queue_lock);
    checker->admitted--;
    pthread_mutex_unlock(&checker->queue_lock);
    check->outcome = outcome;
    check->on_done(check, check->arg);
}

/* After a restart all viewers of a shared password come at once: they are one question. */
static bool is_asked_again(const struct checker *checker)
{
    return checker->last_outcome != CHECK_UNDONE && strcmp(checker->last.hash, checker->question.hash) == 0 &&
           secret_digests_are_equal(checker->last.digest, checker->question.digest);
}

static enum check_outcome answer(struct checker *checker)
{
    struct question *question = &checker->question;
    if (!is_asked_again(checker)) {
        bool matches = secret_matches(question->password, question->hash, checker->work);
        checker->last_outcome = matches ? CHECK_MATCHES : CHECK_DIFFERS;
    }
    secret_wipe(question->password, sizeof(question->password));
    checker->last = *question;
    return checker->last_outcome;
}

static void *run(void *arg)
{
    struct checker *checker = arg;
    struct check *check;
    setpriority(PRIO_PROCESS, 0, NICENESS); /* on Linux: of this thread */
    while ((check = take(checker))) {
        enum check_outcome outcome = answer(checker);
        if (!take_back(checker)) {
            release(checker);
            break;
        }
        finish(checker, check, outcome);
    }
    return NULL;
}

struct checker *checker_create(size_t max_waiting)
{
    struct checker *checker = memory_zeroed(sizeof(*checker));
    checker->max_waiting = max_waiting;
    atomic_init(&checker->owners, 1);
    checker->work = memory_zeroed(sizeof(*checker->work));
    pthread_mutex_init(&checker->queue_lock, NULL);
    pthread_cond_init(&checker->queue_changed, NULL);
    list_init(&checker->queue);
    if (!thread_start(&checker->thread, "passwords", run, checker)) {
        release(checker);
        return NULL;
    }
    return checker;
}

void checker_stop(struct checker *checker)
{
    struct list rest, *node, *after;
    list_init(&rest);
    pthread_mutex_lock(&checker->queue_lock);
    bool is_first = !checker->is_stopping;
    checker->is_stopping = true;
    list_splice(&rest, &checker->queue);
    struct check *given_up = checker->at_work;
    checker->at_work = NULL;
    if (given_up) {
        atomic_fetch_add(&checker->owners, 1);
        pthread_detach(checker->thread);
    }
    pthread_cond_signal(&checker->queue_changed);
    pthread_mutex_unlock(&checker->queue_lock);
    if (given_up)
        finish(checker, given_up, CHECK_UNDONE);
    else if (is_first)
        pthread_join(checker->thread, NULL);
    list_for_each_safe(node, after, &rest)
    {
        list_remove(node);
        finish(checker, container_of(node, struct check, link), CHECK_UNDONE);
    }
}

void checker_destroy(struct checker *checker)
{
    release(checker);
}

bool checker_admit(struct checker *checker)
{
    pthread_mutex_lock(&checker->queue_lock);
    bool has_room = checker->admitted < checker->max_waiting;
    checker->admitted += has_room;
    pthread_mutex_unlock(&checker->queue_lock);
    return has_room;
}

void checker_submit(struct checker *checker, struct check *check)
{
    pthread_mutex_lock(&checker->queue_lock);
    bool is_running = !checker->is_stopping;
    if (is_running) {
        list_append(&checker->queue, &check->link);
        pthread_cond_signal(&checker->queue_changed);
    }
    pthread_mutex_unlock(&checker->queue_lock);
    if (!is_running)
        finish(checker, check, CHECK_UNDONE);
}
