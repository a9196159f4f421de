/* SPDX-License-Identifier: MIT */
#include "access/auth_file.h"

#include "base/memory.h"
#include "base/text_list.h"
#include "stream/name.h"

#include <ctype.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char SPACE[] = " \t\r", STREAMS_KEY[] = "streams=";

enum { MOST_FIELDS = 4 };

/* ---- names ---- */

bool auth_name_is_valid(const char *name)
{
    size_t length = strlen(name);
    if (length == 0 || length >= AUTH_NAME_BYTES)
        return false;
    for (const char *c = name; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("._-@", *c))
            return false;
    return true;
}

const char *auth_streams_of(const char *field)
{
    if (strncmp(field, STREAMS_KEY, strlen(STREAMS_KEY)) != 0)
        return NULL;
    for (const char *rest = field + strlen(STREAMS_KEY); rest;) {
        struct text_item item = text_list_next(&rest);
        if (!name_is_valid(item.text, item.length))
            return NULL;
    }
    return field + strlen(STREAMS_KEY);
}

bool auth_entry_covers(const struct auth_entry *entry, const char *stream)
{
    const char *rest = entry->streams;
    bool covers = !rest;
    while (rest && !covers) {
        struct text_item item = text_list_next(&rest);
        covers = text_item_is(&item, stream);
    }
    return covers;
}

/* ---- a line ---- */

struct line {
    const char *path;
    size_t number;
    char *error; /* AUTH_ERROR_BYTES */
};

/* Notes what is wrong with a line. Returns false. */
__attribute__((format(printf, 2, 3))) static bool is_wrong(const struct line *line, const char *format, ...)
{
    int used = snprintf(line->error, AUTH_ERROR_BYTES, "%.300s:%zu: ", line->path, line->number);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line->error + used, (size_t)(AUTH_ERROR_BYTES - used), format, arguments);
    va_end(arguments);
    return false;
}

/* Cuts a line at its spaces; more fields than there is room for end in the last. */
static size_t cut_fields(char *text, char *fields[MOST_FIELDS])
{
    size_t count = 0;
    for (text += strspn(text, SPACE); *text && count < MOST_FIELDS; text += strspn(text, SPACE)) {
        fields[count++] = text;
        text += strcspn(text, SPACE);
        if (*text)
            *text++ = '\0';
    }
    return count + (*text != '\0');
}

static bool read_digest(const char *hex, uint8_t digest[SECRET_DIGEST_BYTES])
{
    size_t length = strlen(hex), bytes;
    return length == (size_t)SECRET_DIGEST_BYTES * 2 &&
           sodium_hex2bin(digest, SECRET_DIGEST_BYTES, hex, length, NULL, &bytes, NULL) == 0 &&
           bytes == SECRET_DIGEST_BYTES;
}

static bool read_hash(const struct line *line, struct auth_entry *entry, const char *hash)
{
    const char *flaw;
    if (entry->kind == AUTH_TOKEN)
        return read_digest(hash, entry->digest) ||
               is_wrong(line,
                        "the hash of token %s must be its SHA-256, 64 hexadecimal digits; "
                        "'headcam passwd token %s' prints a new line",
                        entry->name, entry->name);
    entry->hash = hash;
    return secret_hash_is_usable(hash, &flaw) ||
           is_wrong(line, "the hash of user %s %s; 'headcam passwd user %s' prints a new line", entry->name,
                    flaw, entry->name);
}

static bool read_entry(const struct line *line, struct auth_entry *entry, char *fields[MOST_FIELDS],
                       size_t count)
{
    /* Not repeated: a line of another format may well begin with a secret. */
    if (strcmp(fields[0], "user") != 0 && strcmp(fields[0], "token") != 0)
        return is_wrong(line, "a line begins with 'user', 'token' or '#'; "
                              "'headcam passwd user NAME' prints one");
    entry->kind = fields[0][0] == 'u' ? AUTH_USER : AUTH_TOKEN;
    entry->line = line->number;
    if (count < 2 || !auth_name_is_valid(fields[1]))
        return is_wrong(line, "the name behind '%s' must be " AUTH_NAME_RULE, fields[0]);
    entry->name = fields[1];
    if (count < 3)
        return is_wrong(line, "the hash of %s %s is missing; 'headcam passwd %s %s' prints the line",
                        fields[0], entry->name, fields[0], entry->name);
    if (!read_hash(line, entry, fields[2]))
        return false;
    if (count == 3)
        return true;
    entry->streams = auth_streams_of(fields[3]);
    return (count == MOST_FIELDS && entry->streams) ||
           is_wrong(line, "only streams=NAME,NAME may follow the hash of %s, with names of " NAME_RULE,
                    entry->name);
}

