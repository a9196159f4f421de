/* SPDX-License-Identifier: MIT */
/*
 * certificate: what the server shows to prove who it is, with its chain and its key, as read from files.
 * It never changes; sessions share it, and it goes with the last of them. Any thread.
 */
#ifndef HEADCAM_TLS_CERTIFICATE_H
#define HEADCAM_TLS_CERTIFICATE_H

#include <gnutls/gnutls.h>
#include <stdatomic.h>

enum { CERTIFICATE_ERROR_BYTES = 512, CERTIFICATE_SUMMARY_BYTES = 320 };

struct certificate {
    atomic_size_t references;
    gnutls_certificate_credentials_t credentials;
    char summary[CERTIFICATE_SUMMARY_BYTES]; /* "CN=camera, valid until 2027-11-22", for the log */
};

/*
 * Reads PEM files: the certificate, followed by those that its issuer asks for, and its key, which is in
 * the same file where key_path is NULL. Warns of what will do and should not. NULL, and a sentence in
 * error, if they are of no use.
 */
struct certificate *certificate_load(const char *path, const char *key_path,
                                     char error[CERTIFICATE_ERROR_BYTES]);

struct certificate *certificate_ref(struct certificate *certificate);
void certificate_unref(struct certificate **certificate);

#endif
