/* SPDX-License-Identifier: MIT */
/*
 * secret: how passwords and tokens are stored and compared. A password is short and guessed, so its hash
 * is slow: crypt(3)'s. A token is long and random, so a plain SHA-256 will do. Pure, apart from random
 * numbers; any thread. sodium_init() was called before.
 */
#ifndef HEADCAM_ACCESS_SECRET_H
#define HEADCAM_ACCESS_SECRET_H

#include <crypt.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SECRET_BYTES = CRYPT_MAX_PASSPHRASE_SIZE, /* of a password or a token, with its final zero */
    SECRET_DIGEST_BYTES = 32,
    SECRET_TOKEN_RANDOM_BYTES = 24,
    SECRET_TOKEN_BYTES = SECRET_TOKEN_RANDOM_BYTES * 4 / 3 + 1,
};

/* ---- tokens ---- */

/* A new one; its characters need no escaping in a URL. */
void secret_new_token(char token[SECRET_TOKEN_BYTES]);

void secret_token_digest(const char *token, uint8_t digest[SECRET_DIGEST_BYTES]);

/* In a time that does not tell where they differ. */
bool secret_digests_are_equal(const uint8_t a[SECRET_DIGEST_BYTES], const uint8_t b[SECRET_DIGEST_BYTES]);

/* ---- passwords ---- */

/* A yescrypt hash with a new salt. False: crypt() gives none. */
bool secret_hash_password(const char *password, char hash[CRYPT_OUTPUT_SIZE]);

/* Whether this is a hash that a password can be checked with; otherwise *flaw says why not. */
bool secret_hash_is_usable(const char *hash, const char **flaw);

/* Slow on purpose: tens of milliseconds. work is overwritten. */
bool secret_matches(const char *password, const char *hash, struct crypt_data *work);

/* Zeroes, also where the compiler sees no use in it. */
void secret_wipe(void *memory, size_t bytes);

#endif
