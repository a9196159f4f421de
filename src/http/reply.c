/* SPDX-License-Identifier: MIT */
#include "http/reply.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_BYTES = 1024 };

#define METHODS "GET, HEAD, OPTIONS"

static enum MHD_Result send_response(struct MHD_Connection *connection, unsigned status,
                                     struct MHD_Response *response)
{
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
    return response ? send_response(connection, status, response) : MHD_NO;
}

/* A line of text, to which a header is to be added. */
static struct MHD_Response *line_response(const char *line)
{
    char text[TEXT_BYTES];
    snprintf(text, sizeof(text), "%s\n", line);
    return text_response(text);
}

enum MHD_Result reply_unavailable(struct MHD_Connection *connection, const char *reason)
{
    struct MHD_Response *response = line_response(reason);
    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, "1");
    return send_response(connection, MHD_HTTP_SERVICE_UNAVAILABLE, response);
}

enum MHD_Result reply_upgrade_required(struct MHD_Connection *connection, const char *reason)
{
    struct MHD_Response *response = line_response(reason);
    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, MHD_HTTP_HEADER_UPGRADE, "websocket");
    MHD_add_response_header(response, MHD_HTTP_HEADER_SEC_WEBSOCKET_VERSION, "13");
    return send_response(connection, MHD_HTTP_UPGRADE_REQUIRED, response);
}

enum MHD_Result reply_methods(struct MHD_Connection *connection, unsigned status)
{
    struct MHD_Response *response = text_response(
        status == MHD_HTTP_NO_CONTENT ? "" : "this method is not supported; use one of " METHODS "\n");
    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, METHODS);
    return send_response(connection, status, response);
}

enum MHD_Result reply_json(struct MHD_Connection *connection, char *json)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(strlen(json), json, MHD_RESPMEM_MUST_FREE);
    if (!response) {
        free(json);
        return MHD_NO;
    }
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
    reply_forbid_caching(response);
    return send_response(connection, MHD_HTTP_OK, response);
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
                            const char *content_type, const char *etag)
{
    const char *known =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_IF_NONE_MATCH);
    bool is_known = known && lists_etag(known, etag);
    struct MHD_Response *response = MHD_create_response_from_buffer(
        is_known ? 0 : length, (void *)(uintptr_t)bytes, MHD_RESPMEM_PERSISTENT);
    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_ETAG, etag);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-cache");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    MHD_add_response_header(response, "Content-Security-Policy",
                            "default-src 'self'; img-src 'self' data: blob:");
    return send_response(connection, is_known ? MHD_HTTP_NOT_MODIFIED : MHD_HTTP_OK, response);
}
