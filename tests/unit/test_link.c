/* SPDX-License-Identifier: MIT */
#include "base/clock.h"
#include "base/log.h"
#include "forward/link.h"
#include "tests/unit/support.h"

#include <stdio.h>
#include <string.h>
#include <zmq.h>

/* Nobody listens there; nothing here waits for an answer. */
static const char ADDRESSES[][TARGET_BYTES] = {"tcp://127.0.0.1:9", "tcp://127.0.0.2:9", "tcp://127.0.0.3:9"};
static const char ROTATED[][TARGET_BYTES] = {"tcp://127.0.0.2:9", "tcp://127.0.0.3:9", "tcp://127.0.0.1:9"};
static const char OTHERS[][TARGET_BYTES] = {"tcp://127.0.0.4:9", "tcp://127.0.0.5:9"};
enum { DEADLINE_S = 60 };

static struct link_context context;
static struct link *link_under_test;

static void on_demand(void *arg)
{
    (void)arg;
}

static int set_up(void **state)
{
    (void)state;
    static const struct target target;
    context = (struct link_context){.zmq = zmq_ctx_new(), .on_demand = on_demand};
    link_under_test = link_create(&context, &target, "edge", NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    link_destroy(link_under_test);
    zmq_ctx_term(context.zmq);
    return 0;
}

static void assert_at(const char *address)
{
    assert_string_equal(link_under_test->addresses[link_under_test->address], address);
}

/* As if the address at hand had not answered in time. */
static void take_turn(void)
{
    link_under_test->turn_ns = 1;
    link_receive(link_under_test);
}

TEST(the_first_address_of_a_name_is_tried_first_and_then_the_others)
{
    link_set_addresses(link_under_test, ADDRESSES, COUNT(ADDRESSES));
    assert_non_null(link_under_test->socket);
    for (size_t i = 0; i < 2 * COUNT(ADDRESSES); i++) {
        assert_at(ADDRESSES[i % COUNT(ADDRESSES)]);
        take_turn();
    }
}

TEST(the_same_addresses_in_another_order_do_not_disturb_a_link)
{
    link_set_addresses(link_under_test, ADDRESSES, COUNT(ADDRESSES));
    take_turn();
    const void *socket = link_under_test->socket;
    link_set_addresses(link_under_test, ROTATED, COUNT(ROTATED));
    link_set_addresses(link_under_test, ADDRESSES, 2);
    assert_ptr_equal(link_under_test->socket, socket);
    assert_at(ADDRESSES[1]);
    take_turn();
    assert_at(ADDRESSES[0]);
}

TEST(an_address_that_a_name_has_no_more_is_left_unless_it_works)
{
    link_set_addresses(link_under_test, ADDRESSES, COUNT(ADDRESSES));
    link_set_addresses(link_under_test, OTHERS, COUNT(OTHERS));
    assert_at(OTHERS[0]);
    const void *socket = link_under_test->socket;
    link_under_test->is_connected = true;
    link_set_addresses(link_under_test, ADDRESSES, COUNT(ADDRESSES));
    assert_ptr_equal(link_under_test->socket, socket);
    link_under_test->is_connected = false;
}

TEST(a_link_whose_socket_could_not_be_made_tries_again)
{
    zmq_ctx_set(context.zmq, ZMQ_MAX_SOCKETS, 3);
    void *other = zmq_socket(context.zmq, ZMQ_PAIR);
    link_set_addresses(link_under_test, ADDRESSES, 1);
    assert_null(link_under_test->socket);
    assert_non_null(strstr(link_under_test->reason, "no socket for it"));
    assert_int_not_equal(link_under_test->turn_ns, 0);
    zmq_close(other);
    /* libzmq closes at leisure. */
    const uint64_t deadline_ns = clock_mono_ns() + DEADLINE_S * NS_PER_S;
    do
        take_turn();
    while (!link_under_test->socket && still_before(deadline_ns));
    assert_non_null(link_under_test->socket);
}

#define WITH_LINK(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    log_set_level(LOG_ERROR);
    const struct CMUnitTest tests[] = {
        WITH_LINK(the_first_address_of_a_name_is_tried_first_and_then_the_others),
        WITH_LINK(the_same_addresses_in_another_order_do_not_disturb_a_link),
        WITH_LINK(an_address_that_a_name_has_no_more_is_left_unless_it_works),
        WITH_LINK(a_link_whose_socket_could_not_be_made_tries_again),
    };
    return cmocka_run_group_tests_name("forward/link", tests, NULL, NULL);
}
