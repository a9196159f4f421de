/* SPDX-License-Identifier: MIT */
/*
 * tls: which certificate new connections are shown, and where it is read from. The main thread reads it,
 * the HTTP thread asks for it.
 */
#ifndef HEADCAM_TLS_TLS_H
#define HEADCAM_TLS_TLS_H

#include "tls/certificate.h"

struct tls;

/* The paths stay the caller's; as for them and for error, see certificate_load(). */
struct tls *tls_create(const char *path, const char *key_path, char error[CERTIFICATE_ERROR_BYTES]);
void tls_destroy(struct tls *tls);

/* Reads the files again. Where they are of no use now, what was read before stays, and the log says why. */
void tls_reload(struct tls *tls);

/* The certificate of today; the reference is the caller's. Any thread. */
struct certificate *tls_certificate(struct tls *tls);

#endif
