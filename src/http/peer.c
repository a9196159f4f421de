/* SPDX-License-Identifier: MIT */
#include "http/peer.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* An IPv4 client of a dual-stack socket comes as "::ffff:192.0.2.7". */
static const char *without_mapping(const struct sockaddr *address, const char *host)
{
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;
    bool is_mapped = address->sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr);
    return is_mapped ? strrchr(host, ':') + 1 : host;
}

void peer_describe(const struct sockaddr *address, char text[PEER_BYTES])
{
    sa_family_t family = address ? address->sa_family : AF_UNSPEC;
    if (family == AF_UNIX) {
        snprintf(text, PEER_BYTES, "a unix socket");
        return;
    }
    socklen_t length = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    char host[PEER_BYTES - 10], port[8];
    if ((family != AF_INET && family != AF_INET6) ||
        getnameinfo(address, length, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
        snprintf(text, PEER_BYTES, "an unknown address");
        return;
    }
    const char *shown = without_mapping(address, host);
    snprintf(text, PEER_BYTES, strchr(shown, ':') ? "[%s]:%s" : "%s:%s", shown, port);
}

void peer_describe_socket(int fd, char text[PEER_BYTES])
{
    struct sockaddr_storage address = {0};
    struct ucred user;
    socklen_t address_bytes = sizeof(address), user_bytes = sizeof(user);
    bool is_known = getpeername(fd, (struct sockaddr *)&address, &address_bytes) == 0;
    if (is_known && address.ss_family == AF_UNIX &&
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &user, &user_bytes) == 0)
        snprintf(text, PEER_BYTES, "user %u, process %d", (unsigned)user.uid, (int)user.pid);
    else
        peer_describe(is_known ? (const struct sockaddr *)&address : NULL, text);
}
