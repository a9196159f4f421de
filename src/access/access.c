/* SPDX-License-Identifier: MIT */
#include "access/access.h"

#include "access/load.h"
#include "access/throttle.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "base/memory.h"

#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The keyed hash of a name and password that were found right, so that they are checked once. There is
   one for each user at most, and its key never leaves this process. */
struct verified {
    bool is_set;
    uint8_t digest[SECRET_DIGEST_BYTES];
};

/*
 * A password that is being checked: it takes one try, however many ask at once, as a wall of streams does
 * after a restart. It is kept, or given back, when the last of them is done.
 */
struct shared_try {
    struct list link;
    struct access *access;
    struct address address;
    uint8_t digest[SECRET_DIGEST_BYTES];
    const struct auth_entry *compared; /* of the file of those who ask */
    size_t asking;
    bool has_failed;
};

struct access {
    struct access_options options;
    uint8_t key[crypto_generichash_KEYBYTES];
    struct checker *checker;

    pthread_mutex_t state_lock; /* guards the rest */
    struct auth_file *file;
    struct verified *verified; /* for each of the file's entries */
    struct throttle *throttle;
    struct list tries;
    struct log_limit failures_log;
};

/* ---- the file ---- */

static struct verified *verified_of(struct access *access, const struct auth_entry *user)
{
    return &access->verified[user - access->file->entries];
}

/* Puts a file in force. Users whose hash is the same need not be checked again. */
static void replace_file(struct access *access, struct auth_file *file)
{
    struct verified *verified = memory_zeroed(file->count * sizeof(*verified));
    pthread_mutex_lock(&access->state_lock);
    struct auth_file *old = access->file;
    struct verified *old_verified = access->verified;
    for (size_t i = 0; old && i < old->count; i++) {
        const struct auth_entry *before = &old->entries[i];
        const struct auth_entry *now = old_verified[i].is_set ? auth_file_user(file, before->name) : NULL;
        if (now && strcmp(now->hash, before->hash) == 0)
            verified[now - file->entries] = old_verified[i];
    }
    access->file = file;
    access->verified = verified;
    pthread_mutex_unlock(&access->state_lock);
    auth_file_unref(&old);
    free(old_verified);
}

void access_reload(struct access *access)
{
    char error[AUTH_ERROR_BYTES];
    struct auth_file *file = load_auth_file(access->options.path, error);
    if (!file) {
        log_error("%s; what was in force before stays so", error);
        return;
    }
    log_info("--auth-file %s read again: %zu users, %zu tokens", access->options.path, file->users,
             file->count - file->users);
    replace_file(access, file);
}

/* ---- from start to end ---- */

struct access *access_create(const struct access_options *options, char error[AUTH_ERROR_BYTES])
{
    if (sodium_init() < 0) {
        snprintf(error, AUTH_ERROR_BYTES, "the system gives no random numbers");
        return NULL;
    }
    struct auth_file *file = load_auth_file(options->path, error);
    if (!file)
        return NULL;
    struct checker *checker = checker_create(options->max_logins);
    if (!checker) {
        snprintf(error, AUTH_ERROR_BYTES, "cannot start the thread that checks passwords: %s",
                 strerror(errno));
        auth_file_unref(&file);
        return NULL;
    }
    const struct throttle_options tries = {
        .tries = options->login_failures,
        .recovery_ns = options->login_recovery_ns,
        .addresses = options->login_addresses,
    };
    struct access *access = memory_zeroed(sizeof(*access));
    access->options = *options;
    crypto_generichash_keygen(access->key);
    access->checker = checker;
    pthread_mutex_init(&access->state_lock, NULL);
    access->throttle = throttle_create(&tries);
    list_init(&access->tries);
    replace_file(access, file);
    return access;
}

void access_stop(struct access *access)
{
    checker_stop(access->checker);
}

size_t access_max_logins(const struct access *access)
{
    return access->options.max_logins;
}

void access_destroy(struct access *access)
{
    checker_stop(access->checker);
    checker_destroy(access->checker);
    throttle_destroy(access->throttle);
    auth_file_unref(&access->file);
    free(access->verified);
    pthread_mutex_destroy(&access->state_lock);
    secret_wipe(access->key, sizeof(access->key));
    free(access);
}

/* ---- what somebody may see ---- */

static void grant_set(struct grant *grant, struct auth_file *file, const struct auth_entry *entry)
{
    grant_fini(grant);
    grant->file = auth_file_ref(file);
    grant->entry = entry;
}

void grant_fini(struct grant *grant)
{
    auth_file_unref(&grant->file);
    grant->entry = NULL;
}

bool grant_is_limited(const struct grant *grant)
{
    return grant->entry && grant->entry->streams;
}

bool grant_covers(const struct grant *grant, const char *stream)
{
    return !grant->entry || auth_entry_covers(grant->entry, stream);
}

