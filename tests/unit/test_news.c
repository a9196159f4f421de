/* SPDX-License-Identifier: MIT */
#include "base/clock.h"
#include "stream/news.h"
#include "tests/unit/support.h"

enum { FLOOD = 10 * NEWS_LINES };

static size_t write_all(struct news *news)
{
    struct list lines, *node;
    size_t count = 0;
    list_init(&lines);
    news_take(news, &lines);
    list_for_each(node, &lines) count++;
    news_write(&lines);
    assert_true(list_is_empty(&lines));
    return count;
}

TEST(all_that_was_noted_is_written_once)
{
    struct news news;
    news_init(&news);
    assert_int_equal(write_all(&news), 0);
    news_note(&news, NS_PER_S, "stream %s: %s", "front", "live");
    news_note(&news, NS_PER_S, "stream %s: %s", "rear", "live");
    assert_int_equal(write_all(&news), 2);
    assert_int_equal(write_all(&news), 0);
}

TEST(a_flood_is_so_many_lines_a_second)
{
    struct news news;
    news_init(&news);
    for (uint64_t second = 1; second <= 3; second++) {
        size_t count = 0;
        for (int i = 0; i < FLOOD; i++) {
            news_note(&news, second * NS_PER_S, "stream front: stalled");
            count += write_all(&news);
        }
        assert_int_equal(count, NEWS_LINES);
    }
}

int main(void)
{
    log_set_level(LOG_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_that_was_noted_is_written_once),
        cmocka_unit_test(a_flood_is_so_many_lines_a_second),
    };
    return cmocka_run_group_tests_name("stream/news", tests, NULL, NULL);
}
