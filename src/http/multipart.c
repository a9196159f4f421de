/* SPDX-License-Identifier: MIT */
#include "http/multipart.h"

#include "base/clock.h"
#include "headcam/wire.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define BOUNDARY_LINE "--frame\r\n"
#define ADVANCE_HEAD  "Content-Type: image/jpeg\r\n\r\n"

const char *multipart_opening(bool advance_headers)
{
    return advance_headers ? BOUNDARY_LINE ADVANCE_HEAD : BOUNDARY_LINE;
}

const char *multipart_tail(bool advance_headers)
{
    return advance_headers ? "\r\n" BOUNDARY_LINE ADVANCE_HEAD : "\r\n" BOUNDARY_LINE;
}

/* Writes behind what is there; returns the length of all. */
__attribute__((format(printf, 3, 4))) static size_t append(char head[MULTIPART_HEAD_BYTES], size_t length,
                                                           const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    length += (size_t)vsnprintf(head + length, MULTIPART_HEAD_BYTES - length, format, arguments);
    va_end(arguments);
    return length;
}

size_t multipart_head(char head[MULTIPART_HEAD_BYTES], const struct frame *frame, const char *state,
                      bool advance_headers)
{
    if (advance_headers)
        return 0;
    char text[MULTIPART_STAMP_BYTES];
    multipart_timestamp(text, frame->capture_real_ns);
    size_t length = append(head, 0,
                           "Content-Type: image/jpeg\r\nContent-Length: %zu\r\nX-Timestamp: %s\r\n"
                           "X-Headcam-Sequence: %" PRIu64 "\r\nX-Headcam-State: %s\r\n",
                           frame->jpeg_bytes, text, frame->sequence, state);
    if (frame->sim_time_ns != HEADCAM_NO_SIM_TIME) {
        multipart_sim_time(text, frame->sim_time_ns);
        length = append(head, length, "X-Headcam-Sim-Time: %s\r\n", text);
    }
    if (frame->update != HEADCAM_NO_UPDATE)
        length = append(head, length, "X-Headcam-Update: %" PRIu64 "\r\n", frame->update);
    return append(head, length, "\r\n");
}

void multipart_timestamp(char text[MULTIPART_STAMP_BYTES], uint64_t real_ns)
{
    snprintf(text, MULTIPART_STAMP_BYTES, "%" PRIu64 ".%06" PRIu64, real_ns / NS_PER_S,
             real_ns % NS_PER_S / NS_PER_US);
}

void multipart_sim_time(char text[MULTIPART_STAMP_BYTES], int64_t sim_time_ns)
{
    uint64_t magnitude = sim_time_ns < 0 ? 0 - (uint64_t)sim_time_ns : (uint64_t)sim_time_ns;
    snprintf(text, MULTIPART_STAMP_BYTES, "%s%" PRIu64 ".%09" PRIu64, sim_time_ns < 0 ? "-" : "",
             magnitude / NS_PER_S, magnitude % NS_PER_S);
}
