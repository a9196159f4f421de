/* SPDX-License-Identifier: MIT */
#include "http/ws_talk.h"

#include "http/ws_text.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* More than this to go: the client is not listened to. Its pings would pile up as pongs. */
enum { FULL_BYTES = 4096 };

/* Of a close frame: what a control frame may hold, without the code. */
enum { CLOSE_REASON_MAX = 123 };

static ssize_t on_receive(struct wslay_event_context *context, uint8_t *buffer, size_t room, int flags,
                          void *arg)
{
    (void)flags;
    struct ws_talk *talk = arg;
    size_t count = talk->in_bytes < room ? talk->in_bytes : room;
    if (count == 0) {
        wslay_event_set_error(context, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }
    memcpy(buffer, talk->in, count);
    talk->in += count;
    talk->in_bytes -= count;
    return (ssize_t)count;
}

static ssize_t on_send(struct wslay_event_context *context, const uint8_t *data, size_t length, int flags,
                       void *arg)
{
    (void)context, (void)flags;
    struct ws_talk *talk = arg;
    if (!talk->is_broken)
        bytes_append(&talk->out, data, length);
    return (ssize_t)length;
}

static bool is_utf8(const uint8_t *text, size_t length)
{
    json_t *string = json_stringn((const char *)text, length); /* which makes none of anything else */
    json_decref(string);
    return string != NULL;
}

/* Ends it without wslay, which would close with another code, or with none. */
static void break_off(struct ws_talk *talk, enum wslay_status_code code)
{
    const uint8_t frame[] = {0x88, 2, (uint8_t)(code >> 8), (uint8_t)code};
    if (!ws_talk_is_over(talk))
        bytes_append(&talk->out, frame, sizeof(frame));
    talk->is_broken = true;
    wslay_event_shutdown_read(talk->context);
}

/* wslay answers with the same bytes, and looks at some of them only. */
static void check_close(struct ws_talk *talk, const struct wslay_event_on_msg_recv_arg *message)
{
    if (message->msg_length == 1)
        break_off(talk, WSLAY_CODE_PROTOCOL_ERROR); /* half a code */
    else if (message->msg_length > 2 && !is_utf8(message->msg + 2, message->msg_length - 2))
        break_off(talk, WSLAY_CODE_INVALID_FRAME_PAYLOAD_DATA);
}

static void on_message(struct wslay_event_context *context, const struct wslay_event_on_msg_recv_arg *message,
                       void *arg)
{
    (void)context;
    struct ws_talk *talk = arg;
    if (message->opcode == WSLAY_TEXT_FRAME)
        talk->on_text(talk->arg, (const char *)message->msg, message->msg_length);
    else if (message->opcode == WSLAY_BINARY_FRAME)
        ws_talk_close(talk, WSLAY_CODE_UNSUPPORTED_DATA, "send text, not binary messages");
    else if (message->opcode == WSLAY_CONNECTION_CLOSE)
        check_close(talk, message);
    /* wslay answers pings. */
}

void ws_talk_init(struct ws_talk *talk, ws_talk_on_text *on_text, void *arg)
{
    const struct wslay_event_callbacks callbacks = {
        .recv_callback = on_receive,
        .send_callback = on_send,
        .on_msg_recv_callback = on_message,
    };
    memset(talk, 0, sizeof(*talk));
    talk->on_text = on_text;
    talk->arg = arg;
    if (wslay_event_context_server_init(&talk->context, &callbacks, talk) != 0)
        abort(); /* as memory_zeroed() */
    wslay_event_config_set_max_recv_msg_length(talk->context, WS_MESSAGE_MAX);
}

void ws_talk_fini(struct ws_talk *talk)
{
    wslay_event_context_free(talk->context);
    bytes_fini(&talk->out);
}

void ws_talk_feed(struct ws_talk *talk, const void *bytes, size_t length)
{
    talk->in = bytes;
    talk->in_bytes = length;
    if (wslay_event_recv(talk->context) == 0)
        wslay_event_send(talk->context);
    else
        break_off(talk, WSLAY_CODE_PROTOCOL_ERROR); /* bytes that are no frame */
    talk->in = NULL;
    talk->in_bytes = 0;
}

bool ws_talk_is_full(const struct ws_talk *talk)
{
    return talk->out.length >= FULL_BYTES;
}

static void queue(struct ws_talk *talk, enum wslay_opcode opcode, const char *payload)
{
    const struct wslay_event_msg message = {
        .opcode = (uint8_t)opcode, .msg = (const uint8_t *)payload, .msg_length = strlen(payload)};
    if (wslay_event_queue_msg(talk->context, &message) == 0)
        wslay_event_send(talk->context);
}

void ws_talk_text(struct ws_talk *talk, const char *text)
{
    queue(talk, WSLAY_TEXT_FRAME, text);
}

void ws_talk_ping(struct ws_talk *talk)
{
    queue(talk, WSLAY_PING, "");
}

void ws_talk_close(struct ws_talk *talk, enum wslay_status_code code, const char *reason)
{
    size_t length = strlen(reason);
    wslay_event_shutdown_read(talk->context);
    if (wslay_event_queue_close(talk->context, (uint16_t)code, (const uint8_t *)reason,
                                length < CLOSE_REASON_MAX ? length : CLOSE_REASON_MAX) == 0)
        wslay_event_send(talk->context);
}

bool ws_talk_is_over(const struct ws_talk *talk)
{
    return talk->is_broken || wslay_event_get_close_sent(talk->context);
}

bool ws_talk_has_refused(const struct ws_talk *talk)
{
    const uint16_t sent = wslay_event_get_status_code_sent(talk->context);
    return talk->is_broken ||
           (wslay_event_get_close_sent(talk->context) && !wslay_event_get_close_received(talk->context) &&
            sent != WSLAY_CODE_NORMAL_CLOSURE && sent != WSLAY_CODE_GOING_AWAY);
}
