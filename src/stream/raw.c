/* SPDX-License-Identifier: MIT */
#include "stream/raw.h"

#include "base/clock.h"

static const uint64_t PLAUSIBLE_AGE_NS = 10 * NS_PER_S;

void raw_stamp(const struct raw_frame *raw, struct frame *frame)
{
    frame->sequence = raw->info.sequence;
    frame->capture_real_ns = raw->info.capture_real_ns;
    frame->capture_ns = raw->capture_ns;
    frame->sim_time_ns = raw->info.sim_time_ns;
    frame->update = raw->info.update;
}

uint32_t raw_pixel_bytes(enum headcam_pixel_format format)
{
    switch (format) {
    case HEADCAM_RGBA:
    case HEADCAM_BGRA:
        return 4;
    case HEADCAM_RGB:
    case HEADCAM_BGR:
        return 3;
    case HEADCAM_GRAY8:
        return 1;
    case HEADCAM_JPEG:
        break;
    }
    return 0;
}

const char *raw_format_name(enum headcam_pixel_format format)
{
    switch (format) {
    case HEADCAM_RGBA:
        return "RGBA";
    case HEADCAM_BGRA:
        return "BGRA";
    case HEADCAM_RGB:
        return "RGB";
    case HEADCAM_BGR:
        return "BGR";
    case HEADCAM_GRAY8:
        return "GRAY8";
    case HEADCAM_JPEG:
        return "JPEG";
    }
    return NULL;
}

uint64_t raw_capture_mono_ns(uint64_t capture_real_ns, uint64_t arrival_real_ns, uint64_t arrival_mono_ns)
{
    if (capture_real_ns > arrival_real_ns)
        return arrival_mono_ns;
    uint64_t age_ns = arrival_real_ns - capture_real_ns;
    return age_ns > PLAUSIBLE_AGE_NS || age_ns > arrival_mono_ns ? arrival_mono_ns : arrival_mono_ns - age_ns;
}
