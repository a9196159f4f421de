/* SPDX-License-Identifier: MIT */
/*
 * auth_file: what a file of users and tokens says. Each line of it is empty, a # comment, or one of
 *
 *   user NAME HASH [streams=NAME,NAME...]      HASH: of the password, by crypt(3)
 *   token NAME SHA256 [streams=NAME,NAME...]   SHA256: of the token, 64 hexadecimal digits
 *
 * Pure: load.c reads the file. It never changes; threads share it by counted references.
 */
#ifndef HEADCAM_ACCESS_AUTH_FILE_H
#define HEADCAM_ACCESS_AUTH_FILE_H

#include "access/secret.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    AUTH_NAME_BYTES = 65, /* of a user or a token, with its final zero */
    AUTH_ERROR_BYTES = 512,
    AUTH_MOST_ENTRIES = 4096,
};

#define AUTH_NAME_RULE "1 to 64 characters of A-Z a-z 0-9 . _ - @"

enum auth_kind { AUTH_USER, AUTH_TOKEN };

struct auth_entry {
    enum auth_kind kind;
    const char *name;
    const char *hash;                    /* a user's */
    uint8_t digest[SECRET_DIGEST_BYTES]; /* a token's */
    const char *streams;                 /* "front,rear"; NULL: all */
    size_t line;
};

struct auth_file {
    atomic_uint references;
    char *text; /* the entries' strings */
    struct auth_entry *entries;
    size_t count, users;
};

/* Takes a file's text to pieces. NULL, with "PATH:LINE: what is wrong" in error, which repeats no hash. */
struct auth_file *auth_file_parse(const char *path, const char *text, size_t length,
                                  char error[AUTH_ERROR_BYTES]);

struct auth_file *auth_file_ref(struct auth_file *file);
void auth_file_unref(struct auth_file **file);

/* The user of a name, or NULL. */
const struct auth_entry *auth_file_user(const struct auth_file *file, const char *name);

/* One of the users, any number chooses one; NULL: there is none. */
const struct auth_entry *auth_file_some_user(const struct auth_file *file, uint64_t number);

/* The token of a digest, or NULL; in a time that does not tell which one it nearly was. */
const struct auth_entry *auth_file_token(const struct auth_file *file,
                                         const uint8_t digest[SECRET_DIGEST_BYTES]);

bool auth_name_is_valid(const char *name);

/* What stands behind "streams=": valid names of streams, divided by commas. NULL: it is nothing such. */
const char *auth_streams_of(const char *field);

bool auth_entry_covers(const struct auth_entry *entry, const char *stream);

#endif
