/* SPDX-License-Identifier: MIT */
/*
 * keys: CURVE keys, in files as ZeroMQ's own tools write them. What counts are lines
 *
 *   public-key = "40 CHARACTERS OF Z85"
 *   secret-key = "40 CHARACTERS OF Z85"
 *
 * A file of 'headcam keygen' has one pair; its .pub, or several of them together, have public keys alone.
 * The main thread.
 */
#ifndef HEADCAM_CURVE_KEYS_H
#define HEADCAM_CURVE_KEYS_H

#include "base/flag_file.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    KEYS_TEXT_BYTES = 41, /* of a key, with its final zero */
    KEYS_RAW_BYTES = 32,
    KEYS_MOST = 1024, /* in a file */
    KEYS_ERROR_BYTES = FLAG_FILE_ERROR_BYTES,
};

struct key_pair {
    char public_key[KEYS_TEXT_BYTES], secret_key[KEYS_TEXT_BYTES];
};

/* Public keys. Zeroed, it has none; keys_fini() frees them. */
struct key_list {
    uint8_t (*keys)[KEYS_RAW_BYTES];
    size_t count;
};

/* Reads flag's file, which nobody else may read. False, with what is wrong in error, which repeats no key. */
bool keys_load_pair(const char *flag, const char *path, struct key_pair *pair, char error[KEYS_ERROR_BYTES]);

/* Likewise a file of public keys, which nobody else may change. The list was empty. */
bool keys_load_list(const char *flag, const char *path, struct key_list *list, char error[KEYS_ERROR_BYTES]);
void keys_fini(struct key_list *list);

/* Adds keys to a list. */
void keys_append(struct key_list *list, const struct key_list *more);

bool keys_contain(const struct key_list *list, const uint8_t key[KEYS_RAW_BYTES]);

/* Takes a file's text to pieces: the secret key, if it has one, and its public keys. Pure. */
bool keys_parse(const char *text, size_t length, struct key_list *list, char secret_key[KEYS_TEXT_BYTES],
                char error[KEYS_ERROR_BYTES]);

#endif
