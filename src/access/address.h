/* SPDX-License-Identifier: MIT */
/*
 * address: whose failed logins count together: those of an IPv4 address, of an IPv6 network of 64 bits
 * (a client has all of its addresses), or of this machine's own sockets. Pure.
 */
#ifndef HEADCAM_ACCESS_ADDRESS_H
#define HEADCAM_ACCESS_ADDRESS_H

#include <stdint.h>
#include <sys/socket.h>

struct address {
    uint64_t network; /* the address, or the upper half of it; host byte order */
    uint64_t version; /* 4, 6, or 0 for a unix socket */
};

/* NULL counts as a unix socket. An IPv4 address within IPv6 is the IPv4 address. */
struct address address_of(const struct sockaddr *peer);

/* "192.0.2.7", "2001:db8::/64", "a unix socket". */
enum { ADDRESS_TEXT_BYTES = 64 };
void address_text(const struct address *address, char text[ADDRESS_TEXT_BYTES]);

#endif
