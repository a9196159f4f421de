/* SPDX-License-Identifier: MIT */
/*
 * window: how much may be on its way to an edge. A frame more is sent when what is out is no more than the
 * path itself holds, delivery rate x round-trip time, and a little more: so a slow path gets few but fresh
 * frames, and a long one is kept full. Both are learnt from acknowledgements. Pure: the caller brings the
 * time.
 */
#ifndef HEADCAM_FORWARD_WINDOW_H
#define HEADCAM_FORWARD_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Frames in flight at most, whatever the path. */
enum { WINDOW_MOST = 64 };

struct window_frame {
    uint64_t sequence;
    size_t bytes;
    uint64_t sent_ns;
    uint64_t delivered_before;    /* window->delivered when it was sent */
    uint64_t delivered_before_ns; /* and since when */
};

/* Zeroed, nothing is out and nothing known. */
struct window {
    struct window_frame frames[WINDOW_MOST]; /* a ring, in the order of sending */
    size_t first, count;
    size_t bytes, last_bytes; /* of those, and of the last one */
    uint64_t delivered, delivered_ns;
    size_t largest_delivered;
    uint64_t rates[2];       /* bytes a second: the best of this epoch, and of the last one */
    uint64_t epoch_began_ns; /* 0: none has */
    uint64_t round_trip_ns;  /* the shortest; 0: unknown */
};

bool window_may_send(const struct window *window, uint64_t now_ns);

/* A frame was handed over. Only if window_may_send(). */
void window_sent(struct window *window, uint64_t sequence, size_t bytes, uint64_t now_ns);

/* It has arrived, and so have those sent before it. False: no such frame is out. */
bool window_acknowledged(struct window *window, uint64_t sequence, uint64_t now_ns);

/* What was sent before this has arrived, or never left: libzmq drops in silence what the edge has just
   unsubscribed from. */
void window_settle(struct window *window, uint64_t before_ns);

/* The bytes of the largest frame that is out; 0: none is. */
size_t window_largest(const struct window *window);

/* Something small was answered in this time. */
void window_measured(struct window *window, uint64_t round_trip_ns);

#endif
