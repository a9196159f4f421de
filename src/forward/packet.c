/* SPDX-License-Identifier: MIT */
#include "forward/packet.h"

#include "base/little_endian.h"
#include "base/text.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEX_BYTES = 17 };

size_t packet_write_topic(char topic[PACKET_TOPIC_BYTES], const char *name, bool is_announcement)
{
    return (size_t)snprintf(topic, PACKET_TOPIC_BYTES, "%s%s/", is_announcement ? "@" : "", name);
}

enum condition packet_state(const struct stream_report *report)
{
    /* A stream that is lost has an agent that may come back, which the edge is told. What was forwarded here
       is another headcam's to tell: its name is let go, or two that forward to each other would keep it. */
    if (report->condition == CONDITION_LOST)
        return report->via_count > 0 ? CONDITION_ENDED : CONDITION_STALLED;
    return report->condition;
}

static json_t *hex(uint64_t value)
{
    char text[HEX_BYTES];
    snprintf(text, sizeof(text), "%016" PRIx64, value);
    return json_string(text);
}

static json_t *via(const struct stream_report *report, uint64_t id)
{
    json_t *list = json_array();
    for (size_t i = 0; i < report->via_count; i++)
        json_array_append_new(list, hex(report->via[i]));
    json_array_append_new(list, hex(id));
    return list;
}

/* A string that jansson will not take is none. */
static void put_text(json_t *object, const char *key, const char *text)
{
    json_t *value = json_string(text);
    json_object_set_new(object, key, value ? value : json_string(""));
}

char *packet_write_announcement(const struct stream_report *report, enum condition state, const char *reason,
                                uint64_t id)
{
    if (report->via_count >= HEADCAM_VIA_MAX)
        return NULL;
    json_t *object = json_object();
    json_object_set_new(object, "headcam", json_integer(HEADCAM_WIRE_VERSION));
    json_object_set_new(object, "instance", hex(id));
    json_object_set_new(object, "state", json_string(condition_name(state)));
    json_object_set_new(object, "via", via(report, id));
    json_object_set_new(object, "format", json_string("JPEG"));
    if (report->width != 0 && report->height != 0) {
        json_object_set_new(object, "width", json_integer(report->width));
        json_object_set_new(object, "height", json_integer(report->height));
    }
    if (report->nominal_fps > 0)
        json_object_set_new(object, "fps", json_real(report->nominal_fps));
    put_text(object, "reason", reason);
    put_text(object, "agent", report->agent);
    put_text(object, "version", report->version);
    char *json = json_dumps(object, JSON_COMPACT);
    if (json && strlen(json) > HEADCAM_ANNOUNCEMENT_MAX) { /* full of what JSON escapes */
        free(json);
        put_text(object, "reason", "");
        put_text(object, "agent", "");
        put_text(object, "version", "");
        json = json_dumps(object, JSON_COMPACT);
    }
    json_decref(object);
    return json;
}

void packet_write_header(uint8_t header[HEADCAM_HEADER_BYTES], const struct frame *frame, uint64_t instance)
{
    memset(header, 0, HEADCAM_HEADER_BYTES);
    memcpy(header + HEADCAM_AT_MAGIC, HEADCAM_WIRE_MAGIC, strlen(HEADCAM_WIRE_MAGIC));
    put_little_endian(header + HEADCAM_AT_VERSION, HEADCAM_WIRE_VERSION, 2);
    put_little_endian(header + HEADCAM_AT_HEADER_BYTES, HEADCAM_HEADER_BYTES, 2);
    put_little_endian(header + HEADCAM_AT_INSTANCE, instance, 8);
    put_little_endian(header + HEADCAM_AT_SEQUENCE, frame->sequence, 8);
    put_little_endian(header + HEADCAM_AT_CAPTURE_NS, frame->capture_real_ns, 8);
    put_little_endian(header + HEADCAM_AT_SIM_TIME_NS, (uint64_t)frame->sim_time_ns, 8);
    put_little_endian(header + HEADCAM_AT_WIDTH, frame->width, 4);
    put_little_endian(header + HEADCAM_AT_HEIGHT, frame->height, 4);
    header[HEADCAM_AT_PIXEL_FORMAT] = HEADCAM_JPEG;
    put_little_endian(header + HEADCAM_AT_FLAGS, HEADCAM_FLAG_ACKNOWLEDGE, 2);
    put_little_endian(header + HEADCAM_AT_PAYLOAD_BYTES, frame->data_bytes, 8);
    put_little_endian(header + HEADCAM_AT_UPDATE, frame->update, 8);
}

static bool read_name(const uint8_t *bytes, size_t length, char name[NAME_BYTES])
{
    if (!name_is_valid((const char *)bytes, length))
        return false;
    memcpy(name, bytes, length);
    name[length] = '\0';
    return true;
}

/* ZeroMQ's own: 1 and 0, and a topic. */
static void read_subscription(const uint8_t *bytes, size_t length, struct packet *packet)
{
    bool is_begin = bytes[0] == 1;
    if (length == 2 && bytes[1] == '@' && is_begin)
        packet->kind = PACKET_HELLO;
    else if (length > 2 && bytes[length - 1] == '/' && read_name(bytes + 1, length - 2, packet->name))
        packet->kind = is_begin ? PACKET_SUBSCRIBE : PACKET_UNSUBSCRIBE;
}

static void read_verdict(const uint8_t *at, size_t left, struct packet *packet)
{
    packet->kind = PACKET_VERDICT;
    packet->instance = little_endian(at, 8);
    packet->is_taken = at[8] == 1;
    snprintf(packet->reason, sizeof(packet->reason), "%.*s", (int)(left - 9), (const char *)at + 9);
    text_drop_cut_character(packet->reason);
}

void packet_read(const uint8_t *bytes, size_t length, struct packet *packet)
{
    *packet = (struct packet){.kind = PACKET_OTHER};
    if (length < 2)
        return;
    if (bytes[0] <= 1) {
        read_subscription(bytes, length, packet);
        return;
    }
    size_t name_length = bytes[1];
    if (length < 2 + name_length || !read_name(bytes + 2, name_length, packet->name))
        return;
    const uint8_t *at = bytes + 2 + name_length;
    size_t left = length - 2 - name_length;
    if (bytes[0] == HEADCAM_UPSTREAM_RATE && left == 4) {
        packet->kind = PACKET_RATE;
        packet->rate = (millifps)little_endian(at, 4);
    } else if (bytes[0] == HEADCAM_UPSTREAM_TAKEN && left == 16) {
        packet->kind = PACKET_TAKEN;
        packet->instance = little_endian(at, 8);
        packet->sequence = little_endian(at + 8, 8);
    } else if (bytes[0] == HEADCAM_UPSTREAM_VERDICT && left >= 9 && left < 9 + HUB_TEXT_BYTES) {
        read_verdict(at, left, packet);
    }
}
