/* SPDX-License-Identifier: MIT */
#include "access/secret.h"

#include "base/memory.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char PASSWORD_METHOD[] = "$y$"; /* yescrypt, at libcrypt's own idea of its cost */

/* How many characters stand behind a hash's last $. One that was cut off in copying matches nothing, and
   nobody would know why. */
static const struct {
    const char *prefix;
    size_t computed;
} methods[] = {{"$y$", 43}, {"$gy$", 43}, {"$7$", 43}, {"$6$", 86}, {"$2", 53}};

static bool is_whole(const char *hash)
{
    const char *last = strrchr(hash, '$');
    for (size_t i = 0; last && i < sizeof(methods) / sizeof(methods[0]); i++)
        if (strncmp(hash, methods[i].prefix, strlen(methods[i].prefix)) == 0)
            return strlen(last + 1) == methods[i].computed;
    return true;
}

void secret_new_token(char token[SECRET_TOKEN_BYTES])
{
    uint8_t random[SECRET_TOKEN_RANDOM_BYTES];
    randombytes_buf(random, sizeof(random));
    sodium_bin2base64(token, SECRET_TOKEN_BYTES, random, sizeof(random), sodium_base64_VARIANT_URLSAFE);
    secret_wipe(random, sizeof(random));
}

void secret_token_digest(const char *token, uint8_t digest[SECRET_DIGEST_BYTES])
{
    crypto_hash_sha256(digest, (const uint8_t *)token, strlen(token));
}

bool secret_digests_are_equal(const uint8_t a[SECRET_DIGEST_BYTES], const uint8_t b[SECRET_DIGEST_BYTES])
{
    return sodium_memcmp(a, b, SECRET_DIGEST_BYTES) == 0;
}

bool secret_hash_password(const char *password, char hash[CRYPT_OUTPUT_SIZE])
{
    char setting[CRYPT_GENSALT_OUTPUT_SIZE];
    struct crypt_data *work = memory_zeroed(sizeof(*work));
    const char *made = NULL;
    if (crypt_gensalt_rn(PASSWORD_METHOD, 0, NULL, 0, setting, sizeof(setting)))
        made = crypt_r(password, setting, work);
    bool is_good = made && made[0] == '$'; /* "*0" or "*1" says that it failed */
    if (is_good)
        snprintf(hash, CRYPT_OUTPUT_SIZE, "%s", made);
    secret_wipe(work, sizeof(*work));
    free(work);
    return is_good;
}

bool secret_hash_is_usable(const char *hash, const char **flaw)
{
    /* Any two letters begin a hash of DES; that, or a password left as it is. */
    switch (hash[0] == '$' ? crypt_checksalt(hash) : CRYPT_SALT_INVALID) {
    case CRYPT_SALT_OK:
        *flaw = "is not as long as its method makes them";
        return is_whole(hash);
    case CRYPT_SALT_METHOD_LEGACY:
    case CRYPT_SALT_TOO_CHEAP:
        *flaw = "is of a method that is too weak by now";
        return false;
    default:
        *flaw = "is no hash of crypt(3)";
        return false;
    }
}

bool secret_matches(const char *password, const char *hash, struct crypt_data *work)
{
    const char *made = crypt_r(password, hash, work);
    const size_t length = strlen(hash);
    bool matches = made && made[0] == '$' && strlen(made) == length && sodium_memcmp(made, hash, length) == 0;
    secret_wipe(work, sizeof(*work));
    return matches;
}

void secret_wipe(void *memory, size_t bytes)
{
    sodium_memzero(memory, bytes);
}
