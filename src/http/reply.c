/* SPDX-License-Identifier: MIT */
#include "http/reply.h"

#include "http/asked.h"
#include "http/origins.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_BYTES = 1024 };

#define METHODS "GET, HEAD, OPTIONS"

/* What a page of another origin may send beside the ordinary, read beside the body, and for how long its
   browser need not ask again (a day; browsers have limits of their own). */
static const char ALLOWED_HEADERS[] = "Authorization",
                  EXPOSED_HEADERS[] = "Date, Retry-After, X-Timestamp, X-Headcam-Sequence, X-Headcam-State, "
                                      "X-Headcam-Sim-Time, X-Headcam-Update, X-Headcam-Width, "
                                      "X-Headcam-Height, X-Headcam-Stride, X-Headcam-Format",
                  PREFLIGHT_MAX_AGE_S[] = "86400";

static const struct text_list no_origins;
static const struct text_list *allowed_origins = &no_origins;

void reply_allow_origins(const struct text_list *origins)
{
    allowed_origins = origins;
}

static struct origin_verdict judge_origin(struct MHD_Connection *connection)
{
    return origins_judge(allowed_origins, asked_header(connection, MHD_HTTP_HEADER_ORIGIN));
}

bool reply_origin_is_allowed(struct MHD_Connection *connection)
{
    const struct origin_verdict verdict = judge_origin(connection);
    return verdict.allowed &&
           (verdict.with_credentials || !asked_header(connection, MHD_HTTP_HEADER_AUTHORIZATION));
}

static void add_origin_headers(struct MHD_Connection *connection, struct MHD_Response *response)
{
    if (allowed_origins->count == 0)
        return;
    const struct origin_verdict verdict = judge_origin(connection);
    /* Pages that isolate themselves (COEP) embed nothing without it; an <img> does not say who asks. */
    MHD_add_response_header(response, "Cross-Origin-Resource-Policy", "cross-origin");
    if (verdict.depends_on_the_page)
        MHD_add_response_header(response, MHD_HTTP_HEADER_VARY, MHD_HTTP_HEADER_ORIGIN);
    if (!verdict.allowed)
        return;
    MHD_add_response_header(response, MHD_HTTP_HEADER_ACCESS_CONTROL_ALLOW_ORIGIN, verdict.allowed);
    if (verdict.with_credentials)
        MHD_add_response_header(response, MHD_HTTP_HEADER_ACCESS_CONTROL_ALLOW_CREDENTIALS, "true");
    MHD_add_response_header(response, MHD_HTTP_HEADER_ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED_HEADERS);
}

enum MHD_Result reply_send(struct MHD_Connection *connection, unsigned status, struct MHD_Response *response)
{
    add_origin_headers(connection, response);
    enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

void reply_forbid_caching(struct MHD_Response *response)
{
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
}

static struct MHD_Response *text_response(const char *text)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(strlen(text), (void *)(uintptr_t)text, MHD_RESPMEM_MUST_COPY);
    if (response) {
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "text/plain; charset=utf-8");
        reply_forbid_caching(response);
    }
    return response;
}

enum MHD_Result reply_text(struct MHD_Connection *connection, unsigned status, const char *format, ...)
{
    char text[TEXT_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text) - 1, format, arguments);
    va_end(arguments);
    strcat(text, "\n");
    struct MHD_Response *response = text_response(text);
    return response ? reply_send(connection, status, response) : MHD_NO;
}

/* A line of text, to which a header is to be added. */
static struct MHD_Response *line_response(const char *line)
{
    char text[TEXT_BYTES];
    snprintf(text, sizeof(text), "%s\n", line);
    return text_response(text);
}

/* One line of text, and a header that goes with it. */
static enum MHD_Result reply_with_header(struct MHD_Connection *connection, unsigned status, const char *name,
                                         const char *value, const char *line)
{
    struct MHD_Response *response = line_response(line);
    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, name, value);
    return reply_send(connection, status, response);
}

