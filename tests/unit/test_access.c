/* SPDX-License-Identifier: MIT */
#include "access/access.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "tests/unit/support.h"

#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TRIES = 4, MOST_WAITING = 3 * TRIES };

static char path[] = "/tmp/headcam-access-XXXXXX";
static char alice_line[512], bob_line[512];
static struct access *access_of_test;
static struct grant grant;

static void hash_line(char line[512], const char *name, const char *password, const char *rest)
{
    char hash[CRYPT_OUTPUT_SIZE];
    assert_true(secret_hash_password(password, hash));
    snprintf(line, 512, "user %s %s %s\n", name, hash, rest);
}

static void write_lines(const char *one, const char *other)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "%s%s", one, other);
    fputs("token ci ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\n", file);
    assert_int_equal(fclose(file), 0);
}

static int set_up_group(void **state)
{
    (void)state;
    log_set_level(LOG_ERROR);
    int file = mkstemp(path);
    if (file < 0 || sodium_init() < 0)
        return -1;
    hash_line(alice_line, "alice", "secret", "");
    hash_line(bob_line, "bob", "geheim", "streams=front");
    return close(file);
}

static int set_up(void **state)
{
    (void)state;
    char error[AUTH_ERROR_BYTES];
    write_lines(alice_line, bob_line);
    const struct access_options options = {
        .path = path,
        .login_failures = TRIES,
        .login_recovery_ns = 3600 * NS_PER_S,
        .login_addresses = 16,
        .max_logins = MOST_WAITING,
    };
    access_of_test = access_create(&options, error);
    return access_of_test ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    grant_fini(&grant);
    access_destroy(access_of_test);
    return 0;
}

static int tear_down_group(void **state)
{
    (void)state;
    return unlink(path);
}

/* ---- logging in ---- */

static pthread_mutex_t done_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t done_changed = PTHREAD_COND_INITIALIZER;

static void on_done(struct check *check, void *arg)
{
    (void)check;
    bool *is_done = arg;
    pthread_mutex_lock(&done_lock);
    *is_done = true;
    pthread_cond_signal(&done_changed);
    pthread_mutex_unlock(&done_lock);
}

static struct login *login_of(enum credential_kind kind, const char *name, const char *secret)
{
    struct login *login = memory_zeroed(sizeof(*login));
    login->address.kind = ADDRESS_IPV4;
    login->credential.kind = kind;
    snprintf(login->credential.name, sizeof(login->credential.name), "%s", name);
    snprintf(login->credential.secret, sizeof(login->credential.secret), "%s", secret);
    return login;
}

static void free_login(struct login *login)
{
    login_fini(login);
    free(login);
}

static void wait_for_check(struct login *login)
{
    bool is_done = false;
    access_check(access_of_test, login, on_done, &is_done);
    pthread_mutex_lock(&done_lock);
    while (!is_done)
        pthread_cond_wait(&done_changed, &done_lock);
    pthread_mutex_unlock(&done_lock);
}

/* Waits for a check that is needed. */
static enum access_verdict check(struct login *login)
{
    wait_for_check(login);
    return access_settle(access_of_test, login, &grant);
}

/* The verdict in the end; *was_checked tells whether that took a check. */
static enum access_verdict log_in(const char *name, const char *password, bool *was_checked)
{
    struct login *login = login_of(CREDENTIAL_PASSWORD, name, password);
    enum access_verdict verdict = access_try(access_of_test, login, &grant);
    *was_checked = verdict == ACCESS_CHECK;
    if (*was_checked)
        verdict = check(login);
    free_login(login);
    return verdict;
}

static void assert_log_in(const char *name, const char *password, enum access_verdict expected,
                          bool is_to_be_checked)
{
    bool was_checked;
    assert_int_equal(log_in(name, password, &was_checked), expected);
    assert_int_equal(was_checked, is_to_be_checked);
}

static enum access_verdict show_token(const char *token)
{
    struct login *login = login_of(CREDENTIAL_TOKEN, "", token);
    enum access_verdict verdict = access_try(access_of_test, login, &grant);
    free_login(login);
    return verdict;
}

/* ---- */

