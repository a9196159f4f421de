/* SPDX-License-Identifier: MIT */
/*
 * multipart: the bytes around the JPEGs of an MJPEG stream. Pure.
 *
 * A body is the opening, then for each part its head, the JPEG and its tail. The tail holds the next
 * part's boundary, so that it leaves in the same write as the image: clients show an image once they
 * have seen what follows it. With advance headers the tail holds the next part's whole head, which
 * Chromium waits for (crbug 527446); no Content-Length can be in there.
 */
#ifndef HEADCAM_HTTP_MULTIPART_H
#define HEADCAM_HTTP_MULTIPART_H

#include "stream/frame.h"

#include <stdbool.h>
#include <stddef.h>

#define MULTIPART_CONTENT_TYPE "multipart/x-mixed-replace; boundary=frame"

enum {
    MULTIPART_HEAD_BYTES = 320,   /* room for a head */
    MULTIPART_OPENING_BYTES = 64, /* and for the opening */
    MULTIPART_STAMP_BYTES = 64,
};

/* The first bytes of the body. */
const char *multipart_opening(bool advance_headers);

/* Writes a part's head and returns its length; 0 with advance headers. */
size_t multipart_head(char head[MULTIPART_HEAD_BYTES], const struct frame *frame, const char *state,
                      bool advance_headers);

const char *multipart_tail(bool advance_headers);

/* "1764158400.123456": seconds since the epoch, of ns. */
void multipart_timestamp(char text[MULTIPART_STAMP_BYTES], uint64_t real_ns);

/* "-1.500000000": seconds of simulation time, of ns. */
void multipart_sim_time(char text[MULTIPART_STAMP_BYTES], int64_t sim_time_ns);

#endif
