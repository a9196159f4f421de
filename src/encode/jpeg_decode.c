/* SPDX-License-Identifier: MIT */
#include "encode/jpeg_decode.h"

#include "base/memory.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdio.h> /* jpeglib.h needs it */
#include <stdlib.h>

#include <jpeglib.h>

enum { SMALLEST_SCALE = 8, ROWS_AT_ONCE = 16 };

/*
 * A scan costs time for all of the picture, however few bytes it has. Encoders write about ten; a hundred
 * take a second where the picture is as large as the default of --max-frame-bytes allows, and larger ones may
 * have no more than would take about that.
 */
enum { SCANS_MOST = 100, SCANS_OF_ANY_SIZE = 16 };
static const uint64_t SCANNED_PIXELS_MOST = UINT64_C(1) << 32;

struct decoded_frame {
    struct raw_frame raw;
    uint8_t pixels[];
};

struct decoder {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    jmp_buf on_error;
    char *error;
    struct decoded_frame *frame; /* NULL until its size is known */
};

/* ---- libjpeg's callbacks ---- */

static void on_error(j_common_ptr jpeg)
{
    struct decoder *decoder = jpeg->client_data;
    char text[JMSG_LENGTH_MAX];
    jpeg->err->format_message(jpeg, text);
    snprintf(decoder->error, JPEG_DECODE_ERROR_BYTES, "%s", text);
    longjmp(decoder->on_error, 1);
}

/* From time to time within each scan. */
static void on_progress(j_common_ptr jpeg)
{
    struct decoder *decoder = jpeg->client_data;
    const struct jpeg_decompress_struct *decoding = &decoder->jpeg;
    unsigned most = jpeg_decode_scans(decoding->image_width, decoding->image_height);
    if ((unsigned)decoding->input_scan_number <= most)
        return;
    snprintf(decoder->error, JPEG_DECODE_ERROR_BYTES,
             "it has more than %u scans, the most for its size; send a baseline JPEG", most);
    longjmp(decoder->on_error, 1);
}

/* What is not quite right in a JPEG is seen by those who get it as it is, too. */
static void on_message(j_common_ptr jpeg)
{
    (void)jpeg;
}

/* ---- decoding ---- */

unsigned jpeg_decode_scans(uint32_t width, uint32_t height)
{
    uint64_t scans = SCANNED_PIXELS_MOST / ((uint64_t)width * height);
    return scans > SCANS_MOST ? SCANS_MOST : scans < SCANS_OF_ANY_SIZE ? SCANS_OF_ANY_SIZE : (unsigned)scans;
}

static uint32_t scaled_side(uint32_t side, unsigned scale)
{
    return (side + scale - 1) / scale; /* as libjpeg rounds */
}

static unsigned find_scale(const struct raw_info *info, uint32_t least_width, uint32_t least_height)
{
    unsigned scale = SMALLEST_SCALE;
    while (scale > 1 &&
           (scaled_side(info->width, scale) < least_width || scaled_side(info->height, scale) < least_height))
        scale /= 2;
    return scale;
}

static void release(struct raw_frame *raw)
{
    free((struct decoded_frame *)raw);
}

/* A frame for the pixels that the decoder is about to give. */
static struct decoded_frame *make_frame(const struct raw_frame *jpeg,
                                        const struct jpeg_decompress_struct *decoding)
{
    struct raw_info info = jpeg->info;
    info.width = decoding->output_width;
    info.height = decoding->output_height;
    info.stride = info.width * (uint32_t)decoding->output_components;
    info.format = decoding->out_color_space == JCS_GRAYSCALE ? HEADCAM_GRAY8 : HEADCAM_RGBA;
    info.payload_bytes = (size_t)info.stride * info.height;
    struct decoded_frame *frame = memory_zeroed(sizeof(*frame) + info.payload_bytes);
    frame->raw = (struct raw_frame){
        .info = info,
        .arrival_ns = jpeg->arrival_ns,
        .capture_ns = jpeg->capture_ns,
        .payload = frame->pixels,
        .release = release,
    };
    return frame;
}

/* False: libjpeg refused, and there may be half a frame. */
static bool decode(struct decoder *decoder, const struct raw_frame *jpeg, unsigned scale)
{
    struct jpeg_decompress_struct *decoding = &decoder->jpeg;
    if (setjmp(decoder->on_error))
        return false;
    jpeg_create_decompress(decoding);
    decoding->client_data = decoder;
    decoding->progress = &decoder->progress;
    jpeg_mem_src(decoding, jpeg->payload, jpeg->info.payload_bytes);
    jpeg_read_header(decoding, TRUE);
    if (decoding->image_width != jpeg->info.width || decoding->image_height != jpeg->info.height) {
        snprintf(decoder->error, JPEG_DECODE_ERROR_BYTES, "its size is not the announced one");
        return false;
    }
    decoding->out_color_space = decoding->num_components == 1 ? JCS_GRAYSCALE : JCS_EXT_RGBX;
    decoding->scale_num = 1;
    decoding->scale_denom = scale;
    jpeg_start_decompress(decoding);
    struct decoded_frame *frame = decoder->frame = make_frame(jpeg, decoding);
    while (decoding->output_scanline < decoding->output_height) {
        JSAMPROW rows[ROWS_AT_ONCE];
        uint32_t count = decoding->output_height - decoding->output_scanline;
        if (count > ROWS_AT_ONCE)
            count = ROWS_AT_ONCE;
        for (uint32_t i = 0; i < count; i++)
            rows[i] = frame->pixels + (size_t)(decoding->output_scanline + i) * frame->raw.info.stride;
        jpeg_read_scanlines(decoding, rows, count);
    }
    jpeg_finish_decompress(decoding);
    return true;
}

struct raw_frame *jpeg_decode(const struct raw_frame *jpeg, uint32_t least_width, uint32_t least_height,
                              size_t max_bytes, char error[JPEG_DECODE_ERROR_BYTES])
{
    const struct raw_info *info = &jpeg->info;
    /* In its full size: a progressive one is kept whole while it is decoded. */
    if ((uint64_t)info->width * info->height * raw_pixel_bytes(HEADCAM_RGBA) > max_bytes) {
        snprintf(error, JPEG_DECODE_ERROR_BYTES,
                 "%" PRIu32 "x%" PRIu32 " pixels are more than --max-frame-bytes allows", info->width,
                 info->height);
        return NULL;
    }
    struct decoder decoder = {.error = error};
    decoder.jpeg.err = jpeg_std_error(&decoder.errors);
    decoder.errors.error_exit = on_error;
    decoder.errors.output_message = on_message;
    decoder.progress.progress_monitor = on_progress;
    decoder.jpeg.client_data = &decoder;
    bool is_decoded = decode(&decoder, jpeg, find_scale(info, least_width, least_height));
    jpeg_destroy_decompress(&decoder.jpeg);
    if (is_decoded)
        return &decoder.frame->raw;
    free(decoder.frame);
    return NULL;
}
