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

/* 405 or the answer to OPTIONS (204). */
enum MHD_Result reply_methods(struct MHD_Connection *connection, unsigned status);

/* Bytes from malloc(), which are freed when they are sent. */
enum MHD_Result reply_content(struct MHD_Connection *connection, const char *content_type, void *bytes,
                              size_t length);

/* Bytes that last, with their ETag. */
enum MHD_Result reply_asset(struct MHD_Connection *connection, const void *bytes, size_t length,
                            const char *content_type, const char *etag);

/* Headers of everything that is only true now. */
void reply_forbid_caching(struct MHD_Response *response);

#endif
