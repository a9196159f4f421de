/* SPDX-License-Identifier: MIT */
/*
 * query: values of URL parameters, checked. Pure. A missing parameter (NULL) keeps the default that
 * *value holds; a bad one returns false.
 */
#ifndef HEADCAM_HTTP_QUERY_H
#define HEADCAM_HTTP_QUERY_H

#include "stream/pace.h"
#include "stream/variant_settings.h"

#include <stdbool.h>
#include <stdint.h>

#define QUERY_FPS_RULE  "0.1 to 240"
#define QUERY_FORM_RULE "jpeg, png or raw"

/* "30", "0.5": frames a second. */
bool query_fps(const char *text, millifps *value);

/* Likewise, of a number. */
bool query_fps_number(double fps, millifps *value);

/* "640": a number without a sign or a point. */
bool query_whole(const char *text, uint32_t least, uint32_t most, uint32_t *value);

/* "3000": milliseconds from 0 to max, as nanoseconds. */
bool query_ms(const char *text, uint64_t max_ms, uint64_t *value_ns);

/* "png": the form of a snapshot. */
bool query_form(const char *text, enum variant_form *value);

/* "1" or "0". */
bool query_flag(const char *text, bool *value);

/* Whether an mjpg-streamer "action" asks for this; clients put more after it ("snapshot?1608"). */
bool query_action_is(const char *text, const char *action);

#endif
