/* SPDX-License-Identifier: MIT */
#include "base/list.h"
#include "tests/unit/support.h"

struct item {
    int number;
    struct list link;
};

struct fixture {
    struct list head;
    struct item items[3];
};

static void set_up(struct fixture *fixture)
{
    list_init(&fixture->head);
    for (int i = 0; i < 3; i++) {
        fixture->items[i].number = i;
        list_init(&fixture->items[i].link);
        list_append(&fixture->head, &fixture->items[i].link);
    }
}

/* The numbers of a list as decimal digits. */
static int digits(const struct list *head)
{
    int number = 0;
    const struct list *node;
    list_for_each(node, head)
    {
        assert_ptr_equal(node->next->prev, node);
        number = number * 10 + container_of((struct list *)(uintptr_t)node, struct item, link)->number + 1;
    }
    return number;
}

TEST(a_new_list_is_empty)
{
    struct list head;
    list_init(&head);
    assert_true(list_is_empty(&head));
    assert_int_equal(digits(&head), 0);
}

TEST(items_stay_in_the_order_of_appending)
{
    struct fixture fixture;
    set_up(&fixture);
    assert_false(list_is_empty(&fixture.head));
    assert_int_equal(digits(&fixture.head), 123);
}

TEST(an_item_is_removed_from_anywhere)
{
    const int left[] = {23, 13, 12};
    for (int i = 0; i < 3; i++) {
        struct fixture fixture;
        set_up(&fixture);
        list_remove(&fixture.items[i].link);
        assert_int_equal(digits(&fixture.head), left[i]);
        assert_true(list_is_empty(&fixture.items[i].link));
    }
}

TEST(removing_what_is_in_no_list_changes_nothing)
{
    struct fixture fixture;
    set_up(&fixture);
    list_remove(&fixture.items[1].link);
    list_remove(&fixture.items[1].link);
    assert_int_equal(digits(&fixture.head), 13);
}

TEST(a_removed_item_can_be_appended_again)
{
    struct fixture fixture;
    set_up(&fixture);
    list_remove(&fixture.items[0].link);
    list_append(&fixture.head, &fixture.items[0].link);
    assert_int_equal(digits(&fixture.head), 231);
}

TEST(a_loop_may_remove_every_item_it_visits)
{
    struct fixture fixture;
    set_up(&fixture);
    int visited = 0;
    struct list *node, *after;
    list_for_each_safe(node, after, &fixture.head)
    {
        list_remove(node);
        visited++;
    }
    assert_int_equal(visited, 3);
    assert_true(list_is_empty(&fixture.head));
}

TEST(splicing_moves_all_items_to_the_end)
{
    struct fixture from, to;
    set_up(&from);
    set_up(&to);
    list_splice(&to.head, &from.head);
    assert_int_equal(digits(&to.head), 123123);
    assert_true(list_is_empty(&from.head));
    struct item late = {.number = 8};
    list_append(&from.head, &late.link);
    assert_int_equal(digits(&from.head), 9);
}

TEST(splicing_an_empty_list_changes_nothing)
{
    struct fixture fixture;
    struct list empty;
    set_up(&fixture);
    list_init(&empty);
    list_splice(&fixture.head, &empty);
    assert_int_equal(digits(&fixture.head), 123);
    list_splice(&empty, &fixture.head);
    assert_int_equal(digits(&empty), 123);
    assert_true(list_is_empty(&fixture.head));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_list_is_empty),
        cmocka_unit_test(items_stay_in_the_order_of_appending),
        cmocka_unit_test(an_item_is_removed_from_anywhere),
        cmocka_unit_test(removing_what_is_in_no_list_changes_nothing),
        cmocka_unit_test(a_removed_item_can_be_appended_again),
        cmocka_unit_test(a_loop_may_remove_every_item_it_visits),
        cmocka_unit_test(splicing_moves_all_items_to_the_end),
        cmocka_unit_test(splicing_an_empty_list_changes_nothing),
    };
    return cmocka_run_group_tests_name("base/list", tests, NULL, NULL);
}
