/* SPDX-License-Identifier: MIT */
/* Input: a byte that tells what follows: a text message's JSON, or what a client sends on its socket. */
#include "http/ws_talk.h"
#include "http/ws_text.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/support.h"

#include <string.h>

static const struct ws_wish PRESENT = {.rate = 30000, .settings = {.width = 640, .quality = 80}};

static void check_wish(const struct ws_wish *wish)
{
    fuzz_check(wish->rate == 0 || (wish->rate >= 100 && wish->rate <= 240000));
    fuzz_check(wish->settings.quality <= 100);
    fuzz_check(wish->settings.width == 0 || (wish->settings.width >= 16 && wish->settings.width <= 65500));
    fuzz_check(wish->window <= WS_WINDOW_MAX);
}

static void run_text(const char *text, size_t size)
{
    struct ws_request request;
    char error[WS_ERROR_BYTES] = "";
    switch (ws_text_read(text, size, &PRESENT, &request, error)) {
    case WS_READ:
        check_wish(&request.wish);
        break;
    case WS_BAD_VALUE:
        fuzz_check(error[0] != '\0' && memchr(error, '\0', sizeof(error)));
        break;
    case WS_NO_OBJECT:
        break;
    }
}

static void on_text(void *arg, const char *text, size_t length)
{
    (void)arg;
    fuzz_check(length <= WS_MESSAGE_MAX);
    run_text(text, length);
}

static void run_talk(const uint8_t *data, size_t size)
{
    struct ws_talk talk;
    ws_talk_init(&talk, on_text, NULL);
    for (size_t at = 0; at < size && !ws_talk_is_full(&talk); at += 64)
        ws_talk_feed(&talk, data + at, size - at < 64 ? size - at : 64);
    /* Pongs are no longer than their pings; then a close. */
    fuzz_check(talk.out.length <= size + 127);
    ws_talk_fini(&talk);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    if (data[0] % 2 == 0)
        run_text((const char *)data + 1, size - 1);
    else
        run_talk(data + 1, size - 1);
    return 0;
}

void fuzz_seeds(void (*add)(const void *data, size_t size))
{
    static const char *const texts[] = {
        "{\"fps\": 12.5, \"quality\": 60, \"width\": 320, \"window\": 4}",
        "{\"fps\": null, \"quality\": null, \"width\": null, \"window\": null}",
        "{\"ack\": 4711}",
        "{\"width\": 0, \"other\": [\"\\u00e9\", {}, 1e3]}",
    };
    static const char frames[] = "\1"
                                 "\x89\x82\0\0\0\0ab"          /* a ping */
                                 "\x01\x82\0\0\0\0{\""         /* a text in two pieces */
                                 "\x80\x86\0\0\0\0ack\":1"     /* as good as one */
                                 "\x81\x82\1\2\3\4\x7a\x7f"    /* masked */
                                 "\x88\x84\0\0\0\0\x03\xe8ok"; /* a close */
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct bytes seed = {0};
        bytes_append(&seed, "\0", 1);
        bytes_append(&seed, texts[i], strlen(texts[i]));
        add(seed.data, seed.length);
        bytes_fini(&seed);
    }
    add(frames, sizeof(frames) - 1);
}
