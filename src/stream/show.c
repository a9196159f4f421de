/* SPDX-License-Identifier: MIT */
#include "stream/show.h"

#include "base/clock.h"

/* Firefox, Safari and frozen clients are served best by a first repeat after 0.2 to 1 s. */
static const uint64_t FIRST_REPEAT_NS = 500 * NS_PER_MS;
static const uint64_t REPEAT_NS = NS_PER_S;

/* A live agent's first frame comes within this time of the subscription. */
static const uint64_t FIRST_FRAME_NS = 250 * NS_PER_MS;

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

void show_begin(struct show *show, uint64_t now_ns, uint64_t frame_ns, bool expect_soon,
                uint64_t no_signal_after_ns)
{
    show->frame_ns = frame_ns;
    if (frame_ns != 0 && now_ns - frame_ns < no_signal_after_ns) {
        show->state = SHOW_REPEAT;
        show->edition++;
        show->next_ns = earlier(now_ns + REPEAT_NS, frame_ns + no_signal_after_ns);
    } else {
        show->state = SHOW_NOTHING;
        show->next_ns = expect_soon ? now_ns + FIRST_FRAME_NS : now_ns;
    }
}

void show_frame(struct show *show, uint64_t now_ns, uint64_t interval_ns)
{
    uint64_t late_ns = interval_ns + interval_ns / 2;
    show->state = SHOW_LIVE;
    show->edition++;
    show->frame_ns = now_ns;
    show->next_ns = now_ns + (late_ns > REPEAT_NS         ? REPEAT_NS
                              : late_ns > FIRST_REPEAT_NS ? late_ns
                                                          : FIRST_REPEAT_NS);
}

void show_unchanged(struct show *show, uint64_t now_ns, uint64_t interval_ns)
{
    if (show->state == SHOW_NOTHING || show->state == SHOW_NO_SIGNAL)
        show_frame(show, now_ns, interval_ns);
    else
        show->frame_ns = now_ns;
}

enum show_action show_tick(struct show *show, uint64_t now_ns, uint64_t no_signal_after_ns)
{
    if (now_ns < show->next_ns)
        return SHOW_WAIT;
    uint64_t silent_from_ns = show->frame_ns == 0 ? 0 : show->frame_ns + no_signal_after_ns;
    if (show->state == SHOW_NOTHING || show->state == SHOW_NO_SIGNAL || now_ns >= silent_from_ns) {
        show->state = SHOW_NO_SIGNAL;
        show->next_ns = now_ns + REPEAT_NS;
        return SHOW_NOTICE;
    }
    show->state = SHOW_REPEAT;
    show->next_ns = earlier(now_ns + REPEAT_NS, silent_from_ns);
    show->edition++;
    return SHOW_RESEND;
}

bool show_notice(struct show *show)
{
    if (show->state != SHOW_NO_SIGNAL)
        return false;
    show->edition++;
    return true;
}

const char *show_state_name(enum show_state state)
{
    switch (state) {
    case SHOW_LIVE:
        return "live";
    case SHOW_REPEAT:
        return "repeat";
    case SHOW_NOTHING:
    case SHOW_NO_SIGNAL:
        break;
    }
    return "no-signal";
}
