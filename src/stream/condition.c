/* SPDX-License-Identifier: MIT */
#include "stream/condition.h"

#include <stddef.h>
#include <string.h>

static const char *const names[] = {
    [CONDITION_WAITING] = "waiting", [CONDITION_LIVE] = "live", [CONDITION_STARTING] = "starting",
    [CONDITION_STALLED] = "stalled", [CONDITION_LOST] = "lost", [CONDITION_ENDED] = "ended",
};

enum condition condition_judge(const struct condition_facts *facts, uint64_t now_ns)
{
    if (!facts->announced)
        return CONDITION_WAITING;
    if (facts->announced_as == CONDITION_ENDED)
        return CONDITION_ENDED;
    /* It may be heard between the reading of the clock and the judging, on another thread. */
    if (now_ns > facts->heard_ns && now_ns - facts->heard_ns > CONDITION_SILENT_NS)
        return CONDITION_LOST;
    if (facts->announced_as == CONDITION_LIVE && facts->expected_since_ns != 0) {
        uint64_t expected_from_ns =
            facts->frame_ns > facts->expected_since_ns ? facts->frame_ns : facts->expected_since_ns;
        if (now_ns > expected_from_ns && now_ns - expected_from_ns > facts->stall_after_ns)
            return CONDITION_STALLED;
    }
    return facts->announced_as;
}

const char *condition_name(enum condition condition)
{
    return names[condition];
}

bool condition_from_announcement(const char *name, enum condition *condition)
{
    static const enum condition allowed[] = {CONDITION_LIVE, CONDITION_STARTING, CONDITION_STALLED,
                                             CONDITION_ENDED};
    for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++) {
        if (strcmp(name, names[allowed[i]]) == 0) {
            *condition = allowed[i];
            return true;
        }
    }
    return false;
}