/* Who is already there would make the line mean nothing, or less than it seems. */
static bool is_new(const struct line *line, const struct auth_file *file, const struct auth_entry *entry)
{
    for (size_t i = 0; i < file->count; i++) {
        const struct auth_entry *other = &file->entries[i];
        if (other->kind != entry->kind)
            continue;
        if (strcmp(other->name, entry->name) == 0)
            return is_wrong(line, "%s is in line %zu already", entry->name, other->line);
        if (entry->kind == AUTH_TOKEN && secret_digests_are_equal(other->digest, entry->digest))
            return is_wrong(line, "%s is the same token as %s in line %zu", entry->name, other->name,
                            other->line);
    }
    return true;
}

static bool read_line(const struct line *line, struct auth_file *file, char *text)
{
    char *fields[MOST_FIELDS];
    struct auth_entry entry = {.name = ""};
    if (text[strspn(text, SPACE)] == '#')
        return true;
    size_t count = cut_fields(text, fields);
    if (count == 0)
        return true;
    if (file->count == AUTH_MOST_ENTRIES)
        return is_wrong(line, "there are more than %d users and tokens", AUTH_MOST_ENTRIES);
    if (!read_entry(line, &entry, fields, count) || !is_new(line, file, &entry))
        return false;
    if ((file->count & (file->count - 1)) == 0)
        file->entries =
            memory_array(file->entries, file->count ? 2 * file->count : 1, sizeof(*file->entries));
    file->entries[file->count++] = entry;
    file->users += entry.kind == AUTH_USER;
    return true;
}

/* ---- the file ---- */

static bool read_lines(const char *path, struct auth_file *file, size_t length, char *error)
{
    struct line line = {.path = path, .error = error};
    for (char *text = file->text, *end; text < file->text + length; text = end + 1) {
        line.number++;
        end = memchr(text, '\n', (size_t)(file->text + length - text));
        if (!end)
            end = file->text + length;
        *end = '\0';
        if (strlen(text) != (size_t)(end - text))
            return is_wrong(&line, "there is a zero byte in this line");
        if (!read_line(&line, file, text))
            return false;
    }
    return true;
}

struct auth_file *auth_file_parse(const char *path, const char *text, size_t length,
                                  char error[AUTH_ERROR_BYTES])
{
    struct auth_file *file = memory_zeroed(sizeof(*file));
    atomic_init(&file->references, 1);
    file->text = memory_zeroed(length + 1);
    if (length > 0)
        memcpy(file->text, text, length);
    bool is_good = read_lines(path, file, length, error);
    if (is_good && file->count == 0) {
        snprintf(error, AUTH_ERROR_BYTES, "%.300s lists nobody; 'headcam passwd user NAME' prints a line",
                 path);
        is_good = false;
    }
    if (!is_good)
        auth_file_unref(&file);
    return file;
}

struct auth_file *auth_file_ref(struct auth_file *file)
{
    atomic_fetch_add_explicit(&file->references, 1, memory_order_relaxed);
    return file;
}

void auth_file_unref(struct auth_file **pointer)
{
    struct auth_file *file = *pointer;
    *pointer = NULL;
    if (!file || atomic_fetch_sub_explicit(&file->references, 1, memory_order_acq_rel) > 1)
        return;
    free(file->entries);
    free(file->text);
    free(file);
}

const struct auth_entry *auth_file_user(const struct auth_file *file, const char *name)
{
    for (size_t i = 0; i < file->count; i++)
        if (file->entries[i].kind == AUTH_USER && strcmp(file->entries[i].name, name) == 0)
            return &file->entries[i];
    return NULL;
}

const struct auth_entry *auth_file_some_user(const struct auth_file *file, uint64_t number)
{
    if (file->users == 0)
        return NULL;
    uint64_t left = number % file->users;
    const struct auth_entry *entry = file->entries;
    while (entry->kind != AUTH_USER || left-- > 0)
        entry++;
    return entry;
}

const struct auth_entry *auth_file_token(const struct auth_file *file,
                                         const uint8_t digest[SECRET_DIGEST_BYTES])
{
    const struct auth_entry *found = NULL;
    for (size_t i = 0; i < file->count; i++) /* all of them, whichever it is */
        if (file->entries[i].kind == AUTH_TOKEN && secret_digests_are_equal(file->entries[i].digest, digest))
            found = &file->entries[i];
    return found;
}
