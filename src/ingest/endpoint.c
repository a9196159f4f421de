/* SPDX-License-Identifier: MIT */
#include "ingest/endpoint.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static const char IPC[] = "ipc://";

__attribute__((format(printf, 2, 3))) static bool fail(char error[ENDPOINT_ERROR_BYTES], const char *format,
                                                       ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error, ENDPOINT_ERROR_BYTES, format, arguments);
    va_end(arguments);
    return false;
}

/* The path of an endpoint that is a file, or NULL; an abstract one (@) or one of libzmq's choice (*) is none.
 */
static const char *path_of(const char *endpoint)
{
    if (strncmp(endpoint, IPC, strlen(IPC)) != 0)
        return NULL;
    const char *path = endpoint + strlen(IPC);
    return path[0] == '@' || path[0] == '*' ? NULL : path;
}

static bool make_directory_of(const char *path, char error[ENDPOINT_ERROR_BYTES])
{
    char directory[sizeof(((struct sockaddr_un *)0)->sun_path)];
    snprintf(directory, sizeof(directory), "%s", path);
    char *slash = strrchr(directory, '/');
    if (!slash || slash == directory)
        return true;
    *slash = '\0';
    struct stat status;
    if (stat(directory, &status) == 0) {
        if (S_ISDIR(status.st_mode))
            return true;
        return fail(error, "%s is no directory; choose another place with --ingest ipc://PATH", directory);
    }
    if (mkdir(directory, 0755) == 0 || errno == EEXIST)
        return true;
    return fail(error, "cannot make the directory %s: %s; choose another place with --ingest ipc://PATH",
                directory, strerror(errno));
}

/* Whether somebody listens on a socket file; errno tells why not. */
static bool is_listening(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return false;
    bool connects = connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0;
    int reason = errno;
    close(fd);
    errno = reason;
    return connects || reason == EAGAIN; /* its queue is full: it stands still, but it is there */
}

bool endpoint_prepare(const char *endpoint, char error[ENDPOINT_ERROR_BYTES])
{
    const char *path = path_of(endpoint);
    if (!path)
        return true;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (path[0] == '\0' || strlen(path) >= sizeof(address.sun_path))
        return fail(error, "the path in %s must have 1 to %zu characters", endpoint,
                    sizeof(address.sun_path) - 1);
    strcpy(address.sun_path, path);
    if (!make_directory_of(path, error))
        return false;

    struct stat status;
    if (lstat(path, &status) != 0)
        return errno == ENOENT || fail(error, "cannot look at %s: %s", path, strerror(errno));
    if (!S_ISSOCK(status.st_mode))
        return fail(error, "%s exists and is no socket; remove it or choose another --ingest", path);
    if (is_listening(&address))
        return fail(error, "another server listens on %s; end it or choose another --ingest", endpoint);
    if (errno != ECONNREFUSED)
        return fail(error, "cannot tell whether %s is in use: %s; choose another --ingest", path,
                    strerror(errno));
    if (unlink(path) != 0)
        return fail(error, "cannot remove the stale socket %s: %s", path, strerror(errno));
    return true;
}

bool endpoint_set_mode(const char *endpoint, mode_t mode, char error[ENDPOINT_ERROR_BYTES])
{
    const char *path = path_of(endpoint);
    if (path && chmod(path, mode) != 0)
        return fail(error, "cannot set the mode of %s: %s", path, strerror(errno));
    return true;
}
