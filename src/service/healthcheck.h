/* SPDX-License-Identifier: MIT */
/*
 * healthcheck: `headcam healthcheck`, which asks a running server for /healthz, as a container engine wants
 * it. It has a process of its own and blocks, but not for long.
 */
#ifndef HEADCAM_SERVICE_HEALTHCHECK_H
#define HEADCAM_SERVICE_HEALTHCHECK_H

#include "http/listen_address.h"

#include <stdbool.h>
#include <stddef.h>

enum { HEALTHCHECK_ERROR_BYTES = 512 };

/*
 * Whether a server answers at each of these addresses; those of TCP speak TLS if has_tls. Whose certificate
 * it is does not matter: it asks for no secret. False, and a sentence in error, at the first that does not.
 */
bool healthcheck(const struct listen_address addresses[], size_t count, bool has_tls,
                 char error[HEALTHCHECK_ERROR_BYTES]);

#endif
