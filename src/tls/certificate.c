/* SPDX-License-Identifier: MIT */
#include "tls/certificate.h"

#include "base/log.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/x509.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Far more than any chain needs. */
enum { FILE_MOST_BYTES = 1024 * 1024 };

__attribute__((format(printf, 2, 3))) static bool fail(char error[CERTIFICATE_ERROR_BYTES],
                                                       const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error, CERTIFICATE_ERROR_BYTES, format, arguments);
    va_end(arguments);
    return false;
}

/* ---- files ---- */

static void forget(gnutls_datum_t *text)
{
    if (text->data)
        gnutls_memset(text->data, 0, text->size); /* there may be a key in it */
    free(text->data);
    *text = (gnutls_datum_t){0};
}

/* errno tells why not. */
static bool read_all(int fd, gnutls_datum_t *text)
{
    text->data = memory_zeroed(FILE_MOST_BYTES);
    while (text->size < FILE_MOST_BYTES) {
        ssize_t got = read(fd, text->data + text->size, FILE_MOST_BYTES - text->size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got == 0;
        text->size += (unsigned)got;
    }
    errno = EFBIG;
    return false;
}

static bool read_file(const char *path, gnutls_datum_t *text, char error[CERTIFICATE_ERROR_BYTES])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool is_read = fd >= 0 && read_all(fd, text);
    int reason = errno;
    if (fd >= 0)
        close(fd);
    return is_read || fail(error, "cannot read %s: %s", path, strerror(reason));
}

static void warn_if_everybody_reads(const char *path)
{
    struct stat status;
    if (stat(path, &status) == 0 && (status.st_mode & S_IROTH))
        log_warn("everybody on this machine can read the key in %s; next: chmod o-rwx %s", path, path);
}

/* ---- what is in them ---- */

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

static bool import_key(gnutls_x509_privkey_t key, const gnutls_datum_t *text, const char *path,
                       bool is_own_file, char error[CERTIFICATE_ERROR_BYTES])
{
    int flaw = gnutls_x509_privkey_import2(key, text, GNUTLS_X509_FMT_PEM, NULL, 0);
    if (flaw == 0)
        return true;
    if (flaw == GNUTLS_E_DECRYPTION_FAILED)
        return fail(error, "the key in %s has a password; next: openssl pkey -in %s -out FILE", path, path);
    return fail(error,
                is_own_file ? "%s holds no private key in PEM: %s"
                            : "%s holds no private key in PEM: %s; --tls-key names another file",
                path, gnutls_strerror(flaw));
}

static bool fill(struct certificate *certificate, gnutls_x509_crt_t *chain, unsigned count,
                 gnutls_x509_privkey_t key, const char *path, const char *key_path,
                 char error[CERTIFICATE_ERROR_BYTES])
{
    int flaw = gnutls_certificate_set_x509_key(certificate->credentials, chain, (int)count, key);
    if (flaw == GNUTLS_E_CERTIFICATE_KEY_MISMATCH)
        return fail(error, "the key in %s is not that of the first certificate in %s", key_path, path);
    if (flaw < 0)
        return fail(error, "cannot use the certificate in %s: %s", path, gnutls_strerror(flaw));
    warn_of_dates(chain[0], path);
    warn_if_everybody_reads(key_path);
    summarize(chain[0], certificate->summary);
    return true;
}

static bool parse(struct certificate *certificate, const gnutls_datum_t *text, const gnutls_datum_t *key_text,
                  const char *path, const char *key_path, char error[CERTIFICATE_ERROR_BYTES])
{
    gnutls_x509_crt_t *chain = NULL;
    unsigned count = 0;
    int flaw =
        gnutls_x509_crt_list_import2(&chain, &count, text, GNUTLS_X509_FMT_PEM, GNUTLS_X509_CRT_LIST_SORT);
    if (flaw < 0)
        return fail(error, "%s holds no certificate in PEM: %s", path, gnutls_strerror(flaw));
    gnutls_x509_privkey_t key = NULL;
    bool is_good = gnutls_x509_privkey_init(&key) == 0 &&
                   import_key(key, key_text, key_path, key_path != path, error) &&
                   fill(certificate, chain, count, key, path, key_path, error);
    gnutls_x509_privkey_deinit(key);
    for (unsigned i = 0; i < count; i++)
        gnutls_x509_crt_deinit(chain[i]);
    gnutls_free(chain);
    return is_good;
}

struct certificate *certificate_load(const char *path, const char *key_path,
                                     char error[CERTIFICATE_ERROR_BYTES])
{
    struct certificate *certificate = memory_zeroed(sizeof(*certificate));
    gnutls_datum_t text = {0}, key_text = {0};
    atomic_init(&certificate->references, 1);
    fail(error, "out of memory"); /* unless it is something else */
    if (gnutls_certificate_allocate_credentials(&certificate->credentials) != 0 ||
        !read_file(path, &text, error) || (key_path && !read_file(key_path, &key_text, error)) ||
        !parse(certificate, &text, key_path ? &key_text : &text, path, key_path ? key_path : path, error))
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
