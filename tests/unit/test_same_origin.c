/* SPDX-License-Identifier: MIT */
#include "http/same_origin.h"
#include "tests/unit/support.h"

struct pair {
    const char *origin, *host;
};

TEST(scripts_send_no_origin)
{
    assert_true(origin_is_same(NULL, "cam:8080"));
    assert_true(origin_is_same(NULL, NULL));
}

TEST(the_page_of_the_same_host_is_allowed)
{
    static const struct pair pairs[] = {
        {"http://cam:8080", "cam:8080"},
        {"http://Cam:8080", "cAM:8080"},
        {"http://cam", "cam"},
        {"http://cam", "cam:80"},
        {"http://cam:80", "cam"},
        {"https://cam.example", "cam.example"}, /* a proxy has the TLS */
        {"https://cam", "cam:443"},
        {"http://127.0.0.1:8080", "127.0.0.1:8080"},
        {"http://[::1]:8080", "[::1]:8080"},
        {"http://[::1]", "[::1]"},
    };
    for (size_t i = 0; i < COUNT(pairs); i++)
        assert_true(origin_is_same(pairs[i].origin, pairs[i].host));
}

TEST(every_other_page_is_not)
{
    static const struct pair pairs[] = {
        {"http://evil", "cam"},
        {"http://cam:8081", "cam:8080"},
        {"https://cam", "cam:80"},
        {"http://cam", "cam:443"},
        {"http://cam:8080", NULL},
        {"http://cam.evil:8080", "cam:8080"},
        {"http://cam", "cam.example"},
        {"null", "null"},
        {"", ""},
        {"http://", ""},
        {"file://", ""},
        {"ftp://cam", "cam"},
        {"cam:8080", "cam:8080"},
        {"http://[::1]:8080", "[::2]:8080"},
        {"chrome-extension://cam", "cam"},
    };
    for (size_t i = 0; i < COUNT(pairs); i++)
        assert_false(origin_is_same(pairs[i].origin, pairs[i].host));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scripts_send_no_origin),
        cmocka_unit_test(the_page_of_the_same_host_is_allowed),
        cmocka_unit_test(every_other_page_is_not),
    };
    return cmocka_run_group_tests_name("http/same_origin", tests, NULL, NULL);
}
