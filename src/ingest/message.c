/* SPDX-License-Identifier: MIT */
#include "ingest/message.h"

#include "base/little_endian.h"
#include "base/text.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* libjpeg's largest side. */
enum { MAX_SIDE = 65500 };

static const double MAX_FPS = 10000;

__attribute__((format(printf, 3, 4))) static bool refuse(struct message_error *error, enum reject reason,
                                                         const char *format, ...)
{
    error->reason = reason;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->text, sizeof(error->text), format, arguments);
    va_end(arguments);
    return false;
}

/* ---- topic ---- */

bool message_read_topic(const void *bytes, size_t length, char name[NAME_BYTES], bool *is_announcement,
                        struct message_error *error)
{
    const char *text = bytes;
    *is_announcement = length > 0 && text[0] == '@';
    if (*is_announcement) {
        text++;
        length--;
    }
    if (length == 0 || text[length - 1] != '/' || !name_is_valid(text, length - 1))
        return refuse(error, REJECT_TOPIC, "the topic is not NAME/ or @NAME/; a name is " NAME_RULE);
    memcpy(name, text, length - 1);
    name[length - 1] = '\0';
    return true;
}

/* ---- frame header ---- */

static bool check_jpeg_fields(const struct raw_info *info, struct message_error *error)
{
    if (info->location != HEADCAM_INLINE)
        return refuse(error, REJECT_FIELD, "a JPEG is sent inline, not in a ring");
    if (info->stride != 0)
        return refuse(error, REJECT_FIELD, "a JPEG's stride is 0, not %" PRIu32, info->stride);
    if (info->payload_bytes == 0)
        return refuse(error, REJECT_SIZE, "a JPEG of 0 bytes");
    return true;
}

static bool check_pixel_fields(const struct raw_info *info, struct message_error *error)
{
    uint64_t row = (uint64_t)info->width * raw_pixel_bytes(info->format);
    if (info->stride < row)
        return refuse(error, REJECT_FIELD, "stride %" PRIu32 " is less than a row of %" PRIu64 " bytes",
                      info->stride, row);
    uint64_t least = (uint64_t)info->stride * (info->height - 1) + row;
    uint64_t most = (uint64_t)info->stride * info->height;
    if (info->payload_bytes < least || info->payload_bytes > most)
        return refuse(error, REJECT_SIZE,
                      "%" PRIu32 "x%" PRIu32 " with stride %" PRIu32 " has %" PRIu64 " bytes, not %zu",
                      info->width, info->height, info->stride, most, info->payload_bytes);
    return true;
}

static bool check_location(const struct raw_info *info, struct message_error *error)
{
    switch (info->location) {
    case HEADCAM_INLINE:
        if (info->ring != 0 || info->slot != 0 || info->slot_sequence != 0)
            return refuse(error, REJECT_FIELD, "an inline frame has no ring slot");
        return true;
    case HEADCAM_RING:
        if (info->ring == 0 || info->slot_sequence == 0 || info->slot_sequence % 2 != 0)
            return refuse(error, REJECT_FIELD, "slot sequence %" PRIu64 " of ring %" PRIu32 " is no frame's",
                          info->slot_sequence, info->ring);
        return true;
    }
    return refuse(error, REJECT_FIELD, "unknown location %d", (int)info->location);
}

/* What a header begins with: that it is one, of a length that it may have. */
static bool check_header_start(const uint8_t *at, size_t length, struct message_error *error)
{
    if (length < HEADCAM_HEADER_BYTES_LEAST)
        return refuse(error, REJECT_HEADER, "a frame header of %zu bytes; it has at least %d", length,
                      HEADCAM_HEADER_BYTES_LEAST);
    if (memcmp(at + HEADCAM_AT_MAGIC, HEADCAM_WIRE_MAGIC, 4) != 0)
        return refuse(error, REJECT_MAGIC, "the frame header does not begin with " HEADCAM_WIRE_MAGIC);
    uint64_t version = little_endian(at + HEADCAM_AT_VERSION, 2);
    if (version != HEADCAM_WIRE_VERSION)
        return refuse(error, REJECT_VERSION, "wire version %" PRIu64 "; this server speaks %d", version,
                      HEADCAM_WIRE_VERSION);
    uint64_t header_bytes = little_endian(at + HEADCAM_AT_HEADER_BYTES, 2);
    if (header_bytes != length)
        return refuse(error, REJECT_HEADER, "a frame header of %zu bytes says that it has %" PRIu64, length,
                      header_bytes);
    if (length > HEADCAM_HEADER_BYTES_LEAST && length < HEADCAM_HEADER_BYTES)
        return refuse(error, REJECT_HEADER,
                      "a frame header of %zu bytes ends inside a field; it has %d, or %d or more", length,
                      HEADCAM_HEADER_BYTES_LEAST, HEADCAM_HEADER_BYTES);
    return true;
}

