/* SPDX-License-Identifier: MIT */
/*
 * endpoint: the socket file of an ipc:// endpoint. Endpoints that are no files need nothing of this.
 */
#ifndef HEADCAM_INGEST_ENDPOINT_H
#define HEADCAM_INGEST_ENDPOINT_H

#include "base/socket_file.h"

enum { ENDPOINT_ERROR_BYTES = SOCKET_FILE_ERROR_BYTES };

/* Makes room for a socket at the endpoint. False, and a sentence in error, where that cannot be. */
bool endpoint_prepare(const char *endpoint, char error[ENDPOINT_ERROR_BYTES]);

/* Sets the mode of the socket file that was bound. */
bool endpoint_set_mode(const char *endpoint, mode_t mode, char error[ENDPOINT_ERROR_BYTES]);

/* Removes the socket file, if it is still this process's, whose socket is still open. */
void endpoint_remove(const char *endpoint);

#endif
