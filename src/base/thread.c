/* SPDX-License-Identifier: MIT */
#include "base/thread.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

bool thread_start(pthread_t *thread, const char *name, void *(*run)(void *), void *arg)
{
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int error = pthread_create(thread, NULL, run, arg);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (error != 0) {
        errno = error;
        return false;
    }
    pthread_setname_np(*thread, name);
    return true;
}

void thread_give_way(void)
{
    enum { NICENESS = 10 };
    /* On Linux a thread has its own. Whoever may not change it runs as before. */
    setpriority(PRIO_PROCESS, (id_t)gettid(), NICENESS);
}
