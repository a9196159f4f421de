/* SPDX-License-Identifier: MIT */
/*
 * forwarded: the client behind proxies that are trusted (--trusted-proxy), by X-Forwarded-For. Each proxy
 * adds whom it was asked by, so the list is read from its end, up to the first that is no proxy of ours: what
 * is ahead of it, anybody could have written. Pure.
 */
#ifndef HEADCAM_HTTP_FORWARDED_H
#define HEADCAM_HTTP_FORWARDED_H

#include "base/text_list.h"

#include <stdbool.h>
#include <sys/socket.h>

#define FORWARDED_RULE "up to 32 of an IP address, a network, as 10.0.0.0/8, and unix"

/* "192.0.2.7", "2001:db8::/32", or "unix" for whoever comes by a unix socket. */
bool forwarded_is_valid(const struct text_item *proxy);

/*
 * header: all values of X-Forwarded-For with commas between them, or NULL. False: the client is the peer
 * itself (NULL: a unix socket's); else it is in *client, with the port 0.
 */
bool forwarded_client(const struct text_list *trusted, const struct sockaddr *peer, const char *header,
                      struct sockaddr_storage *client);

#endif
