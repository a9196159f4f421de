/* SPDX-License-Identifier: MIT */
#include "stream/variant_settings.h"
#include "tests/unit/support.h"

enum { SERVER_QUALITY = 80 };

static void assert_reduced(struct variant_settings settings, uint32_t source_width,
                           struct variant_settings expected)
{
    struct variant_settings reduced = variant_settings_reduce(&settings, source_width, SERVER_QUALITY);
    assert_true(variant_settings_equal(&reduced, &expected));
}

TEST(what_makes_no_difference_is_dropped)
{
    static const struct variant_settings none = {0, 0, VARIANT_JPEG};
    assert_reduced(none, 640, none);
    assert_reduced((struct variant_settings){640, 80, VARIANT_JPEG}, 640, none);
    assert_reduced((struct variant_settings){65500, 80, VARIANT_JPEG}, 640, none);
    assert_reduced((struct variant_settings){16, 0, VARIANT_JPEG}, 10, none);
    assert_reduced((struct variant_settings){641, 79, VARIANT_JPEG}, 640,
                   (struct variant_settings){0, 79, VARIANT_JPEG});
    assert_reduced((struct variant_settings){639, 80, VARIANT_JPEG}, 640,
                   (struct variant_settings){639, 0, VARIANT_JPEG});
    assert_reduced((struct variant_settings){639, 81, VARIANT_JPEG}, 640,
                   (struct variant_settings){639, 81, VARIANT_JPEG});
}

TEST(while_the_source_is_not_known_every_width_makes_a_difference)
{
    assert_reduced((struct variant_settings){640, 0, VARIANT_JPEG}, 0,
                   (struct variant_settings){640, 0, VARIANT_JPEG});
    assert_reduced((struct variant_settings){65500, 80, VARIANT_JPEG}, 0,
                   (struct variant_settings){65500, 0, VARIANT_JPEG});
}

TEST(settings_are_equal_if_all_of_them_are)
{
    const struct variant_settings a = {.width = 320, .quality = 50}, same = a,
                                  wider = {.width = 321, .quality = 50},
                                  better = {.width = 320, .quality = 51};
    assert_true(variant_settings_equal(&a, &same));
    assert_false(variant_settings_equal(&a, &wider));
    assert_false(variant_settings_equal(&a, &better));
    const struct variant_settings raw = {.form = VARIANT_RAW}, png = {.form = VARIANT_PNG}, plain = {0};
    assert_false(variant_settings_equal(&raw, &png));
    assert_false(variant_settings_equal(&raw, &plain));
    assert_true(variant_settings_are_exact(&raw));
    assert_true(variant_settings_are_exact(&png));
    assert_false(variant_settings_are_exact(&plain));
}

TEST(the_height_follows_the_width_and_is_even)
{
    /* Width asked for, source, and what it becomes. */
    static const uint32_t cases[][5] = {
        {0, 1920, 1080, 1920, 1080},    {640, 1920, 1080, 640, 360},    {854, 1920, 1080, 854, 480},
        {853, 1920, 1080, 853, 480},    {641, 1280, 960, 641, 480},     {320, 641, 479, 320, 240},
        {100, 300, 300, 100, 100},      {101, 300, 300, 101, 102},      {1919, 1920, 1080, 1919, 1080},
        {1920, 1920, 1080, 1920, 1080}, {5000, 1920, 1080, 1920, 1080},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct variant_settings settings = {.width = cases[i][0]};
        uint32_t width, height;
        variant_settings_size(&settings, cases[i][1], cases[i][2], &width, &height);
        assert_int_equal(width, cases[i][3]);
        assert_int_equal(height, cases[i][4]);
    }
}

TEST(no_side_is_ever_0_or_larger_than_the_source)
{
    static const uint32_t heights[] = {1, 2, 3, 5, 17, 1079, 65500};
    for (size_t i = 0; i < COUNT(heights); i++) {
        for (uint32_t asked = VARIANT_WIDTH_MIN; asked < 2000; asked += 3) {
            const struct variant_settings settings = {.width = asked};
            uint32_t width, height;
            variant_settings_size(&settings, 1921, heights[i], &width, &height);
            assert_int_equal(width, asked < 1921 ? asked : 1921);
            assert_in_range(height, 1, heights[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_makes_no_difference_is_dropped),
        cmocka_unit_test(while_the_source_is_not_known_every_width_makes_a_difference),
        cmocka_unit_test(settings_are_equal_if_all_of_them_are),
        cmocka_unit_test(the_height_follows_the_width_and_is_even),
        cmocka_unit_test(no_side_is_ever_0_or_larger_than_the_source),
    };
    return cmocka_run_group_tests_name("stream/variant_settings", tests, NULL, NULL);
}
