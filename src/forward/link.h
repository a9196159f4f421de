/* SPDX-License-Identifier: MIT */
/*
 * link: one edge: the socket to it, what it wants, and what is on its way to it. A link that breaks begins
 * anew with a socket of its own, so nothing of before is left. The forward thread.
 */
#ifndef HEADCAM_FORWARD_LINK_H
#define HEADCAM_FORWARD_LINK_H

#include "base/log.h"
#include "curve/keys.h"
#include "forward/feed.h"
#include "forward/target.h"
#include "forward/window.h"
#include "stream/edges.h"

/* What links share. */
struct link_context {
    void *zmq;
    struct hub *hub;
    const struct key_pair *keys; /* NULL: in the clear */
    size_t max_routes;           /* streams that an edge may ask for, there or not */
    /* The feed of a stream, made where there is none. */
    struct feed *(*find_feed)(void *arg, const char *name);
    /* Some edge wants something else. */
    void (*on_demand)(void *arg);
    void *arg;
};

struct link {
    struct list link; /* the forward thread's links */
    const struct link_context *context;
    const struct target *target;
    const uint8_t *edge_key; /* of CURVE; NULL: none */
    char name[TARGET_BYTES]; /* for people: the target's, or of one of its addresses */
    char addresses[TARGET_ADDRESSES_MOST][TARGET_BYTES];
    size_t address_count, address;

    void *socket, *monitor; /* NULL: there is no address yet, or it could not be made */
    bool is_connected;      /* the edge said that it wants announcements */
    bool has_answered;      /* the address at hand, if only to refuse */
    bool is_to_restart;
    uint64_t turn_ns; /* when another address has its turn; 0: never */
    uint64_t since_real_ns;
    char reason[EDGES_REASON_BYTES]; /* why it is not connected */
    struct log_limit log, surplus_log;

    struct list routes; /* streams that are there, or asked for */
    struct list active; /* of these, the ones whose frames it takes; the one sent last at the end */
    size_t route_count;
    struct window window;
    size_t largest_taken;   /* of all frames that the edge acknowledged */
    unsigned large_losses;  /* of the connection, in a row, each while a larger one was on its way */
    uint64_t large_loss_ns; /* when the last was */
    uint64_t frames, bytes, skipped;
};

/* Without an address it does nothing. */
struct link *link_create(const struct link_context *context, const struct target *target, const char *name,
                         const uint8_t *edge_key);

/* Says goodbye, and waits for nothing. */
void link_destroy(struct link *link);

/*
 * Where the edge is, the best first: it connects there, unless it is, or tries, at one of them already. Each
 * is tcp://ADDRESS:PORT.
 */
void link_set_addresses(struct link *link, const char (*addresses)[TARGET_BYTES], size_t count);

/* Takes what came from the edge, and what libzmq tells of the connection. */
void link_receive(struct link *link);

/* Announces what is new of the streams, and all of them once a second. */
void link_announce(struct link *link, const struct stream_report *reports, size_t count, uint64_t now_ns);

/* Adds what it wants to the feeds. */
void link_add_wants(struct link *link);

/* Sends the newest frames, as far as the window allows. Returns when there is more to do of itself. */
uint64_t link_send(struct link *link, uint64_t now_ns);

void link_report(const struct link *link, struct edge_report *report);

#endif
