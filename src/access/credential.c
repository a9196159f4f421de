/* SPDX-License-Identifier: MIT */
#include "access/credential.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* What stands behind a scheme's name, which may be in any case; NULL: it is another scheme. */
static const char *after_scheme(const char *authorization, const char *scheme)
{
    size_t length = strlen(scheme);
    if (strncasecmp(authorization, scheme, length) != 0 || authorization[length] != ' ')
        return NULL;
    const char *value = authorization + length;
    return value + strspn(value, " ");
}

static bool is_printable(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            return false;
    return true;
}

static void read_token(struct credential *credential, const char *token)
{
    size_t length = strlen(token);
    if (length == 0 || length >= sizeof(credential->secret))
        return;
    credential->kind = CREDENTIAL_TOKEN;
    memcpy(credential->secret, token, length + 1);
}

static void read_password(struct credential *credential, const char *base64)
{
    char pair[sizeof(credential->name) + sizeof(credential->secret)];
    size_t length;
    if (sodium_base642bin((uint8_t *)pair, sizeof(pair) - 1, base64, strlen(base64), NULL, &length, NULL,
                          sodium_base64_VARIANT_ORIGINAL) != 0)
        return;
    pair[length] = '\0';
    char *colon = memchr(pair, ':', length);
    if (colon && is_printable(pair, length)) {
        size_t name_length = (size_t)(colon - pair), secret_length = length - name_length - 1;
        *colon = '\0';
        if (auth_name_is_valid(pair) && secret_length < sizeof(credential->secret)) {
            credential->kind = CREDENTIAL_PASSWORD;
            memcpy(credential->name, pair, name_length + 1);
            memcpy(credential->secret, colon + 1, secret_length + 1);
        }
    }
    secret_wipe(pair, sizeof(pair));
}

void credential_read(struct credential *credential, const char *authorization, const char *token)
{
    const char *value;
    memset(credential, 0, sizeof(*credential));
    if (token && token[0])
        read_token(credential, token);
    else if (authorization && (value = after_scheme(authorization, "Bearer")))
        read_token(credential, value);
    else if (authorization && (value = after_scheme(authorization, "Basic")))
        read_password(credential, value);
}
