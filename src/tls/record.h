/* SPDX-License-Identifier: MIT */
/*
 * record: writes scattered bytes to a TLS session whose socket does not block, as sendmsg() does to a
 * socket, and reads from it as recv() does. One thread at a time uses a session.
 */
#ifndef HEADCAM_TLS_RECORD_H
#define HEADCAM_TLS_RECORD_H

#include <gnutls/gnutls.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

/* What fits in a record; a client may ask for smaller ones. */
enum { RECORD_BYTES = 16 * 1024 };

/*
 * The bytes of the next record, and their number in *length: where they are, or, if they are not all in
 * one piece, copied to scratch. There is at least one piece, and none is empty. Pure.
 */
const void *record_gather(const struct iovec *pieces, int count, char scratch[RECORD_BYTES], size_t *length);

/*
 * Encrypts and sends a record. Returns the number of bytes in it, or -1 and errno. With EAGAIN the session
 * may hold the rest of an encrypted record: call it again with the same bytes.
 */
ssize_t record_send(gnutls_session_t session, const struct iovec *pieces, int count);

/* As recv() without waiting: decrypted bytes, 0 at the end, however the client made it, or -1 and errno. */
ssize_t record_receive(gnutls_session_t session, void *bytes, size_t room);

/* Tells the client that nothing follows, if the socket takes it. */
void record_end(gnutls_session_t session);

#endif
