/* SPDX-License-Identifier: MIT */
#include "ingest/endpoint.h"
#include "tests/unit/support.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATH_ROOM = 400 };

static char directory[] = "/tmp/headcam-test-XXXXXX";
static char path[PATH_ROOM], endpoint[PATH_ROOM + 6], error[ENDPOINT_ERROR_BYTES];

static int make_directory(void **state)
{
    (void)state;
    strcpy(directory + strlen(directory) - 6, "XXXXXX");
    return mkdtemp(directory) ? 0 : -1;
}

static int remove_directory(void **state)
{
    (void)state;
    char command[64];
    snprintf(command, sizeof(command), "rm -rf %s", directory);
    return system(command);
}

/* Sets path and endpoint to something in the test's directory. */
static void use(const char *name)
{
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    snprintf(endpoint, sizeof(endpoint), "ipc://%s", path);
    strcpy(error, "none");
}

static bool exists(void)
{
    struct stat status;
    return lstat(path, &status) == 0;
}

static unsigned mode_of(const char *file)
{
    struct stat status;
    assert_int_equal(stat(file, &status), 0);
    return status.st_mode & 07777U;
}

static int bind_socket(int type)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, path);
    int fd = socket(AF_UNIX, type, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static void make_file(const char *content)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(content, file);
    fclose(file);
}

static void assert_refused(const char *begin, const char *end)
{
    char expected[PATH_ROOM + 200];
    snprintf(expected, sizeof(expected), "%s%s%s", begin, path, end);
    assert_false(endpoint_prepare(endpoint, error));
    assert_string_equal(error, expected);
}

TEST(a_free_path_needs_nothing)
{
    use("ingest.sock");
    assert_true(endpoint_prepare(endpoint, error));
    assert_false(exists());
}

TEST(a_missing_directory_is_made)
{
    use("run/ingest.sock");
    mode_t old_mask = umask(022);
    assert_true(endpoint_prepare(endpoint, error));
    umask(old_mask);
    *strrchr(path, '/') = '\0';
    assert_int_equal(mode_of(path), 0755);
    assert_true(endpoint_prepare(endpoint, error));
}

TEST(a_directory_whose_parent_is_missing_is_refused_with_advice)
{
    use("no/such/ingest.sock");
    assert_false(endpoint_prepare(endpoint, error));
    *strrchr(path, '/') = '\0';
    char expected[PATH_ROOM + 200];
    snprintf(expected, sizeof(expected),
             "cannot make the directory %s: No such file or directory; "
             "choose another place with --ingest ipc://PATH",
             path);
    assert_string_equal(error, expected);
}

TEST(a_file_where_the_directory_should_be_is_refused)
{
    use("run");
    make_file("");
    char expected[PATH_ROOM + 200];
    snprintf(expected, sizeof(expected), "%s is no directory; choose another place with --ingest ipc://PATH",
             path);
    use("run/ingest.sock");
    assert_false(endpoint_prepare(endpoint, error));
    assert_string_equal(error, expected);
}

TEST(the_socket_of_a_server_that_is_gone_is_removed)
{
    use("ingest.sock");
    int fd = bind_socket(SOCK_STREAM);
    listen(fd, 1);
    close(fd);
    assert_true(exists());
    assert_true(endpoint_prepare(endpoint, error));
    assert_false(exists());
}

TEST(a_server_that_runs_is_not_disturbed)
{
    use("ingest.sock");
    int fd = bind_socket(SOCK_STREAM);
    listen(fd, 1);
    assert_refused("another server listens on ipc://", "; end it or choose another --ingest");
    assert_true(exists());
    close(fd);
}

TEST(a_server_that_stands_still_is_not_waited_for)
{
    use("ingest.sock");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, path);
    int fd = bind_socket(SOCK_STREAM), waiting[16];
    listen(fd, 1);
    for (size_t i = 0; i < COUNT(waiting); i++) { /* more than it lets wait */
        waiting[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(waiting[i], (struct sockaddr *)&address, sizeof(address));
    }
    alarm(10);
    assert_refused("another server listens on ipc://", "; end it or choose another --ingest");
    alarm(0);
    for (size_t i = 0; i < COUNT(waiting); i++)
        close(waiting[i]);
    close(fd);
}

TEST(a_socket_of_another_kind_is_left_alone)
{
    use("ingest.sock");
    int fd = bind_socket(SOCK_DGRAM);
    assert_refused("cannot tell whether ",
                   " is in use: Protocol wrong type for socket; choose another --ingest");
    assert_true(exists());
    close(fd);
}

TEST(a_regular_file_is_kept)
{
    use("ingest.sock");
    make_file("precious");
    assert_refused("", " exists and is no socket; remove it or choose another --ingest");
    size_t length;
    char *content = read_whole_file(path, &length);
    assert_string_equal(content, "precious");
    free(content);
}

TEST(a_symbolic_link_is_kept)
{
    use("ingest.sock");
    assert_int_equal(symlink("/nowhere", path), 0);
    assert_refused("", " exists and is no socket; remove it or choose another --ingest");
    assert_true(exists());
}

