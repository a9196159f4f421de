/* SPDX-License-Identifier: MIT */
#include "service/activation.h"
#include "tests/unit/support.h"

TEST(sockets_that_are_meant_for_this_process_count)
{
    assert_int_equal(activation_count("42", "1", 42), 1);
    assert_int_equal(activation_count("42", "3", 42), 3);
    assert_int_equal(activation_count("42", "0", 42), 0);
}

TEST(sockets_of_another_process_do_not)
{
    assert_int_equal(activation_count("41", "1", 42), 0);
    assert_int_equal(activation_count("", "1", 42), 0);
    assert_int_equal(activation_count(NULL, "1", 42), 0);
}

TEST(what_is_no_count_is_none)
{
    assert_int_equal(activation_count("42", NULL, 42), 0);
    assert_int_equal(activation_count("42", "", 42), 0);
    assert_int_equal(activation_count("42", "-1", 42), 0);
    assert_int_equal(activation_count("42", "many", 42), 0);
    assert_int_equal(activation_count("42", "2147483647", 42), 0);
    assert_int_equal(activation_count("42", "99999999999999999999", 42), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sockets_that_are_meant_for_this_process_count),
        cmocka_unit_test(sockets_of_another_process_do_not),
        cmocka_unit_test(what_is_no_count_is_none),
    };
    return cmocka_run_group_tests_name("service/activation", tests, NULL, NULL);
}