enum MHD_Result reply_unavailable(struct MHD_Connection *connection, const char *reason)
{
    return reply_with_header(connection, MHD_HTTP_SERVICE_UNAVAILABLE, MHD_HTTP_HEADER_RETRY_AFTER, "1",
                             reason);
}

enum MHD_Result reply_unauthorized(struct MHD_Connection *connection, const char *challenge,
                                   const char *reason)
{
    return reply_with_header(connection, MHD_HTTP_UNAUTHORIZED, MHD_HTTP_HEADER_WWW_AUTHENTICATE, challenge,
                             reason);
}

enum MHD_Result reply_too_many(struct MHD_Connection *connection, uint64_t retry_after_s, const char *reason)
{
    char seconds[24];
    snprintf(seconds, sizeof(seconds), "%" PRIu64, retry_after_s);
    return reply_with_header(connection, MHD_HTTP_TOO_MANY_REQUESTS, MHD_HTTP_HEADER_RETRY_AFTER, seconds,
                             reason);
}

enum MHD_Result reply_upgrade_required(struct MHD_Connection *connection, const char *reason)
{
    struct MHD_Response *response = line_response(reason);
    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, MHD_HTTP_HEADER_UPGRADE, "websocket");
    MHD_add_response_header(response, MHD_HTTP_HEADER_SEC_WEBSOCKET_VERSION, "13");
    return reply_send(connection, MHD_HTTP_UPGRADE_REQUIRED, response);
}

static bool is_preflight(struct MHD_Connection *connection)
{
    return asked_header(connection, MHD_HTTP_HEADER_ACCESS_CONTROL_REQUEST_METHOD) != NULL;
}

enum MHD_Result reply_methods(struct MHD_Connection *connection, unsigned status)
{
    struct MHD_Response *response = text_response(
        status == MHD_HTTP_NO_CONTENT ? "" : "this method is not supported; use one of " METHODS "\n");
    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, METHODS);
    if (status == MHD_HTTP_NO_CONTENT && is_preflight(connection) && judge_origin(connection).allowed) {
        MHD_add_response_header(response, MHD_HTTP_HEADER_ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        MHD_add_response_header(response, MHD_HTTP_HEADER_ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED_HEADERS);
        MHD_add_response_header(response, MHD_HTTP_HEADER_ACCESS_CONTROL_MAX_AGE, PREFLIGHT_MAX_AGE_S);
    }
    return reply_send(connection, status, response);
}

enum MHD_Result reply_content(struct MHD_Connection *connection, const char *content_type, void *bytes,
                              size_t length)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(length, bytes, MHD_RESPMEM_MUST_FREE);
    if (!response) {
        free(bytes);
        return MHD_NO;
    }
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
    reply_forbid_caching(response);
    return reply_send(connection, MHD_HTTP_OK, response);
}

/* Whether an If-None-Match lists the ETag; weak or not, as RFC 9110 asks for. */
static bool lists_etag(const char *list, const char *etag)
{
    size_t length = strlen(etag);
    if (strcmp(list, "*") == 0)
        return true;
    while ((list = strstr(list, etag))) {
        list += length; /* its quotes are part of an ETag: this is no part of a longer one */
        list += strspn(list, " \t");
        if (*list == '\0' || *list == ',')
            return true;
    }
    return false;
}

enum MHD_Result reply_asset(struct MHD_Connection *connection, const void *bytes, size_t length,
                            enum MHD_ResponseMemoryMode mode, const char *content_type, const char *etag)
{
    const char *known = asked_header(connection, MHD_HTTP_HEADER_IF_NONE_MATCH);
    bool is_known = known && lists_etag(known, etag);
    struct MHD_Response *response =
        MHD_create_response_from_buffer(is_known ? 0 : length, (void *)(uintptr_t)bytes, mode);
    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_ETAG, etag);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-cache");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    MHD_add_response_header(response, "Content-Security-Policy",
                            "default-src 'self'; img-src 'self' data: blob:");
    return reply_send(connection, is_known ? MHD_HTTP_NOT_MODIFIED : MHD_HTTP_OK, response);
}
