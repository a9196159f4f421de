/* SPDX-License-Identifier: MIT */
#include "encode/font.h"
#include "encode/notice.h"
#include "tests/unit/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GUARD_BYTES = 64, GUARD = 0xa5 };

static const uint32_t sizes[][2] = {{16, 16},   {16, 4096}, {4096, 16},   {64, 36},
                                    {320, 240}, {640, 360}, {1920, 1080}, {4096, 2160}};
enum { SMALL_SIZES = COUNT(sizes) - 2 };

struct color {
    uint8_t r, g, b;
};

static const struct color TITLE = {0xff, 0xff, 0xff}, TEXT = {0xd4, 0xda, 0xe2}, DIM = {0x94, 0x9e, 0xac},
                          BACKGROUND = {0x15, 0x19, 0x1f};

/* An ordinary notice of a size. */
static struct notice ordinary(uint32_t width, uint32_t height)
{
    return (struct notice){
        .width = width,
        .height = height,
        .title = "No signal",
        .reason = "headcam-agent testcard went silent",
        .since = "front: since 12:00:00 UTC, for 12 s",
        .next_step = "the simulator is busy or gone; the picture returns with it",
    };
}

/* A buffer for a picture, between two guards. */
static uint8_t *make_canvas(uint32_t width, uint32_t height)
{
    size_t length = (size_t)width * height * 3;
    uint8_t *bytes = malloc(length + 2UL * GUARD_BYTES);
    memset(bytes, GUARD, length + 2UL * GUARD_BYTES);
    return bytes + GUARD_BYTES;
}

static void free_canvas(uint8_t *rgb, uint32_t width, uint32_t height)
{
    size_t length = (size_t)width * height * 3;
    for (size_t i = 0; i < GUARD_BYTES; i++) {
        assert_int_equal(rgb[i - GUARD_BYTES], GUARD);
        assert_int_equal(rgb[length + i], GUARD);
    }
    free(rgb - GUARD_BYTES);
}

static size_t count_pixels(const uint8_t *rgb, uint32_t width, uint32_t height, struct color color)
{
    size_t count = 0;
    for (const uint8_t *pixel = rgb; pixel < rgb + (size_t)width * height * 3; pixel += 3)
        count += pixel[0] == color.r && pixel[1] == color.g && pixel[2] == color.b;
    return count;
}

/* How many pixels a text lights at a scale. */
static size_t lit_pixels(const char *text, size_t scale)
{
    size_t count = 0;
    for (const char *c = text; *c; c++)
        for (int row = 0; row < FONT_HEIGHT; row++)
            count += (size_t)__builtin_popcount(font_glyph(*c)[row]);
    return count * scale * scale;
}

TEST(every_size_is_drawn_within_its_bounds)
{
    for (size_t i = 0; i < COUNT(sizes); i++) {
        const struct notice notice = ordinary(sizes[i][0], sizes[i][1]);
        uint8_t *rgb = make_canvas(notice.width, notice.height);
        notice_draw(&notice, rgb);
        assert_true(count_pixels(rgb, notice.width, notice.height, BACKGROUND) > 0);
        free_canvas(rgb, notice.width, notice.height);
    }
}

TEST(the_whole_picture_is_painted)
{
    for (size_t i = 0; i < SMALL_SIZES; i++) {
        const struct notice notice = ordinary(sizes[i][0], sizes[i][1]);
        uint8_t *first = make_canvas(notice.width, notice.height);
        uint8_t *second = make_canvas(notice.width, notice.height);
        size_t length = (size_t)notice.width * notice.height * 3;
        memset(first, 0, length);
        notice_draw(&notice, first);
        notice_draw(&notice, second);
        assert_memory_equal(first, second, length);
        free_canvas(first, notice.width, notice.height);
        free_canvas(second, notice.width, notice.height);
    }
}

TEST(every_text_is_really_there)
{
    const struct {
        uint32_t width, height, scale;
    } cases[] = {{640, 360, 1}, {1280, 720, 2}, {1920, 1080, 3}, {4096, 2160, 6}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct notice notice = ordinary(cases[i].width, cases[i].height);
        uint8_t *rgb = make_canvas(notice.width, notice.height);
        uint32_t scale = cases[i].scale;
        notice_draw(&notice, rgb);
        assert_int_equal(count_pixels(rgb, notice.width, notice.height, TITLE),
                         lit_pixels(notice.title, 2UL * scale));
        assert_int_equal(count_pixels(rgb, notice.width, notice.height, TEXT),
                         lit_pixels(notice.reason, scale));
        assert_int_equal(count_pixels(rgb, notice.width, notice.height, DIM),
                         lit_pixels(notice.since, scale) + lit_pixels(notice.next_step, scale));
        free_canvas(rgb, notice.width, notice.height);
    }
}

TEST(in_a_small_picture_no_line_is_cut)
{
    static const uint32_t small[][2] = {{320, 180}, {200, 112}, {160, 90}, {100, 56}, {64, 36}};
    for (size_t i = 0; i < COUNT(small); i++) {
        const struct notice notice = ordinary(small[i][0], small[i][1]);
        uint8_t *rgb = make_canvas(notice.width, notice.height);
        notice_draw(&notice, rgb);
        assert_true(count_pixels(rgb, notice.width, notice.height, TITLE) > 0);
        const uint8_t *last_row = rgb + (size_t)notice.width * (notice.height - 1) * 3;
        assert_int_equal(count_pixels(last_row, notice.width, 1, TITLE), 0);
        assert_int_equal(count_pixels(last_row, notice.width, 1, TEXT), 0);
        assert_int_equal(count_pixels(last_row, notice.width, 1, DIM), 0);
        free_canvas(rgb, notice.width, notice.height);
    }
}

