/* SPDX-License-Identifier: MIT */
#include "headcam/wire.h"
#include "http/ws_frame.h"
#include "tests/unit/support.h"

#include <string.h>

static void check_frame_head(uint64_t payload_bytes, const uint8_t *expected, size_t expected_bytes)
{
    uint8_t head[WS_FRAME_HEAD_BYTES];
    assert_int_equal(ws_frame_head(head, payload_bytes), expected_bytes);
    assert_memory_equal(head, expected, expected_bytes);
}

TEST(short_payloads_have_their_length_in_one_byte)
{
    check_frame_head(0, (const uint8_t[]){0x82, 0}, 2);
    check_frame_head(125, (const uint8_t[]){0x82, 125}, 2);
}

TEST(longer_ones_in_two_big_endian_bytes)
{
    check_frame_head(126, (const uint8_t[]){0x82, 126, 0, 126}, 4);
    check_frame_head(0x1234, (const uint8_t[]){0x82, 126, 0x12, 0x34}, 4);
    check_frame_head(65535, (const uint8_t[]){0x82, 126, 0xff, 0xff}, 4);
}

TEST(and_from_64_kib_on_in_eight)
{
    check_frame_head(65536, (const uint8_t[]){0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0}, 10);
    check_frame_head(0x0102030405060708, (const uint8_t[]){0x82, 127, 1, 2, 3, 4, 5, 6, 7, 8}, 10);
}

static const struct frame FRAME = {
    .data_bytes = 300,
    .width = 0x0201,
    .height = 0x0403,
    .sequence = 0x1817161514131211,
    .capture_real_ns = 0x2827262524232221,
    .sim_time_ns = -2,
};

TEST(a_picture_has_its_header_byte_by_byte)
{
    static const uint8_t expected[] = {
        0x82, 126,  0x01, 0x64,                         /* binary, 356 bytes */
        'H',  'C',  'W',  'S',  1,    0,    56,   0,    /* magic, version, header bytes */
        7,    0,    0,    0,    0,    0,    0,    0,    /* update */
        0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, /* sequence */
        0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28, /* capture */
        0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, /* simulation time */
        0x01, 0x02, 0,    0,    0x03, 0x04, 0,    0,    /* width, height */
        1,    0,    0,    0,    0,    0,    0,    0,    /* state, reserved */
    };
    uint8_t head[WS_HEAD_BYTES];
    assert_int_equal(ws_picture_head(head, &FRAME, SHOW_LIVE, 7), sizeof(expected));
    assert_memory_equal(head, expected, sizeof(expected));
}

TEST(states_are_numbers_of_their_own)
{
    static const struct {
        enum show_state state;
        uint8_t number;
    } states[] = {{SHOW_LIVE, 1}, {SHOW_REPEAT, 2}, {SHOW_NO_SIGNAL, 3}};
    uint8_t head[WS_HEAD_BYTES];
    for (size_t i = 0; i < COUNT(states); i++) {
        size_t length = ws_picture_head(head, &FRAME, states[i].state, 1);
        assert_int_equal(head[length - WS_PICTURE_BYTES + WS_AT_STATE], states[i].number);
    }
}

TEST(no_simulation_time_is_the_smallest_number)
{
    static const uint8_t none[] = {0, 0, 0, 0, 0, 0, 0, 0x80};
    uint8_t head[WS_HEAD_BYTES];
    struct frame frame = FRAME;
    frame.sim_time_ns = HEADCAM_NO_SIM_TIME;
    size_t length = ws_picture_head(head, &frame, SHOW_LIVE, 1);
    assert_memory_equal(head + length - WS_PICTURE_BYTES + WS_AT_SIM_TIME_NS, none, sizeof(none));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(short_payloads_have_their_length_in_one_byte),
        cmocka_unit_test(longer_ones_in_two_big_endian_bytes),
        cmocka_unit_test(and_from_64_kib_on_in_eight),
        cmocka_unit_test(a_picture_has_its_header_byte_by_byte),
        cmocka_unit_test(states_are_numbers_of_their_own),
        cmocka_unit_test(no_simulation_time_is_the_smallest_number),
    };
    return cmocka_run_group_tests_name("http/ws_frame", tests, NULL, NULL);
}