/* Lengthens the path to a number of characters. */
static void use_length(size_t length)
{
    use("");
    memset(path + strlen(path), 'x', length - strlen(path));
    path[length] = '\0';
    snprintf(endpoint, sizeof(endpoint), "ipc://%s", path);
}

TEST(the_longest_path_that_the_system_allows_is_allowed)
{
    use_length(107);
    assert_true(endpoint_prepare(endpoint, error));
    close(bind_socket(SOCK_STREAM));
    assert_true(endpoint_prepare(endpoint, error));
    assert_false(exists());
}

TEST(a_path_that_is_too_long_is_refused)
{
    use_length(108);
    assert_refused("the path in ipc://", " must have 1 to 107 characters");
    use_length(300);
    assert_refused("the path in ipc://", " must have 1 to 107 characters");
}

TEST(an_empty_path_is_refused)
{
    assert_false(endpoint_prepare("ipc://", error));
    assert_string_equal(error, "the path in ipc:// must have 1 to 107 characters");
}

TEST(endpoints_that_are_no_files_need_nothing)
{
    const char *const others[] = {"tcp://127.0.0.1:5555", "tcp://*:5555", "ipc://@headcam", "ipc://*",
                                  "inproc://x"};
    for (size_t i = 0; i < COUNT(others); i++) {
        assert_true(endpoint_prepare(others[i], error));
        assert_true(endpoint_set_mode(others[i], 0600, error));
        endpoint_remove(others[i]);
    }
}

TEST(the_socket_gets_its_mode)
{
    use("ingest.sock");
    int fd = bind_socket(SOCK_STREAM);
    const mode_t modes[] = {0600, 0660, 0666, 0777};
    for (size_t i = 0; i < COUNT(modes); i++) {
        assert_true(endpoint_set_mode(endpoint, modes[i], error));
        assert_int_equal(mode_of(path), modes[i]);
    }
    close(fd);
}

TEST(a_mode_that_cannot_be_set_is_told)
{
    use("ingest.sock");
    assert_false(endpoint_set_mode(endpoint, 0660, error));
    char expected[PATH_ROOM + 200];
    snprintf(expected, sizeof(expected), "cannot set the mode of %s: No such file or directory", path);
    assert_string_equal(error, expected);
}

TEST(a_socket_of_this_process_is_removed)
{
    use("ingest.sock");
    int fd = bind_socket(SOCK_STREAM);
    listen(fd, 1);
    endpoint_remove(endpoint);
    assert_false(exists());
    close(fd);
}

TEST(the_socket_of_a_successor_is_kept)
{
    use("ingest.sock");
    int told[2];
    char byte;
    assert_int_equal(pipe(told), 0);
    pid_t successor = fork();
    if (successor == 0) {
        listen(bind_socket(SOCK_STREAM), 1);
        (void)!write(told[1], "", 1);
        for (;;)
            pause();
    }
    assert_int_equal(read(told[0], &byte, 1), 1);
    endpoint_remove(endpoint);
    assert_true(exists());
    assert_false(endpoint_prepare(endpoint, error));
    kill(successor, SIGKILL);
    waitpid(successor, NULL, 0);
    endpoint_remove(endpoint);
    assert_true(exists()); /* stale now, and nobody's to remove but the next server's */
    assert_true(endpoint_prepare(endpoint, error));
    assert_false(exists());
    close(told[0]);
    close(told[1]);
}

TEST(what_is_no_socket_is_not_removed)
{
    use("ingest.sock");
    make_file("precious");
    endpoint_remove(endpoint);
    assert_true(exists());
    use("nothing");
    endpoint_remove(endpoint);
}

#define IN_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_DIRECTORY(a_free_path_needs_nothing),
        IN_DIRECTORY(a_missing_directory_is_made),
        IN_DIRECTORY(a_directory_whose_parent_is_missing_is_refused_with_advice),
        IN_DIRECTORY(a_file_where_the_directory_should_be_is_refused),
        IN_DIRECTORY(the_socket_of_a_server_that_is_gone_is_removed),
        IN_DIRECTORY(a_server_that_runs_is_not_disturbed),
        IN_DIRECTORY(a_server_that_stands_still_is_not_waited_for),
        IN_DIRECTORY(a_socket_of_another_kind_is_left_alone),
        IN_DIRECTORY(a_regular_file_is_kept),
        IN_DIRECTORY(a_symbolic_link_is_kept),
        IN_DIRECTORY(the_longest_path_that_the_system_allows_is_allowed),
        IN_DIRECTORY(a_path_that_is_too_long_is_refused),
        cmocka_unit_test(an_empty_path_is_refused),
        cmocka_unit_test(endpoints_that_are_no_files_need_nothing),
        IN_DIRECTORY(the_socket_gets_its_mode),
        IN_DIRECTORY(a_mode_that_cannot_be_set_is_told),
        IN_DIRECTORY(a_socket_of_this_process_is_removed),
        IN_DIRECTORY(the_socket_of_a_successor_is_kept),
        IN_DIRECTORY(what_is_no_socket_is_not_removed),
    };
    return cmocka_run_group_tests_name("ingest/endpoint", tests, NULL, NULL);
}
