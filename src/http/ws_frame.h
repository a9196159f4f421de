/* SPDX-License-Identifier: MIT */
/*
 * ws_frame: the bytes before the JPEG in a WebSocket's picture: the frame's header, then headcam's own. Pure.
 * Text and control frames are wslay's.
 */
#ifndef HEADCAM_HTTP_WS_FRAME_H
#define HEADCAM_HTTP_WS_FRAME_H

#include "stream/frame.h"
#include "stream/show.h"

#define WS_PICTURE_MAGIC "HCWS"

enum {
    WS_PICTURE_VERSION = 1,
    WS_PICTURE_BYTES = 56,                                  /* headcam's header */
    WS_FRAME_HEAD_BYTES = 10,                               /* the longest that a server writes */
    WS_HEAD_BYTES = WS_FRAME_HEAD_BYTES + WS_PICTURE_BYTES, /* room for both */
};

/* Header fields, by their offset; docs/api.md says what is in them. */
enum ws_picture_at {
    WS_AT_MAGIC = 0,
    WS_AT_VERSION = 4,
    WS_AT_HEADER_BYTES = 6,
    WS_AT_UPDATE = 8,
    WS_AT_SEQUENCE = 16,
    WS_AT_CAPTURE_NS = 24,
    WS_AT_SIM_TIME_NS = 32,
    WS_AT_WIDTH = 40,
    WS_AT_HEIGHT = 44,
    WS_AT_STATE = 48,
};

/* Writes the header of a whole, unfragmented binary frame; returns its length. */
size_t ws_frame_head(uint8_t head[WS_FRAME_HEAD_BYTES], uint64_t payload_bytes);

/* Writes all that comes before a picture's JPEG; returns its length. update counts them, from 1 on. */
size_t ws_picture_head(uint8_t head[WS_HEAD_BYTES], const struct frame *frame, enum show_state state,
                       uint64_t update);

#endif
