/* SPDX-License-Identifier: MIT */
#include "access/throttle.h"
#include "base/clock.h"
#include "tests/unit/support.h"

#include <sodium.h>

static const uint64_t START_NS = 1000 * NS_PER_S;

static struct address number(uint64_t n)
{
    return (struct address){.network = n, .kind = ADDRESS_IPV4};
}

static struct throttle *create(size_t tries, uint64_t recovery_ns, size_t addresses)
{
    const struct throttle_options options = {tries, recovery_ns, addresses};
    assert_true(sodium_init() >= 0);
    return throttle_create(&options);
}

static uint64_t take(struct throttle *throttle, uint64_t n, uint64_t now_ns)
{
    const struct address address = number(n);
    return throttle_take(throttle, &address, now_ns);
}

static void give_back(struct throttle *throttle, uint64_t n)
{
    const struct address address = number(n);
    throttle_give_back(throttle, &address);
}

TEST(an_address_has_its_tries_and_then_waits_for_one)
{
    struct throttle *throttle = create(3, 2 * NS_PER_S, 8);
    for (int i = 0; i < 3; i++)
        assert_int_equal(take(throttle, 1, START_NS), 0);
    assert_int_equal(take(throttle, 1, START_NS), 2 * NS_PER_S);
    throttle_destroy(throttle);
}

TEST(being_refused_takes_nothing)
{
    struct throttle *throttle = create(1, 2 * NS_PER_S, 8);
    assert_int_equal(take(throttle, 1, START_NS), 0);
    for (int i = 0; i < 100; i++)
        assert_int_equal(take(throttle, 1, START_NS + NS_PER_S), NS_PER_S);
    assert_int_equal(take(throttle, 1, START_NS + 2 * NS_PER_S - 1), 1);
    assert_int_equal(take(throttle, 1, START_NS + 2 * NS_PER_S), 0);
    throttle_destroy(throttle);
}

TEST(tries_come_back_one_by_one_and_no_more_than_there_were)
{
    struct throttle *throttle = create(3, 2 * NS_PER_S, 8);
    for (int i = 0; i < 3; i++)
        assert_int_equal(take(throttle, 1, START_NS), 0);
    assert_int_equal(take(throttle, 1, START_NS + 2 * NS_PER_S), 0);
    assert_int_equal(take(throttle, 1, START_NS + 2 * NS_PER_S), 2 * NS_PER_S);

    uint64_t much_later_ns = START_NS + 3600 * NS_PER_S;
    for (int i = 0; i < 3; i++)
        assert_int_equal(take(throttle, 1, much_later_ns), 0);
    assert_int_equal(take(throttle, 1, much_later_ns), 2 * NS_PER_S);
    throttle_destroy(throttle);
}

TEST(addresses_do_not_share)
{
    struct throttle *throttle = create(1, NS_PER_S, 8);
    const struct address same_number = {.network = 1, .kind = ADDRESS_IPV6};
    assert_int_equal(take(throttle, 1, START_NS), 0);
    assert_int_not_equal(take(throttle, 1, START_NS), 0);
    assert_int_equal(take(throttle, 2, START_NS), 0);
    assert_int_equal(throttle_take(throttle, &same_number, START_NS), 0);
    throttle_destroy(throttle);
}

TEST(what_is_given_back_may_be_taken_again)
{
    struct throttle *throttle = create(2, NS_PER_S, 8);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(take(throttle, 1, START_NS), 0);
        assert_int_equal(take(throttle, 1, START_NS), 0);
        assert_int_not_equal(take(throttle, 1, START_NS), 0);
        give_back(throttle, 1);
        give_back(throttle, 1);
    }
    give_back(throttle, 77); /* one that is not remembered */
    throttle_destroy(throttle);
}

TEST(giving_back_late_makes_no_tries)
{
    struct throttle *throttle = create(1, NS_PER_S, 8);
    assert_int_equal(take(throttle, 1, START_NS), 0);
    uint64_t later_ns = START_NS + 100 * NS_PER_S;
    give_back(throttle, 1);
    assert_int_equal(take(throttle, 1, later_ns), 0);
    assert_int_not_equal(take(throttle, 1, later_ns), 0);
    throttle_destroy(throttle);
}

TEST(beyond_its_room_it_forgets_who_tried_longest_ago)
{
    struct throttle *throttle = create(1, 3600 * NS_PER_S, 3);
    for (uint64_t n = 1; n <= 3; n++)
        assert_int_equal(take(throttle, n, START_NS + n), 0);
    assert_int_not_equal(take(throttle, 1, START_NS + 10), 0); /* it tries again: 2 is the oldest now */
    assert_int_equal(take(throttle, 4, START_NS + 11), 0);
    assert_int_not_equal(take(throttle, 1, START_NS + 12), 0);
    assert_int_not_equal(take(throttle, 3, START_NS + 13), 0);
    assert_int_not_equal(take(throttle, 4, START_NS + 14), 0);
    assert_int_equal(take(throttle, 2, START_NS + 15), 0);
    throttle_destroy(throttle);
}

TEST(many_addresses_find_their_own)
{
    enum { MANY = 5000 };
    struct throttle *throttle = create(1, 3600 * NS_PER_S, MANY);
    for (uint64_t n = 0; n < MANY; n++)
        assert_int_equal(take(throttle, n, START_NS), 0);
    for (uint64_t n = 0; n < MANY; n++)
        assert_int_not_equal(take(throttle, n, START_NS), 0);
    throttle_destroy(throttle);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_has_its_tries_and_then_waits_for_one),
        cmocka_unit_test(being_refused_takes_nothing),
        cmocka_unit_test(tries_come_back_one_by_one_and_no_more_than_there_were),
        cmocka_unit_test(addresses_do_not_share),
        cmocka_unit_test(what_is_given_back_may_be_taken_again),
        cmocka_unit_test(giving_back_late_makes_no_tries),
        cmocka_unit_test(beyond_its_room_it_forgets_who_tried_longest_ago),
        cmocka_unit_test(many_addresses_find_their_own),
    };
    return cmocka_run_group_tests_name("access/throttle", tests, NULL, NULL);
}