bool message_read_header(const void *bytes, size_t length, size_t max_frame_bytes, struct raw_info *info,
                         struct message_error *error)
{
    const uint8_t *at = bytes;
    if (!check_header_start(at, length, error))
        return false;
    bool has_update = length >= HEADCAM_HEADER_BYTES;
    *info = (struct raw_info){
        .instance = little_endian(at + HEADCAM_AT_INSTANCE, 8),
        .sequence = little_endian(at + HEADCAM_AT_SEQUENCE, 8),
        .capture_real_ns = little_endian(at + HEADCAM_AT_CAPTURE_NS, 8),
        .sim_time_ns = (int64_t)little_endian(at + HEADCAM_AT_SIM_TIME_NS, 8),
        .width = (uint32_t)little_endian(at + HEADCAM_AT_WIDTH, 4),
        .height = (uint32_t)little_endian(at + HEADCAM_AT_HEIGHT, 4),
        .stride = (uint32_t)little_endian(at + HEADCAM_AT_STRIDE, 4),
        .format = (enum headcam_pixel_format)at[HEADCAM_AT_PIXEL_FORMAT],
        .location = (enum headcam_location)at[HEADCAM_AT_LOCATION],
        .ring = (uint32_t)little_endian(at + HEADCAM_AT_RING, 4),
        .slot = (uint32_t)little_endian(at + HEADCAM_AT_SLOT, 4),
        .slot_sequence = little_endian(at + HEADCAM_AT_SLOT_SEQUENCE, 8),
        .payload_bytes = (size_t)little_endian(at + HEADCAM_AT_PAYLOAD_BYTES, 8),
        .wants_acknowledgement = at[HEADCAM_AT_FLAGS] & HEADCAM_FLAG_ACKNOWLEDGE,
        .update = has_update ? little_endian(at + HEADCAM_AT_UPDATE, 8) : HEADCAM_NO_UPDATE,
    };
    if (info->instance == 0)
        return refuse(error, REJECT_FIELD, "instance 0");
    if ((little_endian(at + HEADCAM_AT_FLAGS, 2) & ~(uint64_t)HEADCAM_FLAG_ACKNOWLEDGE) != 0)
        return refuse(error, REJECT_FIELD, "flags that are not known must be 0");
    if (info->width < 1 || info->width > MAX_SIDE || info->height < 1 || info->height > MAX_SIDE)
        return refuse(error, REJECT_FIELD, "%" PRIu32 "x%" PRIu32 " pixels; a side has 1 to %d", info->width,
                      info->height, MAX_SIDE);
    if (!raw_format_name(info->format))
        return refuse(error, REJECT_FIELD, "unknown pixel format %d", (int)info->format);
    if (!check_location(info, error))
        return false;
    if (info->payload_bytes > max_frame_bytes)
        return refuse(error, REJECT_SIZE, "a frame of %zu bytes; --max-frame-bytes allows %zu",
                      info->payload_bytes, max_frame_bytes);
    return info->format == HEADCAM_JPEG ? check_jpeg_fields(info, error) : check_pixel_fields(info, error);
}

bool message_check_payload(const struct raw_info *info, size_t length, struct message_error *error)
{
    if (length != info->payload_bytes)
        return refuse(error, REJECT_SIZE, "a payload of %zu bytes; its header says %zu", length,
                      info->payload_bytes);
    return true;
}

/* ---- announcement ---- */

/* A string of at most what fits; a missing key leaves "". False: it is something else. */
static bool read_text(const json_t *object, const char *key, char text[HUB_TEXT_BYTES])
{
    const json_t *value = json_object_get(object, key);
    if (value && !json_is_string(value))
        return false;
    snprintf(text, HUB_TEXT_BYTES, "%s", value ? json_string_value(value) : "");
    text_drop_cut_character(text);
    return true;
}

static bool read_side(const json_t *object, const char *key, uint32_t *side)
{
    const json_t *value = json_object_get(object, key);
    if (!value || json_is_null(value))
        return true;
    json_int_t number = json_integer_value(value);
    if (!json_is_integer(value) || number < 0 || number > MAX_SIDE)
        return false;
    *side = (uint32_t)number;
    return true;
}

static bool read_fps(const json_t *object, double *fps)
{
    const json_t *value = json_object_get(object, "fps");
    if (!value || json_is_null(value))
        return true;
    double number = json_number_value(value);
    if (!json_is_number(value) || !(number >= 0 && number <= MAX_FPS))
        return false;
    *fps = number;
    return true;
}

static bool read_format(const json_t *object, enum headcam_pixel_format *format)
{
    const json_t *value = json_object_get(object, "format");
    if (!value || json_is_null(value))
        return true;
    if (!json_is_string(value))
        return false;
    for (int i = HEADCAM_RGBA; i <= HEADCAM_JPEG; i++) {
        const char *name = raw_format_name((enum headcam_pixel_format)i);
        if (name && strcmp(name, json_string_value(value)) == 0) {
            *format = (enum headcam_pixel_format)i;
            return true;
        }
    }
    return false;
}

