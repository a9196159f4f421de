/* SPDX-License-Identifier: MIT */
#include "forward/packet.h"
#include "ingest/message.h"
#include "support.h"

#include <stdlib.h>
#include <string.h>

static const uint64_t ID = UINT64_C(0xfedcba9876543210);

static struct packet packet;

#define read(text) packet_read((const uint8_t *)(text), sizeof(text) - 1, &packet)

TEST(a_header_says_what_the_frame_is)
{
    const struct frame frame = {.data_bytes = 12345,
                                .width = 640,
                                .height = 480,
                                .sequence = 77,
                                .capture_real_ns = 1764158425310000000,
                                .sim_time_ns = -5,
                                .update = 9};
    uint8_t header[HEADCAM_HEADER_BYTES];
    struct raw_info info;
    struct message_error error;
    packet_write_header(header, &frame, ID);
    assert_true(message_read_header(header, sizeof(header), 1 << 20, &info, &error));
    assert_true(info.instance == ID && info.sequence == 77 && info.update == 9 && info.sim_time_ns == -5);
    assert_true(info.capture_real_ns == frame.capture_real_ns && info.payload_bytes == 12345);
    assert_true(info.width == 640 && info.height == 480 && info.format == HEADCAM_JPEG);
    assert_true(info.wants_acknowledgement);
}

static struct announcement read_back(const struct stream_report *report, const char *reason)
{
    struct announcement announcement;
    struct message_error error;
    char *json = packet_write_announcement(report, packet_state(report), reason, ID);
    assert_non_null(json);
    if (!message_read_announcement(json, strlen(json), &announcement, &error))
        fail_msg("%s", error.text);
    free(json);
    return announcement;
}

TEST(an_announcement_passes_on_what_is_known)
{
    struct stream_report report = {
        .condition = CONDITION_STARTING, .width = 64, .height = 48, .nominal_fps = 29.97};
    strcpy(report.agent, "sim");
    strcpy(report.version, "7");
    report.via[0] = 5;
    report.via_count = 1;
    struct announcement said = read_back(&report, "loading");
    assert_int_equal(said.state, CONDITION_STARTING);
    assert_string_equal(said.reason, "loading");
    assert_string_equal(said.agent, "sim");
    assert_string_equal(said.version, "7");
    assert_true(said.width == 64 && said.height == 48 && said.fps == 29.97);
    assert_true(said.format == HEADCAM_JPEG && said.instance == ID && said.is_forwarded);
    assert_true(said.via_count == 2 && said.via[0] == 5 && said.via[1] == ID);
}

TEST(what_is_full_of_escapes_still_fits)
{
    struct stream_report report = {.condition = CONDITION_LIVE};
    memset(report.agent, 1, sizeof(report.agent) - 1);
    memset(report.version, 1, sizeof(report.version) - 1);
    char reason[256];
    memset(reason, 1, sizeof(reason) - 1);
    reason[sizeof(reason) - 1] = '\0';
    assert_string_equal(read_back(&report, reason).agent, "");
}

TEST(a_lost_stream_is_stalled_if_its_agent_is_near_and_over_if_it_was_forwarded)
{
    struct stream_report report = {.condition = CONDITION_LOST};
    assert_int_equal(packet_state(&report), CONDITION_STALLED);
    report.via_count = 1;
    assert_int_equal(packet_state(&report), CONDITION_ENDED);
}

TEST(what_came_through_as_many_as_may_be_goes_no_further)
{
    const struct stream_report report = {.condition = CONDITION_LIVE, .via_count = HEADCAM_VIA_MAX};
    assert_null(packet_write_announcement(&report, CONDITION_LIVE, "", ID));
}

TEST(messages_of_an_edge_are_told_apart)
{
    read("\1@");
    assert_int_equal(packet.kind, PACKET_HELLO);
    read("\1front/");
    assert_int_equal(packet.kind, PACKET_SUBSCRIBE);
    assert_string_equal(packet.name, "front");
    read("\0front/");
    assert_int_equal(packet.kind, PACKET_UNSUBSCRIBE);
    read("\2\5front\xe8\3\0\0");
    assert_int_equal(packet.kind, PACKET_RATE);
    assert_int_equal(packet.rate, 1000);
    read("\4\5front\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0");
    assert_true(packet.kind == PACKET_TAKEN && packet.instance == 1 && packet.sequence == 2);
    read("\5\5front\1\0\0\0\0\0\0\0\0taken by another");
    assert_true(packet.kind == PACKET_VERDICT && packet.instance == 1 && !packet.is_taken);
    assert_string_equal(packet.reason, "taken by another");
    read("\5\5front\1\0\0\0\0\0\0\0\1");
    assert_true(packet.is_taken);
    assert_string_equal(packet.reason, "");
}

TEST(what_is_none_of_them_is_let_be)
{
    static const char *const others[] = {"",
                                         "\1",
                                         "\1/",
                                         "\1a b/",
                                         "\1front",
                                         "\2\5fro",
                                         "\4\5front12345678",
                                         "\5\5front1234567",
                                         "\2\1/1234",
                                         "\3\5front123456789012"};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        packet_read((const uint8_t *)others[i], strlen(others[i]), &packet);
        assert_int_equal(packet.kind, PACKET_OTHER);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_header_says_what_the_frame_is),
        cmocka_unit_test(an_announcement_passes_on_what_is_known),
        cmocka_unit_test(what_is_full_of_escapes_still_fits),
        cmocka_unit_test(a_lost_stream_is_stalled_if_its_agent_is_near_and_over_if_it_was_forwarded),
        cmocka_unit_test(what_came_through_as_many_as_may_be_goes_no_further),
        cmocka_unit_test(messages_of_an_edge_are_told_apart),
        cmocka_unit_test(what_is_none_of_them_is_let_be),
    };
    return cmocka_run_group_tests_name("forward/packet", tests, NULL, NULL);
}
