/* SPDX-License-Identifier: MIT */
#include "http/links.h"
#include "tests/unit/support.h"

#include <stdlib.h>
#include <string.h>

static void assert_links(const char *html, const char *value, const char *expected)
{
    /* A copy that ends where it ends, for the sanitizer. */
    size_t length = strlen(html);
    char *copy = malloc(length ? length : 1);
    memcpy(copy, html, length);
    struct bytes out = {0};
    links_with_query(copy, length, "token", value, &out);
    bytes_append(&out, "", 1);
    assert_string_equal((const char *)out.data, expected);
    bytes_fini(&out);
    free(copy);
}

TEST(relative_links_get_the_query)
{
    assert_links("<link rel=\"icon\" href=\"icon.svg\">", "T",
                 "<link rel=\"icon\" href=\"icon.svg?token=T\">");
    assert_links("<img src=\"a/b.png\" alt=\"\"><a href=\"x\">y</a>", "T",
                 "<img src=\"a/b.png?token=T\" alt=\"\"><a href=\"x?token=T\">y</a>");
}

TEST(everything_else_stays_as_it_is)
{
    const char *const same[] = {"text",
                                "<a href=\"/x\">",
                                "<a href=\"//host/x\">",
                                "<a href=\"https://host/x\">",
                                "<a href=\"mailto:x\">",
                                "<a href=\"#x\">",
                                "<a href=\"x#y\">",
                                "<a href=\"x?y\">",
                                "<a href=\"\">",
                                "<a href='x'>",
                                "<a data-href=\"x\">",
                                "<a href=\"x",
                                "<a href=\"",
                                "<a href="};
    for (size_t i = 0; i < COUNT(same); i++)
        assert_links(same[i], "T", same[i]);
}

TEST(a_value_is_escaped_for_urls_and_html)
{
    assert_links("<a href=\"x\">", "aZ09-._~", "<a href=\"x?token=aZ09-._~\">");
    assert_links("<a href=\"x\">", "\"><script>&+ %/=\303\244\x01",
                 "<a href=\"x?token=%22%3E%3Cscript%3E%26%2B%20%25%2F%3D%C3%A4%01\">");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(relative_links_get_the_query),
        cmocka_unit_test(everything_else_stays_as_it_is),
        cmocka_unit_test(a_value_is_escaped_for_urls_and_html),
    };
    return cmocka_run_group_tests_name("http/links", tests, NULL, NULL);
}
