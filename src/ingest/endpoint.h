/* SPDX-License-Identifier: MIT */
/*
 * endpoint: the socket file of an ipc:// endpoint: its directory, what is left of an earlier server,
 * and its mode.
 */
#ifndef HEADCAM_INGEST_ENDPOINT_H
#define HEADCAM_INGEST_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { ENDPOINT_ERROR_BYTES = 512 };

/*
 * Makes room for a socket at the endpoint: creates its directory, removes the socket file of a server
 * that is gone. False, and a sentence in error, where that cannot be: another server listens there,
 * something else is in the way, no permission. Endpoints that are no files need nothing.
 */
bool endpoint_prepare(const char *endpoint, char error[ENDPOINT_ERROR_BYTES]);

/* Sets the mode of the socket file that was bound. */
bool endpoint_set_mode(const char *endpoint, mode_t mode, char error[ENDPOINT_ERROR_BYTES]);

#endif
