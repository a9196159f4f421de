/* SPDX-License-Identifier: MIT */
/*
 * ws_handshake: whether a request may become a WebSocket, and the key of the answer (RFC 6455, 4.2). Pure.
 */
#ifndef HEADCAM_HTTP_WS_HANDSHAKE_H
#define HEADCAM_HTTP_WS_HANDSHAKE_H

/* A SHA-1 in base64, and its end; the answer with it. */
enum { WS_ACCEPT_BYTES = 29, WS_ANSWER_BYTES = 160 };

/* A request's method and version, and values of its headers; NULL: a header is missing. */
struct ws_handshake {
    const char *method, *http_version;
    const char *upgrade, *connection;
    const char *version, *key; /* Sec-WebSocket-... */
};

/* NULL: it may. Otherwise why not, in one line; *status is then the HTTP status, 426 or 400. */
const char *ws_handshake_check(const struct ws_handshake *request, unsigned *status);

/* Sec-WebSocket-Accept for a key. */
void ws_handshake_accept(const char *key, char accept[WS_ACCEPT_BYTES]);

/* The answer: 101 and its headers. */
void ws_handshake_answer(const char accept[WS_ACCEPT_BYTES], char answer[WS_ANSWER_BYTES]);

#endif