static bool read_instance(const json_t *value, uint64_t *instance)
{
    const char *text = json_string_value(value);
    if (!text || strlen(text) != 16 || strspn(text, "0123456789abcdefABCDEF") != 16)
        return false;
    *instance = strtoull(text, NULL, 16);
    return *instance != 0;
}

/* The headcams that it came through. */
static bool read_via(const json_t *object, struct announcement *announcement)
{
    const json_t *via = json_object_get(object, "via");
    if (!via)
        return true;
    announcement->is_forwarded = true;
    announcement->via_count = json_array_size(via);
    if (announcement->via_count < 1 || announcement->via_count > HEADCAM_VIA_MAX)
        return false;
    for (size_t i = 0; i < announcement->via_count; i++)
        if (!read_instance(json_array_get(via, i), &announcement->via[i]))
            return false;
    return true;
}

/* What an announcement says of a ring. */
static bool read_ring(const json_t *object, struct announcement *announcement)
{
    const json_t *ring = json_object_get(object, "ring");
    if (!ring || json_is_null(ring))
        return true;
    if (!json_is_object(ring) || !read_text(ring, "reason", announcement->transport_reason))
        return false;
    const json_t *number = json_object_get(ring, "number");
    if (!number)
        return true;
    const char *place = json_string_value(json_object_get(ring, "place"));
    json_int_t value = json_integer_value(number);
    if (!json_is_integer(number) || value < 1 || value > UINT32_MAX || !place ||
        !json_is_boolean(json_object_get(ring, "confirmed")))
        return false;
    announcement->ring.number = (uint32_t)value;
    announcement->ring.is_confirmed = json_is_true(json_object_get(ring, "confirmed"));
    announcement->ring.place = strcmp(place, "shm") == 0 ? RING_IN_SHM : RING_BY_SOCKET;
    return strcmp(place, "shm") == 0 || strcmp(place, "socket") == 0;
}

static bool read_announcement(const json_t *object, struct announcement *announcement,
                              struct message_error *error)
{
    if (!json_is_object(object))
        return refuse(error, REJECT_ANNOUNCEMENT, "an announcement is a JSON object");
    if (json_integer_value(json_object_get(object, "headcam")) != HEADCAM_WIRE_VERSION)
        return refuse(error, REJECT_ANNOUNCEMENT, "an announcement has \"headcam\": %d",
                      HEADCAM_WIRE_VERSION);
    if (!read_instance(json_object_get(object, "instance"), &announcement->instance))
        return refuse(error, REJECT_ANNOUNCEMENT,
                      "\"instance\" is a string of 16 hexadecimal digits, not all 0");
    const char *state = json_string_value(json_object_get(object, "state"));
    if (!state || !condition_from_announcement(state, &announcement->state))
        return refuse(error, REJECT_ANNOUNCEMENT, "\"state\" is starting, live, stalled or ended");
    if (!read_text(object, "reason", announcement->reason) ||
        !read_text(object, "agent", announcement->agent) ||
        !read_text(object, "version", announcement->version))
        return refuse(error, REJECT_ANNOUNCEMENT, "\"reason\", \"agent\" and \"version\" are strings");
    if (!read_side(object, "width", &announcement->width) ||
        !read_side(object, "height", &announcement->height))
        return refuse(error, REJECT_ANNOUNCEMENT, "\"width\" and \"height\" are integers to %d", MAX_SIDE);
    if (!read_fps(object, &announcement->fps))
        return refuse(error, REJECT_ANNOUNCEMENT, "\"fps\" is a number to %.0f", MAX_FPS);
    if (!read_ring(object, announcement))
        return refuse(error, REJECT_ANNOUNCEMENT,
                      "\"ring\" has a number, a place and confirmed, or a reason");
    if (!read_via(object, announcement))
        return refuse(error, REJECT_ANNOUNCEMENT, "\"via\" is 1 to %d strings of 16 hexadecimal digits",
                      HEADCAM_VIA_MAX);
    if (!read_format(object, &announcement->format))
        return refuse(error, REJECT_ANNOUNCEMENT, "\"format\" is RGBA, BGRA, RGB, BGR, GRAY8 or JPEG");
    return true;
}

bool message_read_announcement(const void *bytes, size_t length, struct announcement *announcement,
                               struct message_error *error)
{
    memset(announcement, 0, sizeof(*announcement));
    if (length > HEADCAM_ANNOUNCEMENT_MAX)
        return refuse(error, REJECT_ANNOUNCEMENT, "an announcement of %zu bytes; it has at most %d", length,
                      HEADCAM_ANNOUNCEMENT_MAX);
    json_error_t syntax;
    json_t *object = json_loadb(bytes, length, JSON_REJECT_DUPLICATES, &syntax);
    if (!object)
        return refuse(error, REJECT_ANNOUNCEMENT, "an announcement that is no JSON: %.80s", syntax.text);
    bool is_good = read_announcement(object, announcement, error);
    json_decref(object);
    return is_good;
}
