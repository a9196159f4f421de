/* SPDX-License-Identifier: MIT */
#include "http/ws_text.h"
#include "tests/unit/support.h"

#include <stdlib.h>
#include <string.h>

static const struct ws_wish PRESENT = {.rate = 15000, .settings = {.width = 640, .quality = 50}, .window = 4};

static struct ws_request read_good(const char *text)
{
    struct ws_request request;
    char error[WS_ERROR_BYTES];
    assert_int_equal(ws_text_read(text, strlen(text), &PRESENT, &request, error), WS_READ);
    return request;
}

static void check_bad(const char *text, const char *word)
{
    struct ws_request request;
    char error[WS_ERROR_BYTES] = "";
    assert_int_equal(ws_text_read(text, strlen(text), &PRESENT, &request, error), WS_BAD_VALUE);
    assert_non_null(strstr(error, word));
}

TEST(a_key_that_is_not_there_changes_nothing)
{
    struct ws_request request = read_good("{\"width\": 320, \"other\": [1]}");
    assert_true(request.has_wish);
    assert_int_equal(request.wish.settings.width, 320);
    assert_int_equal(request.wish.settings.quality, 50);
    assert_int_equal(request.wish.rate, 15000);
    assert_int_equal(request.wish.window, 4);
    assert_int_equal(request.acked, 0);
}

TEST(null_goes_back_to_the_default)
{
    struct ws_request request =
        read_good("{\"fps\": null, \"quality\": null, \"width\": null, \"window\": null}");
    assert_true(request.has_wish);
    assert_int_equal(request.wish.rate, 0);
    assert_int_equal(request.wish.settings.width, 0);
    assert_int_equal(request.wish.settings.quality, 0);
    assert_int_equal(request.wish.window, 0);
}

TEST(all_values_are_read)
{
    struct ws_request request =
        read_good("{\"fps\":0.5,\"quality\":100,\"width\":16,\"window\":64,\"ack\":9}");
    assert_int_equal(request.wish.rate, 500);
    assert_int_equal(request.wish.settings.quality, 100);
    assert_int_equal(request.wish.settings.width, 16);
    assert_int_equal(request.wish.window, 64);
    assert_int_equal(request.acked, 9);
}

TEST(an_acknowledgement_alone_is_no_wish)
{
    struct ws_request request = read_good("{\"ack\": 4711}");
    assert_false(request.has_wish);
    assert_int_equal(request.acked, 4711);
}

TEST(a_bad_value_is_named_with_its_limits)
{
    check_bad("{\"fps\": 0}", "fps must be a number from 0.1 to 240");
    check_bad("{\"fps\": 241}", "fps");
    check_bad("{\"fps\": \"30\"}", "fps");
    check_bad("{\"quality\": 0}", "quality must be a whole number from 1 to 100");
    check_bad("{\"quality\": 101}", "quality");
    check_bad("{\"quality\": 50.5}", "quality");
    check_bad("{\"quality\": true}", "quality");
    check_bad("{\"width\": 15}", "width must be a whole number from 16 to 65500");
    check_bad("{\"width\": 4294967616}", "width"); /* 320 in 32 bits */
    check_bad("{\"width\": -320}", "width");
    check_bad("{\"window\": 65}", "window must be a whole number from 0 to 64");
    check_bad("{\"ack\": 0}", "ack");
    check_bad("{\"ack\": null}", "ack");
    check_bad("{\"ack\": 1.5}", "ack");
}

TEST(everything_else_is_no_object)
{
    static const char *const others[] = {"", "[]", "1", "null", "\"text\"", "{", "{}{}", "{\"a\":}", "{a:1}"};
    struct ws_request request;
    char error[WS_ERROR_BYTES];
    for (size_t i = 0; i < COUNT(others); i++)
        assert_int_equal(ws_text_read(others[i], strlen(others[i]), &PRESENT, &request, error), WS_NO_OBJECT);
    assert_int_equal(ws_text_read("{\"a\":\"\0\"}", 9, &PRESENT, &request, error), WS_NO_OBJECT);
}

TEST(a_description_says_what_is_shown_and_what_was_asked_for)
{
    const struct hub_description description = {.name = "front",
                                                .condition = CONDITION_STALLED,
                                                .reason = "a \"reason\"",
                                                .width = 640,
                                                .height = 360,
                                                .nominal_fps = 30};
    char *text = ws_text_description(&description, &PRESENT);
    assert_string_equal(
        text, "{\"name\":\"front\",\"state\":\"stalled\",\"reason\":\"a \\\"reason\\\"\",\"width\":640,"
              "\"height\":360,\"fps\":30.0,"
              "\"asked\":{\"fps\":15.0,\"quality\":50,\"width\":640,\"window\":4},"
              "\"header\":{\"magic\":\"HCWS\",\"version\":1,\"bytes\":56},\"version\":\"0.1.0\"}");
    free(text);
}

TEST(what_is_not_known_is_null)
{
    const struct hub_description description = {.condition = CONDITION_WAITING};
    const struct ws_wish wish = {0};
    char *text = ws_text_description(&description, &wish);
    assert_non_null(strstr(text, "\"name\":null,\"state\":\"waiting\""));
    assert_non_null(strstr(text, "\"width\":null,\"height\":null,\"fps\":null"));
    assert_non_null(strstr(text, "{\"fps\":null,\"quality\":null,\"width\":null,\"window\":null}"));
    free(text);
}

TEST(an_error_is_an_object_with_one_key)
{
    char *text = ws_text_error("not \"that\"");
    assert_string_equal(text, "{\"error\":\"not \\\"that\\\"\"}");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_that_is_not_there_changes_nothing),
        cmocka_unit_test(null_goes_back_to_the_default),
        cmocka_unit_test(all_values_are_read),
        cmocka_unit_test(an_acknowledgement_alone_is_no_wish),
        cmocka_unit_test(a_bad_value_is_named_with_its_limits),
        cmocka_unit_test(everything_else_is_no_object),
        cmocka_unit_test(a_description_says_what_is_shown_and_what_was_asked_for),
        cmocka_unit_test(what_is_not_known_is_null),
        cmocka_unit_test(an_error_is_an_object_with_one_key),
    };
    return cmocka_run_group_tests_name("http/ws_text", tests, NULL, NULL);
}
