/* SPDX-License-Identifier: MIT */
#include "tls/certificate.h"

#include "base/flag_file.h"
#include "base/log.h"
#include "base/memory.h"

#include <gnutls/x509.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

_Static_assert((int)CERTIFICATE_ERROR_BYTES >= (int)FLAG_FILE_ERROR_BYTES, "its errors fit");

__attribute__((format(printf, 2, 3))) static bool fail(char error[CERTIFICATE_ERROR_BYTES],
                                                       const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error, CERTIFICATE_ERROR_BYTES, format, arguments);
    va_end(arguments);
    return false;
}

static void forget(struct bytes *text)
{
    if (text->data)
        explicit_bzero(text->data, text->length); /* there may be a key in it */
    bytes_fini(text);
}

static gnutls_datum_t datum_of(const struct bytes *text)
{
    return (gnutls_datum_t){text->data, (unsigned)text->length};
}

static void warn_of_dates(gnutls_x509_crt_t certificate, const char *path)
{
    time_t now = time(NULL);
    if (gnutls_x509_crt_get_expiration_time(certificate) < now)
        log_warn("the certificate in %s has expired; clients will refuse it", path);
    else if (gnutls_x509_crt_get_activation_time(certificate) > now)
        log_warn("the certificate in %s is not valid yet; clients will refuse it", path);
}

static void summarize(gnutls_x509_crt_t certificate, char summary[CERTIFICATE_SUMMARY_BYTES])
{
    char name[256] = "", day[16] = "?";
    size_t length = sizeof(name);
    time_t end = gnutls_x509_crt_get_expiration_time(certificate);
    struct tm tm;
    if (gnutls_x509_crt_get_dn(certificate, name, &length) != 0 || !name[0]) {
        length = sizeof(name);
        if (gnutls_x509_crt_get_subject_alt_name(certificate, 0, name, &length, NULL) < 0)
            strcpy(name, "no name");
    }
    if (gmtime_r(&end, &tm))
        strftime(day, sizeof(day), "%Y-%m-%d", &tm);
    snprintf(summary, CERTIFICATE_SUMMARY_BYTES, "%s, valid until %s", name, day);
}

static bool import_key(gnutls_x509_privkey_t key, const struct bytes *text, const struct flag_file *file,
                       bool is_own_file, char error[CERTIFICATE_ERROR_BYTES])
{
    const gnutls_datum_t datum = datum_of(text);
    int flaw = gnutls_x509_privkey_import2(key, &datum, GNUTLS_X509_FMT_PEM, NULL, 0);
    if (flaw == 0)
        return true;
    if (flaw == GNUTLS_E_DECRYPTION_FAILED)
        return fail(error, "%s %.200s: the key has a password; next: openssl pkey -in %.200s -out FILE",
                    file->flag, file->path, file->path);
    return fail(error, "%s %.200s holds no private key in PEM: %s%s", file->flag, file->path,
                gnutls_strerror(flaw), is_own_file ? "" : "; --tls-key names another file");
}

static bool fill(struct certificate *certificate, gnutls_x509_crt_t *chain, unsigned count,
                 gnutls_x509_privkey_t key, const struct flag_file *file, const struct flag_file *key_file,
                 char error[CERTIFICATE_ERROR_BYTES])
{
    int flaw = gnutls_certificate_set_x509_key(certificate->credentials, chain, (int)count, key);
    if (flaw == GNUTLS_E_CERTIFICATE_KEY_MISMATCH)
        return fail(error, "%s %.200s: the key is not that of the first certificate in %s %.200s",
                    key_file->flag, key_file->path, file->flag, file->path);
    if (flaw < 0)
        return fail(error, "cannot use %s %.200s: %s", file->flag, file->path, gnutls_strerror(flaw));
    warn_of_dates(chain[0], file->path);
    summarize(chain[0], certificate->summary);
    return true;
}

static bool parse(struct certificate *certificate, const struct bytes *text, const struct bytes *key_text,
                  const struct flag_file *file, const struct flag_file *key_file,
                  char error[CERTIFICATE_ERROR_BYTES])
{
    const gnutls_datum_t datum = datum_of(text);
    gnutls_x509_crt_t *chain = NULL;
    unsigned count = 0;
    int flaw =
        gnutls_x509_crt_list_import2(&chain, &count, &datum, GNUTLS_X509_FMT_PEM, GNUTLS_X509_CRT_LIST_SORT);
    if (flaw < 0)
        return fail(error, "%s %.200s holds no certificate in PEM: %s", file->flag, file->path,
                    gnutls_strerror(flaw));
    gnutls_x509_privkey_t key = NULL;
    bool is_good = gnutls_x509_privkey_init(&key) == 0 &&
                   import_key(key, key_text, key_file, key_file != file, error) &&
                   fill(certificate, chain, count, key, file, key_file, error);
    gnutls_x509_privkey_deinit(key);
    for (unsigned i = 0; i < count; i++)
        gnutls_x509_crt_deinit(chain[i]);
    gnutls_free(chain);
    return is_good;
}

struct certificate *certificate_load(const char *path, const char *key_path,
                                     char error[CERTIFICATE_ERROR_BYTES])
{
    const struct flag_file file = {
        .flag = "--tls-cert", .path = path, .is_secret = !key_path, .is_lenient = true};
    const struct flag_file key_file = {
        .flag = "--tls-key", .path = key_path, .is_secret = true, .is_lenient = true};
    struct certificate *certificate = memory_zeroed(sizeof(*certificate));
    struct bytes text = {0}, key_text = {0};
    atomic_init(&certificate->references, 1);
    fail(error, "out of memory"); /* unless it is something else */
    if (gnutls_certificate_allocate_credentials(&certificate->credentials) != 0 ||
        !flag_file_read(&file, &text, error) || (key_path && !flag_file_read(&key_file, &key_text, error)) ||
        !parse(certificate, &text, key_path ? &key_text : &text, &file, key_path ? &key_file : &file, error))
        certificate_unref(&certificate);
    forget(&text);
    forget(&key_text);
    return certificate;
}

struct certificate *certificate_ref(struct certificate *certificate)
{
    atomic_fetch_add(&certificate->references, 1);
    return certificate;
}

void certificate_unref(struct certificate **certificate)
{
    struct certificate *mine = *certificate;
    *certificate = NULL;
    if (!mine || atomic_fetch_sub(&mine->references, 1) != 1)
        return;
    if (mine->credentials)
        gnutls_certificate_free_credentials(mine->credentials);
    free(mine);
}
