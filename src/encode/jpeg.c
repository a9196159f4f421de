/* SPDX-License-Identifier: MIT */
#include "encode/jpeg.h"

#include "base/log.h"
#include "base/memory.h"
#include "encode/jpeg_memory.h"
#include "stream/raw.h"

#include <setjmp.h>
#include <stdio.h> /* jpeglib.h needs it */
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

enum { FIRST_ROOM = 64 * 1024, STRIPE_BYTES = 512 * 1024, ROWS_AT_ONCE = 16 };

struct jpeg_compressor {
    struct jpeg_memory memory; /* the first member: jpeg.client_data points to it, too */
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct jpeg_destination_mgr destination;
    jmp_buf on_error;
    struct jpeg_settings settings;
    enum headcam_pixel_format format; /* what jpeg is set up for; 0: nothing yet */
    int quality;                      /* likewise */
    struct bytes *out;
};

bool jpeg_subsampling_from_name(const char *name, enum jpeg_subsampling *subsampling)
{
    static const char *const names[] = {[JPEG_420] = "4:2:0", [JPEG_422] = "4:2:2", [JPEG_444] = "4:4:4"};
    for (int i = JPEG_420; i <= JPEG_444; i++) {
        if (strcmp(name, names[i]) == 0) {
            *subsampling = (enum jpeg_subsampling)i;
            return true;
        }
    }
    return false;
}

/* ---- libjpeg's callbacks ---- */

static void on_error(j_common_ptr jpeg)
{
    struct jpeg_compressor *self = jpeg->client_data;
    char text[JMSG_LENGTH_MAX];
    jpeg->err->format_message(jpeg, text);
    log_error("libjpeg: %s", text);
    longjmp(self->on_error, 1);
}

static void on_message(j_common_ptr jpeg)
{
    char text[JMSG_LENGTH_MAX];
    jpeg->err->format_message(jpeg, text);
    log_debug("libjpeg: %s", text);
}

static void offer_room(struct jpeg_compressor *self)
{
    self->destination.next_output_byte = self->out->data + self->out->length;
    self->destination.free_in_buffer = self->out->room - self->out->length;
}

static void on_begin(j_compress_ptr jpeg)
{
    struct jpeg_compressor *self = jpeg->client_data;
    bytes_reserve(self->out, FIRST_ROOM);
    self->out->length = 0;
    offer_room(self);
}

static boolean on_full(j_compress_ptr jpeg)
{
    struct jpeg_compressor *self = jpeg->client_data;
    self->out->length = self->out->room;
    bytes_reserve(self->out, self->out->room * 2);
    offer_room(self);
    return TRUE;
}

static void on_end(j_compress_ptr jpeg)
{
    struct jpeg_compressor *self = jpeg->client_data;
    self->out->length = self->out->room - self->destination.free_in_buffer;
}

/* ---- compressing ---- */

struct jpeg_compressor *jpeg_compressor_create(const struct jpeg_settings *settings)
{
    struct jpeg_compressor *self = memory_zeroed(sizeof(*self));
    self->settings = *settings;
    self->jpeg.err = jpeg_std_error(&self->errors);
    self->errors.error_exit = on_error;
    self->errors.output_message = on_message;
    self->destination.init_destination = on_begin;
    self->destination.empty_output_buffer = on_full;
    self->destination.term_destination = on_end;
    self->jpeg.client_data = self;
    if (setjmp(self->on_error)) {
        log_error("cannot set up libjpeg");
        abort();
    }
    jpeg_create_compress(&self->jpeg);
    self->jpeg.client_data = self;
    self->jpeg.dest = &self->destination;
    jpeg_memory_init(&self->memory, &self->jpeg);
    return self;
}

void jpeg_compressor_destroy(struct jpeg_compressor *self)
{
    jpeg_destroy_compress(&self->jpeg);
    jpeg_memory_fini(&self->memory);
    free(self);
}

void jpeg_compressor_set_quality(struct jpeg_compressor *self, int quality)
{
    self->settings.quality = quality;
}

static J_COLOR_SPACE color_space(enum headcam_pixel_format format)
{
    switch (format) {
    case HEADCAM_RGBA:
        return JCS_EXT_RGBX;
    case HEADCAM_BGRA:
        return JCS_EXT_BGRX;
    case HEADCAM_RGB:
        return JCS_EXT_RGB;
    case HEADCAM_BGR:
        return JCS_EXT_BGR;
    case HEADCAM_GRAY8:
    case HEADCAM_JPEG:
        break;
    }
    return JCS_GRAYSCALE;
}

