/* SPDX-License-Identifier: MIT */
#include "http/ws_talk.h"
#include "http/ws_text.h"
#include "tests/unit/support.h"

#include <stdio.h>
#include <string.h>

struct fixture {
    struct ws_talk talk;
    int texts;
    char text[WS_MESSAGE_MAX + 1];
};

static void on_text(void *arg, const char *text, size_t length)
{
    struct fixture *fixture = arg;
    fixture->texts++;
    memcpy(fixture->text, text, length);
    fixture->text[length] = '\0';
}

static int begin(void **state)
{
    static struct fixture fixture;
    memset(&fixture, 0, sizeof(fixture));
    ws_talk_init(&fixture.talk, on_text, &fixture);
    *state = &fixture;
    return 0;
}

static int end(void **state)
{
    struct fixture *fixture = *state;
    ws_talk_fini(&fixture->talk);
    return 0;
}

/* A client's frame of up to 65535 bytes, masked with zeros; with `step` bytes at a time. */
static void feed_frame(struct fixture *fixture, uint8_t first, const void *payload, size_t length,
                       size_t step)
{
    static uint8_t frame[2 * WS_MESSAGE_MAX + 16];
    size_t head = length < 126 ? 6 : 8;
    memset(frame, 0, head);
    frame[0] = first;
    frame[1] = (uint8_t)(0x80 | (length < 126 ? length : 126));
    if (length >= 126) {
        frame[2] = (uint8_t)(length >> 8);
        frame[3] = (uint8_t)length;
    }
    memcpy(frame + head, payload, length);
    for (size_t at = 0; at < head + length; at += step)
        ws_talk_feed(&fixture->talk, frame + at, head + length - at < step ? head + length - at : step);
}

static void feed_text(struct fixture *fixture, uint8_t first, const char *text)
{
    feed_frame(fixture, first, text, strlen(text), SIZE_MAX / 2);
}

/* The close frame that is to go, and nothing else. */
static void check_closed(struct fixture *fixture, int code)
{
    const struct bytes *out = &fixture->talk.out;
    assert_true(ws_talk_is_over(&fixture->talk));
    assert_true(out->length >= 4);
    assert_int_equal(out->data[0], 0x88);
    assert_int_equal(out->data[1], out->length - 2);
    assert_int_equal(out->data[2] << 8 | out->data[3], code);
}

#define FIXTURE_TEST(name) static void name(void **state)

FIXTURE_TEST(a_text_comes_whole_however_it_is_cut)
{
    struct fixture *fixture = *state;
    feed_frame(fixture, 0x81, "{\"width\":320}", 13, 1);
    assert_int_equal(fixture->texts, 1);
    assert_string_equal(fixture->text, "{\"width\":320}");
    feed_text(fixture, 0x01, "{\"wid");
    feed_text(fixture, 0x00, "");
    feed_text(fixture, 0x89, "in between");
    assert_int_equal(fixture->texts, 1);
    feed_text(fixture, 0x80, "th\":1}");
    assert_int_equal(fixture->texts, 2);
    assert_string_equal(fixture->text, "{\"width\":1}");
    assert_false(ws_talk_is_over(&fixture->talk));
}

FIXTURE_TEST(a_ping_is_answered_with_what_it_brought)
{
    struct fixture *fixture = *state;
    feed_text(fixture, 0x89, "abc");
    assert_int_equal(fixture->talk.out.length, 5);
    assert_memory_equal(fixture->talk.out.data,
                        "\x8a\x03"
                        "abc",
                        5);
}

FIXTURE_TEST(many_pings_make_it_full)
{
    struct fixture *fixture = *state;
    char payload[126] = {0};
    memset(payload, 'p', 125);
    int count = 0;
    while (!ws_talk_is_full(&fixture->talk)) {
        feed_text(fixture, 0x89, payload);
        assert_true(++count < 100);
    }
    assert_true(fixture->talk.out.length < 8192);
}

FIXTURE_TEST(words_of_the_server_are_whole_frames)
{
    struct fixture *fixture = *state;
    ws_talk_text(&fixture->talk, "{}");
    ws_talk_ping(&fixture->talk);
    ws_talk_close(&fixture->talk, WSLAY_CODE_GOING_AWAY, "bye");
    assert_int_equal(fixture->talk.out.length, 13);
    assert_memory_equal(fixture->talk.out.data,
                        "\x81\x02{}\x89\x00\x88\x05\x03\xe9"
                        "bye",
                        13);
    assert_true(ws_talk_is_over(&fixture->talk));
}

