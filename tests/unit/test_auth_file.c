/* SPDX-License-Identifier: MIT */
#include "access/auth_file.h"
#include "base/memory.h"
#include "tests/unit/support.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HASH                                                                                                 \
    "$6$saltsalt$TVLlQcbpFVof5W3Yz4DTP6gRstiNuHwwTt6GLc1E5n0U0aDehy0S5knV8wiOQSpT0Y77vwPZN.Pq.H91p5hVO1"
#define SHA256       "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" /* of "abc" */
#define OTHER_SHA256 "cb8379ac2098aa165029e3938a51da0bcecfc008fd6795f401178647f96c5b34" /* of "def" */

static char error[AUTH_ERROR_BYTES];

static int set_up(void **state)
{
    (void)state;
    return sodium_init() < 0;
}

static struct auth_file *parse(const char *text)
{
    strcpy(error, "none");
    return auth_file_parse("/etc/auth", text, strlen(text), error);
}

static struct auth_file *parse_good(const char *text)
{
    struct auth_file *file = parse(text);
    if (!file)
        print_error("%s\n", error);
    assert_non_null(file);
    return file;
}

static const struct auth_entry *token(const struct auth_file *file, const char *secret)
{
    uint8_t digest[SECRET_DIGEST_BYTES];
    secret_token_digest(secret, digest);
    return auth_file_token(file, digest);
}

TEST(users_and_tokens_are_found)
{
    struct auth_file *file = parse_good("user alice " HASH "\n"
                                        "token ci " SHA256 " streams=front,rear\n"
                                        "user bob@example.org " HASH " streams=left\n");
    assert_int_equal(file->count, 3);
    assert_int_equal(file->users, 2);
    const struct auth_entry *alice = auth_file_user(file, "alice");
    assert_string_equal(alice->hash, HASH);
    assert_null(alice->streams);
    assert_int_equal(alice->line, 1);
    assert_string_equal(auth_file_user(file, "bob@example.org")->streams, "left");
    assert_string_equal(token(file, "abc")->name, "ci");
    assert_string_equal(token(file, "abc")->streams, "front,rear");
    auth_file_unref(&file);
    assert_null(file);
}

TEST(nobody_else_is_found)
{
    struct auth_file *file = parse_good("user alice " HASH "\ntoken ci " SHA256 "\n");
    const char *const others[] = {"", "alic", "alice ", "Alice", "ci"};
    for (size_t i = 0; i < COUNT(others); i++)
        assert_null(auth_file_user(file, others[i]));
    assert_null(token(file, ""));
    assert_null(token(file, "ab"));
    assert_null(token(file, SHA256)); /* who has read the file has no token */
    auth_file_unref(&file);
}

TEST(empty_lines_comments_and_spaces_do_not_count)
{
    struct auth_file *file = parse_good("# who may look\n\n   \t\n  # user x y\r\n"
                                        "\tuser   alice\t" HASH "  \r\n"
                                        "token ci " SHA256 " streams=front\r\n"
                                        "#");
    assert_int_equal(file->count, 2);
    assert_int_equal(auth_file_user(file, "alice")->line, 5);
    assert_string_equal(auth_file_user(file, "alice")->hash, HASH);
    assert_string_equal(token(file, "abc")->streams, "front");
    auth_file_unref(&file);
}

TEST(the_last_line_need_not_end)
{
    struct auth_file *file = parse_good("user alice " HASH);
    assert_non_null(auth_file_user(file, "alice"));
    auth_file_unref(&file);
}

TEST(a_digest_may_be_in_capitals)
{
    struct auth_file *file =
        parse_good("token ci BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD");
    assert_non_null(token(file, "abc"));
    auth_file_unref(&file);
}

TEST(an_entry_covers_its_streams)
{
    struct auth_file *file = parse_good("user all " HASH "\nuser some " HASH " streams=front,rear.2\n");
    const struct auth_entry *all = auth_file_user(file, "all"), *some = auth_file_user(file, "some");
    assert_true(auth_entry_covers(all, "anything"));
    assert_true(auth_entry_covers(some, "front"));
    assert_true(auth_entry_covers(some, "rear.2"));
    const char *const others[] = {"", "fron", "front,", "front,rear.2", "rear", "rear.22", "Front", ","};
    for (size_t i = 0; i < COUNT(others); i++)
        assert_false(auth_entry_covers(some, others[i]));
    auth_file_unref(&file);
}

TEST(any_number_chooses_a_user)
{
    struct auth_file *file =
        parse_good("token t " SHA256 "\nuser a " HASH "\ntoken u " OTHER_SHA256 "\nuser b " HASH "\n");
    assert_string_equal(auth_file_some_user(file, 0)->name, "a");
    assert_string_equal(auth_file_some_user(file, 1)->name, "b");
    assert_string_equal(auth_file_some_user(file, UINT64_MAX)->name, "b");
    auth_file_unref(&file);
    file = parse_good("token t " SHA256);
    assert_null(auth_file_some_user(file, 7));
    auth_file_unref(&file);
}

