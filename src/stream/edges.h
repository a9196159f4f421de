/* SPDX-License-Identifier: MIT */
/*
 * edges: what is known of the headcams that frames are forwarded to. The forward thread writes, /status and
 * /metrics read; any thread.
 */
#ifndef HEADCAM_STREAM_EDGES_H
#define HEADCAM_STREAM_EDGES_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { EDGES_ENDPOINT_BYTES = 320, EDGES_REASON_BYTES = 256 };

struct edge_report {
    char endpoint[EDGES_ENDPOINT_BYTES]; /* tcp://HOST:PORT */
    bool is_connected;
    char reason[EDGES_REASON_BYTES]; /* why not, or which stream it refuses */
    uint64_t since_real_ns;          /* of is_connected */
    size_t streams;                  /* that it takes now */
    uint64_t frames, bytes;          /* sent: frames, and their JPEGs */
    uint64_t skipped;                /* frames that a newer one replaced before the edge could take them */
    size_t frames_in_flight;
    uint64_t round_trip_ns; /* 0: unknown */
};

struct edges {
    pthread_mutex_t lock; /* guards the rest */
    struct edge_report *reports;
    size_t count;
};

void edges_init(struct edges *edges);
void edges_fini(struct edges *edges);

/* What is known now, in place of what was. */
void edges_set(struct edges *edges, const struct edge_report *reports, size_t count);

/* The caller frees it; NULL where there are none. */
struct edge_report *edges_get(struct edges *edges, size_t *count);

#endif
