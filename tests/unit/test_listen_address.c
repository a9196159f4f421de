/* SPDX-License-Identifier: MIT */
#include "http/listen_address.h"
#include "tests/unit/support.h"

#include <stdio.h>
#include <string.h>

static struct listen_address address;

static bool reads(const char *text)
{
    return listen_address_read(text, strlen(text), &address);
}

static void assert_tcp(const char *text, const char *host, const char *port)
{
    assert_true(reads(text));
    assert_string_equal(address.tcp.host, host);
    assert_string_equal(address.tcp.port, port);
    assert_string_equal(address.path, "");
}

TEST(a_host_and_a_port)
{
    assert_tcp("127.0.0.1:8080", "127.0.0.1", "8080");
    assert_tcp("localhost:0", "localhost", "0");
    assert_tcp("a:65535", "a", "65535");
    assert_tcp("[::1]:80", "::1", "80");
    assert_tcp("[fe80::1%eth0]:80", "fe80::1%eth0", "80");
    assert_tcp("unix:80", "unix", "80"); /* a host may be called so */
}

TEST(the_path_of_a_unix_socket)
{
    assert_true(reads("unix:/run/headcam/http.sock"));
    assert_string_equal(address.path, "/run/headcam/http.sock");
    assert_string_equal(address.tcp.host, "");
    assert_true(reads("unix:/a:80"));
    assert_string_equal(address.path, "/a:80");
}

TEST(only_the_length_given_is_read)
{
    assert_true(listen_address_read("a:80,b:81", 4, &address));
    assert_string_equal(address.tcp.host, "a");
    assert_string_equal(address.tcp.port, "80");
    assert_true(listen_address_read("unix:/a,b", 7, &address));
    assert_string_equal(address.path, "/a");
    assert_false(listen_address_read("a:80", 2, &address));
    assert_false(listen_address_read("a:80", 0, &address));
    assert_false(listen_address_read("unix:/", 5, &address));
}

TEST(what_is_no_address_is_refused)
{
    const char *const bad[] = {
        "",        "8080",       ":8080",       "host",    "host:",   "host:http", "host:-1",
        "host: 1", "host:65536", "host:000080", "::1:80",  "[::1:80", "[::1]80",   "[]:80",
        "[:80",    "unix:",      "unix:run/x",  "unix:@x", "UNIX:/x",
    };
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_false(reads(bad[i]));
}

TEST(what_is_too_long_is_refused)
{
    char text[600];
    snprintf(text, sizeof(text), "%0*d:80", HOST_BYTES - 1, 0);
    assert_true(reads(text));
    snprintf(text, sizeof(text), "%0*d:80", HOST_BYTES, 0);
    assert_false(reads(text));
    snprintf(text, sizeof(text), "unix:/%0*d", SOCKET_FILE_PATH_BYTES - 2, 0);
    assert_true(reads(text));
    snprintf(text, sizeof(text), "unix:/%0*d", SOCKET_FILE_PATH_BYTES - 1, 0);
    assert_false(reads(text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_host_and_a_port),
        cmocka_unit_test(the_path_of_a_unix_socket),
        cmocka_unit_test(only_the_length_given_is_read),
        cmocka_unit_test(what_is_no_address_is_refused),
        cmocka_unit_test(what_is_too_long_is_refused),
    };
    return cmocka_run_group_tests_name("http/listen_address", tests, NULL, NULL);
}
