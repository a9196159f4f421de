/* SPDX-License-Identifier: MIT */
/* Input: one byte that tells what follows: a file of users and tokens, an Authorization header, a page. */
#include "access/auth_file.h"
#include "access/credential.h"
#include "base/memory.h"
#include "http/links.h"
#include "stream/name.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/support.h"

#include <stdlib.h>
#include <string.h>

enum kind { AUTH_FILE, AUTHORIZATION, PAGE, KINDS };

static void check_entry(const struct auth_file *file, const struct auth_entry *entry)
{
    fuzz_check(auth_name_is_valid(entry->name) && entry->line > 0);
    if (entry->kind == AUTH_USER)
        fuzz_check(entry->hash[0] == '$' && auth_file_user(file, entry->name) == entry);
    else
        fuzz_check(auth_file_token(file, entry->digest) == entry);
    fuzz_check(auth_entry_covers(entry, "") == !entry->streams); /* a limit names streams */
}

static void run_auth_file(const uint8_t *data, size_t size)
{
    char error[AUTH_ERROR_BYTES] = "";
    struct auth_file *file = auth_file_parse("f", (const char *)data, size, error);
    if (!file) {
        fuzz_check(error[0] == 'f' && memchr(error, '\0', sizeof(error)) && !strchr(error, '\n'));
        return;
    }
    fuzz_check(file->count > 0 && file->users <= file->count);
    for (size_t i = 0; i < file->count; i++)
        check_entry(file, &file->entries[i]);
    auth_file_unref(&file);
}

static char *text_of(const uint8_t *data, size_t size)
{
    char *text = memory_zeroed(size + 1);
    if (size > 0)
        memcpy(text, data, size);
    return text;
}

static void run_authorization(const uint8_t *data, size_t size)
{
    struct credential credential;
    char *text = text_of(data, size);
    credential_read(&credential, text, NULL);
    fuzz_check(memchr(credential.name, '\0', sizeof(credential.name)) &&
               memchr(credential.secret, '\0', sizeof(credential.secret)));
    fuzz_check((credential.kind == CREDENTIAL_PASSWORD) == auth_name_is_valid(credential.name));
    fuzz_check(credential.kind != CREDENTIAL_TOKEN || strstr(text, credential.secret));
    free(text);
}

static void run_page(const uint8_t *data, size_t size)
{
    struct bytes out = {0};
    bytes_reserve(&out, 1);
    links_with_query((const char *)data, size, "k", "v", &out);
    /* Without what was put in, it is what it was. */
    size_t at = 0;
    for (size_t i = 0; i < out.length; i++)
        if (at < size && out.data[i] == data[at])
            at++;
        else
            fuzz_check(out.length - i > 4 && memcmp(out.data + i, "?k=v\"", 5) == 0 && (i += 3));
    fuzz_check(at == size);
    bytes_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    switch ((enum kind)(data[0] % KINDS)) {
    case AUTH_FILE:
        run_auth_file(data + 1, size - 1);
        break;
    case AUTHORIZATION:
        run_authorization(data + 1, size - 1);
        break;
    case PAGE:
    case KINDS:
        run_page(data + 1, size - 1);
        break;
    }
    return 0;
}

static void add_text(void (*add)(const void *data, size_t size), enum kind kind, const char *text)
{
    const uint8_t tag = (uint8_t)kind;
    struct bytes seed = {0};
    bytes_append(&seed, &tag, 1);
    bytes_append(&seed, text, strlen(text));
    add(seed.data, seed.length);
    bytes_fini(&seed);
}

#define YESCRYPT "$y$j9T$PxjdEyr.0oBEFFJqdFcO2/$NUZBstcYo/Pb0GWDSWIOfK7yCB7awtLgysYVOUYuxj5"
#define SHA256   "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

void fuzz_seeds(void (*add)(const void *data, size_t size))
{
    add_text(add, AUTH_FILE, "user alice " YESCRYPT "\n");
    add_text(add, AUTH_FILE, "# who\r\n\r\ntoken ci " SHA256 " streams=front,rear\r\n");
    add_text(add, AUTH_FILE, "user a " YESCRYPT " streams=a\nuser b " YESCRYPT "\ntoken a " SHA256);
    add_text(add, AUTHORIZATION, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    add_text(add, AUTHORIZATION, "basic  Ym9iOg==");
    add_text(add, AUTHORIZATION, "Bearer abc-_123");
    add_text(add, PAGE, "<link href=\"icon.svg\"><a href=\"/x\" src=\"y\">z</a><img src=\"a/b\">");
}
