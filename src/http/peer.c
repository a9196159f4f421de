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
    if (strcmp(port, "0") == 0)
        snprintf(text, PEER_BYTES, "%s", shown);
    else
        snprintf(text, PEER_BYTES, strchr(shown, ':') ? "[%s]:%s" : "%s:%s", shown, port);
}

/* Who uses a unix socket. The kernel has an answer for other sockets, too: that it knows nobody. */
static bool read_user(int fd, struct ucred *user)
{
    int family;
    socklen_t family_bytes = sizeof(family), user_bytes = sizeof(*user);
    return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &family_bytes) == 0 && family == AF_UNIX &&
           getsockopt(fd, SOL_SOCKET, SO_PEERCRED, user, &user_bytes) == 0;
}

bool peer_user(int fd, uid_t *user)
{
    struct ucred credentials;
    bool is_known = read_user(fd, &credentials);
    if (is_known)
        *user = credentials.uid;
    return is_known;
}

void peer_describe_socket(int fd, char text[PEER_BYTES])
{
    struct sockaddr_storage address = {0};
    struct ucred user;
    socklen_t address_bytes = sizeof(address);
    bool is_known = getpeername(fd, (struct sockaddr *)&address, &address_bytes) == 0;
    if (read_user(fd, &user))
        snprintf(text, PEER_BYTES, "user %u, process %d", (unsigned)user.uid, (int)user.pid);
    else
        peer_describe(is_known ? (const struct sockaddr *)&address : NULL, text);
}
