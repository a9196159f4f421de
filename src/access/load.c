/* SPDX-License-Identifier: MIT */
#include "access/load.h"

#include "base/bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_BYTES = 1024 * 1024, BLOCK_BYTES = 4096 };

/* Reading is for the owner and the group (so that a service's user can), writing for the owner. */
static const mode_t FORBIDDEN_MODE = S_IWGRP | S_IROTH | S_IWOTH;

__attribute__((format(printf, 2, 3))) static bool is_wrong(char error[AUTH_ERROR_BYTES], const char *format,
                                                           ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error, AUTH_ERROR_BYTES, format, arguments);
    va_end(arguments);
    return false;
}

static bool check_file(int fd, const char *path, char error[AUTH_ERROR_BYTES])
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return is_wrong(error, "cannot read --auth-file %.200s: %s", path, strerror(errno));
    if (!S_ISREG(status.st_mode))
        return is_wrong(error, "--auth-file %.200s is no regular file", path);
    if (status.st_mode & FORBIDDEN_MODE)
        return is_wrong(
            error, "--auth-file %.200s can be read or changed by others (mode %04o); do: chmod 640 %.200s",
            path, status.st_mode & 07777, path);
    return true;
}

static bool read_all(int fd, const char *path, struct bytes *text, char error[AUTH_ERROR_BYTES])
{
    char block[BLOCK_BYTES];
    ssize_t got;
    while ((got = read(fd, block, sizeof(block))) > 0) {
        bytes_append(text, block, (size_t)got);
        if (text->length > MOST_BYTES)
            return is_wrong(error, "--auth-file %.200s is larger than %d bytes", path, MOST_BYTES);
    }
    return got == 0 || is_wrong(error, "cannot read --auth-file %.200s: %s", path, strerror(errno));
}

struct auth_file *load_auth_file(const char *path, char error[AUTH_ERROR_BYTES])
{
    /* Without waiting for the other end of a FIFO. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        is_wrong(error, "cannot open --auth-file %.200s: %s", path, strerror(errno));
        return NULL;
    }
    struct bytes text = {0};
    struct auth_file *file = NULL;
    if (check_file(fd, path, error) && read_all(fd, path, &text, error))
        file = auth_file_parse(path, (const char *)text.data, text.length, error);
    bytes_fini(&text);
    close(fd);
    return file;
}
