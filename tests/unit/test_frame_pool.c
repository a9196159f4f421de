/* SPDX-License-Identifier: MIT */
#include "encode/frame_pool.h"
#include "tests/unit/support.h"

#include <pthread.h>

static void give_back(struct pool_frame *made)
{
    struct frame *frame = &made->frame;
    frame_unref(&frame);
    assert_null(frame);
}

static void fill(struct pool_frame *made, const char *text, size_t length)
{
    bytes_append(&made->bytes, text, length);
    frame_pool_fill(made);
}

TEST(a_new_frame_is_empty_and_its_takers)
{
    struct frame_pool *pool = frame_pool_create();
    struct pool_frame *made = frame_pool_take(pool);
    assert_int_equal(made->bytes.length, 0);
    assert_int_equal(made->frame.references, 1);
    give_back(made);
    frame_pool_destroy(pool);
}

TEST(a_frame_shows_the_bytes_that_were_put_into_it)
{
    struct frame_pool *pool = frame_pool_create();
    struct pool_frame *made = frame_pool_take(pool);
    fill(made, "jpeg", 4);
    assert_int_equal(made->frame.data_bytes, 4);
    assert_memory_equal(made->frame.data, "jpeg", 4);
    give_back(made);
    frame_pool_destroy(pool);
}

TEST(a_frame_lives_until_its_last_reference_is_dropped)
{
    struct frame_pool *pool = frame_pool_create();
    struct pool_frame *made = frame_pool_take(pool);
    fill(made, "jpeg", 4);
    struct frame *first = frame_ref(&made->frame), *second = frame_ref(&made->frame);
    give_back(made);
    frame_unref(&first);
    struct pool_frame *other = frame_pool_take(pool);
    assert_ptr_not_equal(other, made);
    assert_memory_equal(second->data, "jpeg", 4);
    frame_unref(&second);
    give_back(other);
    frame_pool_destroy(pool);
}

TEST(bytes_are_used_again)
{
    struct frame_pool *pool = frame_pool_create();
    struct pool_frame *made = frame_pool_take(pool);
    bytes_reserve(&made->bytes, 100000);
    const uint8_t *data = made->bytes.data;
    give_back(made);
    struct pool_frame *again = frame_pool_take(pool);
    assert_ptr_equal(again->bytes.data, data);
    assert_int_equal(again->bytes.length, 0);
    assert_int_equal(again->frame.references, 1);
    give_back(again);
    frame_pool_destroy(pool);
}

TEST(a_frame_in_use_is_never_given_out_again)
{
    enum { MANY = 50 };
    struct frame_pool *pool = frame_pool_create();
    struct pool_frame *made[MANY];
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < MANY; i++) {
            made[i] = frame_pool_take(pool);
            for (int j = 0; j < i; j++)
                assert_ptr_not_equal(made[i], made[j]);
        }
        for (int i = 0; i < MANY; i++)
            give_back(made[i]);
    }
    frame_pool_destroy(pool);
}

TEST(a_frame_can_show_the_bytes_of_another)
{
    struct frame_pool *pool = frame_pool_create();
    struct pool_frame *made = frame_pool_take(pool);
    fill(made, "jpeg", 4);
    struct pool_frame *shared = frame_pool_share(pool, &made->frame);
    shared->frame.sequence = 2;
    give_back(made);
    struct pool_frame *other = frame_pool_take(pool);
    fill(other, "else", 4);
    assert_int_equal(shared->frame.data_bytes, 4);
    assert_memory_equal(shared->frame.data, "jpeg", 4);
    give_back(shared);
    give_back(other);
    frame_pool_destroy(pool);
}

TEST(frames_may_outlive_their_pool)
{
    struct frame_pool *pool = frame_pool_create();
    struct pool_frame *first = frame_pool_take(pool), *second = frame_pool_take(pool);
    give_back(frame_pool_take(pool));
    fill(first, "jpeg", 4);
    struct pool_frame *shared = frame_pool_share(pool, &first->frame);
    frame_pool_destroy(pool);
    give_back(second);
    give_back(first);
    assert_memory_equal(shared->frame.data, "jpeg", 4);
    give_back(shared);
}

static void *take_and_give_back(void *arg)
{
    for (int i = 0; i < 2000; i++) {
        struct pool_frame *made = frame_pool_take(arg);
        bytes_append(&made->bytes, &i, sizeof(i));
        give_back(made);
    }
    return NULL;
}

TEST(threads_share_a_pool)
{
    struct frame_pool *pool = frame_pool_create();
    pthread_t threads[4];
    for (size_t i = 0; i < COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, take_and_give_back, pool), 0);
    for (size_t i = 0; i < COUNT(threads); i++)
        pthread_join(threads[i], NULL);
    frame_pool_destroy(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_frame_is_empty_and_its_takers),
        cmocka_unit_test(a_frame_shows_the_bytes_that_were_put_into_it),
        cmocka_unit_test(a_frame_lives_until_its_last_reference_is_dropped),
        cmocka_unit_test(bytes_are_used_again),
        cmocka_unit_test(a_frame_in_use_is_never_given_out_again),
        cmocka_unit_test(a_frame_can_show_the_bytes_of_another),
        cmocka_unit_test(frames_may_outlive_their_pool),
        cmocka_unit_test(threads_share_a_pool),
    };
    return cmocka_run_group_tests_name("encode/frame_pool", tests, NULL, NULL);
}