TEST(a_password_is_checked_once)
{
    assert_log_in("alice", "secret", ACCESS_GRANTED, true);
    assert_string_equal(grant.entry->name, "alice");
    assert_log_in("alice", "secret", ACCESS_GRANTED, false);
    assert_log_in("bob", "geheim", ACCESS_GRANTED, true);
    assert_log_in("bob", "geheim", ACCESS_GRANTED, false);
    assert_log_in("alice", "secret", ACCESS_GRANTED, false);
}

TEST(what_is_wrong_is_checked_each_time)
{
    assert_log_in("alice", "geheim", ACCESS_WRONG, true);
    assert_null(grant.entry);
    assert_log_in("alice", "geheim", ACCESS_WRONG, true);
    assert_log_in("alice", "", ACCESS_WRONG, true);
}

TEST(an_unknown_user_is_checked_like_a_known_one)
{
    assert_log_in("mallory", "secret", ACCESS_WRONG, true);
    assert_log_in("ci", "abc", ACCESS_WRONG, true);
    /* Not even with the password of the user whose hash stands in. */
    assert_log_in("mallory", "geheim", ACCESS_WRONG, true);
}

TEST(after_so_many_failures_nothing_is_looked_at)
{
    for (int i = 0; i < TRIES; i++)
        assert_log_in("alice", i % 2 ? "a" : "b", ACCESS_WRONG, true);
    assert_log_in("alice", "a", ACCESS_THROTTLED, false);
    assert_log_in("alice", "secret", ACCESS_THROTTLED, false);
    assert_log_in("mallory", "x", ACCESS_THROTTLED, false);

    struct login *elsewhere = login_of(CREDENTIAL_PASSWORD, "alice", "secret");
    elsewhere->address.network = 1;
    assert_int_equal(access_try(access_of_test, elsewhere, &grant), ACCESS_CHECK);
    assert_int_equal(check(elsewhere), ACCESS_GRANTED);
    free_login(elsewhere);

    struct login *again = login_of(CREDENTIAL_PASSWORD, "alice", "secret");
    assert_int_equal(access_try(access_of_test, again, &grant), ACCESS_THROTTLED);
    assert_in_range(again->wait_ns, 3500 * NS_PER_S, 3600 * NS_PER_S);
    free_login(again);
}

TEST(who_is_right_spends_no_tries)
{
    for (int i = 0; i < 3 * TRIES; i++)
        assert_log_in("alice", "secret", ACCESS_GRANTED, i == 0);
    for (int i = 0; i < 3 * TRIES; i++)
        assert_int_equal(show_token("abc"), ACCESS_GRANTED);
    assert_log_in("alice", "wrong", ACCESS_WRONG, true);
}

TEST(many_at_once_are_no_more_tries_than_one_by_one)
{
    struct login *logins[TRIES + 1];
    enum access_verdict verdicts[TRIES + 1];
    for (int i = 0; i <= TRIES; i++) {
        char guess[] = {(char)('a' + i), '\0'};
        logins[i] = login_of(CREDENTIAL_PASSWORD, "alice", guess);
        verdicts[i] = access_try(access_of_test, logins[i], &grant);
        if (verdicts[i] == ACCESS_CHECK && i >= 1)
            assert_int_equal(check(logins[i]), ACCESS_WRONG);
    }
    for (int i = 0; i < TRIES; i++)
        assert_int_equal(verdicts[i], ACCESS_CHECK);
    assert_int_equal(verdicts[TRIES], ACCESS_THROTTLED);
    assert_int_equal(check(logins[0]), ACCESS_WRONG);
    for (int i = 0; i <= TRIES; i++)
        free_login(logins[i]);
}

static void log_in_at_once(const char *password, size_t count, struct login *logins[])
{
    for (size_t i = 0; i < count; i++) {
        logins[i] = login_of(CREDENTIAL_PASSWORD, "alice", password);
        assert_int_equal(access_try(access_of_test, logins[i], &grant), ACCESS_CHECK);
    }
}

TEST(the_same_question_at_once_is_one_try)
{
    struct login *logins[MOST_WAITING];
    log_in_at_once("secret", MOST_WAITING, logins);
    struct login *other = login_of(CREDENTIAL_PASSWORD, "alice", "secret");
    other->address.network = 1;
    assert_int_equal(access_try(access_of_test, other, &grant), ACCESS_BUSY);
    free_login(other);
    for (size_t i = 0; i < MOST_WAITING; i++) {
        assert_int_equal(check(logins[i]), ACCESS_GRANTED);
        free_login(logins[i]);
    }
    for (int i = 0; i < TRIES; i++)
        assert_log_in("alice", "wrong", ACCESS_WRONG, true);
    assert_log_in("alice", "secret", ACCESS_THROTTLED, false);
}

