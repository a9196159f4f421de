/* SPDX-License-Identifier: MIT */
#include "access/address.h"
#include "tests/unit/support.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

static struct address ipv4(const char *text)
{
    struct sockaddr_in peer = {.sin_family = AF_INET, .sin_port = htons(1234)};
    assert_int_equal(inet_pton(AF_INET, text, &peer.sin_addr), 1);
    return address_of((const struct sockaddr *)&peer);
}

static struct address ipv6(const char *text)
{
    struct sockaddr_in6 peer = {.sin6_family = AF_INET6, .sin6_port = htons(1234)};
    assert_int_equal(inet_pton(AF_INET6, text, &peer.sin6_addr), 1);
    return address_of((const struct sockaddr *)&peer);
}

static void assert_same(struct address a, struct address b, bool expected)
{
    assert_int_equal(a.network == b.network && a.kind == b.kind, expected);
}

static void assert_text(struct address address, const char *expected)
{
    char text[ADDRESS_TEXT_BYTES];
    address_text(&address, text);
    assert_string_equal(text, expected);
}

TEST(each_ipv4_address_counts_for_itself)
{
    assert_same(ipv4("192.0.2.7"), ipv4("192.0.2.7"), true);
    assert_same(ipv4("192.0.2.7"), ipv4("192.0.2.8"), false);
    assert_text(ipv4("192.0.2.7"), "192.0.2.7");
    assert_text(ipv4("255.255.255.255"), "255.255.255.255");
}

TEST(an_ipv6_network_of_64_bits_counts_as_one)
{
    assert_same(ipv6("2001:db8:1:2::1"), ipv6("2001:db8:1:2:ffff:ffff:ffff:ffff"), true);
    assert_same(ipv6("2001:db8:1:2::1"), ipv6("2001:db8:1:3::1"), false);
    assert_text(ipv6("2001:db8:1:2::1"), "2001:db8:1:2::/64");
}

TEST(ipv4_within_ipv6_is_the_same_address)
{
    assert_same(ipv6("::ffff:192.0.2.7"), ipv4("192.0.2.7"), true);
    assert_same(ipv6("::ffff:192.0.2.7"), ipv4("192.0.2.8"), false);
    /* Numbers alone do not make addresses alike. */
    assert_same(ipv6("0:0:c000:207::"), ipv4("192.0.2.7"), false);
}

TEST(each_user_of_a_unix_socket_counts_for_itself)
{
    assert_same(address_of_user(1000), address_of_user(1000), true);
    assert_same(address_of_user(1000), address_of_user(0), false);
    assert_same(address_of_user(1), ipv4("0.0.0.1"), false);
    assert_text(address_of_user(0), "user 0");
    assert_text(address_of_user(4294967294), "user 4294967294");
}

TEST(what_is_unknown_counts_as_one)
{
    const struct sockaddr_un peer = {.sun_family = AF_UNIX};
    assert_same(address_of(NULL), address_of((const struct sockaddr *)&peer), true);
    assert_same(address_of(NULL), address_of_user(0), false);
    assert_same(address_of(NULL), ipv4("0.0.0.0"), false);
    assert_text(address_of(NULL), "an unknown address");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_ipv4_address_counts_for_itself),
        cmocka_unit_test(an_ipv6_network_of_64_bits_counts_as_one),
        cmocka_unit_test(ipv4_within_ipv6_is_the_same_address),
        cmocka_unit_test(each_user_of_a_unix_socket_counts_for_itself),
        cmocka_unit_test(what_is_unknown_counts_as_one),
    };
    return cmocka_run_group_tests_name("access/address", tests, NULL, NULL);
}
