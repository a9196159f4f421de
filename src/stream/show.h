/* SPDX-License-Identifier: MIT */
/*
 * show: what the viewers of a stream get to see, and when they get it again. A viewer's part follows
 * each new "edition": a new frame, the last frame repeated, or the no-signal picture. Pure: the caller
 * brings the time.
 */
#ifndef HEADCAM_STREAM_SHOW_H
#define HEADCAM_STREAM_SHOW_H

#include <stdbool.h>
#include <stdint.h>

enum show_state {
    SHOW_NOTHING,   /* nothing yet: a first frame is expected at any moment */
    SHOW_LIVE,      /* a new frame */
    SHOW_REPEAT,    /* the last frame again */
    SHOW_NO_SIGNAL, /* a picture that says what is missing */
};

struct show {
    enum show_state state;
    uint64_t edition;  /* rises when viewers shall get a part */
    uint64_t frame_ns; /* when the last frame was published; 0: never */
    uint64_t next_ns;  /* when show_tick() wants to be called */
};

/*
 * Somebody begins to watch. frame_ns is the publication of the last frame that the stream still has, 0
 * for none; with expect_soon the stream is live, and its first frame may take a moment before the
 * no-signal picture stands in.
 */
void show_begin(struct show *show, uint64_t now_ns, uint64_t frame_ns, bool expect_soon,
                uint64_t no_signal_after_ns);

/*
 * A new frame was published. interval_ns is the time until the next is to be expected, 0 where that is not
 * known: a slow stream's frame is not repeated just before the next one comes.
 */
void show_frame(struct show *show, uint64_t now_ns, uint64_t interval_ns);

/* A frame came that shows the same as the last one: the stream is alive, nothing new is to be sent. */
void show_unchanged(struct show *show, uint64_t now_ns, uint64_t interval_ns);

enum show_action {
    SHOW_WAIT,   /* nothing to do before next_ns */
    SHOW_RESEND, /* there is a new edition: the last frame again */
    SHOW_NOTICE, /* bring a no-signal picture, then call show_notice() */
};

enum show_action show_tick(struct show *show, uint64_t now_ns, uint64_t no_signal_after_ns);

/* The no-signal picture is there: a new edition, unless frames came in the meantime (then false). */
bool show_notice(struct show *show);

/* For X-Headcam-State: "live", "repeat", "no-signal". */
const char *show_state_name(enum show_state state);

#endif
