/* SPDX-License-Identifier: MIT */
#include "stream/name.h"
#include "tests/unit/support.h"

#include <string.h>

TEST(letters_digits_dots_dashes_and_underscores_make_a_name)
{
    const char *const good[] = {"a", "Z", "0", ".", "..", "-", "_", "front", "Robot-7_arm.left", "0.0.0.0"};
    for (size_t i = 0; i < COUNT(good); i++)
        assert_true(name_is_valid(good[i], strlen(good[i])));
}

TEST(every_other_byte_is_refused)
{
    for (int c = 0; c < 256; c++) {
        bool is_allowed = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                          c == '.' || c == '_' || c == '-';
        const char text[] = {'a', (char)c, 'b'};
        assert_int_equal(name_is_valid(text, sizeof(text)), is_allowed);
        assert_int_equal(name_is_valid(text + 1, 1), is_allowed);
    }
}

TEST(a_name_has_1_to_64_characters)
{
    char text[66];
    memset(text, 'x', sizeof(text));
    assert_false(name_is_valid(text, 0));
    assert_true(name_is_valid(text, 1));
    assert_true(name_is_valid(text, 64));
    assert_false(name_is_valid(text, 65));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(letters_digits_dots_dashes_and_underscores_make_a_name),
        cmocka_unit_test(every_other_byte_is_refused),
        cmocka_unit_test(a_name_has_1_to_64_characters),
    };
    return cmocka_run_group_tests_name("stream/name", tests, NULL, NULL);
}
