/* SPDX-License-Identifier: MIT */
#include "http/peer.h"
#include "tests/unit/support.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

static char text[PEER_BYTES];

static const char *describe_v4(const char *host, uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    assert_int_equal(inet_pton(AF_INET, host, &address.sin_addr), 1);
    peer_describe((const struct sockaddr *)&address, text);
    return text;
}

static const char *describe_v6(const char *host, uint16_t port)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    assert_int_equal(inet_pton(AF_INET6, host, &address.sin6_addr), 1);
    peer_describe((const struct sockaddr *)&address, text);
    return text;
}

TEST(an_address_has_its_port_if_it_has_one)
{
    assert_string_equal(describe_v4("192.0.2.7", 51234), "192.0.2.7:51234");
    assert_string_equal(describe_v4("255.255.255.255", 65535), "255.255.255.255:65535");
    assert_string_equal(describe_v4("0.0.0.0", 0), "0.0.0.0");
    assert_string_equal(describe_v6("2001:db8::7", 51234), "[2001:db8::7]:51234");
    assert_string_equal(describe_v6("::1", 80), "[::1]:80");
    assert_string_equal(describe_v6("2001:db8:1111:2222:3333:4444:5555:6666", 65535),
                        "[2001:db8:1111:2222:3333:4444:5555:6666]:65535");
    assert_string_equal(describe_v6("2001:db8::7", 0), "2001:db8::7");
}

TEST(ipv4_on_a_socket_for_both_is_shown_as_ipv4)
{
    assert_string_equal(describe_v6("::ffff:192.0.2.7", 51234), "192.0.2.7:51234");
}

TEST(what_has_no_address_is_said_so)
{
    const struct sockaddr_un local = {.sun_family = AF_UNIX, .sun_path = "/run/a\nb"};
    peer_describe((const struct sockaddr *)&local, text);
    assert_string_equal(text, "a unix socket");
    const struct sockaddr_storage other = {.ss_family = AF_UNSPEC};
    peer_describe((const struct sockaddr *)&other, text);
    assert_string_equal(text, "an unknown address");
    peer_describe(NULL, text);
    assert_string_equal(text, "an unknown address");
}

TEST(of_a_unix_socket_the_kernel_knows_who_uses_it)
{
    int ends[2];
    char expected[PEER_BYTES];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    snprintf(expected, sizeof(expected), "user %u, process %d", (unsigned)getuid(), (int)getpid());
    peer_describe_socket(ends[0], text);
    assert_string_equal(text, expected);
    close(ends[0]);
    close(ends[1]);
    peer_describe_socket(-1, text);
    assert_string_equal(text, "an unknown address");
}

TEST(a_user_is_known_of_unix_sockets_alone)
{
    int ends[2], tcp = socket(AF_INET, SOCK_STREAM, 0);
    uid_t user = 4711;
    assert_false(peer_user(tcp, &user));
    assert_false(peer_user(-1, &user));
    assert_int_equal(user, 4711);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    assert_true(peer_user(ends[0], &user));
    assert_int_equal(user, getuid());
    close(ends[0]);
    close(ends[1]);
    close(tcp);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_has_its_port_if_it_has_one),
        cmocka_unit_test(ipv4_on_a_socket_for_both_is_shown_as_ipv4),
        cmocka_unit_test(what_has_no_address_is_said_so),
        cmocka_unit_test(of_a_unix_socket_the_kernel_knows_who_uses_it),
        cmocka_unit_test(a_user_is_known_of_unix_sockets_alone),
    };
    return cmocka_run_group_tests_name("http/peer", tests, NULL, NULL);
}
