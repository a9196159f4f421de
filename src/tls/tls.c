/* SPDX-License-Identifier: MIT */
#include "tls/tls.h"

#include "base/log.h"
#include "base/memory.h"

#include <pthread.h>
#include <stdlib.h>

struct tls {
    const char *path, *key_path;
    pthread_mutex_t certificate_lock;
    struct certificate *certificate; /* guarded by it */
};

static void log_certificate(const struct certificate *certificate)
{
    log_info("TLS shows the certificate of %s", certificate->summary);
}

struct tls *tls_create(const char *path, const char *key_path, char error[CERTIFICATE_ERROR_BYTES])
{
    struct certificate *certificate = certificate_load(path, key_path, error);
    if (!certificate)
        return NULL;
    struct tls *tls = memory_zeroed(sizeof(*tls));
    tls->path = path;
    tls->key_path = key_path;
    tls->certificate = certificate;
    pthread_mutex_init(&tls->certificate_lock, NULL);
    log_certificate(certificate);
    return tls;
}

void tls_destroy(struct tls *tls)
{
    certificate_unref(&tls->certificate);
    pthread_mutex_destroy(&tls->certificate_lock);
    free(tls);
}

void tls_reload(struct tls *tls)
{
    char error[CERTIFICATE_ERROR_BYTES];
    struct certificate *fresh = certificate_load(tls->path, tls->key_path, error);
    if (!fresh) {
        log_error("TLS goes on with the certificate it has: %s", error);
        return;
    }
    log_certificate(fresh);
    pthread_mutex_lock(&tls->certificate_lock);
    struct certificate *old = tls->certificate;
    tls->certificate = fresh;
    pthread_mutex_unlock(&tls->certificate_lock);
    certificate_unref(&old);
}

struct certificate *tls_certificate(struct tls *tls)
{
    pthread_mutex_lock(&tls->certificate_lock);
    struct certificate *certificate = certificate_ref(tls->certificate);
    pthread_mutex_unlock(&tls->certificate_lock);
    return certificate;
}
