/* SPDX-License-Identifier: MIT */
/*
 * tally: what became of a stream's frames, from their arrival to the viewers' sockets. The hub and the
 * sender count, /status and /metrics read; any thread, no lock.
 */
#ifndef HEADCAM_STREAM_TALLY_H
#define HEADCAM_STREAM_TALLY_H

#include <stdatomic.h>
#include <stdint.h>

/*
 * Every frame received ends as one of the seven kinds behind it; at most one of a stream waits and one is
 * at work. A frame that is sent counts once for each viewer.
 */
enum tally_kind {
    TALLY_RECEIVED,
    TALLY_ENCODED,    /* anew */
    TALLY_UNCHANGED,  /* looked like the one before */
    TALLY_PASSED,     /* a ready JPEG */
    TALLY_TORN,       /* its producer overwrote it meanwhile */
    TALLY_SUPERSEDED, /* a newer one came before it could be encoded */
    TALLY_UNWANTED,   /* nobody watched, or nobody wanted one yet */
    TALLY_FAILED,     /* its pixels could not be read, or not be encoded */

    TALLY_SENT_LIVE,      /* a new frame */
    TALLY_SENT_REPEAT,    /* the last one again */
    TALLY_SENT_NO_SIGNAL, /* the picture that says what is missing */
    TALLY_SKIPPED_SLOW,   /* a newer one came before the viewer could take it */
    TALLY_SKIPPED_FPS,    /* the viewer asked for fewer */

    TALLY_RECEIVED_BYTES, /* pixels and ready JPEGs */
    TALLY_SENT_BYTES,     /* to streams: JPEGs and what is around them */
    TALLY_ENCODE_NS,      /* spent on encoding anew, of ready JPEGs too where a variant needs it */

    TALLY_KINDS, /* how many there are */
};

/* A zeroed tally has counted nothing. */
struct tally {
    _Atomic uint64_t counts[TALLY_KINDS];
};

/* A tally as it was at one moment, or the sum of several. */
struct tally_view {
    uint64_t counts[TALLY_KINDS];
};

static inline void tally_add(struct tally *tally, enum tally_kind kind, uint64_t count)
{
    atomic_fetch_add_explicit(&tally->counts[kind], count, memory_order_relaxed);
}

/* Adds what a tally has counted to a view. */
static inline void tally_sum(struct tally *tally, struct tally_view *sum)
{
    for (int kind = 0; kind < TALLY_KINDS; kind++)
        sum->counts[kind] += atomic_load_explicit(&tally->counts[kind], memory_order_relaxed);
}

#endif
