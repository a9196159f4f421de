/* SPDX-License-Identifier: MIT */
#include "access/address.h"

#include <arpa/inet.h>
#include <endian.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static struct address of_ipv4(const void *bytes)
{
    uint32_t number;
    memcpy(&number, bytes, sizeof(number));
    return (struct address){.network = ntohl(number), .kind = ADDRESS_IPV4};
}

struct address address_of(const struct sockaddr *peer)
{
    if (peer && peer->sa_family == AF_INET)
        return of_ipv4(&((const struct sockaddr_in *)peer)->sin_addr);
    if (!peer || peer->sa_family != AF_INET6)
        return (struct address){.kind = ADDRESS_UNKNOWN};
    const struct in6_addr *ipv6 = &((const struct sockaddr_in6 *)peer)->sin6_addr;
    if (IN6_IS_ADDR_V4MAPPED(ipv6))
        return of_ipv4(ipv6->s6_addr + 12);
    uint64_t upper;
    memcpy(&upper, ipv6->s6_addr, sizeof(upper));
    return (struct address){.network = be64toh(upper), .kind = ADDRESS_IPV6};
}

struct address address_of_user(uid_t user)
{
    return (struct address){.network = user, .kind = ADDRESS_USER};
}

void address_text(const struct address *address, char text[ADDRESS_TEXT_BYTES])
{
    char digits[INET6_ADDRSTRLEN];
    if (address->kind == ADDRESS_IPV4) {
        const struct in_addr ipv4 = {htonl((uint32_t)address->network)};
        inet_ntop(AF_INET, &ipv4, digits, sizeof(digits));
        snprintf(text, ADDRESS_TEXT_BYTES, "%s", digits);
    } else if (address->kind == ADDRESS_IPV6) {
        struct in6_addr ipv6 = {0};
        const uint64_t upper = htobe64(address->network);
        memcpy(ipv6.s6_addr, &upper, sizeof(upper));
        inet_ntop(AF_INET6, &ipv6, digits, sizeof(digits));
        snprintf(text, ADDRESS_TEXT_BYTES, "%s/64", digits);
    } else if (address->kind == ADDRESS_USER) {
        snprintf(text, ADDRESS_TEXT_BYTES, "user %" PRIu64, address->network);
    } else {
        snprintf(text, ADDRESS_TEXT_BYTES, "an unknown address");
    }
}
