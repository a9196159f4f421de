/* SPDX-License-Identifier: MIT */
#include "forward/target.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

static bool is_numeric(const char *host)
{
    struct in6_addr address; /* room for either */
    return inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1;
}

bool target_read(const char *text, size_t length, struct target *target)
{
    *target = (struct target){0};
    if (length >= sizeof(target->text) || memchr(text, '\0', length))
        return false;
    memcpy(target->text, text, length);
    target->is_every_address = strncmp(target->text, TARGET_DNS, strlen(TARGET_DNS)) == 0;
    const char *scheme = target->is_every_address ? TARGET_DNS : TARGET_TCP;
    const size_t scheme_length = strlen(scheme);
    if (strncmp(target->text, scheme, scheme_length) != 0 ||
        !host_port_read(text + scheme_length, length - scheme_length, &target->tcp) ||
        atoi(target->tcp.port) == 0)
        return false;
    target->is_numeric = is_numeric(target->tcp.host);
    return true;
}
