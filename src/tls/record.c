/* SPDX-License-Identifier: MIT */
#include "tls/record.h"

#include <errno.h>
#include <string.h>

const void *record_gather(const struct iovec *pieces, int count, char scratch[RECORD_BYTES], size_t *length)
{
    if (count == 1 || pieces[0].iov_len >= RECORD_BYTES) {
        *length = pieces[0].iov_len < RECORD_BYTES ? pieces[0].iov_len : RECORD_BYTES;
        return pieces[0].iov_base;
    }
    *length = 0;
    for (int i = 0; i < count && *length < RECORD_BYTES; i++) {
        size_t room = RECORD_BYTES - *length;
        size_t some = pieces[i].iov_len < room ? pieces[i].iov_len : room;
        memcpy(scratch + *length, pieces[i].iov_base, some);
        *length += some;
    }
    return scratch;
}

ssize_t record_send(gnutls_session_t session, const struct iovec *pieces, int count)
{
    char scratch[RECORD_BYTES];
    size_t length;
    const void *bytes = record_gather(pieces, count, scratch, &length);
    ssize_t sent;
    do {
        sent = gnutls_record_send(session, bytes, length);
    } while (sent == GNUTLS_E_INTERRUPTED);
    if (sent >= 0)
        return sent;
    errno = sent == GNUTLS_E_AGAIN ? EAGAIN : sent == GNUTLS_E_PUSH_ERROR ? EPIPE : EPROTO;
    return -1;
}

ssize_t record_receive(gnutls_session_t session, void *bytes, size_t room)
{
    ssize_t count;
    do {
        count = gnutls_record_recv(session, bytes, room);
    } while (count == GNUTLS_E_INTERRUPTED);
    if (count >= 0)
        return count;
    if (count == GNUTLS_E_PREMATURE_TERMINATION)
        return 0;
    errno = count == GNUTLS_E_AGAIN ? EAGAIN : count == GNUTLS_E_PULL_ERROR ? ECONNRESET : EPROTO;
    return -1;
}

void record_end(gnutls_session_t session)
{
    gnutls_bye(session, GNUTLS_SHUT_WR);
}
