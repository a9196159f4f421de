/* SPDX-License-Identifier: MIT */
#include "base/memory.h"
#include "ingest/jpeg_check.h"
#include "tests/unit/support.h"

#include <stdlib.h>
#include <string.h>

enum { WIDTH = 40, HEIGHT = 24 };

/* A JPEG of WIDTH x HEIGHT as libjpeg makes it. */
static void make_jpeg(const struct jpeg_extras *extras, struct bytes *out)
{
    static uint8_t rows[WIDTH * HEIGHT * 3];
    struct dice dice = {3};
    dice_fill(&dice, rows, sizeof(rows));
    const struct jpeg_pixels pixels = {HEADCAM_RGB, WIDTH, HEIGHT, (size_t)WIDTH * 3, rows};
    const struct jpeg_settings settings = {.quality = 80, .subsampling = JPEG_420};
    reference_jpeg(&pixels, &settings, extras, out);
}

/* Checks a copy that ends where its allocation ends, so that a sanitizer sees a read beyond it. */
static const char *check(const uint8_t *bytes, size_t length)
{
    uint8_t *copy = memory_zeroed(length ? length : 1);
    memcpy(copy, bytes, length);
    const char *flaw = jpeg_check(copy, length, WIDTH, HEIGHT);
    free(copy);
    return flaw;
}

/* Puts bytes into a JPEG. */
static void insert(struct bytes *jpeg, size_t at, const void *data, size_t length)
{
    bytes_reserve(jpeg, jpeg->length + length);
    memmove(jpeg->data + at + length, jpeg->data + at, jpeg->length - at);
    memcpy(jpeg->data + at, data, length);
    jpeg->length += length;
}

/* Where the first segment with a marker begins. */
static size_t find(const struct bytes *jpeg, uint8_t marker)
{
    size_t at = 2;
    while (jpeg->data[at + 1] != marker)
        at += 2 + (size_t)(jpeg->data[at + 2] << 8 | jpeg->data[at + 3]);
    return at;
}

TEST(every_kind_of_whole_jpeg_is_taken)
{
    static const char thumbnail[] = "Exif\0\0\xff\xd8\xff\xda\0\2 a thumbnail \xff\xd9";
    const struct jpeg_extras kinds[] = {
        {0},
        {.is_progressive = true},
        {.restart_mcus = 2},
        {.is_progressive = true, .restart_mcus = 3},
        {.app_segment = thumbnail, .app_bytes = sizeof(thumbnail)},
    };
    for (size_t i = 0; i < COUNT(kinds); i++) {
        struct bytes jpeg = {0};
        make_jpeg(&kinds[i], &jpeg);
        assert_null(check(jpeg.data, jpeg.length));
        bytes_fini(&jpeg);
    }
}

TEST(a_jpeg_cut_at_any_byte_is_refused)
{
    static const char thumbnail[] = "Exif\0\0\xff\xd8\xff\xda\0\2 a thumbnail \xff\xd9";
    const struct jpeg_extras kinds[] = {
        {0},
        {.is_progressive = true, .restart_mcus = 1},
        {.app_segment = thumbnail, .app_bytes = sizeof(thumbnail)},
    };
    for (size_t i = 0; i < COUNT(kinds); i++) {
        struct bytes jpeg = {0};
        make_jpeg(&kinds[i], &jpeg);
        for (size_t length = 0; length < jpeg.length; length++)
            assert_non_null(check(jpeg.data, length));
        for (size_t skipped = 1; skipped < jpeg.length; skipped++)
            assert_non_null(check(jpeg.data + skipped, jpeg.length - skipped));
        bytes_fini(&jpeg);
    }
}

TEST(bytes_after_the_end_are_refused)
{
    const struct jpeg_extras none = {0};
    struct bytes jpeg = {0};
    make_jpeg(&none, &jpeg);
    for (int c = 0; c < 256; c++) {
        const uint8_t byte = (uint8_t)c;
        insert(&jpeg, jpeg.length, &byte, 1);
        assert_string_equal(check(jpeg.data, jpeg.length), "a JPEG ends with EOI (FF D9)");
        jpeg.length--;
    }
    bytes_fini(&jpeg);
}

TEST(another_size_than_the_announced_is_refused)
{
    const struct jpeg_extras none = {0};
    struct bytes jpeg = {0};
    make_jpeg(&none, &jpeg);
    static const uint32_t others[][2] = {{WIDTH + 1, HEIGHT}, {WIDTH, HEIGHT - 1},    {HEIGHT, WIDTH}, {0, 0},
                                         {65500, 65500},      {WIDTH + 65536, HEIGHT}};
    for (size_t i = 0; i < COUNT(others); i++)
        assert_string_equal(jpeg_check(jpeg.data, jpeg.length, others[i][0], others[i][1]),
                            "the JPEG's size is not the announced one");
    bytes_fini(&jpeg);
}

TEST(app_and_comment_segments_of_any_length_are_skipped)
{
    const struct jpeg_extras none = {0};
    static uint8_t segment[65537];
    for (int marker = 0xe0; marker <= 0xfe; marker++) {
        if (marker > 0xef && marker < 0xfe)
            continue;
        const size_t lengths[] = {2, 3, 255, 256, 65535};
        for (size_t i = 0; i < COUNT(lengths); i++) {
            struct bytes jpeg = {0};
            make_jpeg(&none, &jpeg);
            memset(segment, 0xff, sizeof(segment));
            segment[1] = (uint8_t)marker;
            segment[2] = (uint8_t)(lengths[i] >> 8);
            segment[3] = (uint8_t)lengths[i];
            insert(&jpeg, 2, segment, lengths[i] + 2);
            assert_null(check(jpeg.data, jpeg.length));
            bytes_fini(&jpeg);
        }
    }
}