FIXTURE_TEST(nothing_follows_a_close_and_nothing_is_heard)
{
    struct fixture *fixture = *state;
    ws_talk_close(&fixture->talk, WSLAY_CODE_GOING_AWAY, "");
    size_t length = fixture->talk.out.length;
    ws_talk_text(&fixture->talk, "{}");
    ws_talk_ping(&fixture->talk);
    ws_talk_close(&fixture->talk, WSLAY_CODE_PROTOCOL_ERROR, "");
    feed_text(fixture, 0x81, "{}");
    assert_int_equal(fixture->talk.out.length, length);
    assert_int_equal(fixture->texts, 0);
}

FIXTURE_TEST(the_clients_close_is_answered_with_its_code)
{
    struct fixture *fixture = *state;
    feed_frame(fixture, 0x88, "\x03\xe8", 2, 1);
    check_closed(fixture, 1000);
}

FIXTURE_TEST(its_reason_is_utf_8)
{
    struct fixture *fixture = *state;
    feed_frame(fixture, 0x88, "\x03\xe8\xff", 3, 1);
    check_closed(fixture, 1007);
}

FIXTURE_TEST(a_close_without_a_code_is_answered_with_none)
{
    struct fixture *fixture = *state;
    feed_frame(fixture, 0x88, "", 0, 1);
    assert_int_equal(fixture->talk.out.length, 2);
    assert_memory_equal(fixture->talk.out.data, "\x88\0", 2);
}

FIXTURE_TEST(a_message_that_is_too_long_ends_it)
{
    struct fixture *fixture = *state;
    static char text[WS_MESSAGE_MAX + 2];
    memset(text, ' ', WS_MESSAGE_MAX);
    feed_text(fixture, 0x81, text);
    assert_int_equal(fixture->texts, 1);
    feed_text(fixture, 0x01, text);
    feed_text(fixture, 0x80, "x");
    check_closed(fixture, 1009);
    assert_int_equal(fixture->texts, 1);
}

FIXTURE_TEST(a_binary_message_ends_it)
{
    struct fixture *fixture = *state;
    feed_text(fixture, 0x82, "x");
    check_closed(fixture, 1003);
}

FIXTURE_TEST(what_is_no_utf_8_ends_it)
{
    struct fixture *fixture = *state;
    feed_text(fixture, 0x81, "{\"\xc3(\":1}");
    check_closed(fixture, 1007);
}

struct wrong {
    const char *bytes;
    size_t length;
};

/* Each in a conversation of its own, byte by byte. */
FIXTURE_TEST(violations_of_the_protocol_end_it)
{
    static const struct wrong wrongs[] = {
        {"\x81\x02{}", 4},                          /* unmasked */
        {"\x80\x80\0\0\0\0", 6},                    /* a continuation of nothing */
        {"\x01\x80\0\0\0\0\x81\x80\0\0\0\0", 12},   /* a text within a text */
        {"\xc1\x80\0\0\0\0", 6},                    /* a reserved bit */
        {"\x83\x80\0\0\0\0", 6},                    /* a reserved opcode */
        {"\x8b\x80\0\0\0\0", 6},                    /* and one of a control frame */
        {"\x09\x80\0\0\0\0", 6},                    /* a ping in pieces */
        {"\x89\xfe\0\x7e\0\0\0\0", 8},              /* a ping too long */
        {"\x88\x81\0\0\0\0x", 7},                   /* half a close code */
        {"\x88\x82\0\0\0\0\x03\xed", 8},            /* close code 1005 */
        {"\x81\xff\x80\0\0\0\0\0\0\0\0\0\0\0", 14}, /* a length with its highest bit */
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < COUNT(wrongs); i++) {
        for (size_t at = 0; at < wrongs[i].length; at++)
            ws_talk_feed(&fixture->talk, wrongs[i].bytes + at, 1);
        check_closed(fixture, 1002);
        end(state);
        begin(state);
    }
}

#define fixture_test(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(a_text_comes_whole_however_it_is_cut),
        fixture_test(a_ping_is_answered_with_what_it_brought),
        fixture_test(many_pings_make_it_full),
        fixture_test(words_of_the_server_are_whole_frames),
        fixture_test(nothing_follows_a_close_and_nothing_is_heard),
        fixture_test(the_clients_close_is_answered_with_its_code),
        fixture_test(its_reason_is_utf_8),
        fixture_test(a_close_without_a_code_is_answered_with_none),
        fixture_test(a_message_that_is_too_long_ends_it),
        fixture_test(a_binary_message_ends_it),
        fixture_test(what_is_no_utf_8_ends_it),
        fixture_test(violations_of_the_protocol_end_it),
    };
    return cmocka_run_group_tests_name("http/ws_talk", tests, NULL, NULL);
}
