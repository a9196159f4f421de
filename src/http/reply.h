/* SPDX-License-Identifier: MIT */
/*
 * reply: whole answers, and the headers that all answers share. The HTTP thread.
 */
#ifndef HEADCAM_HTTP_REPLY_H
#define HEADCAM_HTTP_REPLY_H

#include <microhttpd.h>
#include <stddef.h>

/* One line of text, formatted; nothing of it is kept by caches. */
__attribute__((format(printf, 3, 4))) enum MHD_Result reply_text(struct MHD_Connection *connection,
                                                                 unsigned status, const char *format, ...);

/* 503 with Retry-After: what is asked for may be there in a moment. */
enum MHD_Result reply_unavailable(struct MHD_Connection *connection, const char *reason);

/* 426: what is here is a WebSocket. */
enum MHD_Result reply_upgrade_required(struct MHD_Connection *connection, const char *reason);

/* 405 or the answer to OPTIONS (204). */
enum MHD_Result reply_methods(struct MHD_Connection *connection, unsigned status);

/* Text from malloc(), which is freed when it is sent. */
enum MHD_Result reply_json(struct MHD_Connection *connection, char *json);

/* Bytes that last, with their ETag. */
enum MHD_Result reply_asset(struct MHD_Connection *connection, const void *bytes, size_t length,
                            const char *content_type, const char *etag);

/* Headers of everything that is only true now. */
void reply_forbid_caching(struct MHD_Response *response);

#endif
