/* SPDX-License-Identifier: MIT */
#include "http/ws_frame.h"

#include "base/little_endian.h"

#include <string.h>

enum {
    FIN_BINARY = 0x82,
    LENGTH_16 = 126,
    LENGTH_64 = 127,
};

size_t ws_frame_head(uint8_t head[WS_FRAME_HEAD_BYTES], uint64_t payload_bytes)
{
    int length_bytes = payload_bytes < LENGTH_16 ? 0 : payload_bytes <= UINT16_MAX ? 2 : 8;
    head[0] = FIN_BINARY;
    head[1] = length_bytes == 0 ? (uint8_t)payload_bytes : length_bytes == 2 ? LENGTH_16 : LENGTH_64;
    for (int i = 0; i < length_bytes; i++) /* big-endian, as all of WebSocket's own */
        head[2 + i] = (uint8_t)(payload_bytes >> (8 * (length_bytes - 1 - i)));
    return 2 + (size_t)length_bytes;
}

/* As numbers on the wire, which are not show's own. */
static uint8_t state_number(enum show_state state)
{
    return state == SHOW_LIVE ? 1 : state == SHOW_REPEAT ? 2 : 3;
}

size_t ws_picture_head(uint8_t head[WS_HEAD_BYTES], const struct frame *frame, enum show_state state,
                       uint64_t update)
{
    size_t length = ws_frame_head(head, WS_PICTURE_BYTES + (uint64_t)frame->data_bytes);
    uint8_t *at = head + length;
    memset(at, 0, WS_PICTURE_BYTES);
    memcpy(at + WS_AT_MAGIC, WS_PICTURE_MAGIC, 4);
    put_little_endian(at + WS_AT_VERSION, WS_PICTURE_VERSION, 2);
    put_little_endian(at + WS_AT_HEADER_BYTES, WS_PICTURE_BYTES, 2);
    put_little_endian(at + WS_AT_UPDATE, update, 8);
    put_little_endian(at + WS_AT_SEQUENCE, frame->sequence, 8);
    put_little_endian(at + WS_AT_CAPTURE_NS, frame->capture_real_ns, 8);
    put_little_endian(at + WS_AT_SIM_TIME_NS, (uint64_t)frame->sim_time_ns, 8);
    put_little_endian(at + WS_AT_WIDTH, frame->width, 4);
    put_little_endian(at + WS_AT_HEIGHT, frame->height, 4);
    at[WS_AT_STATE] = state_number(state);
    return length + WS_PICTURE_BYTES;
}
