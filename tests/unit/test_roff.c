/* SPDX-License-Identifier: MIT */
#include "base/roff.h"
#include "tests/unit/support.h"

#include <string.h>

static void assert_roff(const char *text, const char *expected)
{
    struct bytes page = {0};
    roff_append(&page, text);
    assert_int_equal(page.length, strlen(expected));
    assert_memory_equal(page.data, expected, page.length);
    bytes_fini(&page);
}

TEST(ordinary_text_stays_as_it_is)
{
    assert_roff("HOST:PORT, as 127.0.0.1:8080 or [::]:8080 (\"x\", 50 %)",
                "HOST:PORT, as 127.0.0.1:8080 or [::]:8080 (\"x\", 50 %)");
}

TEST(what_means_something_to_roff_is_escaped)
{
    assert_roff("--max-streams", "\\-\\-max\\-streams");
    assert_roff("\\fBbold\\fR", "\\efBbold\\efR");
    assert_roff("'x' `y` ^ ~", "\\(aqx\\(aq \\(gay\\(ga \\(ha \\(ti");
}

TEST(no_text_is_a_request)
{
    assert_roff(".so /etc/passwd", "\\&.so /etc/passwd");
    assert_roff("'br", "\\(aqbr");
    assert_roff("0.5 to 3600.", "0.5 to 3600.");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ordinary_text_stays_as_it_is),
        cmocka_unit_test(what_means_something_to_roff_is_escaped),
        cmocka_unit_test(no_text_is_a_request),
    };
    return cmocka_run_group_tests_name("base/roff", tests, NULL, NULL);
}
