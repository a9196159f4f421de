/* SPDX-License-Identifier: MIT */
#include "base/clock.h"
#include "forward/resolver.h"
#include "tests/unit/support.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_EDGES = 2, DEADLINE_MS = 60 * 1000 };

/* ---- a name server: edge.test has these addresses, in this order ---- */

static const char *const ADDRESSES[] = {"192.0.2.7", "192.0.2.3", "192.0.2.9"};

struct answer {
    struct addrinfo info;
    struct sockaddr_in address;
};

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **found)
{
    (void)service, (void)hints;
    if (strcmp(name, "edge.test") != 0)
        return EAI_NONAME;
    struct answer *answers = calloc(COUNT(ADDRESSES), sizeof(*answers));
    for (size_t i = 0; i < COUNT(ADDRESSES); i++) {
        answers[i].address.sin_family = AF_INET;
        inet_pton(AF_INET, ADDRESSES[i], &answers[i].address.sin_addr);
        answers[i].info.ai_family = AF_INET;
        answers[i].info.ai_addr = (struct sockaddr *)&answers[i].address;
        answers[i].info.ai_addrlen = sizeof(answers[i].address);
        answers[i].info.ai_next = i + 1 < COUNT(ADDRESSES) ? &answers[i + 1].info : NULL;
    }
    *found = &answers[0].info;
    return 0;
}

void freeaddrinfo(struct addrinfo *found)
{
    free(found);
}

/* ---- what comes of it ---- */

static void assert_resolved(const char *target_text, const char *const *expected, size_t count)
{
    struct target target;
    struct wake wake;
    struct resolved resolved;
    assert_true(target_read(target_text, strlen(target_text), &target));
    assert_true(wake_init(&wake));
    struct resolver *resolver = resolver_create(&target, 1, MAX_EDGES, &wake);
    assert_non_null(resolver);
    struct pollfd is_there = {.fd = wake.fd, .events = POLLIN};
    assert_int_equal(poll(&is_there, 1, DEADLINE_MS), 1);
    assert_true(resolver_take(resolver, 0, &resolved));
    assert_int_equal(resolved.count, count);
    for (size_t i = 0; i < count; i++) {
        char address[TARGET_BYTES];
        snprintf(address, sizeof(address), "tcp://%s:5555", expected[i]);
        assert_string_equal(resolved.addresses[i], address);
    }
    assert_false(resolver_take(resolver, 0, &resolved));
    resolver_destroy(resolver);
    free(resolved.addresses);
    wake_fini(&wake);
}

TEST(all_addresses_of_one_edge_are_tried_however_few_edges_there_may_be)
{
    assert_resolved("tcp://edge.test:5555", ADDRESSES, COUNT(ADDRESSES));
}

TEST(where_each_address_is_an_edge_there_are_as_many_as_there_may_be)
{
    static const char *const expected[] = {"192.0.2.3", "192.0.2.7"};
    assert_resolved("dns+tcp://edge.test:5555", expected, MAX_EDGES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_addresses_of_one_edge_are_tried_however_few_edges_there_may_be),
        cmocka_unit_test(where_each_address_is_an_edge_there_are_as_many_as_there_may_be),
    };
    return cmocka_run_group_tests_name("forward/resolver", tests, NULL, NULL);
}
