/* SPDX-License-Identifier: MIT */
#include "curve/keys.h"

#include "base/memory.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

static const char PUBLIC[] = "public-key", SECRET[] = "secret-key", SPACE[] = " \t\r";
static const char QUOTE = '"';

enum { Z85_LENGTH = KEYS_TEXT_BYTES - 1 };

static const char *skip_space(const char *at, const char *end)
{
    while (at < end && strchr(SPACE, *at))
        at++;
    return at;
}

/* The value of a line NAME = "VALUE", which may itself have a = in it. False: it is no such line. */
static bool value_of(const char *line, size_t length, const char *name, const char **value,
                     size_t *value_length)
{
    const char *end = line + length, *at = skip_space(line, end);
    if ((size_t)(end - at) < strlen(name) || memcmp(at, name, strlen(name)) != 0)
        return false;
    at = skip_space(at + strlen(name), end);
    if (at < end && *at == '=')
        at = skip_space(at + 1, end);
    size_t left = (size_t)(end - at);
    while (left > 0 && strchr(SPACE, at[left - 1]))
        left--;
    bool is_quoted = left >= 2 && at[0] == QUOTE && at[left - 1] == QUOTE;
    *value = is_quoted ? at + 1 : at;
    *value_length = is_quoted ? left - 2 : left;
    return true;
}

static bool read_key(const char *value, size_t length, char text[KEYS_TEXT_BYTES],
                     uint8_t raw[KEYS_RAW_BYTES])
{
    static const char Z85[] =
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
    if (length != Z85_LENGTH)
        return false;
    memcpy(text, value, length);
    text[length] = '\0';
    return strspn(text, Z85) == Z85_LENGTH && zmq_z85_decode(raw, text);
}

static void add_key(struct key_list *list, const uint8_t raw[KEYS_RAW_BYTES])
{
    if ((list->count & (list->count - 1)) == 0)
        list->keys = memory_array(list->keys, list->count ? 2 * list->count : 1, sizeof(*list->keys));
    memcpy(list->keys[list->count++], raw, KEYS_RAW_BYTES);
}

/* NULL, or what is wrong with a line. */
static const char *parse_line(const char *line, size_t length, struct key_list *list,
                              char secret_key[KEYS_TEXT_BYTES])
{
    const char *value;
    size_t value_length;
    uint8_t raw[KEYS_RAW_BYTES];
    const char *flaw = NULL;
    if (value_of(line, length, PUBLIC, &value, &value_length)) {
        char text[KEYS_TEXT_BYTES];
        if (!read_key(value, value_length, text, raw))
            flaw = "the public key is not 40 characters of Z85";
        else if (list->count == KEYS_MOST)
            flaw = "there are more than 1024 keys";
        else
            add_key(list, raw);
    } else if (value_of(line, length, SECRET, &value, &value_length)) {
        if (secret_key[0])
            flaw = "there is more than one secret key";
        else if (!read_key(value, value_length, secret_key, raw))
            flaw = "the secret key is not 40 characters of Z85";
    }
    explicit_bzero(raw, sizeof(raw));
    return flaw;
}

bool keys_parse(const char *text, size_t length, struct key_list *list, char secret_key[KEYS_TEXT_BYTES],
                char error[KEYS_ERROR_BYTES])
{
    size_t number = 0;
    secret_key[0] = '\0';
    for (const char *line = text, *end; line < text + length; line = end + 1) {
        end = memchr(line, '\n', (size_t)(text + length - line));
        if (!end)
            end = text + length;
        number++;
        const char *flaw = parse_line(line, (size_t)(end - line), list, secret_key);
        if (flaw) {
            snprintf(error, KEYS_ERROR_BYTES, "line %zu: %s", number, flaw);
            return false;
        }
    }
    return true;
}

void keys_append(struct key_list *list, const struct key_list *more)
{
    for (size_t i = 0; i < more->count; i++)
        add_key(list, more->keys[i]);
}

void keys_fini(struct key_list *list)
{
    free(list->keys);
    *list = (struct key_list){0};
}

bool keys_contain(const struct key_list *list, const uint8_t key[KEYS_RAW_BYTES])
{
    for (size_t i = 0; i < list->count; i++) /* they are public: how long that takes tells nothing */
        if (memcmp(list->keys[i], key, KEYS_RAW_BYTES) == 0)
            return true;
    return false;
}

/* Reads a file, whose bytes are wiped afterwards. */
static bool load(const struct flag_file *file, struct key_list *list, char secret_key[KEYS_TEXT_BYTES],
                 char error[KEYS_ERROR_BYTES])
{
    struct bytes text = {0};
    char flaw[KEYS_ERROR_BYTES];
    bool is_good = flag_file_read(file, &text, error);
    if (is_good && !keys_parse((const char *)text.data, text.length, list, secret_key, flaw)) {
        snprintf(error, KEYS_ERROR_BYTES, "%s %.200s, %.200s", file->flag, file->path, flaw);
        is_good = false;
    }
    if (text.data)
        explicit_bzero(text.data, text.length);
    bytes_fini(&text);
    return is_good;
}

static bool fail(char error[KEYS_ERROR_BYTES], const char *flag, const char *path, const char *flaw)
{
    snprintf(error, KEYS_ERROR_BYTES, "%s %.200s %s", flag, path, flaw);
    return false;
}

bool keys_load_pair(const char *flag, const char *path, struct key_pair *pair, char error[KEYS_ERROR_BYTES])
{
    const struct flag_file file = {.flag = flag, .path = path, .is_secret = true};
    struct key_list list = {0};
    bool is_good = load(&file, &list, pair->secret_key, error);
    if (is_good && !pair->secret_key[0])
        is_good = fail(error, flag, path, "has no secret key; 'headcam keygen FILE' makes one");
    if (is_good && zmq_curve_public(pair->public_key, pair->secret_key) != 0)
        is_good = fail(error, flag, path, "cannot be used: this libzmq was built without CURVE");
    keys_fini(&list);
    return is_good;
}

bool keys_load_list(const char *flag, const char *path, struct key_list *list, char error[KEYS_ERROR_BYTES])
{
    const struct flag_file file = {.flag = flag, .path = path};
    char secret_key[KEYS_TEXT_BYTES] = "";
    bool is_good = load(&file, list, secret_key, error);
    if (is_good && secret_key[0])
        is_good = fail(error, flag, path,
                       "holds a secret key, which stays where it was made; give the file ending in .pub");
    if (is_good && list->count == 0)
        is_good = fail(error, flag, path, "has no public key; 'headcam keygen FILE' makes FILE.pub");
    explicit_bzero(secret_key, sizeof(secret_key));
    if (!is_good)
        keys_fini(list);
    return is_good;
}
