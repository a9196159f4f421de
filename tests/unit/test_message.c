/* SPDX-License-Identifier: MIT */
#include "ingest/message.h"
#include "tests/unit/support.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const size_t MAX_FRAME_BYTES = 128UL * 1024 * 1024;

static struct message_error error;

/* ---- the vectors that the server's and the agent's tests share ---- */

static json_t *vectors;

static int load_vectors(void **state)
{
    (void)state;
    json_error_t flaw;
    vectors = json_load_file("tests/vectors/wire.json", 0, &flaw);
    if (!vectors)
        fprintf(stderr, "tests/vectors/wire.json: %s\n", flaw.text);
    return vectors ? 0 : -1;
}

static int free_vectors(void **state)
{
    (void)state;
    json_decref(vectors);
    return 0;
}

static const char *string_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

/* An integer, or a decimal string where it is large, as a number modulo 2^64. */
static uint64_t number_of(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (json_is_integer(value))
        return (uint64_t)json_integer_value(value);
    const char *text = json_string_value(value);
    assert_non_null(text);
    return text[0] == '-' ? (uint64_t)strtoll(text, NULL, 10) : strtoull(text, NULL, 10);
}

/* Bytes from hexadecimal digits, in just the room they need, for free(). */
static uint8_t *bytes_of(const char *digits, size_t *length)
{
    *length = strlen(digits) / 2;
    uint8_t *bytes = malloc(*length ? *length : 1);
    for (size_t i = 0; i < *length; i++) {
        const char pair[] = {digits[2 * i], digits[2 * i + 1], '\0'};
        bytes[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
    return bytes;
}

static void fail_case(const json_t *vector, const char *what)
{
    fail_msg("\"%s\": %s", string_of(vector, "name"), what);
}

static void compare_number(const json_t *vector, const char *key, uint64_t value)
{
    const json_t *fields = json_object_get(vector, "fields");
    if (json_object_get(fields, key) && number_of(fields, key) != value)
        fail_case(vector, key);
}

/* Reads a frame's parts as the server does. */
static bool read_frame(const json_t *vector, struct raw_info *info)
{
    const char *topic = string_of(vector, "topic");
    char name[NAME_BYTES];
    bool is_announcement;
    size_t length;
    uint8_t *header = bytes_of(string_of(vector, "header_hex"), &length);
    bool is_good = message_read_topic(topic, strlen(topic), name, &is_announcement, &error) &&
                   message_read_header(header, length, MAX_FRAME_BYTES, info, &error);
    if (is_good)
        assert_false(is_announcement);
    if (is_good && info->location == HEADCAM_INLINE)
        is_good = message_check_payload(info, (size_t)number_of(vector, "payload_bytes"), &error);
    free(header);
    return is_good;
}

static void compare_frame(const json_t *vector, const struct raw_info *info)
{
    const json_t *fields = json_object_get(vector, "fields");
    compare_number(vector, "instance", info->instance);
    compare_number(vector, "sequence", info->sequence);
    compare_number(vector, "capture_time_ns", info->capture_real_ns);
    compare_number(vector, "width", info->width);
    compare_number(vector, "height", info->height);
    compare_number(vector, "stride", info->stride);
    compare_number(vector, "ring", info->ring);
    compare_number(vector, "slot", info->slot);
    compare_number(vector, "slot_sequence", info->slot_sequence);
    compare_number(vector, "payload_bytes", info->payload_bytes);
    if (json_is_null(json_object_get(fields, "sim_time_ns")))
        assert_true(info->sim_time_ns == HEADCAM_NO_SIM_TIME);
    else
        compare_number(vector, "sim_time_ns", (uint64_t)info->sim_time_ns);
    if (json_is_null(json_object_get(fields, "update")))
        assert_true(info->update == HEADCAM_NO_UPDATE);
    else
        compare_number(vector, "update", info->update);
    assert_string_equal(raw_format_name(info->format), string_of(fields, "format"));
    assert_string_equal(info->location == HEADCAM_RING ? "ring" : "inline", string_of(fields, "location"));
}

TEST(frames_of_the_shared_vectors_are_read_as_the_agent_means_them)
{
    size_t index, good = 0, bad = 0;
    const json_t *vector;
    json_array_foreach(json_object_get(vectors, "headers"), index, vector)
    {
        struct raw_info info;
        const char *expected = string_of(vector, "error");
        bool is_good = read_frame(vector, &info);
        if (is_good != !expected)
            fail_case(vector, is_good ? "was taken" : error.text);
        if (is_good)
            compare_frame(vector, &info);
        else if (expected && strcmp(reject_name(error.reason), expected) != 0)
            fail_case(vector, reject_name(error.reason));
        good += is_good;
        bad += !is_good;
    }
    assert_true(good >= 20 && bad >= 40);
}

static void compare_text(const json_t *vector, const char *key, const char *text)
{
    const char *expected = string_of(json_object_get(vector, "fields"), key);
    if (strcmp(text, expected ? expected : "") != 0)
        fail_case(vector, key);
}

static void compare_ring(const json_t *expected, const struct ring_offer *ring)
{
    if (!json_is_object(expected)) {
        assert_int_equal(ring->number, 0);
        return;
    }
    assert_true(number_of(expected, "number") == ring->number);
    assert_string_equal(ring->place == RING_IN_SHM ? "shm" : "socket", string_of(expected, "place"));
    assert_int_equal(ring->is_confirmed, json_is_true(json_object_get(expected, "confirmed")));
}

static void compare_announcement(const json_t *vector, const struct announcement *announcement)
{
    char instance[17];
    snprintf(instance, sizeof(instance), "%016llx", (unsigned long long)announcement->instance);
    const char *format = raw_format_name(announcement->format);
    const json_t *fields = json_object_get(vector, "fields");
    compare_text(vector, "instance", instance);
    compare_text(vector, "state", condition_name(announcement->state));
    compare_text(vector, "reason", announcement->reason);
    compare_text(vector, "agent", announcement->agent);
    compare_text(vector, "version", announcement->version);
    compare_text(vector, "format", format ? format : "");
    assert_true((uint64_t)json_integer_value(json_object_get(fields, "width")) == announcement->width);
    assert_true((uint64_t)json_integer_value(json_object_get(fields, "height")) == announcement->height);
    assert_float_equal(json_number_value(json_object_get(fields, "fps")), announcement->fps, 1e-9);
    compare_text(vector, "ring_reason", announcement->transport_reason);
    compare_ring(json_object_get(fields, "ring"), &announcement->ring);
}

TEST(announcements_of_the_shared_vectors_are_read_as_the_agent_means_them)
{
    size_t index, good = 0, bad = 0;
    const json_t *vector;
    json_array_foreach(json_object_get(vectors, "announcements"), index, vector)
    {
        struct announcement announcement;
        const char *text = string_of(vector, "json"), *expected = string_of(vector, "error");
        bool is_good = message_read_announcement(text, strlen(text), &announcement, &error);
        if (is_good != !expected)
            fail_case(vector, is_good ? "was taken" : error.text);
        if (is_good)
            compare_announcement(vector, &announcement);
        else
            assert_string_equal(reject_name(error.reason), expected);
        good += is_good;
        bad += !is_good;
    }
    assert_true(good >= 5 && bad >= 15);
}

/* ---- topics ---- */

TEST(a_topic_is_a_name_and_a_slash)
{
    char name[NAME_BYTES];
    bool is_announcement = true;
    assert_true(message_read_topic("front/", 6, name, &is_announcement, &error));
    assert_string_equal(name, "front");
    assert_false(is_announcement);
    assert_true(message_read_topic("@front/", 7, name, &is_announcement, &error));
    assert_string_equal(name, "front");
    assert_true(is_announcement);
}

TEST(a_topic_has_room_for_the_longest_name_and_no_more)
{
    char topic[] = "@xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx/";
    char name[NAME_BYTES];
    bool is_announcement;
    assert_int_equal(strlen(topic), 66);
    assert_true(message_read_topic(topic, 66, name, &is_announcement, &error));
    assert_int_equal(strlen(name), 64);
    assert_true(message_read_topic(topic + 1, 65, name, &is_announcement, &error));
    assert_int_equal(strlen(name), 64);
    topic[0] = 'x';
    assert_false(message_read_topic(topic, 66, name, &is_announcement, &error));
}

TEST(other_topics_are_refused)
{
    const char *const bad[] = {"",        "/",    "@",        "@/",      "front",   "@front",
                               "front//", "a/b/", "@@front/", " front/", "front/ ", "fr\xc3\xb6nt/"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        char name[NAME_BYTES];
        bool is_announcement;
        assert_false(message_read_topic(bad[i], strlen(bad[i]), name, &is_announcement, &error));
        assert_int_equal(error.reason, REJECT_TOPIC);
        assert_string_equal(error.text, "the topic is not NAME/ or @NAME/; a name is 1 to 64 characters of "
                                        "A-Z a-z 0-9 . _ -");
    }
    char name[NAME_BYTES];
    bool is_announcement;
    assert_false(message_read_topic("a\0b/", 4, name, &is_announcement, &error));
}

/* ---- headers ---- */

static void put(uint8_t *header, int at, uint64_t value, int count)
{
    for (int i = 0; i < count; i++)
        header[at + i] = (uint8_t)(value >> (8 * i));
}

/* A good header of 80 bytes, with room for the fields that came later: 4x3 RGBA, inline. */
static void make_header(uint8_t header[HEADCAM_HEADER_BYTES])
{
    memset(header, 0, HEADCAM_HEADER_BYTES);
    memcpy(header, "HCAM", 4);
    put(header, HEADCAM_AT_VERSION, 1, 2);
    put(header, HEADCAM_AT_HEADER_BYTES, HEADCAM_HEADER_BYTES_LEAST, 2);
    put(header, HEADCAM_AT_INSTANCE, 7, 8);
    put(header, HEADCAM_AT_WIDTH, 4, 4);
    put(header, HEADCAM_AT_HEIGHT, 3, 4);
    put(header, HEADCAM_AT_STRIDE, 16, 4);
    put(header, HEADCAM_AT_PIXEL_FORMAT, HEADCAM_RGBA, 1);
    put(header, HEADCAM_AT_PAYLOAD_BYTES, 48, 8);
}

static void assert_header_error(const uint8_t *header, size_t length, size_t max_frame_bytes,
                                enum reject reason, const char *text)
{
    struct raw_info info;
    assert_false(message_read_header(header, length, max_frame_bytes, &info, &error));
    assert_int_equal(error.reason, reason);
    assert_string_equal(error.text, text);
}

TEST(a_header_of_any_shorter_length_is_refused)
{
    uint8_t header[HEADCAM_HEADER_BYTES];
    make_header(header);
    for (size_t length = 0; length < HEADCAM_HEADER_BYTES_LEAST; length++) {
        uint8_t *copy = malloc(length ? length : 1);
        memcpy(copy, header, length);
        struct raw_info info;
        assert_false(message_read_header(copy, length, MAX_FRAME_BYTES, &info, &error));
        assert_int_equal(error.reason, REJECT_HEADER);
        free(copy);
    }
    assert_header_error(header, 79, MAX_FRAME_BYTES, REJECT_HEADER,
                        "a frame header of 79 bytes; it has at least 80");
}

TEST(a_header_that_ends_inside_a_field_is_refused)
{
    uint8_t header[HEADCAM_HEADER_BYTES];
    make_header(header);
    for (size_t length = 81; length < 88; length++) {
        struct raw_info info;
        put(header, HEADCAM_AT_HEADER_BYTES, length, 2);
        assert_false(message_read_header(header, length, MAX_FRAME_BYTES, &info, &error));
        assert_int_equal(error.reason, REJECT_HEADER);
    }
    assert_header_error(header, 87, MAX_FRAME_BYTES, REJECT_HEADER,
                        "a frame header of 87 bytes ends inside a field; it has 80, or 88 or more");
}

/* Reads a header of so many bytes, in just the room they need, whose field update is 3021. */
static uint64_t update_of_header(size_t length)
{
    uint8_t header[128] = {0};
    struct raw_info info;
    make_header(header);
    put(header, HEADCAM_AT_HEADER_BYTES, length, 2);
    put(header, HEADCAM_AT_UPDATE, 3021, 8);
    uint8_t *copy = malloc(length);
    memcpy(copy, header, length);
    assert_true(message_read_header(copy, length, MAX_FRAME_BYTES, &info, &error));
    free(copy);
    return info.update;
}

TEST(the_update_is_read_where_the_header_has_it)
{
    assert_int_equal(update_of_header(80), HEADCAM_NO_UPDATE);
    assert_int_equal(update_of_header(88), 3021);
    assert_int_equal(update_of_header(89), 3021);
    assert_int_equal(update_of_header(128), 3021);
}

TEST(errors_tell_the_numbers)
{
    uint8_t header[HEADCAM_HEADER_BYTES];
    make_header(header);
    put(header, HEADCAM_AT_VERSION, 2, 2);
    assert_header_error(header, 80, MAX_FRAME_BYTES, REJECT_VERSION, "wire version 2; this server speaks 1");
    make_header(header);
    put(header, HEADCAM_AT_HEADER_BYTES, 96, 2);
    assert_header_error(header, 80, MAX_FRAME_BYTES, REJECT_HEADER,
                        "a frame header of 80 bytes says that it has 96");
    make_header(header);
    put(header, HEADCAM_AT_WIDTH, 0, 4);
    assert_header_error(header, 80, MAX_FRAME_BYTES, REJECT_FIELD, "0x3 pixels; a side has 1 to 65500");
    make_header(header);
    put(header, HEADCAM_AT_STRIDE, 15, 4);
    assert_header_error(header, 80, MAX_FRAME_BYTES, REJECT_FIELD,
                        "stride 15 is less than a row of 16 bytes");
    make_header(header);
    put(header, HEADCAM_AT_PAYLOAD_BYTES, 47, 8);
    assert_header_error(header, 80, MAX_FRAME_BYTES, REJECT_SIZE, "4x3 with stride 16 has 48 bytes, not 47");
}

TEST(a_frame_over_the_servers_limit_is_refused_before_anything_is_made_for_it)
{
    uint8_t header[HEADCAM_HEADER_BYTES];
    struct raw_info info;
    make_header(header);
    assert_true(message_read_header(header, 80, 48, &info, &error));
    assert_header_error(header, 80, 47, REJECT_SIZE, "a frame of 48 bytes; --max-frame-bytes allows 47");
}

TEST(sizes_that_overflow_32_bits_are_counted_right)
{
    uint8_t header[HEADCAM_HEADER_BYTES];
    struct raw_info info;
    make_header(header);
    put(header, HEADCAM_AT_WIDTH, 65500, 4);
    put(header, HEADCAM_AT_HEIGHT, 65500, 4);
    put(header, HEADCAM_AT_STRIDE, UINT32_MAX, 4);
    put(header, HEADCAM_AT_PAYLOAD_BYTES, UINT64_C(4294967295) * 65500, 8);
    assert_true(message_read_header(header, 80, SIZE_MAX, &info, &error));
    assert_true(info.payload_bytes == UINT64_C(4294967295) * 65500);
    put(header, HEADCAM_AT_PAYLOAD_BYTES, (uint32_t)(UINT64_C(4294967295) * 65500), 8);
    assert_false(message_read_header(header, 80, SIZE_MAX, &info, &error));
    assert_int_equal(error.reason, REJECT_SIZE);
}

TEST(a_payload_is_as_long_as_its_header_says)
{
    const struct raw_info info = {.payload_bytes = 48};
    assert_true(message_check_payload(&info, 48, &error));
    assert_false(message_check_payload(&info, 47, &error));
    assert_int_equal(error.reason, REJECT_SIZE);
    assert_string_equal(error.text, "a payload of 47 bytes; its header says 48");
    assert_false(message_check_payload(&info, 49, &error));
    assert_false(message_check_payload(&info, 0, &error));
}

/* ---- announcements ---- */

#define START "{\"headcam\":1,\"instance\":\"0123456789abcdef\",\"state\":\"live\""

static bool read_json(const char *text, struct announcement *announcement)
{
    return message_read_announcement(text, strlen(text), announcement, &error);
}

TEST(good_announcements_are_taken)
{
    static const char *const good[] = {
        START "}",
        " " START " } \n",
        START ",\"width\":0,\"height\":0,\"fps\":0}",
        START ",\"width\":null,\"height\":null,\"fps\":null,\"format\":null}",
        START ",\"width\":65500,\"height\":65500,\"fps\":10000}",
        START ",\"fps\":0.001}",
        START ",\"unknown\":{\"a\":[1,2,{}]}}",
        START ",\"ring\":null}",
        START ",\"ring\":{\"number\":1,\"place\":\"shm\",\"confirmed\":false}}",
        START ",\"ring\":{\"reason\":\"no tmpfs\"}}",
        "{\"headcam\":1,\"instance\":\"0123456789ABCDEF\",\"state\":\"live\"}",
    };
    for (size_t i = 0; i < COUNT(good); i++) {
        struct announcement announcement;
        if (!read_json(good[i], &announcement))
            fail_msg("%s: %s", good[i], error.text);
        assert_true(announcement.instance == UINT64_C(0x0123456789abcdef));
    }
}

TEST(bad_announcements_are_refused_with_what_is_wrong)
{
    static const struct {
        const char *json, *error;
    } bad[] = {
        {"[1]", "an announcement is a JSON object"},
        {"{}", "an announcement has \"headcam\": 1"},
        {"{\"headcam\":1.0}", "an announcement has \"headcam\": 1"},
        {"{\"headcam\":true}", "an announcement has \"headcam\": 1"},
        {"{\"headcam\":1,\"instance\":null}", "\"instance\" is a string of 16 hexadecimal digits, not all 0"},
        {"{\"headcam\":1,\"instance\":\"-123456789abcdef\"}",
         "\"instance\" is a string of 16 hexadecimal digits, not all 0"},
        {"{\"headcam\":1,\"instance\":\"0x23456789abcdef\"}",
         "\"instance\" is a string of 16 hexadecimal digits, not all 0"},
        {"{\"headcam\":1,\"instance\":\"0123456789abcdef\",\"state\":\"waiting\"}",
         "\"state\" is starting, live, stalled or ended"},
        {START ",\"reason\":null}", "\"reason\", \"agent\" and \"version\" are strings"},
        {START ",\"version\":1.0}", "\"reason\", \"agent\" and \"version\" are strings"},
        {START ",\"width\":-1}", "\"width\" and \"height\" are integers to 65500"},
        {START ",\"width\":65501}", "\"width\" and \"height\" are integers to 65500"},
        {START ",\"height\":720.0}", "\"width\" and \"height\" are integers to 65500"},
        {START ",\"height\":true}", "\"width\" and \"height\" are integers to 65500"},
        {START ",\"fps\":-1}", "\"fps\" is a number to 10000"},
        {START ",\"fps\":10001}", "\"fps\" is a number to 10000"},
        {START ",\"fps\":true}", "\"fps\" is a number to 10000"},
        {START ",\"format\":\"rgba\"}", "\"format\" is RGBA, BGRA, RGB, BGR, GRAY8 or JPEG"},
        {START ",\"format\":1}", "\"format\" is RGBA, BGRA, RGB, BGR, GRAY8 or JPEG"},
        {START ",\"format\":\"\"}", "\"format\" is RGBA, BGRA, RGB, BGR, GRAY8 or JPEG"},
        {START ",\"ring\":1}", "\"ring\" has a number, a place and confirmed, or a reason"},
        {START ",\"ring\":{\"number\":0,\"place\":\"shm\",\"confirmed\":true}}",
         "\"ring\" has a number, a place and confirmed, or a reason"},
        {START ",\"ring\":{\"number\":4294967296,\"place\":\"shm\",\"confirmed\":true}}",
         "\"ring\" has a number, a place and confirmed, or a reason"},
        {START ",\"ring\":{\"number\":1,\"place\":\"/etc\",\"confirmed\":true}}",
         "\"ring\" has a number, a place and confirmed, or a reason"},
        {START ",\"ring\":{\"number\":1,\"confirmed\":true}}",
         "\"ring\" has a number, a place and confirmed, or a reason"},
        {START ",\"ring\":{\"number\":1,\"place\":\"shm\"}}",
         "\"ring\" has a number, a place and confirmed, or a reason"},
        {START ",\"ring\":{\"reason\":1}}", "\"ring\" has a number, a place and confirmed, or a reason"},
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct announcement announcement;
        if (read_json(bad[i].json, &announcement))
            fail_msg("%s was taken", bad[i].json);
        assert_int_equal(error.reason, REJECT_ANNOUNCEMENT);
        assert_string_equal(error.text, bad[i].error);
    }
}

TEST(what_is_no_json_is_refused)
{
    static const char *const bad[] = {"",
                                      "{",
                                      START,
                                      START "}}",
                                      START "} x",
                                      "\xff",
                                      "{\"a\"}",
                                      START ",}",
                                      "{'headcam':1}",
                                      "NaN",
                                      START ",\"reason\":\"\xff\"}",
                                      START ",\"state\":\"live\"}"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct announcement announcement;
        if (read_json(bad[i], &announcement))
            fail_msg("%s was taken", bad[i]);
        assert_int_equal(error.reason, REJECT_ANNOUNCEMENT);
        assert_memory_equal(error.text, "an announcement that is no JSON: ", 33);
    }
}

TEST(an_announcement_has_at_most_4096_bytes)
{
    char text[HEADCAM_ANNOUNCEMENT_MAX + 1];
    struct announcement announcement;
    memset(text, ' ', sizeof(text));
    memcpy(text, START "}", sizeof(START "}") - 1);
    assert_true(message_read_announcement(text, HEADCAM_ANNOUNCEMENT_MAX, &announcement, &error));
    assert_false(message_read_announcement(text, HEADCAM_ANNOUNCEMENT_MAX + 1, &announcement, &error));
    assert_string_equal(error.text, "an announcement of 4097 bytes; it has at most 4096");
}

TEST(deep_nesting_does_no_harm)
{
    char text[HEADCAM_ANNOUNCEMENT_MAX];
    struct announcement announcement;
    memset(text, '[', sizeof(text));
    assert_false(message_read_announcement(text, sizeof(text), &announcement, &error));
    assert_int_equal(error.reason, REJECT_ANNOUNCEMENT);
}

TEST(what_an_announcement_does_not_say_is_unknown)
{
    struct announcement announcement;
    memset(&announcement, 0xff, sizeof(announcement));
    assert_true(read_json(START "}", &announcement));
    assert_int_equal(announcement.state, CONDITION_LIVE);
    assert_int_equal(announcement.width, 0);
    assert_int_equal(announcement.height, 0);
    assert_true(announcement.fps == 0);
    assert_int_equal(announcement.format, 0);
    assert_string_equal(announcement.reason, "");
    assert_string_equal(announcement.agent, "");
    assert_string_equal(announcement.version, "");
    assert_int_equal(announcement.ring.number, 0);
}

TEST(a_ring_is_read)
{
    struct announcement announcement;
    assert_true(read_json(START ",\"ring\":{\"number\":4294967295,\"place\":\"shm\",\"confirmed\":true}}",
                          &announcement));
    assert_int_equal(announcement.ring.number, UINT32_MAX);
    assert_int_equal(announcement.ring.place, RING_IN_SHM);
    assert_true(announcement.ring.is_confirmed);
    assert_true(
        read_json(START ",\"ring\":{\"number\":2,\"place\":\"socket\",\"confirmed\":false}}", &announcement));
    assert_int_equal(announcement.ring.number, 2);
    assert_int_equal(announcement.ring.place, RING_BY_SOCKET);
    assert_false(announcement.ring.is_confirmed);
    assert_true(read_json(START ",\"ring\":{\"reason\":\"/dev/shm is full\"}}", &announcement));
    assert_int_equal(announcement.ring.number, 0);
    assert_string_equal(announcement.transport_reason, "/dev/shm is full");
}

/* Reads a reason of one-byte characters, then two-byte ones, more than fit. */
static size_t length_of_cut_reason(const char *beginning)
{
    char text[1024];
    int length = snprintf(text, sizeof(text), START ",\"reason\":\"%s", beginning);
    for (int i = 0; i < 200; i++)
        length += snprintf(text + length, sizeof(text) - (size_t)length, "ö");
    snprintf(text + length, sizeof(text) - (size_t)length, "\"}");
    struct announcement announcement;
    assert_true(read_json(text, &announcement));
    json_t *value = json_string(announcement.reason); /* jansson takes nothing but UTF-8 */
    assert_non_null(value);
    json_decref(value);
    return strlen(announcement.reason);
}

TEST(a_long_text_is_cut_between_characters)
{
    assert_int_equal(length_of_cut_reason("x"), HUB_TEXT_BYTES - 1);
    assert_int_equal(length_of_cut_reason("xx"), HUB_TEXT_BYTES - 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_of_the_shared_vectors_are_read_as_the_agent_means_them),
        cmocka_unit_test(announcements_of_the_shared_vectors_are_read_as_the_agent_means_them),
        cmocka_unit_test(a_topic_is_a_name_and_a_slash),
        cmocka_unit_test(a_topic_has_room_for_the_longest_name_and_no_more),
        cmocka_unit_test(other_topics_are_refused),
        cmocka_unit_test(a_header_of_any_shorter_length_is_refused),
        cmocka_unit_test(a_header_that_ends_inside_a_field_is_refused),
        cmocka_unit_test(the_update_is_read_where_the_header_has_it),
        cmocka_unit_test(errors_tell_the_numbers),
        cmocka_unit_test(a_frame_over_the_servers_limit_is_refused_before_anything_is_made_for_it),
        cmocka_unit_test(sizes_that_overflow_32_bits_are_counted_right),
        cmocka_unit_test(a_payload_is_as_long_as_its_header_says),
        cmocka_unit_test(good_announcements_are_taken),
        cmocka_unit_test(bad_announcements_are_refused_with_what_is_wrong),
        cmocka_unit_test(what_is_no_json_is_refused),
        cmocka_unit_test(an_announcement_has_at_most_4096_bytes),
        cmocka_unit_test(deep_nesting_does_no_harm),
        cmocka_unit_test(what_an_announcement_does_not_say_is_unknown),
        cmocka_unit_test(a_ring_is_read),
        cmocka_unit_test(a_long_text_is_cut_between_characters),
    };
    return cmocka_run_group_tests_name("ingest/message", tests, load_vectors, free_vectors);
}
