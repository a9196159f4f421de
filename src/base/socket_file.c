/* SPDX-License-Identifier: MIT */
#include "base/socket_file.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

__attribute__((format(printf, 2, 3))) static bool fail(char error[SOCKET_FILE_ERROR_BYTES],
                                                       const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error, SOCKET_FILE_ERROR_BYTES, format, arguments);
    va_end(arguments);
    return false;
}

static bool make_directory_of(const struct socket_file *file, char error[SOCKET_FILE_ERROR_BYTES])
{
    char directory[SOCKET_FILE_PATH_BYTES];
    snprintf(directory, sizeof(directory), "%s", file->path);
    char *slash = strrchr(directory, '/');
    if (!slash || slash == directory)
        return true;
    *slash = '\0';
    struct stat status;
    if (stat(directory, &status) == 0) {
        if (S_ISDIR(status.st_mode))
            return true;
        return fail(error, "%s is no directory; choose another place with %s %sPATH", directory, file->flag,
                    file->scheme);
    }
    if (mkdir(directory, 0755) == 0 || errno == EEXIST)
        return true;
    return fail(error, "cannot make the directory %s: %s; choose another place with %s %sPATH", directory,
                strerror(errno), file->flag, file->scheme);
}

/*
 * Whether somebody listens on a socket file, and which process that is, as far as it can be told (0: it
 * cannot); errno tells why nobody does.
 */
static bool find_listener(const struct sockaddr_un *address, pid_t *process)
{
    *process = 0;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return false;
    bool connects = connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0;
    int reason = errno;
    struct ucred peer;
    socklen_t length = sizeof(peer);
    if (connects && getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0)
        *process = peer.pid; /* of who called listen() */
    close(fd);
    errno = reason;
    return connects || reason == EAGAIN; /* its queue is full: it stands still, but it is there */
}

bool socket_file_prepare(const struct socket_file *file, char error[SOCKET_FILE_ERROR_BYTES])
{
    const char *path = file->path;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (path[0] == '\0' || strlen(path) >= sizeof(address.sun_path))
        return fail(error, "the path in %s%s must have 1 to %zu characters", file->scheme, path,
                    sizeof(address.sun_path) - 1);
    strcpy(address.sun_path, path);
    if (!make_directory_of(file, error))
        return false;

    struct stat status;
    pid_t process;
    if (lstat(path, &status) != 0)
        return errno == ENOENT || fail(error, "cannot look at %s: %s", path, strerror(errno));
    if (!S_ISSOCK(status.st_mode))
        return fail(error, "%s exists and is no socket; remove it or choose another %s", path, file->flag);
    if (find_listener(&address, &process))
        return fail(error, "another server listens on %s%s; end it or choose another %s", file->scheme, path,
                    file->flag);
    if (errno != ECONNREFUSED)
        return fail(error, "cannot tell whether %s is in use: %s; choose another %s", path, strerror(errno),
                    file->flag);
    if (unlink(path) != 0)
        return fail(error, "cannot remove the stale socket %s: %s", path, strerror(errno));
    return true;
}

bool socket_file_set_mode(const struct socket_file *file, mode_t mode, char error[SOCKET_FILE_ERROR_BYTES])
{
    if (chmod(file->path, mode) != 0)
        return fail(error, "cannot set the mode of %s: %s", file->path, strerror(errno));
    return true;
}

void socket_file_remove(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    pid_t process;
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    if (find_listener(&address, &process) && process == getpid())
        unlink(path);
}
