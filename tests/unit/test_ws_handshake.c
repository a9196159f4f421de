/* SPDX-License-Identifier: MIT */
#include "http/ws_handshake.h"
#include "tests/unit/support.h"

#include <string.h>

static const struct ws_handshake GOOD = {
    .method = "GET",
    .http_version = "HTTP/1.1",
    .upgrade = "websocket",
    .connection = "Upgrade",
    .version = "13",
    .key = "dGhlIHNhbXBsZSBub25jZQ==",
};

static void check_refused(const struct ws_handshake *request, unsigned expected, const char *word)
{
    unsigned status;
    const char *flaw = ws_handshake_check(request, &status);
    assert_non_null(flaw);
    assert_non_null(strstr(flaw, word));
    assert_int_equal(status, expected);
}

TEST(a_good_request_is_accepted)
{
    unsigned status;
    assert_null(ws_handshake_check(&GOOD, &status));
}

TEST(tokens_may_be_among_others_and_in_any_case)
{
    unsigned status;
    struct ws_handshake request = GOOD;
    request.connection = "keep-alive, UPGRADE"; /* Firefox */
    request.upgrade = "WebSocket";
    assert_null(ws_handshake_check(&request, &status));
}

TEST(a_missing_or_different_token_is_named)
{
    static const char *const others[] = {NULL, "", "keep-alive", "upgraded", "not-upgrade", "up grade"};
    for (size_t i = 0; i < COUNT(others); i++) {
        struct ws_handshake request = GOOD;
        request.connection = others[i];
        check_refused(&request, 426, "Connection");
        request = GOOD;
        request.upgrade = others[i];
        check_refused(&request, 426, "Upgrade");
    }
}

TEST(only_get_and_only_http_1_1)
{
    struct ws_handshake request = GOOD;
    request.method = "HEAD";
    check_refused(&request, 426, "GET");
    request = GOOD;
    request.http_version = "HTTP/1.0";
    check_refused(&request, 426, "HTTP/1.1");
}

TEST(only_version_13)
{
    static const char *const others[] = {NULL, "", "8", "130", "13, 8"};
    for (size_t i = 0; i < COUNT(others); i++) {
        struct ws_handshake request = GOOD;
        request.version = others[i];
        check_refused(&request, 426, "Sec-WebSocket-Version");
    }
}

TEST(a_key_is_16_bytes_in_base64)
{
    static const char *const others[] = {NULL,
                                         "",
                                         "dGhlIHNhbXBsZSBub25jZQ=",
                                         "dGhlIHNhbXBsZSBub25jZQ== ",
                                         "dGhlIHNhbXBsZSBub25jZTI=",
                                         "dGhlIHNhbXBsZSBub25jZTIz",
                                         "dGhlIHNhbXBsZSBub25j!Q==",
                                         "                        "};
    for (size_t i = 0; i < COUNT(others); i++) {
        struct ws_handshake request = GOOD;
        request.key = others[i];
        check_refused(&request, 400, "Sec-WebSocket-Key");
    }
}

TEST(the_answer_is_that_of_the_rfc)
{
    char accept[WS_ACCEPT_BYTES];
    ws_handshake_accept(GOOD.key, accept);
    assert_string_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_request_is_accepted),
        cmocka_unit_test(tokens_may_be_among_others_and_in_any_case),
        cmocka_unit_test(a_missing_or_different_token_is_named),
        cmocka_unit_test(only_get_and_only_http_1_1),
        cmocka_unit_test(only_version_13),
        cmocka_unit_test(a_key_is_16_bytes_in_base64),
        cmocka_unit_test(the_answer_is_that_of_the_rfc),
    };
    return cmocka_run_group_tests_name("http/ws_handshake", tests, NULL, NULL);
}
