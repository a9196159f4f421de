/* SPDX-License-Identifier: MIT */
#include "base/host_port.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool copy(char *into, size_t room, const char *from, size_t length)
{
    if (length == 0 || length >= room || memchr(from, '\0', length))
        return false;
    memcpy(into, from, length);
    into[length] = '\0';
    return true;
}

static bool read_host(const char *text, size_t length, struct host_port *address)
{
    if (length > 0 && text[0] == '[') { /* [::1]:8080 */
        if (length < 2 || text[length - 1] != ']')
            return false;
        text++;
        length -= 2;
    } else if (memchr(text, ':', length)) {
        return false;
    }
    return copy(address->host, sizeof(address->host), text, length);
}

static bool read_port(const char *text, size_t length, struct host_port *address)
{
    return length <= 5 && copy(address->port, sizeof(address->port), text, length) &&
           strspn(address->port, "0123456789") == length && atoi(address->port) <= 65535;
}

bool host_port_read(const char *text, size_t length, struct host_port *address)
{
    *address = (struct host_port){0};
    const char *colon = memrchr(text, ':', length);
    if (!colon)
        return false;
    size_t host_length = (size_t)(colon - text);
    return read_host(text, host_length, address) && read_port(colon + 1, length - host_length - 1, address);
}

void host_port_write(const struct host_port *address, char *text)
{
    bool has_colon = strchr(address->host, ':');
    snprintf(text, HOST_PORT_BYTES, "%s%s%s:%s", has_colon ? "[" : "", address->host, has_colon ? "]" : "",
             address->port);
}

bool host_port_is_ipv6(const struct host_port *address)
{
    return strchr(address->host, ':') != NULL;
}

bool host_port_is_loopback(const struct host_port *address)
{
    struct in_addr v4;
    struct in6_addr v6;
    if (inet_pton(AF_INET, address->host, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    if (inet_pton(AF_INET6, address->host, &v6) == 1)
        return IN6_IS_ADDR_LOOPBACK(&v6);
    return strcasecmp(address->host, "localhost") == 0;
}
