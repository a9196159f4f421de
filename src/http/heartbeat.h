/* SPDX-License-Identifier: MIT */
/*
 * heartbeat: when a WebSocket's client is asked for a sign of life, and when it is given up. Pure: the
 * caller brings the time. A slow link is no silence: the time for an answer begins when the ping is there.
 */
#ifndef HEADCAM_HTTP_HEARTBEAT_H
#define HEADCAM_HTTP_HEARTBEAT_H

#include <stdbool.h>
#include <stdint.h>

struct heartbeat {
    uint64_t heard_ns; /* when something came last */
    uint64_t asked_ns; /* since when an answer is due; 0: none is */
};

enum heartbeat_action { HEARTBEAT_WAIT, HEARTBEAT_ASK, HEARTBEAT_GIVE_UP };

static inline void heartbeat_heard(struct heartbeat *heartbeat, uint64_t now_ns)
{
    heartbeat->heard_ns = now_ns;
    heartbeat->asked_ns = 0;
}

/* patience_ns is the longest silence, before a ping and after it; ping_arrived tells of the last one. */
static inline enum heartbeat_action heartbeat_check(struct heartbeat *heartbeat, uint64_t now_ns,
                                                    uint64_t patience_ns, bool ping_arrived)
{
    if (heartbeat->asked_ns == 0) {
        if (now_ns - heartbeat->heard_ns < patience_ns)
            return HEARTBEAT_WAIT;
        heartbeat->asked_ns = now_ns;
        return HEARTBEAT_ASK;
    }
    if (!ping_arrived)
        heartbeat->asked_ns = now_ns;
    return now_ns - heartbeat->asked_ns < patience_ns ? HEARTBEAT_WAIT : HEARTBEAT_GIVE_UP;
}

#endif
