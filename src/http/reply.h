/* SPDX-License-Identifier: MIT */
/*
 * reply: whole answers, and the headers that all answers share. The HTTP thread.
 */
#ifndef HEADCAM_HTTP_REPLY_H
#define HEADCAM_HTTP_REPLY_H

#include "base/text_list.h"

#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Which other origins' pages may read the answers; the list lasts. Before the first thread starts. */
void reply_allow_origins(const struct text_list *origins);

/* Sends an answer with what all of them say to pages of other origins; it is not the caller's any more. */
enum MHD_Result reply_send(struct MHD_Connection *connection, unsigned status, struct MHD_Response *response);

/* One line of text, formatted; nothing of it is kept by caches. */
__attribute__((format(printf, 3, 4))) enum MHD_Result reply_text(struct MHD_Connection *connection,
                                                                 unsigned status, const char *format, ...);

/* 503 with Retry-After: what is asked for may be there in a moment. */
enum MHD_Result reply_unavailable(struct MHD_Connection *connection, const char *reason);

/* 401: who it is must be told, as the challenge says. */
enum MHD_Result reply_unauthorized(struct MHD_Connection *connection, const char *challenge,
                                   const char *reason);

/* 429 with Retry-After: not now. */
enum MHD_Result reply_too_many(struct MHD_Connection *connection, uint64_t retry_after_s, const char *reason);

/* Whether --allow-origin lets the page that asks read what is served, with the password it comes with. */
bool reply_origin_is_allowed(struct MHD_Connection *connection);

/* 426: what is here is a WebSocket. */
enum MHD_Result reply_upgrade_required(struct MHD_Connection *connection, const char *reason);

/* 405 or the answer to OPTIONS (204), which may be a browser's question whether a page may ask. */
enum MHD_Result reply_methods(struct MHD_Connection *connection, unsigned status);

/* Bytes from malloc(), which are freed when they are sent. */
enum MHD_Result reply_content(struct MHD_Connection *connection, const char *content_type, void *bytes,
                              size_t length);

/* A file of the page, with its ETag. mode tells whether the bytes last. */
enum MHD_Result reply_asset(struct MHD_Connection *connection, const void *bytes, size_t length,
                            enum MHD_ResponseMemoryMode mode, const char *content_type, const char *etag);

/* Headers of everything that is only true now. */
void reply_forbid_caching(struct MHD_Response *response);

#endif
