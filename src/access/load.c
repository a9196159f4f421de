/* SPDX-License-Identifier: MIT */
#include "access/load.h"

#include "base/flag_file.h"

_Static_assert((int)AUTH_ERROR_BYTES >= (int)FLAG_FILE_ERROR_BYTES, "its errors fit");

struct auth_file *load_auth_file(const char *path, char error[AUTH_ERROR_BYTES])
{
    const struct flag_file source = {.flag = "--auth-file", .path = path, .is_secret = true};
    struct bytes text = {0};
    struct auth_file *file = NULL;
    if (flag_file_read(&source, &text, error))
        file = auth_file_parse(path, (const char *)text.data, text.length, error);
    bytes_fini(&text);
    return file;
}
