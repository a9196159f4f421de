/* SPDX-License-Identifier: MIT */
#include "access/secret.h"
#include "tests/unit/support.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "secret", by openssl passwd -6. */
static const char SHA512[] =
    "$6$saltsalt$TVLlQcbpFVof5W3Yz4DTP6gRstiNuHwwTt6GLc1E5n0U0aDehy0S5knV8wiOQSpT0Y77vwPZN."
    "Pq.H91p5hVO1";

static struct crypt_data work;

static int set_up(void **state)
{
    (void)state;
    return sodium_init() < 0;
}

TEST(a_token_is_long_random_and_fit_for_a_url)
{
    char token[SECRET_TOKEN_BYTES], other[SECRET_TOKEN_BYTES];
    secret_new_token(token);
    secret_new_token(other);
    assert_int_equal(strlen(token), 32);
    assert_int_equal(strspn(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"), 32);
    assert_string_not_equal(token, other);
}

TEST(a_token_is_stored_as_its_sha256)
{
    uint8_t digest[SECRET_DIGEST_BYTES];
    char hex[2 * SECRET_DIGEST_BYTES + 1];
    secret_token_digest("abc", digest);
    sodium_bin2hex(hex, sizeof(hex), digest, sizeof(digest));
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(digests_are_equal_in_all_bytes_or_not)
{
    uint8_t a[SECRET_DIGEST_BYTES], b[SECRET_DIGEST_BYTES];
    secret_token_digest("abc", a);
    for (size_t i = 0; i < sizeof(b); i++) {
        memcpy(b, a, sizeof(b));
        assert_true(secret_digests_are_equal(a, b));
        b[i] ^= 1;
        assert_false(secret_digests_are_equal(a, b));
    }
}

TEST(a_password_matches_its_own_hash_only)
{
    char hash[CRYPT_OUTPUT_SIZE], again[CRYPT_OUTPUT_SIZE];
    assert_true(secret_hash_password("secret", hash));
    assert_true(secret_hash_password("secret", again));
    assert_memory_equal(hash, "$y$", 3);
    assert_string_not_equal(hash, again); /* the salt */
    assert_true(secret_matches("secret", hash, &work));
    assert_true(secret_matches("secret", again, &work));
    assert_false(secret_matches("Secret", hash, &work));
    assert_false(secret_matches("secret ", hash, &work));
    assert_false(secret_matches("", hash, &work));
}

TEST(hashes_of_other_programs_do)
{
    const char *flaw = NULL;
    assert_true(secret_hash_is_usable(SHA512, &flaw));
    assert_true(secret_matches("secret", SHA512, &work));
    assert_false(secret_matches("secreT", SHA512, &work));
}

TEST(what_crypt_refuses_matches_nothing)
{
    /* crypt() answers these with "*0" or "*1", which must not be taken for a hash. */
    const char *const bad[] = {"", "*", "*0", "*1", "!", "$apr1$salt$hash", "$y$", "$y$j9T$"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_false(secret_matches("secret", bad[i], &work));
        assert_false(secret_matches("*0", bad[i], &work));
    }
    char hash[CRYPT_OUTPUT_SIZE], longest[CRYPT_MAX_PASSPHRASE_SIZE + 10];
    memset(longest, 'x', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    assert_false(secret_hash_password(longest, hash));
    assert_false(secret_matches(longest, SHA512, &work));
}

TEST(a_hash_of_no_use_is_told_with_why)
{
    static const struct {
        const char *hash, *flaw;
    } bad[] = {
        {"", "is no hash of crypt(3)"},
        {"secret", "is no hash of crypt(3)"},
        {"*", "is no hash of crypt(3)"},
        {"!", "is no hash of crypt(3)"},
        {"$apr1$saltsalt$xxxxxxxxxxxxxxxxxxxxxx", "is no hash of crypt(3)"},
        {"$1$saltsalt$xxxxxxxxxxxxxxxxxxxxxx", "is of a method that is too weak by now"},
        {"$6$saltsalt$tooshort", "is not as long as its method makes them"},
        {"$6$saltsalt", "is not as long as its method makes them"},
        {"$y$j9T$salt$", "is not as long as its method makes them"},
        {"$2b$05$abcdefghijklmnopqrstuu", "is not as long as its method makes them"},
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        const char *flaw = NULL;
        assert_false(secret_hash_is_usable(bad[i].hash, &flaw));
        assert_string_equal(flaw, bad[i].flaw);
    }
}

TEST(every_strong_method_of_libcrypt_gives_usable_hashes)
{
    const char *const methods[] = {"$y$", "$gy$", "$7$", "$6$", "$2b$", "$2y$", "$2a$"};
    for (size_t i = 0; i < COUNT(methods); i++) {
        char setting[CRYPT_GENSALT_OUTPUT_SIZE];
        const char *flaw = "none";
        unsigned long lowest_cost = methods[i][1] == '6' ? 1000 : methods[i][1] == '2' ? 4 : 1;
        if (methods[i][1] == '7')
            lowest_cost = 6;
        assert_non_null(crypt_gensalt_rn(methods[i], lowest_cost, NULL, 0, setting, sizeof(setting)));
        const char *made = crypt_r("secret", setting, &work);
        assert_non_null(made);
        char hash[CRYPT_OUTPUT_SIZE];
        snprintf(hash, sizeof(hash), "%s", made);
        assert_true(secret_hash_is_usable(hash, &flaw));
        assert_true(secret_matches("secret", hash, &work));
        hash[strlen(hash) - 1] = '\0'; /* cut off in copying */
        assert_false(secret_hash_is_usable(hash, &flaw));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_is_long_random_and_fit_for_a_url),
        cmocka_unit_test(a_token_is_stored_as_its_sha256),
        cmocka_unit_test(digests_are_equal_in_all_bytes_or_not),
        cmocka_unit_test(a_password_matches_its_own_hash_only),
        cmocka_unit_test(hashes_of_other_programs_do),
        cmocka_unit_test(what_crypt_refuses_matches_nothing),
        cmocka_unit_test(a_hash_of_no_use_is_told_with_why),
        cmocka_unit_test(every_strong_method_of_libcrypt_gives_usable_hashes),
    };
    return cmocka_run_group_tests_name("access/secret", tests, set_up, NULL);
}
