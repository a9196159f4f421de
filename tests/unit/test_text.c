/* SPDX-License-Identifier: MIT */
#include "base/text.h"
#include "tests/unit/support.h"

#include <stdio.h>
#include <string.h>

/* What is left of a text that is cut to a number of bytes. */
static const char *cut(const char *text, size_t bytes)
{
    static char buffer[64];
    snprintf(buffer, bytes + 1, "%s", text);
    text_drop_cut_character(buffer);
    return buffer;
}

TEST(ascii_is_kept)
{
    assert_string_equal(cut("", 10), "");
    assert_string_equal(cut("abc", 10), "abc");
    assert_string_equal(cut("abc", 2), "ab");
}

TEST(whole_characters_are_kept)
{
    assert_string_equal(cut("Größe", 10), "Größe");
    assert_string_equal(cut("a€", 4), "a€");
    assert_string_equal(cut("a😀", 5), "a😀");
}

TEST(a_cut_character_is_removed)
{
    assert_string_equal(cut("Größe", 3), "Gr");
    assert_string_equal(cut("a€", 2), "a");
    assert_string_equal(cut("a€", 3), "a");
    assert_string_equal(cut("a😀", 2), "a");
    assert_string_equal(cut("a😀", 3), "a");
    assert_string_equal(cut("a😀", 4), "a");
    assert_string_equal(cut("€", 1), "");
}

TEST(only_the_last_character_is_looked_at)
{
    assert_string_equal(cut("€€€", 8), "€€");
    assert_string_equal(cut("€€€", 7), "€€");
}

TEST(what_is_no_utf8_does_no_harm)
{
    assert_string_equal(cut("\x80", 5), "\x80");
    assert_string_equal(cut("\x80\x80\x80\x80\x80\x80", 6), "\x80\x80\x80\x80\x80\x80");
    assert_string_equal(cut("a\xff", 5), "a");
}

TEST(numbers_are_digits_and_nothing_else)
{
    uint64_t value = 7;
    assert_true(text_read_number("0", &value));
    assert_int_equal(value, 0);
    assert_true(text_read_number("18446744073709551615", &value));
    assert_true(value == UINT64_MAX);
    const char *const none[] = {"", " 1", "1 ", "-1", "+1", "0x1", "1.0", "1e3", "18446744073709551616"};
    for (size_t i = 0; i < COUNT(none); i++)
        assert_false(text_read_number(none[i], &value));
    assert_false(text_read_number(NULL, &value));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ascii_is_kept),
        cmocka_unit_test(whole_characters_are_kept),
        cmocka_unit_test(a_cut_character_is_removed),
        cmocka_unit_test(only_the_last_character_is_looked_at),
        cmocka_unit_test(what_is_no_utf8_does_no_harm),
        cmocka_unit_test(numbers_are_digits_and_nothing_else),
    };
    return cmocka_run_group_tests_name("base/text", tests, NULL, NULL);
}
