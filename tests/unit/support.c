/* SPDX-License-Identifier: MIT */
#include "tests/unit/support.h"

#include "base/clock.h"
#include "base/memory.h"
#include "stream/raw.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

/* xorshift64* */
uint64_t dice_throw(struct dice *dice)
{
    uint64_t x = dice->state ? dice->state : 1;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    dice->state = x;
    return x * UINT64_C(2685821657736338717);
}

uint64_t dice_below(struct dice *dice, uint64_t sides)
{
    return (dice_throw(dice) >> 11) % sides;
}

void dice_fill(struct dice *dice, uint8_t *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        bytes[i] = (uint8_t)(i / 3 + (dice_throw(dice) >> 60));
}

char *read_whole_file(const char *path, size_t *length)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        fprintf(stderr, "cannot read %s; run this from the top directory\n", path);
        abort();
    }
    struct bytes bytes = {0};
    char block[65536];
    for (size_t got; (got = fread(block, 1, sizeof(block), file)) > 0;)
        bytes_append(&bytes, block, got);
    fclose(file);
    *length = bytes.length;
    bytes_append(&bytes, "", 1);
    return (char *)bytes.data;
}

static J_COLOR_SPACE color_space(enum headcam_pixel_format format)
{
    switch (format) {
    case HEADCAM_RGBA:
        return JCS_EXT_RGBA;
    case HEADCAM_BGRA:
        return JCS_EXT_BGRA;
    case HEADCAM_RGB:
        return JCS_EXT_RGB;
    case HEADCAM_BGR:
        return JCS_EXT_BGR;
    default:
        return JCS_GRAYSCALE;
    }
}

/* As many scans as are asked for; what the last of them leave out is not in the picture. */
static void set_scans(struct jpeg_compress_struct *jpeg, unsigned count,
                      jpeg_scan_info script[SCRIPT_SCANS_MOST])
{
    const unsigned last = DCTSIZE2 - 1;
    memset(script, 0, SCRIPT_SCANS_MOST * sizeof(script[0]));
    for (unsigned i = 0; i < count; i++) {
        bool is_refinement = i > last;
        script[i].comps_in_scan = 1;
        script[i].Ss = script[i].Se = (int)(is_refinement ? i - last : i);
        script[i].Ah = is_refinement;
        script[i].Al = i > 0 && !is_refinement;
    }
    jpeg->scan_info = script;
    jpeg->num_scans = (int)count;
}

void reference_jpeg(const struct jpeg_pixels *pixels, const struct jpeg_settings *settings,
                    const struct jpeg_extras *extras, struct bytes *out)
{
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    unsigned char *made = NULL;
    unsigned long made_bytes = 0;
    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    jpeg_mem_dest(&jpeg, &made, &made_bytes);
    jpeg.image_width = pixels->width;
    jpeg.image_height = pixels->height;
    jpeg.input_components = (int)raw_pixel_bytes(pixels->format);
    jpeg.in_color_space = color_space(pixels->format);
    jpeg_set_defaults(&jpeg);
    jpeg_set_quality(&jpeg, settings->quality, TRUE);
    if (jpeg.num_components == 3) {
        jpeg.comp_info[0].h_samp_factor = settings->subsampling == JPEG_444 ? 1 : 2;
        jpeg.comp_info[0].v_samp_factor = settings->subsampling == JPEG_420 ? 2 : 1;
    }
    jpeg.restart_interval = extras->restart_mcus;
    if (extras->is_progressive)
        jpeg_simple_progression(&jpeg);
    jpeg_scan_info script[SCRIPT_SCANS_MOST];
    if (extras->scans)
        set_scans(&jpeg, extras->scans, script);
    jpeg_start_compress(&jpeg, TRUE);
    if (extras->app_segment)
        jpeg_write_marker(&jpeg, JPEG_APP0 + 1, extras->app_segment, extras->app_bytes);
    while (jpeg.next_scanline < jpeg.image_height) {
        JSAMPROW row = (JSAMPROW)(uintptr_t)(pixels->rows + jpeg.next_scanline * pixels->stride);
        jpeg_write_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    out->length = 0;
    bytes_append(out, made, made_bytes);
    free(made);
}

uint8_t *decode_jpeg(const uint8_t *bytes, size_t length, uint32_t *width, uint32_t *height)
{
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_decompress(&jpeg);
    jpeg_mem_src(&jpeg, bytes, length);
    jpeg_read_header(&jpeg, TRUE);
    jpeg.out_color_space = JCS_RGB;
    jpeg_start_decompress(&jpeg);
    *width = jpeg.output_width;
    *height = jpeg.output_height;
    uint8_t *rgb = memory_zeroed((size_t)*width * *height * 3);
    while (jpeg.output_scanline < jpeg.output_height) {
        JSAMPROW row = rgb + (size_t)jpeg.output_scanline * *width * 3;
        jpeg_read_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_decompress(&jpeg);
    assert_int_equal(errors.num_warnings, 0);
    jpeg_destroy_decompress(&jpeg);
    return rgb;
}

bool still_before(uint64_t deadline_ns)
{
    poll(NULL, 0, 2);
    return clock_mono_ns() < deadline_ns;
}