TEST(fill_bytes_before_any_marker_are_skipped)
{
    static const uint8_t fill[] = {0xff, 0xff, 0xff, 0xff, 0xff};
    static const uint8_t markers[] = {0xe0, 0xdb, 0xc0, 0xc4, 0xda};
    const struct jpeg_extras none = {0};
    for (size_t i = 0; i < COUNT(markers); i++) {
        for (size_t length = 1; length <= sizeof(fill); length++) {
            struct bytes jpeg = {0};
            make_jpeg(&none, &jpeg);
            insert(&jpeg, find(&jpeg, markers[i]), fill, length);
            assert_null(check(jpeg.data, jpeg.length));
            bytes_fini(&jpeg);
        }
    }
}

TEST(nothing_but_fill_bytes_is_refused)
{
    static uint8_t bytes[1000];
    memset(bytes, 0xff, sizeof(bytes));
    bytes[1] = 0xd8;
    bytes[999] = 0xd9;
    assert_string_equal(check(bytes, sizeof(bytes)), "a JPEG has no scan");
    assert_non_null(check(bytes + 998, 2));
}

static void assert_flaw(const void *bytes, size_t length, const char *flaw)
{
    assert_string_equal(check(bytes, length), flaw);
}

TEST(each_flaw_is_named)
{
    assert_flaw("", 0, "a JPEG begins with SOI (FF D8)");
    assert_flaw("\x89PNG\r\n\x1a\n", 8, "a JPEG begins with SOI (FF D8)");
    assert_flaw("\xff\xd8\xff", 3, "a JPEG begins with SOI (FF D8)");
    assert_flaw("\xff\xd8\xff\xd9", 4, "a JPEG has no scan");
    assert_flaw("\xff\xd8\xff\xd8\xff\xd9\xff\xd9", 8, "a JPEG has a stray marker before its scan");
    assert_flaw("\xff\xd8\xff\xd0\0\2\xff\xd9", 8, "a JPEG has a stray marker before its scan");
    assert_flaw("\xff\xd8\xff\x01\0\2\xff\xd9", 8, "a JPEG has a stray marker before its scan");
    assert_flaw("\xff\xd8\0\0\0\0\xff\xd9", 8, "a JPEG segment does not begin with a marker");
    assert_flaw("\xff\xd8\xff\xe0\0\1\xff\xd9", 8, "a JPEG segment runs over the end");
    assert_flaw("\xff\xd8\xff\xe0\0\3\xff\xd9", 8, "a JPEG segment runs over the end");
    assert_flaw("\xff\xd8\xff\xe0\xff\xff\xff\xd9", 8, "a JPEG segment runs over the end");
    assert_flaw("\xff\xd8\xff\xe0\0\2\xff\xd9", 8, "a JPEG has no scan");
    assert_flaw("\xff\xd8\xff\xda\0\2\xff\xd9", 8, "a JPEG scan comes without a frame header (SOF)");
    assert_flaw("\xff\xd8\xff\xc0\0\6\x08\0\x18\0\xff\xd9", 12, "a JPEG frame header is too short");
}

TEST(a_jpeg_without_its_scan_is_refused)
{
    const struct jpeg_extras none = {0};
    struct bytes jpeg = {0};
    make_jpeg(&none, &jpeg);
    size_t scan = find(&jpeg, 0xda);
    memcpy(jpeg.data + scan, "\xff\xd9", 2);
    assert_string_equal(check(jpeg.data, scan + 2), "a JPEG has no scan");
    bytes_fini(&jpeg);
}

TEST(only_what_browsers_show_is_taken)
{
    /* Baseline, extended and progressive with Huffman codes; not lossless, hierarchical or arithmetic. */
    const struct jpeg_extras none = {0};
    for (int marker = 0xc0; marker <= 0xcf; marker++) {
        if (marker == 0xc4 || marker == 0xc8 || marker == 0xcc)
            continue; /* no frame headers */
        struct bytes jpeg = {0};
        make_jpeg(&none, &jpeg);
        jpeg.data[find(&jpeg, 0xc0) + 1] = (uint8_t)marker;
        assert_int_equal(check(jpeg.data, jpeg.length) == NULL, marker <= 0xc2);
        bytes_fini(&jpeg);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_whole_jpeg_is_taken),
        cmocka_unit_test(a_jpeg_cut_at_any_byte_is_refused),
        cmocka_unit_test(bytes_after_the_end_are_refused),
        cmocka_unit_test(another_size_than_the_announced_is_refused),
        cmocka_unit_test(app_and_comment_segments_of_any_length_are_skipped),
        cmocka_unit_test(fill_bytes_before_any_marker_are_skipped),
        cmocka_unit_test(nothing_but_fill_bytes_is_refused),
        cmocka_unit_test(each_flaw_is_named),
        cmocka_unit_test(a_jpeg_without_its_scan_is_refused),
        cmocka_unit_test(only_what_browsers_show_is_taken),
    };
    return cmocka_run_group_tests_name("ingest/jpeg_check", tests, NULL, NULL);
}