/* ---- being let in ---- */

const char *access_verdict_name(enum access_verdict verdict)
{
    static const char *const names[ACCESS_VERDICTS] = {
        [ACCESS_GRANTED] = "granted", [ACCESS_NO_CREDENTIAL] = "missing",
        [ACCESS_WRONG] = "wrong",     [ACCESS_THROTTLED] = "throttled",
        [ACCESS_BUSY] = "busy",       [ACCESS_ENDING] = "shutdown",
    };
    return names[verdict];
}

static struct auth_file *current_file(struct access *access)
{
    pthread_mutex_lock(&access->state_lock);
    struct auth_file *file = auth_file_ref(access->file);
    pthread_mutex_unlock(&access->state_lock);
    return file;
}

static const struct auth_entry *find_again(const struct auth_file *file, const struct auth_entry *entry)
{
    if (entry->kind == AUTH_TOKEN)
        return auth_file_token(file, entry->digest);
    const struct auth_entry *user = auth_file_user(file, entry->name);
    return user && strcmp(user->hash, entry->hash) == 0 ? user : NULL;
}

bool access_still_grants(struct access *access, const struct grant *grant, const char *stream)
{
    if (!grant->entry)
        return true;
    struct auth_file *file = current_file(access);
    const struct auth_entry *now = find_again(file, grant->entry);
    bool is_granted = now && auth_entry_covers(now, stream);
    auth_file_unref(&file);
    return is_granted;
}

static uint64_t take_try(struct access *access, const struct login *login)
{
    pthread_mutex_lock(&access->state_lock);
    uint64_t wait_ns = throttle_take(access->throttle, &login->address, clock_mono_ns());
    pthread_mutex_unlock(&access->state_lock);
    return wait_ns;
}

static struct shared_try *find_try(const struct access *access, const struct login *login,
                                   const struct auth_entry *compared)
{
    struct list *node;
    list_for_each(node, &access->tries)
    {
        struct shared_try *try = container_of(node, struct shared_try, link);
        if (try->compared == compared && try->address.network == login->address.network &&
            try->address.kind == login->address.kind &&
            secret_digests_are_equal(try->digest, login->check.digest))
            return try;
    }
    return NULL;
}

/* Takes a try for the login, unless the same password is being checked from there. As throttle_take(). */
static uint64_t begin_try(struct access *access, struct login *login, const struct auth_entry *compared)
{
    uint64_t wait_ns = 0;
    pthread_mutex_lock(&access->state_lock);
    struct shared_try *try = find_try(access, login, compared);
    if (!try)
        wait_ns = throttle_take(access->throttle, &login->address, clock_mono_ns());
    if (!try && wait_ns == 0) {
        try = memory_zeroed(sizeof(*try));
        try->access = access;
        try->address = login->address;
        memcpy(try->digest, login->check.digest, sizeof(try->digest));
        try->compared = compared;
        list_append(&access->tries, &try->link);
    }
    if (try)
        try->asking++;
    pthread_mutex_unlock(&access->state_lock);
    login->try = try;
    return wait_ns;
}

static bool was_wrong(const struct login *login)
{
    return login->check.outcome != CHECK_UNDONE && (login->check.outcome == CHECK_DIFFERS || !login->user);
}

/* The login has its answer, or nobody waits for it any more. */
static void end_try(struct login *login)
{
    struct shared_try *try = login->try;
    if (!try)
        return;
    struct access *access = try->access;
    login->try = NULL;
    pthread_mutex_lock(&access->state_lock);
    try->has_failed |= was_wrong(login);
    bool is_last = --try->asking == 0;
    if (is_last) {
        list_remove(&try->link);
        if (!try->has_failed)
            throttle_give_back(access->throttle, &try->address);
    }
    pthread_mutex_unlock(&access->state_lock);
    if (is_last)
        free(try);
}

/* Who tried, for the log: a name only where it is a user's, as others may be a password in the wrong field.
 */
static const char *who(const struct login *login)
{
    if (login->credential.kind == CREDENTIAL_TOKEN)
        return "with an unknown token";
    return login->user ? login->user->name : "of an unknown user";
}

static void log_failure(struct access *access, const struct login *login)
{
    char address[ADDRESS_TEXT_BYTES], more[LOG_MORE_BYTES];
    pthread_mutex_lock(&access->state_lock);
    bool pass = log_limit_pass(&access->failures_log, clock_mono_ns(), more);
    pthread_mutex_unlock(&access->state_lock);
    if (!pass)
        return;
    address_text(&login->address, address);
    log_warn("login %s from %s %s%s", who(login), address,
             login->wait_ns ? "put off: too many failed" : "failed", more);
}

