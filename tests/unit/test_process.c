/* SPDX-License-Identifier: MIT */
#include "base/clock.h"
#include "base/process.h"
#include "tests/unit/support.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static struct process_usage read_usage(void)
{
    struct process_usage usage;
    process_read_usage(&usage);
    assert_true(usage.has_proc);
    return usage;
}

TEST(open_files_are_counted_one_by_one)
{
    const struct process_usage before = read_usage();
    int files[7];
    for (size_t i = 0; i < COUNT(files); i++)
        files[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_int_equal(read_usage().open_fds, before.open_fds + COUNT(files));
    for (size_t i = 0; i < COUNT(files); i++)
        close(files[i]);
    assert_int_equal(read_usage().open_fds, before.open_fds);
}

TEST(the_limit_of_files_is_the_soft_one)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(read_usage().max_fds, limit.rlim_cur);
}

TEST(cpu_time_goes_with_work)
{
    struct timespec spent;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent);
    const uint64_t before_ns = (uint64_t)spent.tv_sec * NS_PER_S + (uint64_t)spent.tv_nsec;
    uint64_t now_ns;
    do { /* asking is work */
        now_ns = read_usage().cpu_ns;
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent);
    } while (now_ns < before_ns + 20 * NS_PER_MS);
    assert_true(now_ns <= (uint64_t)spent.tv_sec * NS_PER_S + (uint64_t)spent.tv_nsec + 20 * NS_PER_MS);
}

TEST(memory_that_is_used_is_resident)
{
    enum { MORE_BYTES = 32 << 20 };
    const struct process_usage before = read_usage();
    char *more = malloc(MORE_BYTES);
    memset(more, 1, MORE_BYTES);
    const struct process_usage after = read_usage();
    assert_int_equal(more[MORE_BYTES - 1], 1);
    assert_true(after.resident_bytes >= before.resident_bytes + MORE_BYTES / 2);
    assert_true(after.virtual_bytes >= after.resident_bytes);
    free(more);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(open_files_are_counted_one_by_one),
        cmocka_unit_test(the_limit_of_files_is_the_soft_one),
        cmocka_unit_test(cpu_time_goes_with_work),
        cmocka_unit_test(memory_that_is_used_is_resident),
    };
    return cmocka_run_group_tests_name("base/process", tests, NULL, NULL);
}
