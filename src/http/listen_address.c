/* SPDX-License-Identifier: MIT */
#include "http/listen_address.h"

#include <string.h>

bool listen_address_read(const char *text, size_t length, struct listen_address *address)
{
    const size_t scheme = strlen(LISTEN_ADDRESS_UNIX);
    *address = (struct listen_address){0};
    if (length <= scheme || strncmp(text, LISTEN_ADDRESS_UNIX "/", scheme + 1) != 0)
        return host_port_read(text, length, &address->tcp);
    text += scheme;
    length -= scheme;
    if (length >= sizeof(address->path) || memchr(text, '\0', length))
        return false;
    memcpy(address->path, text, length);
    return true;
}
