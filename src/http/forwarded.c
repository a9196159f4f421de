/* SPDX-License-Identifier: MIT */
#include "http/forwarded.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

enum { MAPPED_BITS = 96, ALL_BITS = 128 };

static const char FROM_UNIX[] = "unix";

/* An IPv4 address as IPv6 has it: "::ffff:192.0.2.7". */
static struct in6_addr mapped(const struct in_addr *ipv4)
{
    struct in6_addr address = {.s6_addr = {[10] = 0xff, [11] = 0xff}};
    memcpy(address.s6_addr + 12, ipv4, sizeof(*ipv4));
    return address;
}

/* *offset: how many bits of `address` are not in the text. */
static bool read_address(const char *text, size_t length, struct in6_addr *address, unsigned *offset)
{
    char copy[INET6_ADDRSTRLEN];
    struct in_addr ipv4;
    if (length >= sizeof(copy))
        return false;
    memcpy(copy, text, length);
    copy[length] = '\0';
    *offset = 0;
    if (inet_pton(AF_INET6, copy, address) == 1)
        return true;
    if (inet_pton(AF_INET, copy, &ipv4) != 1)
        return false;
    *address = mapped(&ipv4);
    *offset = MAPPED_BITS;
    return true;
}

/* "10.0.0.0/8"; *bits: those that count. */
static bool read_network(const struct text_item *item, struct in6_addr *network, unsigned *bits)
{
    const char *slash = memchr(item->text, '/', item->length);
    size_t length = slash ? (size_t)(slash - item->text) : item->length;
    unsigned offset;
    if (!read_address(item->text, length, network, &offset))
        return false;
    *bits = ALL_BITS;
    if (!slash)
        return true;
    const char *digits = slash + 1;
    const size_t count = item->length - length - 1;
    if (count == 0 || count > 3 || strspn(digits, "0123456789") < count)
        return false;
    *bits = offset + (unsigned)strtoul(digits, NULL, 10);
    return *bits <= ALL_BITS;
}

bool forwarded_is_valid(const struct text_item *proxy)
{
    struct in6_addr network;
    unsigned bits;
    return text_item_is(proxy, FROM_UNIX) || read_network(proxy, &network, &bits);
}

static bool is_within(const struct in6_addr *address, const struct in6_addr *network, unsigned bits)
{
    const unsigned whole = bits / 8, rest = bits % 8;
    return memcmp(address->s6_addr, network->s6_addr, whole) == 0 &&
           (rest == 0 || (address->s6_addr[whole] ^ network->s6_addr[whole]) >> (8 - rest) == 0);
}

static bool is_trusted(const struct text_list *trusted, const struct in6_addr *address)
{
    struct in6_addr network;
    unsigned bits;
    for (size_t i = 0; i < trusted->count; i++)
        if (read_network(&trusted->items[i], &network, &bits) && is_within(address, &network, bits))
            return true;
    return false;
}

static bool trusts_unix(const struct text_list *trusted)
{
    for (size_t i = 0; i < trusted->count; i++)
        if (text_item_is(&trusted->items[i], FROM_UNIX))
            return true;
    return false;
}

static bool trusts_peer(const struct text_list *trusted, const struct sockaddr *peer)
{
    if (!peer || peer->sa_family == AF_UNIX)
        return trusts_unix(trusted);
    if (peer->sa_family == AF_INET) {
        const struct in6_addr address = mapped(&((const struct sockaddr_in *)peer)->sin_addr);
        return is_trusted(trusted, &address);
    }
    return peer->sa_family == AF_INET6 &&
           is_trusted(trusted, &((const struct sockaddr_in6 *)peer)->sin6_addr);
}

/* One entry without the spaces around it, and without a port: "192.0.2.7:51234", "[2001:db8::7]:51234". */
static bool read_entry(const char *text, size_t length, struct in6_addr *address)
{
    unsigned offset;
    while (length > 0 && (*text == ' ' || *text == '\t'))
        text++, length--;
    while (length > 0 && (text[length - 1] == ' ' || text[length - 1] == '\t'))
        length--;
    const char *bracket = memchr(text, ']', length), *colon = memchr(text, ':', length);
    if (length > 0 && *text == '[')
        return bracket && read_address(text + 1, (size_t)(bracket - text) - 1, address, &offset);
    if (colon && !memchr(colon + 1, ':', length - (size_t)(colon - text) - 1))
        length = (size_t)(colon - text);
    return read_address(text, length, address, &offset);
}

static void store(const struct in6_addr *address, struct sockaddr_storage *client)
{
    struct sockaddr_in6 *ipv6 = (struct sockaddr_in6 *)client;
    memset(client, 0, sizeof(*client));
    ipv6->sin6_family = AF_INET6;
    ipv6->sin6_addr = *address;
}

bool forwarded_client(const struct text_list *trusted, const struct sockaddr *peer, const char *header,
                      struct sockaddr_storage *client)
{
    bool is_found = false, goes_on = header && trusts_peer(trusted, peer);
    size_t end = header ? strlen(header) : 0;
    while (goes_on) {
        struct in6_addr address;
        const char *comma = memrchr(header, ',', end);
        const char *entry = comma ? comma + 1 : header;
        if (!read_entry(entry, end - (size_t)(entry - header), &address))
            return is_found;
        store(&address, client);
        is_found = true;
        goes_on = comma && is_trusted(trusted, &address);
        end = comma ? (size_t)(comma - header) : 0;
    }
    return is_found;
}
