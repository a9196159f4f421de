/* SPDX-License-Identifier: MIT */
#include "access/checker.h"

#include "base/memory.h"
#include "base/thread.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/* What is done while somebody guesses must not take the cores from the encoder. */
enum { NICENESS = 10 };

struct checker {
    pthread_t thread;
    size_t max_waiting;

    pthread_mutex_t queue_lock; /* guards the next three */
    pthread_cond_t queue_changed;
    struct list queue;
    size_t admitted; /* in the queue, about to come, or at work */
    bool is_stopping;

    /* The thread's own. */
    struct crypt_data *work;
    struct check last; /* its outcome; its strings are gone */
    char last_hash[CRYPT_OUTPUT_SIZE];
};

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
    }
    pthread_mutex_unlock(&checker->queue_lock);
    return check;
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
static bool is_asked_again(const struct checker *checker, const struct check *check)
{
    return checker->last.outcome != CHECK_UNDONE && strcmp(checker->last_hash, check->hash) == 0 &&
           secret_digests_are_equal(checker->last.digest, check->digest);
}

static enum check_outcome answer(struct checker *checker, const struct check *check)
{
    if (!is_asked_again(checker, check)) {
        bool matches = secret_matches(check->password, check->hash, checker->work);
        checker->last.outcome = matches ? CHECK_MATCHES : CHECK_DIFFERS;
        memcpy(checker->last.digest, check->digest, sizeof(check->digest));
        snprintf(checker->last_hash, sizeof(checker->last_hash), "%s", check->hash);
    }
    return checker->last.outcome;
}

static void *run(void *arg)
{
    struct checker *checker = arg;
    struct check *check;
    setpriority(PRIO_PROCESS, 0, NICENESS); /* on Linux: of this thread */
    while ((check = take(checker)))
        finish(checker, check, answer(checker, check));
    return NULL;
}

struct checker *checker_create(size_t max_waiting)
{
    struct checker *checker = memory_zeroed(sizeof(*checker));
    checker->max_waiting = max_waiting;
    checker->work = memory_zeroed(sizeof(*checker->work));
    pthread_mutex_init(&checker->queue_lock, NULL);
    pthread_cond_init(&checker->queue_changed, NULL);
    list_init(&checker->queue);
    if (!thread_start(&checker->thread, "passwords", run, checker)) {
        checker_destroy(checker);
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
    pthread_cond_signal(&checker->queue_changed);
    pthread_mutex_unlock(&checker->queue_lock);
    if (is_first)
        pthread_join(checker->thread, NULL);
    list_for_each_safe(node, after, &rest)
    {
        list_remove(node);
        finish(checker, container_of(node, struct check, link), CHECK_UNDONE);
    }
}

void checker_destroy(struct checker *checker)
{
    pthread_cond_destroy(&checker->queue_changed);
    pthread_mutex_destroy(&checker->queue_lock);
    free(checker->work);
    free(checker);
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
