/* SPDX-License-Identifier: MIT */
#include "access/checker.h"
#include "base/clock.h"
#include "tests/unit/support.h"

#include <pthread.h>
#include <sched.h>
#include <sodium.h>
#include <string.h>
#include <time.h>

enum { MOST = 8 };

static char hash[CRYPT_OUTPUT_SIZE], other_hash[CRYPT_OUTPUT_SIZE];

/* What was done, in the order in which it was. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct check *checks[64];
    size_t count;
} done = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void note(struct check *check, void *arg)
{
    pthread_mutex_lock(&done.lock);
    done.checks[done.count++] = check;
    assert_ptr_equal(arg, &done);
    pthread_cond_signal(&done.changed);
    pthread_mutex_unlock(&done.lock);
}

static void wait_done(size_t count)
{
    pthread_mutex_lock(&done.lock);
    while (done.count < count)
        pthread_cond_wait(&done.changed, &done.lock);
    pthread_mutex_unlock(&done.lock);
}

static int set_up_group(void **state)
{
    (void)state;
    return sodium_init() < 0 || !secret_hash_password("right", hash) ||
           !secret_hash_password("right", other_hash);
}

static int set_up(void **state)
{
    done.count = 0;
    return (*state = checker_create(MOST)) == NULL;
}

static int tear_down(void **state)
{
    checker_stop(*state);
    checker_destroy(*state);
    return 0;
}

static struct check question(const char *password, const char *its_hash)
{
    struct check check = {.password = password, .hash = its_hash, .on_done = note, .arg = &done};
    secret_token_digest(password, check.digest);
    return check;
}

static void ask(struct checker *checker, struct check *check)
{
    assert_true(checker_admit(checker));
    checker_submit(checker, check);
}

TEST(each_question_is_answered_in_turn)
{
    struct check checks[] = {question("right", hash), question("wrong", hash), question("", hash),
                             question("right", other_hash), question("right", "*0")};
    for (size_t i = 0; i < COUNT(checks); i++)
        ask(*test_state, &checks[i]);
    wait_done(COUNT(checks));
    for (size_t i = 0; i < COUNT(checks); i++)
        assert_ptr_equal(done.checks[i], &checks[i]);
    assert_int_equal(checks[0].outcome, CHECK_MATCHES);
    assert_int_equal(checks[1].outcome, CHECK_DIFFERS);
    assert_int_equal(checks[2].outcome, CHECK_DIFFERS);
    assert_int_equal(checks[3].outcome, CHECK_MATCHES);
    assert_int_equal(checks[4].outcome, CHECK_DIFFERS);
}

TEST(a_question_asked_again_has_the_same_answer)
{
    struct check checks[] = {question("right", hash), question("right", hash), question("wrong", hash),
                             question("wrong", hash), question("right", hash)};
    for (size_t i = 0; i < COUNT(checks); i++)
        ask(*test_state, &checks[i]);
    wait_done(COUNT(checks));
    const enum check_outcome expected[] = {CHECK_MATCHES, CHECK_MATCHES, CHECK_DIFFERS, CHECK_DIFFERS,
                                           CHECK_MATCHES};
    for (size_t i = 0; i < COUNT(checks); i++)
        assert_int_equal(checks[i].outcome, expected[i]);
}

TEST(as_many_are_admitted_as_may_wait)
{
    struct check checks[MOST];
    for (size_t i = 0; i < MOST; i++)
        assert_true(checker_admit(*test_state));
    assert_false(checker_admit(*test_state));
    for (size_t i = 0; i < MOST; i++) {
        checks[i] = question("wrong", hash);
        checker_submit(*test_state, &checks[i]);
    }
    wait_done(MOST);
    assert_true(checker_admit(*test_state));
    checks[0] = question("right", hash);
    checker_submit(*test_state, &checks[0]);
    wait_done(MOST + 1);
    assert_int_equal(checks[0].outcome, CHECK_MATCHES);
}

TEST(a_stopped_checker_leaves_nobody_waiting)
{
    struct check waiting[MOST], late = question("right", hash);
    for (size_t i = 0; i < MOST; i++) {
        waiting[i] = question(i % 2 ? "wrong" : "right", hash);
        ask(*test_state, &waiting[i]);
    }
    checker_stop(*test_state);
    assert_int_equal(done.count, MOST);
    /* Those whose turn came before have their answer. */
    bool is_done = true;
    for (size_t i = 0; i < MOST; i++) {
        assert_true(is_done || waiting[i].outcome == CHECK_UNDONE);
        is_done = waiting[i].outcome != CHECK_UNDONE;
        assert_true(!is_done || waiting[i].outcome == (i % 2 ? CHECK_DIFFERS : CHECK_MATCHES));
    }
    ask(*test_state, &late);
    assert_int_equal(done.count, MOST + 1);
    assert_int_equal(late.outcome, CHECK_UNDONE);
}

static uint64_t used_ns(clockid_t clock)
{
    struct timespec used;
    clock_gettime(clock, &used);
    return (uint64_t)used.tv_sec * NS_PER_S + (uint64_t)used.tv_nsec;
}

/* CPU time of all threads but this one. */
static uint64_t used_by_others_ns(void)
{
    return used_ns(CLOCK_PROCESS_CPUTIME_ID) - used_ns(CLOCK_THREAD_CPUTIME_ID);
}

TEST(a_stop_does_not_wait_for_a_check_that_takes_long)
{
    /* Minutes. */
    struct check slow = question("wrong", "$6$rounds=999999999$salt$"
                                          "................................................................"
                                          "......................"),
                 waiting = question("right", hash);
    const uint64_t at_work_ns = used_by_others_ns() + 20 * NS_PER_MS;
    ask(*test_state, &slow);
    ask(*test_state, &waiting);
    while (used_by_others_ns() < at_work_ns)
        sched_yield();
    checker_stop(*test_state);
    assert_int_equal(done.count, 2);
    assert_int_equal(slow.outcome, CHECK_UNDONE);
    assert_int_equal(waiting.outcome, CHECK_UNDONE);
}

#define CHECKER_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECKER_TEST(each_question_is_answered_in_turn),
        CHECKER_TEST(a_question_asked_again_has_the_same_answer),
        CHECKER_TEST(as_many_are_admitted_as_may_wait),
        CHECKER_TEST(a_stopped_checker_leaves_nobody_waiting),
        CHECKER_TEST(a_stop_does_not_wait_for_a_check_that_takes_long),
    };
    return cmocka_run_group_tests_name("access/checker", tests, set_up_group, NULL);
}
