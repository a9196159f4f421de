/* SPDX-License-Identifier: MIT */
/*
 * access: who may look at what: the users and tokens in force, the passwords that were checked already,
 * and how often each address may guess. It decides; http/guard.c asks, and answers the client.
 *
 * Any thread may call these functions. The one lock is never held while a password is checked, a file
 * read or a line logged.
 */
#ifndef HEADCAM_ACCESS_ACCESS_H
#define HEADCAM_ACCESS_ACCESS_H

#include "access/address.h"
#include "access/auth_file.h"
#include "access/checker.h"
#include "access/credential.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct access;

struct access_options {
    const char *path;
    size_t login_failures;
    uint64_t login_recovery_ns;
    size_t login_addresses;
    size_t max_logins;
};

/* Reads the file and starts the checker. NULL, with a sentence in error. The path lives as long as it. */
struct access *access_create(const struct access_options *options, char error[AUTH_ERROR_BYTES]);

/* Every login that waits is done; later ones do not wait. */
void access_stop(struct access *access);

/* Stopped or not. */
void access_destroy(struct access *access);

size_t access_max_logins(const struct access *access);

/* Reads the file anew. If that fails, what was in force stays so. Logs either. */
void access_reload(struct access *access);

/* ---- what somebody may see ---- */

/* Zeroed, it is that of a server that asks nobody. */
struct grant {
    struct auth_file *file; /* a reference */
    const struct auth_entry *entry;
};

void grant_fini(struct grant *grant);
bool grant_is_limited(const struct grant *grant);
bool grant_covers(const struct grant *grant, const char *stream);

/*
 * Whether the file in force would still grant it for this stream, or for the default one with "": it has the
 * same user or token, by the same secret. Always so for the grant of a server that asks nobody.
 */
bool access_still_grants(struct access *access, const struct grant *grant, const char *stream);

/* ---- being let in ---- */

enum access_verdict {
    ACCESS_GRANTED,
    ACCESS_NO_CREDENTIAL,
    ACCESS_WRONG,
    ACCESS_THROTTLED, /* too many wrong ones from there; not even looked at */
    ACCESS_BUSY,      /* too many passwords wait to be checked */
    ACCESS_ENDING,    /* the server shuts down */
    ACCESS_CHECK,     /* access_check() is to be called */
    ACCESS_VERDICTS,  /* how many there are */
};

/* "granted", "wrong" and so on: for labels. NULL for ACCESS_CHECK, which is not the last word. */
const char *access_verdict_name(enum access_verdict verdict);

struct shared_try;

/* One attempt. */
struct login {
    struct credential credential;
    struct address address;
    uint64_t wait_ns; /* when throttled: until the address may try again */

    /* For access.c, between the calls. */
    struct check check;
    struct auth_file *file;
    struct shared_try *try;
    const struct auth_entry *user; /* NULL: there is none of that name; another's password is checked */
};

/* Takes the credential and the address. On ACCESS_GRANTED the grant is set. */
enum access_verdict access_try(struct access *access, struct login *login, struct grant *grant);

/*
 * Has the password checked, after ACCESS_CHECK. on_done may be called before this returns; then
 * access_settle() tells the verdict, which is not ACCESS_CHECK.
 */
void access_check(struct access *access, struct login *login, void (*on_done)(struct check *, void *),
                  void *arg);
enum access_verdict access_settle(struct access *access, struct login *login, struct grant *grant);

/* Wipes the credential. No check of it is under way. Before access is destroyed. */
void login_fini(struct login *login);

#endif
