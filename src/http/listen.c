/* SPDX-License-Identifier: MIT */
#include "http/listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 1024 };

static int bind_first(const struct addrinfo *addresses)
{
    int reason = EADDRNOTAVAIL;
    for (const struct addrinfo *address = addresses; address; address = address->ai_next) {
        int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0) {
            reason = errno;
            continue;
        }
        const int on = 1, off = 0;
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
        if (address->ai_family == AF_INET6)
            setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)); /* [::] means everywhere */
        if (bind(fd, address->ai_addr, address->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
            return fd;
        reason = errno;
        close(fd);
    }
    errno = reason;
    return -1;
}

static void write_url(int fd, char url[LISTEN_URL_BYTES])
{
    struct sockaddr_storage address;
    socklen_t length = sizeof(address);
    char host[128] = "?", port[8] = "?";
    getsockname(fd, (struct sockaddr *)&address, &length);
    getnameinfo((struct sockaddr *)&address, length, host, sizeof(host), port, sizeof(port),
                NI_NUMERICHOST | NI_NUMERICSERV);
    /* Everywhere is no place to open in a browser. */
    const char *shown = strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0 ? "localhost" : host;
    snprintf(url, LISTEN_URL_BYTES, strchr(shown, ':') ? "http://[%s]:%s/" : "http://%s:%s/", shown, port);
}

int listen_open(const char *host, const char *port, char url[LISTEN_URL_BYTES],
                char error[LISTEN_ERROR_BYTES])
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *addresses;
    int flaw = getaddrinfo(host, port, &hints, &addresses);
    if (flaw != 0) {
        snprintf(error, LISTEN_ERROR_BYTES, "cannot listen on %s:%s: %s; choose another --listen", host, port,
                 gai_strerror(flaw));
        return -1;
    }
    int fd = bind_first(addresses);
    int reason = errno;
    freeaddrinfo(addresses);
    if (fd < 0)
        snprintf(error, LISTEN_ERROR_BYTES, "cannot listen on %s:%s: %s; choose another --listen", host, port,
                 strerror(reason));
    else
        write_url(fd, url);
    return fd;
}

bool listen_is_local(int fd)
{
    struct sockaddr_storage address = {0};
    socklen_t length = sizeof(address);
    getsockname(fd, (struct sockaddr *)&address, &length);
    if (address.ss_family == AF_INET)
        return ntohl(((struct sockaddr_in *)&address)->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    if (address.ss_family != AF_INET6)
        return true;
    const struct in6_addr *ipv6 = &((struct sockaddr_in6 *)&address)->sin6_addr;
    return IN6_IS_ADDR_LOOPBACK(ipv6) || (IN6_IS_ADDR_V4MAPPED(ipv6) && ipv6->s6_addr[12] == IN_LOOPBACKNET);
}