TEST(the_same_guess_at_once_is_one_try_that_is_spent)
{
    struct login *logins[MOST_WAITING];
    log_in_at_once("wrong", MOST_WAITING, logins);
    wait_for_check(logins[0]);
    free_login(logins[0]); /* its client has left */
    for (size_t i = 1; i < MOST_WAITING; i++) {
        assert_int_equal(check(logins[i]), ACCESS_WRONG);
        free_login(logins[i]);
    }
    for (int i = 1; i < TRIES; i++)
        assert_log_in("alice", "wrong", ACCESS_WRONG, true);
    assert_log_in("alice", "wrong", ACCESS_THROTTLED, false);
}

TEST(tokens_are_known_by_their_digest)
{
    assert_int_equal(show_token("abc"), ACCESS_GRANTED);
    assert_string_equal(grant.entry->name, "ci");
    assert_int_equal(show_token("abd"), ACCESS_WRONG);
    assert_int_equal(show_token("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
                     ACCESS_WRONG);
    for (int i = 2; i < TRIES; i++)
        assert_int_equal(show_token("x"), ACCESS_WRONG);
    assert_int_equal(show_token("x"), ACCESS_THROTTLED);
    assert_int_equal(show_token("abc"), ACCESS_GRANTED);
}

TEST(without_a_credential_nothing_is_counted)
{
    struct login *login = login_of(CREDENTIAL_NONE, "", "");
    for (int i = 0; i < 3 * TRIES; i++) {
        assert_int_equal(access_try(access_of_test, login, &grant), ACCESS_NO_CREDENTIAL);
        login_fini(login);
    }
    free_login(login);
    assert_log_in("alice", "secret", ACCESS_GRANTED, true);
}

TEST(no_more_wait_than_may)
{
    struct login *logins[MOST_WAITING];
    for (int i = 0; i < MOST_WAITING; i++) {
        logins[i] = login_of(CREDENTIAL_PASSWORD, "alice", i ? "secret" : "wrong");
        assert_int_equal(access_try(access_of_test, logins[i], &grant), ACCESS_CHECK);
    }
    /* Being turned away takes no try, however often. */
    for (int i = 0; i < 3 * TRIES; i++)
        assert_log_in("bob", "geheim", ACCESS_BUSY, false);
    assert_int_equal(check(logins[0]), ACCESS_WRONG);
    for (int i = 1; i < MOST_WAITING; i++)
        assert_int_equal(check(logins[i]), ACCESS_GRANTED);
    assert_log_in("bob", "geheim", ACCESS_GRANTED, true);
    for (int i = 0; i < MOST_WAITING; i++)
        free_login(logins[i]);
}

TEST(a_grant_covers_what_its_line_says)
{
    const struct grant everything = {0};
    assert_true(grant_covers(&everything, "rear"));
    assert_false(grant_is_limited(&everything));
    assert_log_in("alice", "secret", ACCESS_GRANTED, true);
    assert_true(grant_covers(&grant, "rear"));
    assert_false(grant_is_limited(&grant));
    assert_log_in("bob", "geheim", ACCESS_GRANTED, true);
    assert_true(grant_covers(&grant, "front"));
    assert_false(grant_covers(&grant, "rear"));
    assert_true(grant_is_limited(&grant));
}

TEST(a_reload_puts_the_new_lines_in_force)
{
    assert_log_in("alice", "secret", ACCESS_GRANTED, true);
    assert_log_in("bob", "geheim", ACCESS_GRANTED, true);
    char new_bob[512];
    hash_line(new_bob, "bob", "new", "");
    write_lines(new_bob, alice_line);
    access_reload(access_of_test);
    assert_string_equal(grant.entry->name, "bob"); /* who is in stays in, as he was */
    assert_true(grant_is_limited(&grant));
    assert_log_in("alice", "secret", ACCESS_GRANTED, false); /* the same hash, in another line */
    assert_log_in("bob", "geheim", ACCESS_WRONG, true);
    assert_log_in("bob", "new", ACCESS_GRANTED, true);
    assert_false(grant_is_limited(&grant));

    write_lines(alice_line, "");
    access_reload(access_of_test);
    assert_log_in("bob", "new", ACCESS_WRONG, true);
}

TEST(what_was_granted_holds_while_its_line_does)
{
    const struct grant everything = {0};
    char bob_of_rear[512], alice_anew[512];
    assert_int_equal(show_token("abc"), ACCESS_GRANTED);
    write_lines(bob_line, "");
    access_reload(access_of_test);
    assert_true(access_still_grants(access_of_test, &grant, "")); /* in another line */

    assert_log_in("bob", "geheim", ACCESS_GRANTED, true);
    assert_true(access_still_grants(access_of_test, &grant, "front"));
    assert_false(access_still_grants(access_of_test, &grant, "rear"));

    snprintf(bob_of_rear, sizeof(bob_of_rear), "%.*s=rear\n", (int)(strchr(bob_line, '=') - bob_line),
             bob_line);
    write_lines(bob_of_rear, alice_line);
    access_reload(access_of_test);
    assert_false(access_still_grants(access_of_test, &grant, "front"));
    assert_true(access_still_grants(access_of_test, &grant, "rear"));
    assert_false(access_still_grants(access_of_test, &grant, "")); /* he may see some only */

    assert_log_in("alice", "secret", ACCESS_GRANTED, true);
    assert_true(access_still_grants(access_of_test, &grant, ""));
    hash_line(alice_anew, "alice", "secret", "");
    write_lines(alice_anew, "");
    access_reload(access_of_test);
    assert_false(access_still_grants(access_of_test, &grant, "front")); /* another hash */
    assert_true(access_still_grants(access_of_test, &everything, "front"));
}

TEST(a_bad_file_changes_nothing)
{
    assert_log_in("alice", "secret", ACCESS_GRANTED, true);
    log_set_level(LOG_ERROR);
    write_lines("nonsense\n", "");
    access_reload(access_of_test);
    unlink(path);
    access_reload(access_of_test);
    assert_log_in("alice", "secret", ACCESS_GRANTED, false);
    assert_log_in("bob", "geheim", ACCESS_GRANTED, true);
    write_lines(alice_line, bob_line);
    assert_int_equal(chmod(path, 0600), 0);
}

TEST(a_reload_during_a_check_does_no_harm)
{
    struct login *login = login_of(CREDENTIAL_PASSWORD, "bob", "geheim");
    assert_int_equal(access_try(access_of_test, login, &grant), ACCESS_CHECK);
    write_lines(alice_line, "");
    access_reload(access_of_test);
    assert_int_equal(check(login), ACCESS_GRANTED); /* it began before */
    free_login(login);
    assert_log_in("bob", "geheim", ACCESS_WRONG, true);
}

TEST(a_stopped_one_answers_at_once)
{
    struct login *login = login_of(CREDENTIAL_PASSWORD, "alice", "secret");
    assert_int_equal(access_try(access_of_test, login, &grant), ACCESS_CHECK);
    access_stop(access_of_test);
    assert_int_equal(check(login), ACCESS_ENDING);
    free_login(login);
}

#define ACCESS_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ACCESS_TEST(a_password_is_checked_once),
        ACCESS_TEST(what_is_wrong_is_checked_each_time),
        ACCESS_TEST(an_unknown_user_is_checked_like_a_known_one),
        ACCESS_TEST(after_so_many_failures_nothing_is_looked_at),
        ACCESS_TEST(who_is_right_spends_no_tries),
        ACCESS_TEST(many_at_once_are_no_more_tries_than_one_by_one),
        ACCESS_TEST(the_same_question_at_once_is_one_try),
        ACCESS_TEST(the_same_guess_at_once_is_one_try_that_is_spent),
        ACCESS_TEST(tokens_are_known_by_their_digest),
        ACCESS_TEST(without_a_credential_nothing_is_counted),
        ACCESS_TEST(no_more_wait_than_may),
        ACCESS_TEST(a_grant_covers_what_its_line_says),
        ACCESS_TEST(a_reload_puts_the_new_lines_in_force),
        ACCESS_TEST(what_was_granted_holds_while_its_line_does),
        ACCESS_TEST(a_bad_file_changes_nothing),
        ACCESS_TEST(a_reload_during_a_check_does_no_harm),
        ACCESS_TEST(a_stopped_one_answers_at_once),
    };
    return cmocka_run_group_tests_name("access/access", tests, set_up_group, tear_down_group);
}
