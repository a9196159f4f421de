/* SPDX-License-Identifier: MIT */
#include "http/ws_client.h"

#include "base/clock.h"
#include "http/retune.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Small: answers may be longer than what they answer, and are to stay few. */
enum { READ_BYTES = 512 };

static void say_error(struct ws_client *client, const char *error)
{
    char *text = ws_text_error(error);
    ws_talk_text(&client->talk, text);
    free(text);
}

static void acknowledge(struct ws_client *client, uint64_t update)
{
    if (update > client->update) {
        char error[WS_ERROR_BYTES];
        snprintf(error, sizeof(error), "ack %" PRIu64 " is of no picture yet; the last one was %" PRIu64,
                 update, client->update);
        say_error(client, error);
    } else if (update > client->acked) {
        client->acked = update;
    }
}

static void follow(struct viewer *viewer, const struct ws_wish *wish)
{
    struct ws_client *client = viewer->ws;
    if (!retune_viewer(viewer, wish->rate, &wish->settings)) {
        char error[WS_ERROR_BYTES];
        snprintf(error, sizeof(error), HUB_VARIANTS_ERROR, client->max_variants);
        say_error(client, error);
        return;
    }
    if (client->window == 0) /* only from now on it acknowledges */
        client->acked = client->update;
    client->window = wish->window;
    client->described = 0;
}

static void on_text(void *arg, const char *text, size_t length)
{
    struct viewer *viewer = arg;
    struct ws_client *client = viewer->ws;
    struct ws_request request;
    char error[WS_ERROR_BYTES];
    const struct ws_wish present = {
        .rate = viewer->rate, .settings = viewer->settings, .window = client->window};
    switch (ws_text_read(text, length, &present, &request, error)) {
    case WS_NO_OBJECT:
        ws_talk_close(&client->talk, WSLAY_CODE_INVALID_FRAME_PAYLOAD_DATA, "a message is a JSON object");
        break;
    case WS_BAD_VALUE:
        say_error(client, error);
        break;
    case WS_READ:
        if (request.acked != 0)
            acknowledge(client, request.acked);
        if (request.has_wish)
            follow(viewer, &request.wish);
        break;
    }
}

void ws_client_init(struct viewer *viewer, struct ws_client *client, uint32_t window, size_t max_variants)
{
    viewer->ws = client;
    client->window = window;
    client->max_variants = max_variants;
    heartbeat_heard(&client->heartbeat, clock_mono_ns());
    ws_talk_init(&client->talk, on_text, viewer);
}

void ws_client_fini(struct ws_client *client)
{
    ws_talk_fini(&client->talk);
}

void ws_client_answer(struct ws_client *client, const char *answer)
{
    bytes_append(&client->talk.out, answer, strlen(answer));
}

enum ws_heard ws_client_hear(struct viewer *viewer)
{
    struct ws_client *client = viewer->ws;
    uint8_t bytes[READ_BYTES];
    if (ws_talk_is_full(&client->talk))
        return WS_HEARD_NOTHING;
    ssize_t count = viewer_receive(viewer, bytes, sizeof(bytes));
    if (count < 0 && errno == EINTR)
        return WS_HEARD;
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return WS_HEARD_NOTHING;
    if (count <= 0)
        return WS_GONE;
    heartbeat_heard(&client->heartbeat, clock_mono_ns());
    ws_talk_feed(&client->talk, bytes, (size_t)count);
    return WS_HEARD;
}

void ws_client_note_sent(struct viewer *viewer)
{
    struct ws_client *client = viewer->ws;
    if (client->ping_end == UINT64_MAX && client->talk.out.length == 0)
        client->ping_end = viewer->written_bytes;
}

void ws_client_describe(struct viewer *viewer, const struct hub_description *description, uint64_t serial)
{
    struct ws_client *client = viewer->ws;
    const struct ws_wish wish = {
        .rate = viewer->rate, .settings = viewer->settings, .window = client->window};
    char *text = ws_text_description(description, &wish);
    ws_talk_text(&client->talk, text);
    free(text);
    client->described = serial;
}

bool ws_client_check_heartbeat(struct viewer *viewer, uint64_t now_ns, uint64_t patience_ns)
{
    struct ws_client *client = viewer->ws;
    bool ping_arrived = false;
    if (client->heartbeat.asked_ns != 0) {
        viewer_check_progress(viewer, now_ns);
        ping_arrived = viewer->drained_bytes >= client->ping_end;
    }
    switch (heartbeat_check(&client->heartbeat, now_ns, patience_ns, ping_arrived)) {
    case HEARTBEAT_WAIT:
        return true;
    case HEARTBEAT_ASK:
        client->ping_end = UINT64_MAX;
        ws_talk_ping(&client->talk);
        return true;
    case HEARTBEAT_GIVE_UP:
        break;
    }
    return false;
}
