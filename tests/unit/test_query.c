/* SPDX-License-Identifier: MIT */
#include "base/clock.h"
#include "http/query.h"
#include "tests/unit/support.h"

TEST(a_missing_parameter_keeps_the_default)
{
    millifps rate = 12345;
    uint64_t ns = 678;
    bool flag = true;
    assert_true(query_fps(NULL, &rate));
    assert_true(query_ms(NULL, 1000, &ns));
    uint32_t whole = 78;
    assert_true(query_whole(NULL, 1, 100, &whole));
    assert_int_equal(whole, 78);
    assert_true(query_flag(NULL, &flag));
    assert_int_equal(rate, 12345);
    assert_int_equal(ns, 678);
    assert_true(flag);
}

TEST(frame_rates_may_be_fractions)
{
    const struct {
        const char *text;
        millifps rate;
    } good[] = {
        {"30", 30000},    {"0.1", 100}, {"240", 240000},
        {"29.97", 29970}, {"0.5", 500}, {"1.", 1000},
        {"007.5", 7500},  {".5", 500},  {"33.3333333333333", 33333},
    };
    for (size_t i = 0; i < COUNT(good); i++) {
        millifps rate = 0;
        assert_true(query_fps(good[i].text, &rate));
        assert_int_equal(rate, good[i].rate);
    }
}

TEST(what_is_no_frame_rate_is_refused)
{
    const char *const bad[] = {"",     "0",    "0.09", "240.1", "1000", "-1", "+5",  " 5", "5 ",
                               "5fps", "0x10", "1e1",  "inf",   "nan",  ".",  "1,5", "..", "99999999999"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        millifps rate = 77;
        assert_false(query_fps(bad[i], &rate));
        assert_int_equal(rate, 77);
    }
}

TEST(milliseconds_are_whole_numbers_up_to_their_limit)
{
    uint64_t ns = 1;
    assert_true(query_ms("0", 60000, &ns));
    assert_int_equal(ns, 0);
    assert_true(query_ms("3000", 60000, &ns));
    assert_int_equal(ns, 3 * NS_PER_S);
    assert_true(query_ms("60000", 60000, &ns));
    assert_int_equal(ns, 60 * NS_PER_S);
    assert_true(query_ms("0000000001", 60000, &ns));
    assert_int_equal(ns, NS_PER_MS);
}

TEST(what_is_no_number_of_milliseconds_is_refused)
{
    const char *const bad[] = {"",   "60001", "-1",  "+1",  " 1",
                               "1 ", "1.5",   "1e3", "0x1", "18446744073709551617"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        uint64_t ns = 77;
        assert_false(query_ms(bad[i], 60000, &ns));
        assert_int_equal(ns, 77);
    }
}

TEST(whole_numbers_keep_to_their_limits)
{
    static const struct {
        const char *text;
        uint32_t value;
    } good[] = {{"16", 16}, {"640", 640}, {"65500", 65500}, {"0000000017", 17}};
    for (size_t i = 0; i < COUNT(good); i++) {
        uint32_t value = 0;
        assert_true(query_whole(good[i].text, 16, 65500, &value));
        assert_int_equal(value, good[i].value);
    }
    const char *const bad[] = {"",    "15",  "65501", "-16",         "+16",        " 16",
                               "16 ", "16.", "1e2",   "99999999999", "4294967312", "\x7f"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        uint32_t value = 77;
        assert_false(query_whole(bad[i], 16, 65500, &value));
        assert_int_equal(value, 77);
    }
}

TEST(a_flag_is_0_or_1)
{
    bool flag = false;
    assert_true(query_flag("1", &flag));
    assert_true(flag);
    assert_true(query_flag("0", &flag));
    assert_false(flag);
    const char *const bad[] = {"", "2", "01", "10", "true", "on", "yes", " 1"};
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_false(query_flag(bad[i], &flag));
}

TEST(a_form_is_one_of_three)
{
    enum variant_form form = VARIANT_PNG;
    assert_true(query_form(NULL, &form));
    assert_int_equal(form, VARIANT_PNG);
    assert_true(query_form("jpeg", &form));
    assert_int_equal(form, VARIANT_JPEG);
    assert_true(query_form("raw", &form));
    assert_int_equal(form, VARIANT_RAW);
    assert_true(query_form("png", &form));
    assert_int_equal(form, VARIANT_PNG);
    const char *const bad[] = {"", "jpg", "PNG", "png ", " raw", "rawx", "bmp", "0"};
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_false(query_form(bad[i], &form));
}

TEST(what_clients_put_behind_an_action_is_ignored)
{
    assert_true(query_action_is("snapshot", "snapshot"));
    assert_true(query_action_is("snapshot?1608", "snapshot"));
    assert_true(query_action_is("stream_0", "stream"));
    assert_true(query_action_is("stream/frame.mjpg", "stream"));
}

TEST(other_actions_are_not_confused)
{
    assert_false(query_action_is(NULL, "stream"));
    assert_false(query_action_is("", "stream"));
    assert_false(query_action_is("strea", "stream"));
    assert_false(query_action_is("streams", "stream"));
    assert_false(query_action_is("snapshot", "stream"));
    assert_false(query_action_is("STREAM", "stream"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_missing_parameter_keeps_the_default),
        cmocka_unit_test(frame_rates_may_be_fractions),
        cmocka_unit_test(what_is_no_frame_rate_is_refused),
        cmocka_unit_test(milliseconds_are_whole_numbers_up_to_their_limit),
        cmocka_unit_test(what_is_no_number_of_milliseconds_is_refused),
        cmocka_unit_test(whole_numbers_keep_to_their_limits),
        cmocka_unit_test(a_flag_is_0_or_1),
        cmocka_unit_test(a_form_is_one_of_three),
        cmocka_unit_test(what_clients_put_behind_an_action_is_ignored),
        cmocka_unit_test(other_actions_are_not_confused),
    };
    return cmocka_run_group_tests_name("http/query", tests, NULL, NULL);
}
