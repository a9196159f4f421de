/* SPDX-License-Identifier: MIT */
#include "ingest/endpoint.h"

#include <netdb.h>
#include <stdio.h>
#include <string.h>

static const char IPC[] = "ipc://";

static bool read_tcp(const char *text, size_t length, struct host_port *tcp)
{
    /* "*" is ZeroMQ's own word for every address, and for a free port. */
    if (length > 2 && text[length - 1] == '*' && text[length - 2] == ':') {
        char any[ENDPOINT_BYTES];
        snprintf(any, sizeof(any), "%.*s0", (int)(length - 1), text);
        return read_tcp(any, length, tcp);
    }
    if (!host_port_read(text, length, tcp))
        return false;
    if (strcmp(tcp->host, "*") == 0)
        snprintf(tcp->host, sizeof(tcp->host), "0.0.0.0");
    return true;
}

bool endpoint_read(const char *text, size_t length, struct endpoint *endpoint)
{
    *endpoint = (struct endpoint){0};
    if (length >= sizeof(endpoint->text) || memchr(text, '\0', length))
        return false;
    memcpy(endpoint->text, text, length);
    endpoint->is_tcp = strncmp(endpoint->text, ENDPOINT_TCP, strlen(ENDPOINT_TCP)) == 0;
    if (endpoint->is_tcp)
        return read_tcp(text + strlen(ENDPOINT_TCP), length - strlen(ENDPOINT_TCP), &endpoint->tcp);
    return strncmp(endpoint->text, IPC, strlen(IPC)) == 0 && length > strlen(IPC);
}

bool endpoint_resolve(const struct endpoint *endpoint, char address[ENDPOINT_BYTES], bool *is_ipv6,
                      char error[ENDPOINT_ERROR_BYTES])
{
    *is_ipv6 = false;
    snprintf(address, ENDPOINT_BYTES, "%s", endpoint->text);
    if (!endpoint->is_tcp)
        return true;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *found = NULL;
    struct host_port numeric = {0};
    char written[HOST_PORT_BYTES];
    int flaw = getaddrinfo(endpoint->tcp.host, endpoint->tcp.port, &hints, &found);
    if (flaw == 0)
        flaw = getnameinfo(found->ai_addr, found->ai_addrlen, numeric.host, sizeof(numeric.host),
                           numeric.port, sizeof(numeric.port), NI_NUMERICHOST | NI_NUMERICSERV);
    if (found)
        freeaddrinfo(found);
    if (flaw != 0) {
        snprintf(error, ENDPOINT_ERROR_BYTES, "cannot take frames at %s: %s; choose another --ingest",
                 endpoint->text, gai_strerror(flaw));
        return false;
    }
    host_port_write(&numeric, written);
    snprintf(address, ENDPOINT_BYTES, ENDPOINT_TCP "%s", written);
    *is_ipv6 = host_port_is_ipv6(&numeric);
    return true;
}

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
