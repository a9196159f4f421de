/* SPDX-License-Identifier: MIT */
/*
 * address: whose failed logins count together: those of an IPv4 address, of an IPv6 network of 64 bits
 * (a client has all of its addresses), or of a user of this machine, by a unix socket. Pure.
 */
#ifndef HEADCAM_ACCESS_ADDRESS_H
#define HEADCAM_ACCESS_ADDRESS_H

#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

enum address_kind { ADDRESS_UNKNOWN, ADDRESS_USER, ADDRESS_IPV4, ADDRESS_IPV6 };

struct address {
    uint64_t network; /* the address, or the upper half of it, in host byte order; or the user's number */
    uint64_t kind;    /* an address_kind, so wide that there is no padding: the throttle hashes the bytes */
};

/* NULL, and what is no IP address, is unknown. An IPv4 address within IPv6 is the IPv4 address. */
struct address address_of(const struct sockaddr *peer);

/* A user who comes by a unix socket. */
struct address address_of_user(uid_t user);

/* "192.0.2.7", "2001:db8::/64", "user 1000", "an unknown address". */
enum { ADDRESS_TEXT_BYTES = 64 };
void address_text(const struct address *address, char text[ADDRESS_TEXT_BYTES]);

#endif
