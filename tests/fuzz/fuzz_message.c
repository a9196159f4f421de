/* SPDX-License-Identifier: MIT */
/* Input: one byte that tells which part of a message follows, then the part. */
#include "ingest/message.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/support.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum part { TOPIC, HEADER, ANNOUNCEMENT, PARTS };

static const size_t MAX_FRAME_BYTES = 128UL * 1024 * 1024;

static bool is_terminated(const char *text, size_t room)
{
    return memchr(text, '\0', room) != NULL;
}

static void check_error(const struct message_error *error)
{
    fuzz_check(error->reason < REJECT_REASONS);
    fuzz_check(is_terminated(error->text, sizeof(error->text)) && error->text[0] != '\0');
}

static void run_topic(const uint8_t *data, size_t size)
{
    char name[NAME_BYTES];
    bool is_announcement;
    struct message_error error;
    if (!message_read_topic(data, size, name, &is_announcement, &error)) {
        check_error(&error);
        return;
    }
    fuzz_check(is_terminated(name, sizeof(name)) && name_is_valid(name, strlen(name)));
    fuzz_check(size == strlen(name) + 1 + is_announcement);
}

static void run_header(const uint8_t *data, size_t size)
{
    struct raw_info info;
    struct message_error error;
    if (!message_read_header(data, size, MAX_FRAME_BYTES, &info, &error)) {
        check_error(&error);
        return;
    }
    fuzz_check(size == HEADCAM_HEADER_BYTES_LEAST || size >= HEADCAM_HEADER_BYTES);
    fuzz_check(size >= HEADCAM_HEADER_BYTES || info.update == HEADCAM_NO_UPDATE);
    fuzz_check(info.instance != 0 && raw_format_name(info.format));
    fuzz_check(info.width >= 1 && info.width <= 65500 && info.height >= 1 && info.height <= 65500);
    fuzz_check(info.payload_bytes >= 1 && info.payload_bytes <= MAX_FRAME_BYTES);
    if (info.format != HEADCAM_JPEG) {
        size_t row = (size_t)info.width * raw_pixel_bytes(info.format);
        fuzz_check(info.stride >= row);
        /* What the encoder reads is there. */
        fuzz_check((size_t)info.stride * (info.height - 1) + row <= info.payload_bytes);
    }
}

static void run_announcement(const uint8_t *data, size_t size)
{
    struct announcement announcement;
    struct message_error error;
    if (!message_read_announcement(data, size, &announcement, &error)) {
        check_error(&error);
        return;
    }
    fuzz_check(announcement.instance != 0);
    fuzz_check(announcement.width <= 65500 && announcement.height <= 65500);
    fuzz_check(announcement.fps >= 0 && announcement.fps <= 10000);
    fuzz_check(announcement.format == 0 || raw_format_name(announcement.format));
    const char *const texts[] = {announcement.reason, announcement.agent, announcement.version,
                                 announcement.transport_reason};
    for (size_t i = 0; i < COUNT(texts); i++) {
        fuzz_check(is_terminated(texts[i], HUB_TEXT_BYTES));
        json_t *value = json_string(texts[i]); /* for /status; jansson takes nothing but UTF-8 */
        fuzz_check(value != NULL);
        json_decref(value);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    switch ((enum part)(data[0] % PARTS)) {
    case TOPIC:
        run_topic(data + 1, size - 1);
        break;
    case HEADER:
        run_header(data + 1, size - 1);
        break;
    case ANNOUNCEMENT:
    case PARTS:
        run_announcement(data + 1, size - 1);
        break;
    }
    return 0;
}

/* What fuzz_seeds() was given. */
static void (*add_seed)(const void *data, size_t size);

static void add_part(enum part part, const void *data, size_t size)
{
    const uint8_t tag = (uint8_t)part;
    struct bytes seed = {0};
    bytes_append(&seed, &tag, 1);
    bytes_append(&seed, data, size);
    add_seed(seed.data, seed.length);
    bytes_fini(&seed);
}

static void add_header(const char *digits)
{
    uint8_t header[256];
    size_t length = 0;
    for (; digits[0] && length < sizeof(header); digits += 2) {
        const char pair[] = {digits[0], digits[1], '\0'};
        header[length++] = (uint8_t)strtoul(pair, NULL, 16);
    }
    add_part(HEADER, header, length);
}

void fuzz_seeds(void (*add)(const void *data, size_t size))
{
    add_seed = add;
    json_error_t flaw;
    json_t *vectors = json_load_file("tests/vectors/wire.json", 0, &flaw);
    fuzz_check(vectors != NULL);
    size_t index;
    const json_t *vector;
    json_array_foreach(json_object_get(vectors, "headers"), index, vector)
    {
        const char *topic = json_string_value(json_object_get(vector, "topic"));
        if (index % 10 == 0)
            add_part(TOPIC, topic, strlen(topic));
        add_header(json_string_value(json_object_get(vector, "header_hex")));
    }
    json_array_foreach(json_object_get(vectors, "announcements"), index, vector)
    {
        const char *text = json_string_value(json_object_get(vector, "json"));
        add_part(ANNOUNCEMENT, text, strlen(text));
    }
    json_decref(vectors);
}