TEST(a_bad_line_is_told_with_its_number)
{
#define STREAMS_ERROR                                                                                        \
    "/etc/auth:1: only streams=NAME,NAME may follow the hash of a, with names of 1 to 64 characters of "     \
    "A-Z a-z 0-9 . _ -"
    static const struct {
        const char *text, *error;
    } bad[] = {
        {"alice:secret", "/etc/auth:1: a line begins with 'user', 'token' or '#'; "
                         "'headcam passwd user NAME' prints one"},
        {"# x\n\nUser a " HASH, "/etc/auth:3: a line begins with 'user', 'token' or '#'; "
                                "'headcam passwd user NAME' prints one"},
        {"user", "/etc/auth:1: the name behind 'user' must be 1 to 64 characters of A-Z a-z 0-9 . _ - @"},
        {"token a:b " SHA256,
         "/etc/auth:1: the name behind 'token' must be 1 to 64 characters of A-Z a-z 0-9 . _ - @"},
        {"user a", "/etc/auth:1: the hash of user a is missing; 'headcam passwd user a' prints the line"},
        {"user a secret", "/etc/auth:1: the hash of user a is no hash of crypt(3); "
                          "'headcam passwd user a' prints a new line"},
        {"user a $1$saltsalt$x", "/etc/auth:1: the hash of user a is of a method that is too weak by now; "
                                 "'headcam passwd user a' prints a new line"},
        {"token a secret", "/etc/auth:1: the hash of token a must be its SHA-256, 64 hexadecimal digits; "
                           "'headcam passwd token a' prints a new line"},
        {"token a " SHA256 "00", "/etc/auth:1: the hash of token a must be its SHA-256, 64 hexadecimal "
                                 "digits; 'headcam passwd token a' prints a new line"},
        {"user a " HASH " front", STREAMS_ERROR},
        {"user a " HASH " streams=", STREAMS_ERROR},
        {"user a " HASH " streams=a,,b", STREAMS_ERROR},
        {"user a " HASH " streams=a,b,", STREAMS_ERROR},
        {"user a " HASH " streams=a/b", STREAMS_ERROR},
        {"user a " HASH " streams=a b", STREAMS_ERROR},
        {"user a " HASH " streams=a streams=b", STREAMS_ERROR},
        {"user a " HASH "\nuser b " HASH "\nuser a " HASH, "/etc/auth:3: a is in line 1 already"},
        {"token a " SHA256 "\ntoken b " SHA256, "/etc/auth:2: b is the same token as a in line 1"},
        {"", "/etc/auth lists nobody; 'headcam passwd user NAME' prints a line"},
        {"# nobody\n\n", "/etc/auth lists nobody; 'headcam passwd user NAME' prints a line"},
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_null(parse(bad[i].text));
        assert_string_equal(error, bad[i].error);
    }
}

TEST(a_name_may_be_a_users_and_a_tokens)
{
    struct auth_file *file = parse_good("user a " HASH "\ntoken a " SHA256 "\n");
    auth_file_unref(&file);
}

TEST(a_zero_byte_hides_nothing)
{
    static const char text[] = "user a " HASH "\nuser b " HASH "\0 streams=front\n";
    assert_null(auth_file_parse("/etc/auth", text, sizeof(text) - 1, error));
    assert_string_equal(error, "/etc/auth:2: there is a zero byte in this line");
}

TEST(there_may_be_so_many_and_no_more)
{
    enum { LINE = 128 };
    char *text = memory_zeroed((size_t)LINE * (AUTH_MOST_ENTRIES + 1));
    size_t length = 0;
    for (int i = 0; i < AUTH_MOST_ENTRIES; i++)
        length += (size_t)snprintf(text + length, LINE, "token t%d %064x\n", i, (unsigned)i);
    struct auth_file *file = auth_file_parse("/etc/auth", text, length, error);
    assert_non_null(file);
    assert_int_equal(file->count, AUTH_MOST_ENTRIES);
    auth_file_unref(&file);
    length += (size_t)snprintf(text + length, LINE, "token last " SHA256 "\n");
    assert_null(auth_file_parse("/etc/auth", text, length, error));
    assert_string_equal(error, "/etc/auth:4097: there are more than 4096 users and tokens");
    free(text);
}

TEST(a_file_lasts_as_long_as_its_references)
{
    struct auth_file *file = parse_good("user a " HASH), *other = auth_file_ref(file);
    auth_file_unref(&file);
    assert_non_null(auth_file_user(other, "a"));
    auth_file_unref(&other);
    auth_file_unref(&other); /* none is left: nothing happens */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(users_and_tokens_are_found),
        cmocka_unit_test(nobody_else_is_found),
        cmocka_unit_test(empty_lines_comments_and_spaces_do_not_count),
        cmocka_unit_test(the_last_line_need_not_end),
        cmocka_unit_test(a_digest_may_be_in_capitals),
        cmocka_unit_test(an_entry_covers_its_streams),
        cmocka_unit_test(any_number_chooses_a_user),
        cmocka_unit_test(a_bad_line_is_told_with_its_number),
        cmocka_unit_test(a_name_may_be_a_users_and_a_tokens),
        cmocka_unit_test(a_zero_byte_hides_nothing),
        cmocka_unit_test(there_may_be_so_many_and_no_more),
        cmocka_unit_test(a_file_lasts_as_long_as_its_references),
    };
    return cmocka_run_group_tests_name("access/auth_file", tests, set_up, NULL);
}
