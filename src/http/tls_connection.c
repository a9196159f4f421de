/* SPDX-License-Identifier: MIT */
#include "http/tls_connection.h"

#include "base/clock.h"
#include "base/memory.h"
#include "http/peer.h"

#include <errno.h>
#include <gnutls/abstract.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/*
 * What TLS 1.2 and 1.3 have in common: keys that are of no use to those who get hold of the certificate's
 * later, and ciphers that authenticate. Of these the server chooses: it pays for each viewer, and the first
 * is the cheapest.
 */
static const char priorities[] = "NORMAL:%SERVER_PRECEDENCE:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-RSA:"
                                 "-CIPHER-ALL:+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305";

struct tls_connection {
    struct tls_connections *all;
    struct certificate *certificate;
    int fd;
    bool has_begun; /* its first bytes were seen */
    bool is_shaken; /* the client's last word was heard */
    struct handshake handshake;
};

bool tls_connection_is_possible(void)
{
    return MHD_is_feature_supported(MHD_FEATURE_TLS) == MHD_YES;
}

/* ---- plain HTTP ---- */

static const char wrong_scheme[] = "this port speaks TLS; ask it with https://\n";

static void log_plain_http(const struct tls_connection *connection)
{
    char peer[PEER_BYTES];
    peer_describe_socket(connection->fd, peer);
    log_limited(&connection->all->plain_log, LOG_INFO,
                "plain HTTP on a TLS port, from %s; it was told to use https://", peer);
}

/* Best effort: what the socket does not take at once is lost. */
static void answer_plain_http(const struct tls_connection *connection)
{
    char answer[256], rest[4096];
    int length = snprintf(answer, sizeof(answer),
                          "HTTP/1.1 400 Bad Request\r\n"
                          "Content-Type: text/plain; charset=utf-8\r\n"
                          "Content-Length: %zu\r\n"
                          "Connection: close\r\n\r\n%s",
                          strlen(wrong_scheme), wrong_scheme);
    /* A request that stays unread would make the kernel reset the connection, answer and all. */
    (void)recv(connection->fd, rest, sizeof(rest), MSG_DONTWAIT);
    (void)send(connection->fd, answer, (size_t)length, MSG_DONTWAIT | MSG_NOSIGNAL);
    log_plain_http(connection);
}

/* A method begins with a capital letter; a handshake with 22. */
static bool is_plain_http(const void *bytes)
{
    const unsigned char first = *(const unsigned char *)bytes;
    return first >= 'A' && first <= 'Z';
}

static ssize_t pull(gnutls_transport_ptr_t arg, void *bytes, size_t room)
{
    struct tls_connection *connection = arg;
    ssize_t got = recv(connection->fd, bytes, room, 0);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) && !connection->is_shaken) {
        errno = handshake_wait(&connection->handshake) ? EAGAIN : ECONNABORTED;
        return -1;
    }
    if (got <= 0 || connection->has_begun)
        return got;
    connection->has_begun = true;
    if (!is_plain_http(bytes))
        return got;
    answer_plain_http(connection);
    errno = EPROTO;
    return -1;
}

/* ---- connections ---- */

gnutls_session_t tls_connection_session(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    return info ? info->tls_session : NULL;
}

static int on_finished(gnutls_session_t session, unsigned type, unsigned when, unsigned is_incoming,
                       const gnutls_datum_t *message)
{
    (void)type, (void)when, (void)message;
    gnutls_transport_ptr_t connection, fd;
    gnutls_transport_get_ptr2(session, &connection, &fd);
    if (is_incoming)
        ((struct tls_connection *)connection)->is_shaken = true;
    return 0;
}

/* What libmicrohttpd gave the session is replaced before its first byte. */
struct tls_connection *tls_connection_begin(struct tls_connections *all, struct MHD_Connection *connection)
{
    gnutls_session_t session = tls_connection_session(connection);
    struct tls_connection *self = memory_zeroed(sizeof(*self));
    self->all = all;
    self->certificate = tls_certificate(all->tls);
    self->fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, self->certificate->credentials);
    gnutls_transport_set_ptr2(session, self, (gnutls_transport_ptr_t)(intptr_t)self->fd);
    gnutls_transport_set_pull_function(session, pull);
    /* the last that a handshake waits for, of either version */
    gnutls_handshake_set_hook_function(session, GNUTLS_HANDSHAKE_FINISHED, GNUTLS_HOOK_POST, on_finished);
    handshake_begin(&self->handshake, &all->handshakes, connection, self->fd);
    return self;
}

void tls_connection_end(struct tls_connection *connection)
{
    certificate_unref(&connection->certificate);
    free(connection);
}

/* libmicrohttpd wants this, or one certificate for all sessions. Nobody calls it. */
static int retrieve_nothing(gnutls_session_t session, const gnutls_datum_t *issuers, int issuer_count,
                            const gnutls_pk_algorithm_t *algorithms, int algorithm_count,
                            gnutls_pcert_st **chain, unsigned *chain_length, gnutls_privkey_t *key)
{
    (void)session, (void)issuers, (void)issuer_count, (void)algorithms, (void)algorithm_count;
    (void)chain, (void)chain_length, (void)key;
    return GNUTLS_E_NO_CERTIFICATE_FOUND;
}

void tls_connection_options(struct MHD_OptionItem options[TLS_CONNECTION_OPTIONS])
{
    options[0] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)priorities};
    options[1] =
        (struct MHD_OptionItem){MHD_OPTION_HTTPS_CERT_CALLBACK, 0, (void *)(uintptr_t)retrieve_nothing};
    options[2] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
}
