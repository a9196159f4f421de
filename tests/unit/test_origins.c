/* SPDX-License-Identifier: MIT */
#include "http/origins.h"
#include "tests/unit/support.h"

#include <string.h>

static bool is_valid(const char *text)
{
    const struct text_item item = {text, strlen(text)};
    return origin_is_valid(&item);
}

static struct origin_verdict judge(const char *allowed, const char *origin)
{
    struct text_list list = {0};
    if (allowed)
        assert_true(text_list_add(&list, allowed));
    return origins_judge(&list, origin);
}

static void assert_verdict(struct origin_verdict verdict, const char *allowed, bool with_credentials,
                           bool depends_on_the_page)
{
    if (allowed)
        assert_string_equal(verdict.allowed, allowed);
    else
        assert_null(verdict.allowed);
    assert_int_equal(verdict.with_credentials, with_credentials);
    assert_int_equal(verdict.depends_on_the_page, depends_on_the_page);
}

TEST(origins_are_as_browsers_send_them)
{
    const char *const good[] = {"*",
                                "http://localhost:3000",
                                "https://example.org",
                                "https://cam-1.example.org:8443",
                                "http://192.0.2.1",
                                "http://[2001:db8::1]:8080",
                                "https://xn--bcher-kva.example",
                                "http://example.org:443",
                                "chrome-extension://abcdefghijklmnop"};
    for (size_t i = 0; i < COUNT(good); i++)
        assert_true(is_valid(good[i]));
}

TEST(what_no_browser_sends_is_refused)
{
    const char *const bad[] = {"",
                               "example.org",
                               "https://",
                               "://example.org",
                               "https://example.org/",
                               "https://example.org/path",
                               "https://Example.org",
                               "HTTPS://example.org",
                               "https://example.org:443",
                               "http://example.org:80",
                               "https://*.example.org",
                               "https://user@example.org",
                               "https://example.org?x",
                               "https://example.org#x",
                               "https://exa mple.org",
                               "https://example.org\r\nX: y",
                               "http://:3000",
                               "http://example.org:",
                               "null",
                               "**"};
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_false(is_valid(bad[i]));
}

TEST(without_a_list_nothing_is_said)
{
    assert_verdict(judge(NULL, "https://a.example"), NULL, false, false);
    assert_verdict(judge(NULL, NULL), NULL, false, false);
}

TEST(an_origin_is_allowed_exactly)
{
    const char *const list = "https://a.example,http://b.example:3000";
    assert_verdict(judge(list, "https://a.example"), "https://a.example", true, true);
    assert_verdict(judge(list, "http://b.example:3000"), "http://b.example:3000", true, true);
    const char *const others[] = {"http://a.example",       "https://a.example:444",    "https://a.exampl",
                                  "https://a.example.evil", "https://evil.a.example",   "null",
                                  "https://A.example",      "https://a.example,http:/", ""};
    for (size_t i = 0; i < COUNT(others); i++)
        assert_verdict(judge(list, others[i]), NULL, false, true);
    assert_verdict(judge(list, NULL), NULL, false, true);
}

TEST(all_origins_are_allowed_without_credentials)
{
    assert_verdict(judge("*", "https://a.example"), "*", false, false);
    assert_verdict(judge("*", "null"), "*", false, false);
    assert_verdict(judge("*", NULL), "*", false, false);
}

TEST(beside_all_an_exact_one_has_more)
{
    const char *const lists[] = {"*,https://a.example", "https://a.example,*"};
    for (size_t i = 0; i < COUNT(lists); i++) {
        assert_verdict(judge(lists[i], "https://a.example"), "https://a.example", true, true);
        assert_verdict(judge(lists[i], "https://b.example"), "*", false, true);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(origins_are_as_browsers_send_them),
        cmocka_unit_test(what_no_browser_sends_is_refused),
        cmocka_unit_test(without_a_list_nothing_is_said),
        cmocka_unit_test(an_origin_is_allowed_exactly),
        cmocka_unit_test(all_origins_are_allowed_without_credentials),
        cmocka_unit_test(beside_all_an_exact_one_has_more),
    };
    return cmocka_run_group_tests_name("http/origins", tests, NULL, NULL);
}