static enum access_verdict refuse(struct access *access, struct login *login, uint64_t wait_ns)
{
    login->wait_ns = wait_ns;
    log_failure(access, login);
    return wait_ns ? ACCESS_THROTTLED : ACCESS_WRONG;
}

/* A token that is right passes, whoever else guesses at that address: one cannot be guessed. */
static enum access_verdict try_token(struct access *access, struct login *login, struct grant *grant)
{
    uint8_t digest[SECRET_DIGEST_BYTES];
    secret_token_digest(login->credential.secret, digest);
    const struct auth_entry *token = auth_file_token(login->file, digest);
    if (!token)
        return refuse(access, login, take_try(access, login));
    grant_set(grant, login->file, token);
    return ACCESS_GRANTED;
}

static bool is_verified(struct access *access, const struct login *login)
{
    pthread_mutex_lock(&access->state_lock);
    const struct verified *verified =
        login->user && login->file == access->file ? verified_of(access, login->user) : NULL;
    bool is_known =
        verified && verified->is_set && secret_digests_are_equal(verified->digest, login->check.digest);
    pthread_mutex_unlock(&access->state_lock);
    return is_known;
}

static void digest_password(const struct access *access, const struct credential *credential,
                            uint8_t digest[SECRET_DIGEST_BYTES])
{
    crypto_generichash_state state;
    crypto_generichash_init(&state, access->key, sizeof(access->key), SECRET_DIGEST_BYTES);
    /* With its zero, so that it cannot be mistaken for the beginning of the password. */
    crypto_generichash_update(&state, (const uint8_t *)credential->name, strlen(credential->name) + 1);
    crypto_generichash_update(&state, (const uint8_t *)credential->secret, strlen(credential->secret));
    crypto_generichash_final(&state, digest, SECRET_DIGEST_BYTES);
    secret_wipe(&state, sizeof(state));
}

/*
 * What an unknown user's password is compared with: a user's hash, always the same one for a name, so that
 * it takes as long as a known user's, whatever methods the file's hashes are of.
 */
static const struct auth_entry *stand_in(const struct access *access, const struct login *login)
{
    uint64_t number;
    uint8_t digest[crypto_generichash_BYTES_MIN];
    crypto_generichash(digest, sizeof(digest), (const uint8_t *)login->credential.name,
                       strlen(login->credential.name), access->key, sizeof(access->key));
    memcpy(&number, digest, sizeof(number));
    return auth_file_some_user(login->file, number);
}

/* A try is taken first, and given back to who is right: many guesses at once are no more than one by one. */
static enum access_verdict try_password(struct access *access, struct login *login, struct grant *grant)
{
    login->user = auth_file_user(login->file, login->credential.name);
    const struct auth_entry *compared = login->user ? login->user : stand_in(access, login);
    if (!compared)
        return refuse(access, login, take_try(access, login));
    digest_password(access, &login->credential, login->check.digest);
    uint64_t wait_ns = begin_try(access, login, compared);
    if (wait_ns)
        return refuse(access, login, wait_ns);
    if (is_verified(access, login)) {
        end_try(login);
        grant_set(grant, login->file, login->user);
        return ACCESS_GRANTED;
    }
    if (!checker_admit(access->checker)) {
        end_try(login);
        return ACCESS_BUSY;
    }
    login->check.password = login->credential.secret;
    login->check.hash = compared->hash;
    return ACCESS_CHECK;
}

enum access_verdict access_try(struct access *access, struct login *login, struct grant *grant)
{
    login->file = current_file(access);
    switch (login->credential.kind) {
    case CREDENTIAL_TOKEN:
        return try_token(access, login, grant);
    case CREDENTIAL_PASSWORD:
        return try_password(access, login, grant);
    default:
        return ACCESS_NO_CREDENTIAL;
    }
}

void access_check(struct access *access, struct login *login, void (*on_done)(struct check *, void *),
                  void *arg)
{
    login->check.on_done = on_done;
    login->check.arg = arg;
    checker_submit(access->checker, &login->check);
}

static void remember(struct access *access, const struct login *login)
{
    pthread_mutex_lock(&access->state_lock);
    if (login->file == access->file) {
        struct verified *verified = verified_of(access, login->user);
        verified->is_set = true;
        memcpy(verified->digest, login->check.digest, sizeof(verified->digest));
    }
    pthread_mutex_unlock(&access->state_lock);
}

enum access_verdict access_settle(struct access *access, struct login *login, struct grant *grant)
{
    end_try(login);
    if (login->check.outcome == CHECK_UNDONE)
        return ACCESS_ENDING;
    if (was_wrong(login))
        return refuse(access, login, 0);
    remember(access, login);
    grant_set(grant, login->file, login->user);
    return ACCESS_GRANTED;
}

void login_fini(struct login *login)
{
    end_try(login);
    auth_file_unref(&login->file);
    secret_wipe(&login->credential, sizeof(login->credential));
}
