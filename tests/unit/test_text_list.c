/* SPDX-License-Identifier: MIT */
#include "base/text_list.h"
#include "tests/unit/support.h"

#include <string.h>

static void assert_items(const struct text_list *list, const char *const *expected, size_t count)
{
    assert_int_equal(list->count, count);
    for (size_t i = 0; i < count; i++)
        assert_true(text_item_is(&list->items[i], expected[i]));
}

TEST(commas_divide_items)
{
    struct text_list list = {0};
    assert_true(text_list_add(&list, "front,rear,x"));
    assert_items(&list, (const char *const[]){"front", "rear", "x"}, 3);
}

TEST(later_texts_add_to_the_list)
{
    struct text_list list = {0};
    assert_true(text_list_add(&list, "a"));
    assert_true(text_list_add(&list, "b,c"));
    assert_items(&list, (const char *const[]){"a", "b", "c"}, 3);
}

TEST(an_empty_item_is_an_item)
{
    const struct {
        const char *text;
        size_t count;
    } cases[] = {{"", 1}, {",", 2}, {"a,", 2}, {",a", 2}, {"a,,b", 3}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct text_list list = {0};
        assert_true(text_list_add(&list, cases[i].text));
        assert_int_equal(list.count, cases[i].count);
    }
}

TEST(an_item_is_compared_whole)
{
    const struct text_item item = {"front,rear", 5};
    assert_true(text_item_is(&item, "front"));
    assert_false(text_item_is(&item, "fron"));
    assert_false(text_item_is(&item, "front,"));
    assert_false(text_item_is(&item, ""));
}

TEST(what_does_not_fit_is_not_added_in_part)
{
    char text[2 * TEXT_LIST_MOST] = "";
    for (int i = 0; i < TEXT_LIST_MOST; i++)
        strcat(text, i ? ",x" : "x");
    struct text_list list = {0};
    assert_true(text_list_add(&list, text));
    assert_int_equal(list.count, TEXT_LIST_MOST);
    assert_false(text_list_add(&list, "y"));
    assert_int_equal(list.count, TEXT_LIST_MOST);

    list.count = 1;
    assert_false(text_list_add(&list, text));
    assert_int_equal(list.count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commas_divide_items),
        cmocka_unit_test(later_texts_add_to_the_list),
        cmocka_unit_test(an_empty_item_is_an_item),
        cmocka_unit_test(an_item_is_compared_whole),
        cmocka_unit_test(what_does_not_fit_is_not_added_in_part),
    };
    return cmocka_run_group_tests_name("base/text_list", tests, NULL, NULL);
}
