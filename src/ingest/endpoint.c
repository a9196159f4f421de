/* SPDX-License-Identifier: MIT */
#include "ingest/endpoint.h"

#include <string.h>

static const char IPC[] = "ipc://";

/* The file of an endpoint. False: it is none, as are an abstract one (@) and one of libzmq's choice (*). */
static bool file_of(const char *endpoint, struct socket_file *file)
{
    if (strncmp(endpoint, IPC, strlen(IPC)) != 0)
        return false;
    *file = (struct socket_file){.path = endpoint + strlen(IPC), .flag = "--ingest", .scheme = IPC};
    return file->path[0] != '@' && file->path[0] != '*';
}

bool endpoint_prepare(const char *endpoint, char error[ENDPOINT_ERROR_BYTES])
{
    struct socket_file file;
    return !file_of(endpoint, &file) || socket_file_prepare(&file, error);
}

bool endpoint_set_mode(const char *endpoint, mode_t mode, char error[ENDPOINT_ERROR_BYTES])
{
    struct socket_file file;
    return !file_of(endpoint, &file) || socket_file_set_mode(&file, mode, error);
}

void endpoint_remove(const char *endpoint)
{
    struct socket_file file;
    if (file_of(endpoint, &file))
        socket_file_remove(file.path);
}
