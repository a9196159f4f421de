/* SPDX-License-Identifier: MIT */
#include "forward/resolver.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/thread.h"

#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A new edge is found this much later; a name server does not mind. */
enum { AGAIN_MS = 3000 };

/* An answer that is not there so soon is not waited for at the end. */
enum { PATIENCE_S = 1 };

struct entry {
    bool has_failed; /* the thread's own */
    struct resolved result;
    bool is_new;
};

struct resolver {
    const struct target *targets;
    size_t count, max_edges;
    const struct wake *wake;
    struct wake stop;
    pthread_t thread;
    pthread_mutex_t lock; /* guards the entries' results, and: */
    bool is_stopping;
    struct entry *entries;
};

static int compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

static bool write_address(const struct addrinfo *info, const char *port, char text[TARGET_BYTES])
{
    struct host_port address;
    char written[HOST_PORT_BYTES];
    if (getnameinfo(info->ai_addr, info->ai_addrlen, address.host, sizeof(address.host), NULL, 0,
                    NI_NUMERICHOST) != 0)
        return false;
    snprintf(address.port, sizeof(address.port), "%s", port);
    host_port_write(&address, written);
    memset(text, 0, TARGET_BYTES); /* they are compared whole */
    snprintf(text, TARGET_BYTES, TARGET_TCP "%s", written);
    return true;
}

/* 0, or what getaddrinfo() says. */
static int resolve(const struct resolver *resolver, const struct target *target, struct resolved *resolved)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    struct addrinfo *first = NULL;
    *resolved = (struct resolved){0};
    int flaw = getaddrinfo(target->tcp.host, NULL, &hints, &first);
    if (flaw != 0)
        return flaw;
    const size_t most = target->is_every_address ? resolver->max_edges : TARGET_ADDRESSES_MOST;
    resolved->addresses = memory_array(NULL, most, sizeof(*resolved->addresses));
    for (const struct addrinfo *info = first; info && resolved->count < most; info = info->ai_next)
        if (!target->is_every_address || info->ai_family == first->ai_family)
            resolved->count += write_address(info, target->tcp.port, resolved->addresses[resolved->count]);
    freeaddrinfo(first);
    /* An edge has as many addresses as it likes, in the order of preference; edges have none. */
    if (target->is_every_address)
        qsort(resolved->addresses, resolved->count, sizeof(*resolved->addresses), compare);
    return 0;
}

static void resolve_one(struct resolver *resolver, size_t index)
{
    const struct target *target = &resolver->targets[index];
    struct entry *entry = &resolver->entries[index];
    struct resolved fresh;
    int flaw = resolve(resolver, target, &fresh);
    if (flaw != 0) {
        if (!entry->has_failed)
            log_warn("cannot find %s: %s; it is tried again and again", target->text, gai_strerror(flaw));
        entry->has_failed = true;
        return; /* what was found before may still be right */
    }
    entry->has_failed = false;
    pthread_mutex_lock(&resolver->lock);
    struct resolved old = entry->result;
    entry->result = fresh;
    entry->is_new = true;
    if (!resolver->is_stopping)
        wake_signal(resolver->wake);
    pthread_mutex_unlock(&resolver->lock);
    free(old.addresses);
}

static void *run(void *arg)
{
    struct resolver *resolver = arg;
    struct pollfd stop = {.fd = resolver->stop.fd, .events = POLLIN};
    do {
        for (size_t i = 0; i < resolver->count; i++)
            if (!resolver->targets[i].is_numeric)
                resolve_one(resolver, i);
    } while (poll(&stop, 1, AGAIN_MS) == 0);
    return NULL;
}

struct resolver *resolver_create(const struct target *targets, size_t count, size_t max_edges,
                                 const struct wake *wake)
{
    struct resolver *resolver = memory_zeroed(sizeof(*resolver));
    resolver->targets = targets;
    resolver->count = count;
    resolver->max_edges = max_edges;
    resolver->wake = wake;
    resolver->entries = memory_array(NULL, count, sizeof(*resolver->entries));
    memset(resolver->entries, 0, count * sizeof(*resolver->entries));
    pthread_mutex_init(&resolver->lock, NULL);
    if (wake_init(&resolver->stop) && thread_start(&resolver->thread, "resolver", run, resolver))
        return resolver;
    free(resolver->entries);
    free(resolver);
    return NULL;
}

void resolver_destroy(struct resolver *resolver)
{
    struct timespec until;
    pthread_mutex_lock(&resolver->lock);
    resolver->is_stopping = true;
    pthread_mutex_unlock(&resolver->lock);
    wake_signal(&resolver->stop);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_S;
    if (pthread_timedjoin_np(resolver->thread, NULL, &until) != 0) {
        pthread_detach(resolver->thread); /* it waits for a name server; the process ends anyway */
        return;
    }
    wake_fini(&resolver->stop);
    for (size_t i = 0; i < resolver->count; i++)
        free(resolver->entries[i].result.addresses);
    pthread_mutex_destroy(&resolver->lock);
    free(resolver->entries);
    free(resolver);
}

bool resolver_take(struct resolver *resolver, size_t target, struct resolved *resolved)
{
    struct entry *entry = &resolver->entries[target];
    pthread_mutex_lock(&resolver->lock);
    bool is_new = entry->is_new;
    if (is_new) {
        *resolved = entry->result;
        entry->result = (struct resolved){0};
    }
    entry->is_new = false;
    pthread_mutex_unlock(&resolver->lock);
    return is_new;
}
