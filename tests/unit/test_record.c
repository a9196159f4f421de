/* SPDX-License-Identifier: MIT */
#include "tests/unit/support.h"
#include "tls/record.h"

#include <string.h>

static char scratch[RECORD_BYTES];
static char large[3 * RECORD_BYTES];

static struct iovec piece_of(const char *text)
{
    return (struct iovec){(void *)(uintptr_t)text, strlen(text)};
}

static const void *gather(const struct iovec *pieces, int count, size_t *length)
{
    memset(scratch, '?', sizeof(scratch));
    return record_gather(pieces, count, scratch, length);
}

TEST(a_piece_that_fills_a_record_is_taken_from_where_it_is)
{
    const struct iovec pieces[] = {{large, sizeof(large)}, piece_of("tail")};
    size_t length;
    assert_ptr_equal(gather(pieces, 2, &length), large);
    assert_int_equal(length, RECORD_BYTES);
    const struct iovec exact[] = {{large, RECORD_BYTES}, piece_of("tail")};
    assert_ptr_equal(gather(exact, 2, &length), large);
    assert_int_equal(length, RECORD_BYTES);
}

TEST(so_is_the_last_piece)
{
    const struct iovec piece = {large, 5};
    size_t length;
    assert_ptr_equal(gather(&piece, 1, &length), large);
    assert_int_equal(length, 5);
}

TEST(small_pieces_share_a_record)
{
    const struct iovec pieces[] = {piece_of("head"), piece_of("jpeg"), piece_of("tail")};
    size_t length;
    assert_ptr_equal(gather(pieces, 3, &length), scratch);
    assert_int_equal(length, 12);
    assert_memory_equal(scratch, "headjpegtail", 12);
}

TEST(a_record_ends_within_a_piece)
{
    struct dice dice = {1};
    dice_fill(&dice, (uint8_t *)large, sizeof(large));
    const struct iovec pieces[] = {piece_of("head"), {large, sizeof(large)}, piece_of("tail")};
    size_t length;
    assert_ptr_equal(gather(pieces, 3, &length), scratch);
    assert_int_equal(length, RECORD_BYTES);
    assert_memory_equal(scratch, "head", 4);
    assert_memory_equal(scratch + 4, large, RECORD_BYTES - 4);
}

TEST(a_last_byte_does_not_fit_any_more)
{
    const struct iovec pieces[] = {{large, RECORD_BYTES - 1}, piece_of("tail")};
    size_t length;
    assert_ptr_equal(gather(pieces, 2, &length), scratch);
    assert_int_equal(length, RECORD_BYTES);
    assert_int_equal(scratch[RECORD_BYTES - 1], 't');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_piece_that_fills_a_record_is_taken_from_where_it_is),
        cmocka_unit_test(so_is_the_last_piece),
        cmocka_unit_test(small_pieces_share_a_record),
        cmocka_unit_test(a_record_ends_within_a_piece),
        cmocka_unit_test(a_last_byte_does_not_fit_any_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
