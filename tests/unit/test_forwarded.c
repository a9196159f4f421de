/* SPDX-License-Identifier: MIT */
#include "http/forwarded.h"
#include "http/peer.h"
#include "tests/unit/support.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

static bool is_valid(const char *text)
{
    const struct text_item item = {text, strlen(text)};
    return forwarded_is_valid(&item);
}

/* Whom the server takes for the client; peer is an IPv4 address, or NULL for a unix socket. */
static const char *client_of(const char *trusted, const char *peer, const char *header)
{
    static char text[PEER_BYTES];
    struct text_list list = {0};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(4711)};
    struct sockaddr_storage client;
    if (trusted)
        assert_true(text_list_add(&list, trusted));
    if (peer)
        assert_int_equal(inet_pton(AF_INET, peer, &address.sin_addr), 1);
    const struct sockaddr *from = peer ? (const struct sockaddr *)&address : NULL;
    if (!forwarded_client(&list, from, header, &client))
        return "the peer";
    peer_describe((const struct sockaddr *)&client, text);
    return text;
}

TEST(proxies_are_addresses_networks_and_unix)
{
    const char *const good[] = {"192.0.2.7", "10.0.0.0/8",    "0.0.0.0/0", "192.0.2.7/32",
                                "::1",       "2001:db8::/32", "::/0",      "unix"};
    const char *const bad[] = {"",         "proxy",          "192.0.2",       "192.0.2.7/33", "::1/129",
                               "10.0.0/8", "10.0.0.0/",      "10.0.0.0/x",    "10.0.0.0/ 8",  "10.0.0.0/-1",
                               "Unix",     "192.0.2.7:8080", "10.0.0.0/0008", "[::1]"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_true(is_valid(good[i]));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(is_valid(bad[i]));
}

TEST(nobody_is_trusted_unasked)
{
    assert_string_equal(client_of(NULL, "127.0.0.1", "203.0.113.9"), "the peer");
    assert_string_equal(client_of(NULL, NULL, "203.0.113.9"), "the peer");
    assert_string_equal(client_of("10.0.0.0/8", "11.0.0.1", "203.0.113.9"), "the peer");
    assert_string_equal(client_of("10.0.0.0/8", NULL, "203.0.113.9"), "the peer");
    assert_string_equal(client_of("unix", "10.0.0.1", "203.0.113.9"), "the peer");
}

TEST(the_client_is_whom_the_last_trusted_proxy_names)
{
    assert_string_equal(client_of("127.0.0.1", "127.0.0.1", "203.0.113.9"), "203.0.113.9");
    assert_string_equal(client_of("unix", NULL, "203.0.113.9"), "203.0.113.9");
    assert_string_equal(client_of("10.0.0.0/8", "10.1.2.3", "198.51.100.1, 203.0.113.9"), "203.0.113.9");
    assert_string_equal(client_of("10.0.0.0/8", "10.1.2.3", "198.51.100.1, 203.0.113.9, 10.0.0.9"),
                        "203.0.113.9");
    assert_string_equal(client_of("10.0.0.0/8,unix", NULL, "203.0.113.9,10.0.0.9\t,10.7.7.7"), "203.0.113.9");
}

TEST(where_all_are_trusted_it_is_the_first)
{
    assert_string_equal(client_of("10.0.0.0/8", "10.1.2.3", "10.0.0.8, 10.0.0.9"), "10.0.0.8");
}

TEST(networks_end_within_a_byte)
{
    assert_string_equal(client_of("10.16.0.0/12", "10.31.255.255", "203.0.113.9"), "203.0.113.9");
    assert_string_equal(client_of("10.16.0.0/12", "10.32.0.0", "203.0.113.9"), "the peer");
    assert_string_equal(client_of("0.0.0.0/0", "8.8.8.8", "::1"), "::1");
}

TEST(ports_do_not_matter)
{
    assert_string_equal(client_of("127.0.0.1", "127.0.0.1", "203.0.113.9:51234"), "203.0.113.9");
    assert_string_equal(client_of("127.0.0.1", "127.0.0.1", "[2001:db8::7]:51234"), "2001:db8::7");
    assert_string_equal(client_of("127.0.0.1", "127.0.0.1", "2001:db8::7"), "2001:db8::7");
    assert_string_equal(client_of("127.0.0.1", "127.0.0.1", "2001:db8::7"), "2001:db8::7");
}

TEST(rubbish_ends_the_search)
{
    const char *const rubbish[] = {"",
                                   " ",
                                   "unknown",
                                   "_hidden",
                                   "203.0.113",
                                   "[::1",
                                   "[",
                                   "]",
                                   ",",
                                   ":",
                                   "::1::",
                                   "203.0.113.9;x",
                                   "1.2.3.4.5.6.7.8.9.10.11.12.13.14.15.16.17.18.19.20.21.22.23.24"};
    assert_string_equal(client_of("127.0.0.1", "127.0.0.1", NULL), "the peer");
    for (size_t i = 0; i < sizeof(rubbish) / sizeof(rubbish[0]); i++)
        assert_string_equal(client_of("127.0.0.1", "127.0.0.1", rubbish[i]), "the peer");
    assert_string_equal(client_of("127.0.0.1,10.0.0.0/8", "127.0.0.1", "203.0.113.9, unknown, 10.0.0.9"),
                        "10.0.0.9");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(proxies_are_addresses_networks_and_unix),
        cmocka_unit_test(nobody_is_trusted_unasked),
        cmocka_unit_test(the_client_is_whom_the_last_trusted_proxy_names),
        cmocka_unit_test(where_all_are_trusted_it_is_the_first),
        cmocka_unit_test(networks_end_within_a_byte),
        cmocka_unit_test(ports_do_not_matter),
        cmocka_unit_test(rubbish_ends_the_search),
    };
    return cmocka_run_group_tests_name("http/forwarded", tests, NULL, NULL);
}