TEST(the_title_is_above_the_middle)
{
    const struct notice notice = ordinary(1280, 720);
    uint8_t *rgb = make_canvas(notice.width, notice.height);
    notice_draw(&notice, rgb);
    assert_int_equal(count_pixels(rgb, 1280, 360, TITLE), lit_pixels(notice.title, 4));
    free_canvas(rgb, notice.width, notice.height);
}

TEST(a_title_that_is_too_wide_at_twice_the_size_is_smaller_and_whole)
{
    struct notice notice = ordinary(320, 240);
    strcpy(notice.title, "Waiting for an agent");
    uint8_t *rgb = make_canvas(notice.width, notice.height);
    notice_draw(&notice, rgb);
    assert_int_equal(count_pixels(rgb, notice.width, notice.height, TITLE), lit_pixels(notice.title, 1));
    free_canvas(rgb, notice.width, notice.height);
}

TEST(long_texts_wrap_at_spaces_and_lose_nothing)
{
    struct notice notice = ordinary(640, 360);
    strcpy(notice.reason, "warming up: no frame from the renderer yet, shaders are being compiled, which "
                          "takes some minutes at the first start of a scene on a machine");
    uint8_t *rgb = make_canvas(notice.width, notice.height);
    notice_draw(&notice, rgb);
    assert_int_equal(count_pixels(rgb, notice.width, notice.height, TEXT), lit_pixels(notice.reason, 1));
    free_canvas(rgb, notice.width, notice.height);
}

TEST(a_word_that_is_too_long_is_broken_anywhere)
{
    struct notice notice = ordinary(640, 360);
    memset(notice.reason, 'w', 120);
    notice.reason[120] = '\0';
    uint8_t *rgb = make_canvas(notice.width, notice.height);
    notice_draw(&notice, rgb);
    assert_int_equal(count_pixels(rgb, notice.width, notice.height, TEXT), lit_pixels(notice.reason, 1));
    free_canvas(rgb, notice.width, notice.height);
}

TEST(more_text_than_fits_is_cut_and_stays_within_its_bounds)
{
    for (size_t i = 0; i < SMALL_SIZES; i++) {
        struct notice notice = ordinary(sizes[i][0], sizes[i][1]);
        char *const texts[] = {notice.title, notice.reason, notice.since, notice.next_step};
        for (size_t t = 0; t < COUNT(texts); t++) {
            memset(texts[t], t % 2 ? '@' : 'x', HUB_TEXT_BYTES - 1);
            for (size_t c = 7; c < HUB_TEXT_BYTES - 1 && t != 3; c += 11)
                texts[t][c] = ' ';
            texts[t][HUB_TEXT_BYTES - 1] = '\0';
        }
        uint8_t *rgb = make_canvas(notice.width, notice.height);
        notice_draw(&notice, rgb);
        free_canvas(rgb, notice.width, notice.height);
    }
}

TEST(empty_texts_leave_the_title)
{
    struct notice notice = ordinary(640, 360);
    notice.reason[0] = notice.since[0] = notice.next_step[0] = '\0';
    uint8_t *rgb = make_canvas(notice.width, notice.height);
    notice_draw(&notice, rgb);
    assert_int_equal(count_pixels(rgb, notice.width, notice.height, TITLE), lit_pixels(notice.title, 2));
    assert_int_equal(count_pixels(rgb, notice.width, notice.height, TEXT), 0);
    assert_int_equal(count_pixels(rgb, notice.width, notice.height, DIM), 0);
    free_canvas(rgb, notice.width, notice.height);
}

TEST(every_printable_character_has_a_glyph_of_its_own)
{
    for (int c = '!'; c <= '~'; c++) {
        const char text[] = {(char)c, '\0'};
        assert_true(lit_pixels(text, 1) > 0);
        for (int other = '!'; other < c; other++)
            assert_memory_not_equal(font_glyph((char)c), font_glyph((char)other),
                                    FONT_HEIGHT * sizeof(uint16_t));
    }
    assert_int_equal(lit_pixels(" ", 1), 0);
}

TEST(what_is_no_ascii_shows_as_a_question_mark)
{
    for (int c = 0; c < 256; c++)
        if (c < ' ' || c > '~')
            assert_ptr_equal(font_glyph((char)c), font_glyph('?'));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_size_is_drawn_within_its_bounds),
        cmocka_unit_test(the_whole_picture_is_painted),
        cmocka_unit_test(every_text_is_really_there),
        cmocka_unit_test(in_a_small_picture_no_line_is_cut),
        cmocka_unit_test(the_title_is_above_the_middle),
        cmocka_unit_test(a_title_that_is_too_wide_at_twice_the_size_is_smaller_and_whole),
        cmocka_unit_test(long_texts_wrap_at_spaces_and_lose_nothing),
        cmocka_unit_test(a_word_that_is_too_long_is_broken_anywhere),
        cmocka_unit_test(more_text_than_fits_is_cut_and_stays_within_its_bounds),
        cmocka_unit_test(empty_texts_leave_the_title),
        cmocka_unit_test(every_printable_character_has_a_glyph_of_its_own),
        cmocka_unit_test(what_is_no_ascii_shows_as_a_question_mark),
    };
    return cmocka_run_group_tests_name("encode/notice", tests, NULL, NULL);
}
