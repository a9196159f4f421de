/* SPDX-License-Identifier: MIT */
#include "access/throttle.h"

#include "base/list.h"
#include "base/memory.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/*
 * A bucket is one number: the time at which it is full again. Each try that is taken moves it by one
 * recovery; a bucket whose time has passed is as good as none.
 */
struct bucket {
    struct list chain; /* of its hash */
    struct list age;   /* the throttle's buckets, the last tried at the end */
    struct address address;
    uint64_t full_ns;
};

struct throttle {
    struct throttle_options options;
    struct bucket *buckets; /* untouched beyond `used` */
    size_t used;
    struct list by_age;
    struct list *chains;
    size_t chain_count;
    uint8_t key[crypto_shorthash_KEYBYTES]; /* nobody can choose addresses that share a chain */
};

struct throttle *throttle_create(const struct throttle_options *options)
{
    struct throttle *throttle = memory_zeroed(sizeof(*throttle));
    throttle->options = *options;
    throttle->buckets = memory_zeroed(options->addresses * sizeof(*throttle->buckets));
    throttle->chain_count = options->addresses;
    throttle->chains = memory_array(NULL, throttle->chain_count, sizeof(*throttle->chains));
    for (size_t i = 0; i < throttle->chain_count; i++)
        list_init(&throttle->chains[i]);
    list_init(&throttle->by_age);
    crypto_shorthash_keygen(throttle->key);
    return throttle;
}

void throttle_destroy(struct throttle *throttle)
{
    free(throttle->chains);
    free(throttle->buckets);
    free(throttle);
}

static struct list *chain_of(struct throttle *throttle, const struct address *address)
{
    uint8_t hash[crypto_shorthash_BYTES];
    uint64_t number;
    crypto_shorthash(hash, (const uint8_t *)address, sizeof(*address), throttle->key);
    memcpy(&number, hash, sizeof(number));
    return &throttle->chains[number % throttle->chain_count];
}

static struct bucket *find(struct list *chain, const struct address *address)
{
    struct list *node;
    list_for_each(node, chain)
    {
        struct bucket *bucket = container_of(node, struct bucket, chain);
        if (bucket->address.network == address->network && bucket->address.kind == address->kind)
            return bucket;
    }
    return NULL;
}

/* A full bucket for an address that has none: one that was never used, or the oldest. */
static struct bucket *add(struct throttle *throttle, struct list *chain, const struct address *address)
{
    struct bucket *bucket;
    if (throttle->used < throttle->options.addresses) {
        bucket = &throttle->buckets[throttle->used++];
        list_init(&bucket->age);
    } else {
        bucket = container_of(throttle->by_age.next, struct bucket, age);
        list_remove(&bucket->chain);
    }
    bucket->address = *address;
    bucket->full_ns = 0;
    list_append(chain, &bucket->chain);
    return bucket;
}

uint64_t throttle_take(struct throttle *throttle, const struct address *address, uint64_t now_ns)
{
    struct list *chain = chain_of(throttle, address);
    struct bucket *bucket = find(chain, address);
    if (!bucket)
        bucket = add(throttle, chain, address);
    const uint64_t full_ns =
        (bucket->full_ns > now_ns ? bucket->full_ns : now_ns) + throttle->options.recovery_ns;
    const uint64_t latest_ns = now_ns + throttle->options.tries * throttle->options.recovery_ns;
    list_remove(&bucket->age);
    list_append(&throttle->by_age, &bucket->age);
    if (full_ns > latest_ns)
        return full_ns - latest_ns;
    bucket->full_ns = full_ns;
    return 0;
}

void throttle_give_back(struct throttle *throttle, const struct address *address)
{
    struct bucket *bucket = find(chain_of(throttle, address), address);
    if (bucket && bucket->full_ns >= throttle->options.recovery_ns) /* it may be forgotten, or another's */
        bucket->full_ns -= throttle->options.recovery_ns;
}
