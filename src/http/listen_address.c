/* SPDX-License-Identifier: MIT */
#include "http/listen_address.h"

#include <stdlib.h>
#include <string.h>

static bool copy(char *into, size_t room, const char *from, size_t length)
{
    if (length == 0 || length >= room || memchr(from, '\0', length))
        return false;
    memcpy(into, from, length);
    into[length] = '\0';
    return true;
}

static bool read_host(const char *text, size_t length, struct listen_address *address)
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

static bool read_port(const char *text, size_t length, struct listen_address *address)
{
    return length <= 5 && copy(address->port, sizeof(address->port), text, length) &&
           strspn(address->port, "0123456789") == length && atoi(address->port) <= 65535;
}

bool listen_address_read(const char *text, size_t length, struct listen_address *address)
{
    const size_t scheme = strlen(LISTEN_ADDRESS_UNIX);
    *address = (struct listen_address){0};
    if (length > scheme && strncmp(text, LISTEN_ADDRESS_UNIX "/", scheme + 1) == 0)
        return copy(address->path, sizeof(address->path), text + scheme, length - scheme);
    const char *colon = memrchr(text, ':', length);
    if (!colon)
        return false;
    size_t host_length = (size_t)(colon - text);
    return read_host(text, host_length, address) && read_port(colon + 1, length - host_length - 1, address);
}