/* Everything that does not change from frame to frame. */
static void set_up(struct jpeg_compressor *self, enum headcam_pixel_format format)
{
    if (self->format == format && self->quality == self->settings.quality)
        return;
    struct jpeg_compress_struct *jpeg = &self->jpeg;
    jpeg->input_components = (int)raw_pixel_bytes(format);
    jpeg->in_color_space = color_space(format);
    jpeg_set_defaults(jpeg);
    jpeg_set_quality(jpeg, self->settings.quality, TRUE);
    if (format != HEADCAM_GRAY8) {
        jpeg->comp_info[0].h_samp_factor = self->settings.subsampling == JPEG_444 ? 1 : 2;
        jpeg->comp_info[0].v_samp_factor = self->settings.subsampling == JPEG_420 ? 2 : 1;
    }
    self->format = format;
    self->quality = self->settings.quality;
}

/* libjpeg counts the restart interval in MCUs. */
static unsigned restart_interval(const struct jpeg_compress_struct *jpeg, uint32_t width,
                                 uint32_t restart_rows)
{
    uint32_t mcu_width = DCTSIZE * (uint32_t)jpeg->comp_info[0].h_samp_factor;
    uint32_t mcu_height = DCTSIZE * (uint32_t)jpeg->comp_info[0].v_samp_factor;
    return (width + mcu_width - 1) / mcu_width * (restart_rows / mcu_height);
}

bool jpeg_compress(struct jpeg_compressor *self, const struct jpeg_pixels *pixels, uint32_t restart_rows,
                   struct bytes *out)
{
    struct jpeg_compress_struct *jpeg = &self->jpeg;
    self->out = out;
    if (setjmp(self->on_error)) {
        jpeg_abort_compress(jpeg);
        self->format = 0;
        return false;
    }
    set_up(self, pixels->format);
    jpeg->image_width = pixels->width;
    jpeg->image_height = pixels->height;
    jpeg->restart_interval = restart_interval(jpeg, pixels->width, restart_rows);
    jpeg_start_compress(jpeg, TRUE);
    while (jpeg->next_scanline < jpeg->image_height) {
        JSAMPROW rows[ROWS_AT_ONCE];
        uint32_t count = jpeg->image_height - jpeg->next_scanline;
        if (count > ROWS_AT_ONCE)
            count = ROWS_AT_ONCE;
        for (uint32_t i = 0; i < count; i++)
            rows[i] = (JSAMPROW)(uintptr_t)(pixels->rows + (jpeg->next_scanline + i) * pixels->stride);
        jpeg_write_scanlines(jpeg, rows, count);
    }
    jpeg_finish_compress(jpeg);
    return true;
}

/* ---- stripes ---- */

uint32_t jpeg_stripe_rows(enum headcam_pixel_format format, uint32_t width, uint32_t height)
{
    uint32_t row_bytes = width * raw_pixel_bytes(format);
    uint32_t rows = STRIPE_BYTES / row_bytes / JPEG_STRIPE_UNIT * JPEG_STRIPE_UNIT;
    if (rows == 0)
        rows = JPEG_STRIPE_UNIT;
    return rows < height ? rows : height;
}

/* ITU-T T.81, table B.1. */
enum { MARKER = 0xFF, SOF0 = 0xC0, SOS = 0xDA, RST0 = 0xD0, EOI_BYTES = 2 };

/* Where the segment with a marker begins in a JPEG that libjpeg wrote. */
static size_t find_segment(const struct bytes *jpeg, uint8_t marker)
{
    size_t at = 2; /* after SOI */
    while (jpeg->data[at + 1] != marker)
        at += 2 + ((size_t)jpeg->data[at + 2] << 8 | jpeg->data[at + 3]);
    return at;
}

/* Where the entropy-coded data begin. */
static size_t find_scan(const struct bytes *jpeg)
{
    size_t at = find_segment(jpeg, SOS);
    return at + 2 + ((size_t)jpeg->data[at + 2] << 8 | jpeg->data[at + 3]);
}

void jpeg_join(const struct bytes *const *stripes, size_t count, uint32_t height, struct bytes *out)
{
    size_t total = 0;
    for (size_t i = 0; i < count; i++)
        total += stripes[i]->length;
    bytes_reserve(out, total);
    out->length = 0;
    bytes_append(out, stripes[0]->data, stripes[0]->length - EOI_BYTES);
    size_t sof = find_segment(out, SOF0); /* marker (2), length (2), precision (1), then the height */
    out->data[sof + 5] = (uint8_t)(height >> 8);
    out->data[sof + 6] = (uint8_t)height;
    for (size_t i = 1; i < count; i++) {
        const uint8_t restart[] = {MARKER, (uint8_t)(RST0 + (i - 1) % 8)};
        size_t scan = find_scan(stripes[i]);
        bytes_append(out, restart, sizeof(restart));
        bytes_append(out, stripes[i]->data + scan, stripes[i]->length - scan - EOI_BYTES);
    }
    bytes_append(out, stripes[count - 1]->data + stripes[count - 1]->length - EOI_BYTES, EOI_BYTES);
}
