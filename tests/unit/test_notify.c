/* SPDX-License-Identifier: MIT */
#include "base/clock.h"
#include "service/notify.h"
#include "tests/unit/support.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

static struct sockaddr_un address;
static socklen_t length;

TEST(a_path)
{
    assert_true(notify_read_address("/run/notify", &address, &length));
    assert_int_equal(address.sun_family, AF_UNIX);
    assert_string_equal(address.sun_path, "/run/notify");
    assert_int_equal(length, offsetof(struct sockaddr_un, sun_path) + sizeof("/run/notify"));
}

TEST(an_abstract_name)
{
    assert_true(notify_read_address("@notify", &address, &length));
    assert_memory_equal(address.sun_path, "\0notify", 7);
    assert_int_equal(length, offsetof(struct sockaddr_un, sun_path) + 7);
}

TEST(anything_else_is_no_address)
{
    char text[200];
    const char *const bad[] = {"", "/", "@", "run/notify", "vsock:2:1234"};
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_false(notify_read_address(bad[i], &address, &length));
    snprintf(text, sizeof(text), "/%0106d", 0);
    assert_true(notify_read_address(text, &address, &length));
    snprintf(text, sizeof(text), "/%0107d", 0);
    assert_false(notify_read_address(text, &address, &length));
}

TEST(the_watchdog_is_for_the_process_that_it_names)
{
    assert_int_equal(notify_read_watchdog("30000000", "42", 42), 30 * NS_PER_S);
    assert_int_equal(notify_read_watchdog("30000000", NULL, 42), 30 * NS_PER_S);
    assert_int_equal(notify_read_watchdog("30000000", "41", 42), 0);
    assert_int_equal(notify_read_watchdog("30000000", "", 42), 0);
}

TEST(what_is_no_time_is_no_watchdog)
{
    assert_int_equal(notify_read_watchdog(NULL, NULL, 42), 0);
    assert_int_equal(notify_read_watchdog("", NULL, 42), 0);
    assert_int_equal(notify_read_watchdog("0", NULL, 42), 0);
    assert_int_equal(notify_read_watchdog("30s", NULL, 42), 0);
    assert_int_equal(notify_read_watchdog("18446744073709551615", NULL, 42), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path),
        cmocka_unit_test(an_abstract_name),
        cmocka_unit_test(anything_else_is_no_address),
        cmocka_unit_test(the_watchdog_is_for_the_process_that_it_names),
        cmocka_unit_test(what_is_no_time_is_no_watchdog),
    };
    return cmocka_run_group_tests_name("service/notify", tests, NULL, NULL);
}
