/* SPDX-License-Identifier: MIT */
#include "access/load.h"
#include "tests/unit/support.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char directory[] = "/tmp/headcam-load-XXXXXX", path[64], error[AUTH_ERROR_BYTES];

static int set_up_group(void **state)
{
    (void)state;
    if (!mkdtemp(directory) || sodium_init() < 0)
        return -1;
    snprintf(path, sizeof(path), "%s/auth", directory);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    return unlink(path);
}

static int tear_down_group(void **state)
{
    (void)state;
    return rmdir(directory);
}

static void write_file(const char *text, size_t length, mode_t mode)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static void write_token(mode_t mode)
{
    static const char line[] = "token ci ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\n";
    write_file(line, sizeof(line) - 1, mode);
}

static void assert_refused(const char *before, const char *after)
{
    char expected[AUTH_ERROR_BYTES];
    assert_null(load_auth_file(path, error));
    snprintf(expected, sizeof(expected), "%s%s%s", before, path, after);
    assert_string_equal(error, expected);
}

TEST(the_owner_and_the_group_may_read_it)
{
    const mode_t good[] = {0400, 0600, 0640, 0440, 0750};
    for (size_t i = 0; i < COUNT(good); i++) {
        write_token(good[i]);
        struct auth_file *file = load_auth_file(path, error);
        assert_non_null(file);
        assert_int_equal(file->count, 1);
        auth_file_unref(&file);
        unlink(path);
    }
    write_token(0600);
}

TEST(others_may_not_and_the_group_may_not_write_it)
{
    char why[128];
    write_token(0644);
    snprintf(why, sizeof(why), " can be read or changed by others (mode 0644); do: chmod 640 %s", path);
    assert_refused("--auth-file ", why);
    const mode_t bad[] = {0604, 0602, 0620, 0666, 0660};
    for (size_t i = 0; i < COUNT(bad); i++) {
        write_token(bad[i]);
        assert_null(load_auth_file(path, error));
        assert_non_null(strstr(error, "; do: chmod 640 "));
    }
}

TEST(a_bad_line_is_told_with_the_file)
{
    write_file("\nnonsense\n", 10, 0600);
    assert_refused("",
                   ":2: a line begins with 'user', 'token' or '#'; 'headcam passwd user NAME' prints one");
}

TEST(an_empty_file_lists_nobody)
{
    write_file("", 0, 0600);
    assert_refused("", " lists nobody; 'headcam passwd user NAME' prints a line");
}

TEST(a_file_that_is_too_large_is_not_read_to_its_end)
{
    write_file("#", 1, 0600);
    assert_int_equal(truncate(path, 1024 * 1024 + 1), 0);
    assert_refused("--auth-file ", " is larger than 1048576 bytes");
}

TEST(a_fifo_is_not_waited_for)
{
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_refused("--auth-file ", " is no regular file");
}

TEST(a_missing_file_is_told)
{
    char other[80];
    write_token(0600);
    snprintf(other, sizeof(other), "%s/no/auth", directory);
    assert_null(load_auth_file(other, error));
    assert_non_null(strstr(error, "cannot open --auth-file /tmp/headcam-load-"));
    assert_non_null(strstr(error, "/no/auth: No such file or directory"));
    assert_null(load_auth_file(directory, error));
    assert_non_null(strstr(error, " is no regular file"));
}

#define LOAD_TEST(test) cmocka_unit_test_setup_teardown(test, NULL, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOAD_TEST(the_owner_and_the_group_may_read_it),
        LOAD_TEST(others_may_not_and_the_group_may_not_write_it),
        LOAD_TEST(a_bad_line_is_told_with_the_file),
        LOAD_TEST(an_empty_file_lists_nobody),
        LOAD_TEST(a_file_that_is_too_large_is_not_read_to_its_end),
        LOAD_TEST(a_fifo_is_not_waited_for),
        LOAD_TEST(a_missing_file_is_told),
    };
    return cmocka_run_group_tests_name("access/load", tests, set_up_group, tear_down_group);
}
