/* SPDX-License-Identifier: MIT */
#include "http/peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

static void describe_ipv6(const struct sockaddr_in6 *address, char text[PEER_TEXT_BYTES])
{
    char host[INET6_ADDRSTRLEN] = "?";
    unsigned port = ntohs(address->sin6_port);
    if (IN6_IS_ADDR_V4MAPPED(&address->sin6_addr)) { /* an IPv4 client on [::] */
        inet_ntop(AF_INET, &address->sin6_addr.s6_addr[12], host, sizeof(host));
        snprintf(text, PEER_TEXT_BYTES, "%s:%u", host, port);
    } else {
        inet_ntop(AF_INET6, &address->sin6_addr, host, sizeof(host));
        snprintf(text, PEER_TEXT_BYTES, "[%s]:%u", host, port);
    }
}

static void describe_ipv4(const struct sockaddr_in *address, char text[PEER_TEXT_BYTES])
{
    char host[INET_ADDRSTRLEN] = "?";
    inet_ntop(AF_INET, &address->sin_addr, host, sizeof(host));
    snprintf(text, PEER_TEXT_BYTES, "%s:%u", host, (unsigned)ntohs(address->sin_port));
}

/* Clients of unix sockets have no address as a rule, but the kernel knows who they are. */
static void describe_unix(int fd, char text[PEER_TEXT_BYTES])
{
    struct ucred user;
    socklen_t length = sizeof(user);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &user, &length) == 0)
        snprintf(text, PEER_TEXT_BYTES, "unix, user %u, process %d", (unsigned)user.uid, (int)user.pid);
    else
        snprintf(text, PEER_TEXT_BYTES, "unix");
}

void peer_describe(int fd, char text[PEER_TEXT_BYTES])
{
    struct sockaddr_storage address = {0};
    socklen_t length = sizeof(address);
    if (getpeername(fd, (struct sockaddr *)&address, &length) != 0)
        snprintf(text, PEER_TEXT_BYTES, "a client that has left");
    else if (address.ss_family == AF_INET6)
        describe_ipv6((const struct sockaddr_in6 *)&address, text);
    else if (address.ss_family == AF_INET)
        describe_ipv4((const struct sockaddr_in *)&address, text);
    else
        describe_unix(fd, text);
}
