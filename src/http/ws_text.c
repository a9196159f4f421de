/* SPDX-License-Identifier: MIT */
#include "http/ws_text.h"

#include "base/version.h"
#include "http/query.h"
#include "http/ws_frame.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>

__attribute__((format(printf, 2, 3))) static bool refuse(char error[WS_ERROR_BYTES], const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error, WS_ERROR_BYTES, format, arguments);
    va_end(arguments);
    return false;
}

/* ---- from the client ---- */

/* Finds a key; null stands for the default, 0. False: there is nothing to read of it. */
static bool find(const json_t *object, const char *key, uint32_t *number, struct ws_request *request,
                 const json_t **value)
{
    *value = json_object_get(object, key);
    if (!*value)
        return false;
    request->has_wish = true;
    if (json_is_null(*value))
        *number = 0;
    return !json_is_null(*value);
}

static bool read_fps(const json_t *object, struct ws_request *request, char error[WS_ERROR_BYTES])
{
    const json_t *value;
    if (!find(object, "fps", &request->wish.rate, request, &value))
        return true;
    if (json_is_number(value) && query_fps_number(json_number_value(value), &request->wish.rate))
        return true;
    return refuse(error, "fps must be a number from " QUERY_FPS_RULE ", or null");
}

static bool read_whole(const json_t *object, const char *key, int least, int most, uint32_t *number,
                       struct ws_request *request, char error[WS_ERROR_BYTES])
{
    const json_t *value;
    if (!find(object, key, number, request, &value))
        return true;
    json_int_t whole = json_integer_value(value);
    if (!json_is_integer(value) || whole < least || whole > most)
        return refuse(error, "%s must be a whole number from %d to %d, or null", key, least, most);
    *number = (uint32_t)whole;
    return true;
}

static bool read_ack(const json_t *object, struct ws_request *request, char error[WS_ERROR_BYTES])
{
    const json_t *value = json_object_get(object, "ack");
    if (!value)
        return true;
    json_int_t update = json_integer_value(value);
    if (!json_is_integer(value) || update < 1)
        return refuse(error, "ack must be the update of a picture");
    request->acked = (uint64_t)update;
    return true;
}

enum ws_reading ws_text_read(const char *text, size_t length, const struct ws_wish *present,
                             struct ws_request *request, char error[WS_ERROR_BYTES])
{
    *request = (struct ws_request){.wish = *present};
    json_t *object = json_loadb(text, length, 0, NULL);
    bool is_object = json_is_object(object);
    struct variant_settings *settings = &request->wish.settings;
    bool is_good =
        is_object && read_fps(object, request, error) &&
        read_whole(object, "quality", VARIANT_QUALITY_MIN, VARIANT_QUALITY_MAX, &settings->quality, request,
                   error) &&
        read_whole(object, "width", VARIANT_WIDTH_MIN, VARIANT_WIDTH_MAX, &settings->width, request, error) &&
        read_whole(object, "window", 0, WS_WINDOW_MAX, &request->wish.window, request, error) &&
        read_ack(object, request, error);
    json_decref(object);
    return !is_object ? WS_NO_OBJECT : is_good ? WS_READ : WS_BAD_VALUE;
}

/* ---- from the server ---- */

static json_t *known(uint32_t number)
{
    return number ? json_integer(number) : json_null();
}

static json_t *known_rate(double fps)
{
    return fps > 0 ? json_real(fps) : json_null();
}

char *ws_text_description(const struct hub_description *description, const struct ws_wish *wish)
{
    json_t *asked = json_object();
    json_object_set_new(asked, "fps", known_rate(wish->rate / 1000.0));
    json_object_set_new(asked, "quality", known(wish->settings.quality));
    json_object_set_new(asked, "width", known(wish->settings.width));
    json_object_set_new(asked, "window", known(wish->window));
    json_t *header = json_object();
    json_object_set_new(header, "magic", json_string(WS_PICTURE_MAGIC));
    json_object_set_new(header, "version", json_integer(WS_PICTURE_VERSION));
    json_object_set_new(header, "bytes", json_integer(WS_PICTURE_BYTES));
    json_t *all = json_object();
    json_object_set_new(all, "name", description->name[0] ? json_string(description->name) : json_null());
    json_object_set_new(all, "state", json_string(condition_name(description->condition)));
    json_object_set_new(all, "reason", json_string(description->reason));
    json_object_set_new(all, "width", known(description->width));
    json_object_set_new(all, "height", known(description->height));
    json_object_set_new(all, "fps", known_rate(description->nominal_fps));
    json_object_set_new(all, "asked", asked);
    json_object_set_new(all, "header", header);
    json_object_set_new(all, "version", json_string(HEADCAM_VERSION));
    char *text = json_dumps(all, JSON_COMPACT | JSON_REAL_PRECISION(13));
    json_decref(all);
    return text;
}

char *ws_text_error(const char *error)
{
    json_t *object = json_pack("{s:s}", "error", error);
    char *text = json_dumps(object, JSON_COMPACT);
    json_decref(object);
    return text;
}
