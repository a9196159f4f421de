/* SPDX-License-Identifier: MIT */
#include "access/credential.h"
#include "tests/unit/support.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

static struct credential credential;

static void read(const char *authorization, const char *token)
{
    memset(&credential, 0xff, sizeof(credential));
    credential_read(&credential, authorization, token);
}

/* Reads "Basic" with these bytes. */
static void read_basic(const char *pair, size_t length)
{
    char header[4096] = "Basic ";
    sodium_bin2base64(header + 6, sizeof(header) - 6, (const uint8_t *)pair, length,
                      sodium_base64_VARIANT_ORIGINAL);
    read(header, NULL);
}

static void assert_password(const char *name, const char *password)
{
    assert_int_equal(credential.kind, CREDENTIAL_PASSWORD);
    assert_string_equal(credential.name, name);
    assert_string_equal(credential.secret, password);
}

static void assert_token(const char *token)
{
    assert_int_equal(credential.kind, CREDENTIAL_TOKEN);
    assert_string_equal(credential.secret, token);
}

static void assert_none(void)
{
    assert_int_equal(credential.kind, CREDENTIAL_NONE);
    assert_string_equal(credential.name, "");
    assert_string_equal(credential.secret, "");
}

TEST(basic_is_a_name_and_a_password)
{
    read("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", NULL); /* RFC 7617 */
    assert_password("Aladdin", "open sesame");
    read_basic("bob:", 4);
    assert_password("bob", "");
    read_basic("bob:a:b:c", 9);
    assert_password("bob", "a:b:c");
    read_basic("b\303\266b:x", 6); /* no name that there can be */
    assert_none();
    read_basic("bob:p\303\244ss", 9);
    assert_password("bob", "p\303\244ss");
}

TEST(bearer_is_a_token)
{
    read("Bearer abc-_123", NULL);
    assert_token("abc-_123");
}

TEST(schemes_are_read_in_any_case_with_any_spaces)
{
    read("bEARER   abc", NULL);
    assert_token("abc");
    read("BASIC  QWxhZGRpbjpvcGVuIHNlc2FtZQ==", NULL);
    assert_password("Aladdin", "open sesame");
}

TEST(a_parameter_is_a_token_and_wins)
{
    read(NULL, "abc");
    assert_token("abc");
    read("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "abc");
    assert_token("abc");
    read("Bearer xyz", "abc");
    assert_token("abc");
    read("Bearer xyz", "");
    assert_token("xyz");
}

TEST(the_longest_secrets_fit_and_longer_ones_are_none)
{
    char pair[1200] = "bob:";
    size_t most = SECRET_BYTES - 1;
    memset(pair + 4, 'x', sizeof(pair) - 5);
    read_basic(pair, 4 + most);
    assert_password("bob", pair + 4 + (sizeof(pair) - 5 - most));
    read_basic(pair, 4 + most + 1);
    assert_none();
    read_basic(pair, sizeof(pair) - 1);
    assert_none();
    read(NULL, pair);
    assert_none();
    pair[most] = '\0';
    read(NULL, pair);
    assert_token(pair);

    memset(pair, 'n', 65);
    pair[64] = ':';
    read_basic(pair, 70);
    assert_int_equal(credential.kind, CREDENTIAL_PASSWORD);
    memset(pair, 'n', 66);
    pair[65] = ':';
    read_basic(pair, 70);
    assert_none();
}

TEST(what_cannot_be_right_is_none)
{
    const char *const bad[] = {"",           "Basic",
                               "Basic ",     "Bearer",
                               "Bearer ",    "Basicx Og==",
                               "Digest a=b", "Negotiate abc",
                               "Basic !!!",  "Basic Ym9iOng",
                               "Basic Ym9i", "Basic Ym9iOng= x",
                               "Bearerabc",  "Basic OnNlY3JldA=="};
    for (size_t i = 0; i < COUNT(bad); i++) {
        read(bad[i], NULL);
        assert_none();
    }
    read(NULL, NULL);
    assert_none();
}

TEST(a_zero_does_not_end_a_password_early)
{
    read_basic("bob:secret\0more", 15);
    assert_none();
    read_basic("bob\0x:secret", 12);
    assert_none();
    read_basic("bob:sec\nret", 11);
    assert_none();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(basic_is_a_name_and_a_password),
        cmocka_unit_test(bearer_is_a_token),
        cmocka_unit_test(schemes_are_read_in_any_case_with_any_spaces),
        cmocka_unit_test(a_parameter_is_a_token_and_wins),
        cmocka_unit_test(the_longest_secrets_fit_and_longer_ones_are_none),
        cmocka_unit_test(what_cannot_be_right_is_none),
        cmocka_unit_test(a_zero_does_not_end_a_password_early),
    };
    return cmocka_run_group_tests_name("access/credential", tests, NULL, NULL);
}
