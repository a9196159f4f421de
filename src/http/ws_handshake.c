/* SPDX-License-Identifier: MIT */
#include "http/ws_handshake.h"

#include <microhttpd.h>
/* libmicrohttpd's TLS has brought nettle into the process anyway. */
#include <nettle/base64.h>
#include <nettle/sha1.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { KEY_BYTES = 16, KEY_CHARACTERS = 24 };

static const char GUID[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/* Whether a comma-separated list has a token, in whatever case. */
static bool has_token(const char *list, const char *token)
{
    static const char separators[] = ", \t";
    size_t token_length = strlen(token);
    while (list && *list) {
        list += strspn(list, separators);
        size_t length = strcspn(list, separators);
        if (length == token_length && strncasecmp(list, token, length) == 0)
            return true;
        list += length;
    }
    return false;
}

static bool is_key(const char *key)
{
    struct base64_decode_ctx decoder;
    uint8_t bytes[BASE64_DECODE_LENGTH(KEY_CHARACTERS)];
    size_t length = sizeof(bytes);
    if (!key || strlen(key) != KEY_CHARACTERS)
        return false;
    base64_decode_init(&decoder);
    return base64_decode_update(&decoder, &length, bytes, KEY_CHARACTERS, key) &&
           base64_decode_final(&decoder) && length == KEY_BYTES;
}

const char *ws_handshake_check(const struct ws_handshake *request, unsigned *status)
{
    *status = MHD_HTTP_UPGRADE_REQUIRED;
    if (!has_token(request->upgrade, "websocket"))
        return "a WebSocket is here: connect with ws://, or take /stream/NAME for MJPEG (if this was a "
               "WebSocket's request, a proxy has dropped its Upgrade header)";
    if (strcmp(request->method, MHD_HTTP_METHOD_GET) != 0)
        return "a WebSocket is asked for with GET";
    if (strcmp(request->http_version, MHD_HTTP_VERSION_1_1) != 0)
        return "a WebSocket is asked for with HTTP/1.1 (if a proxy is between, let it speak 1.1)";
    if (!has_token(request->connection, "upgrade"))
        return "the header 'Connection: Upgrade' is missing (if a proxy is between, let it pass Upgrade and "
               "Connection on)";
    if (!request->version || strcmp(request->version, "13") != 0)
        return "Sec-WebSocket-Version must be 13";
    *status = MHD_HTTP_BAD_REQUEST;
    return is_key(request->key) ? NULL : "Sec-WebSocket-Key must be 16 bytes in base64";
}

void ws_handshake_accept(const char *key, char accept[WS_ACCEPT_BYTES])
{
    struct sha1_ctx sha1;
    uint8_t digest[SHA1_DIGEST_SIZE];
    _Static_assert(BASE64_ENCODE_RAW_LENGTH(SHA1_DIGEST_SIZE) + 1 == WS_ACCEPT_BYTES, "room for the key");
    sha1_init(&sha1);
    sha1_update(&sha1, strlen(key), (const uint8_t *)key);
    sha1_update(&sha1, sizeof(GUID) - 1, (const uint8_t *)GUID);
    sha1_digest(&sha1, sizeof(digest), digest);
    base64_encode_raw(accept, sizeof(digest), digest);
    accept[WS_ACCEPT_BYTES - 1] = '\0';
}

void ws_handshake_answer(const char accept[WS_ACCEPT_BYTES], char answer[WS_ANSWER_BYTES])
{
    snprintf(answer, WS_ANSWER_BYTES,
             "HTTP/1.1 101 Switching Protocols\r\n"
             "Upgrade: websocket\r\n"
             "Connection: Upgrade\r\n"
             "Sec-WebSocket-Accept: %s\r\n\r\n",
             accept);
}
