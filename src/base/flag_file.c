/* SPDX-License-Identifier: MIT */
#include "base/flag_file.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_BYTES = 1024 * 1024, BLOCK_BYTES = 4096 };

/* Reading a secret is for the owner and the group (so that a service's user can), writing for the owner. */
static const mode_t OF_SECRETS = S_IWGRP | S_IROTH | S_IWOTH, OF_OTHERS = S_IWGRP | S_IWOTH;

__attribute__((format(printf, 2, 3))) static bool is_wrong(char error[FLAG_FILE_ERROR_BYTES],
                                                           const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error, FLAG_FILE_ERROR_BYTES, format, arguments);
    va_end(arguments);
    return false;
}

static bool check_mode(const struct flag_file *file, mode_t mode, char error[FLAG_FILE_ERROR_BYTES])
{
    if (!(mode & (file->is_secret ? OF_SECRETS : OF_OTHERS)))
        return true;
    is_wrong(error, "%s %.200s can be %schanged by others (mode %04o); do: chmod %s %.200s", file->flag,
             file->path, file->is_secret ? "read or " : "", mode & 07777, file->is_secret ? "640" : "644",
             file->path);
    if (file->is_lenient)
        log_warn("%s", error);
    return file->is_lenient;
}

/* Makes room for it, too: what is secret shall not be left where it was too small. */
static bool check(int fd, const struct flag_file *file, struct bytes *text, char error[FLAG_FILE_ERROR_BYTES])
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return is_wrong(error, "cannot read %s %.200s: %s", file->flag, file->path, strerror(errno));
    if (!S_ISREG(status.st_mode))
        return is_wrong(error, "%s %.200s is no regular file", file->flag, file->path);
    if (status.st_size > MOST_BYTES)
        return is_wrong(error, "%s %.200s is larger than %d bytes", file->flag, file->path, MOST_BYTES);
    bytes_reserve(text, text->length + (size_t)status.st_size);
    return check_mode(file, status.st_mode, error);
}

static bool read_all(int fd, const struct flag_file *file, struct bytes *text,
                     char error[FLAG_FILE_ERROR_BYTES])
{
    char block[BLOCK_BYTES];
    ssize_t got;
    while ((got = read(fd, block, sizeof(block))) > 0) {
        bytes_append(text, block, (size_t)got);
        if (text->length > MOST_BYTES)
            return is_wrong(error, "%s %.200s is larger than %d bytes", file->flag, file->path, MOST_BYTES);
    }
    explicit_bzero(block, sizeof(block));
    return got == 0 || is_wrong(error, "cannot read %s %.200s: %s", file->flag, file->path, strerror(errno));
}

bool flag_file_read(const struct flag_file *file, struct bytes *text, char error[FLAG_FILE_ERROR_BYTES])
{
    /* Without waiting for the other end of a FIFO. */
    int fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return is_wrong(error, "cannot open %s %.200s: %s", file->flag, file->path, strerror(errno));
    bool is_read = check(fd, file, text, error) && read_all(fd, file, text, error);
    close(fd);
    return is_read;
}
