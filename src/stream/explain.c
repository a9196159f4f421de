/* SPDX-License-Identifier: MIT */
#include "stream/explain.h"

#include "base/clock.h"
#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *reason, *next_step;
} obstacles[] = {
    [EXPLAIN_NONE] = {"", ""},
    [EXPLAIN_PNG_TAKES_LONG] = {"the PNG was not ready in time",
                                "ask with a longer timeout=, or for format=raw"},
    [EXPLAIN_NO_ROOM] = {"PNG and raw snapshots take as much memory as --max-exact-bytes allows",
                         "wait until clients have read theirs, or allow more"},
    [EXPLAIN_NOT_DECODED] = {"the agent's JPEG cannot be decoded here", "ask without width= and quality="},
};

/* An edge has no agents, or is not to have them by tcp://. */
static bool is_edge(const struct explain_facts *facts)
{
    return strncmp(facts->endpoint, "tcp://", strlen("tcp://")) == 0;
}

static const char *agent_name(const struct explain_facts *facts)
{
    return facts->agent[0] ? facts->agent : "the agent";
}

void explain_reason(const struct explain_facts *facts, char text[EXPLAIN_BYTES])
{
    const char *own = facts->reason[0] ? facts->reason : NULL;
    text[0] = '\0';
    switch (facts->condition) {
    case CONDITION_WAITING:
        if (facts->stream[0])
            snprintf(text, EXPLAIN_BYTES, "no agent has announced stream '%s'", facts->stream);
        else
            snprintf(text, EXPLAIN_BYTES, "no agent is connected");
        break;
    case CONDITION_STARTING:
        snprintf(text, EXPLAIN_BYTES, "%s", own ? own : "the agent is starting: no frame yet");
        break;
    case CONDITION_STALLED:
        if (own)
            snprintf(text, EXPLAIN_BYTES, "%s", own);
        else
            snprintf(text, EXPLAIN_BYTES, "%s answers, but sends no frames", agent_name(facts));
        break;
    case CONDITION_LOST:
        snprintf(text, EXPLAIN_BYTES, "%s went silent", agent_name(facts));
        break;
    case CONDITION_ENDED:
        snprintf(text, EXPLAIN_BYTES, "%s ended%s%s", agent_name(facts), own ? ": " : "", own ? own : "");
        break;
    case CONDITION_LIVE:
        snprintf(text, EXPLAIN_BYTES, "%s", obstacles[facts->obstacle].reason);
        break;
    }
    text_drop_cut_character(text);
}

void explain_state(const struct explain_facts *facts, char text[EXPLAIN_BYTES])
{
    if (facts->condition == CONDITION_LIVE)
        snprintf(text, EXPLAIN_BYTES, "%s", facts->reason);
    else
        explain_reason(facts, text);
}

void explain_next_step(const struct explain_facts *facts, char text[EXPLAIN_BYTES])
{
    text[0] = '\0';
    switch (facts->condition) {
    case CONDITION_WAITING:
        if (is_edge(facts))
            snprintf(text, EXPLAIN_BYTES, "at its origin: headcam --forward tcp://THIS_HOST:PORT");
        else if (facts->stream[0])
            snprintf(text, EXPLAIN_BYTES, "start one: headcam-agent testcard --name %s --endpoint %s",
                     facts->stream, facts->endpoint);
        else
            snprintf(text, EXPLAIN_BYTES, "start one: headcam-agent testcard --endpoint %s", facts->endpoint);
        break;
    case CONDITION_LOST:
        snprintf(text, EXPLAIN_BYTES, "the simulator is busy or gone; the picture returns with it");
        break;
    case CONDITION_STALLED:
        if (!facts->reason[0])
            snprintf(text, EXPLAIN_BYTES, "is the simulation paused?");
        break;
    case CONDITION_LIVE:
        snprintf(text, EXPLAIN_BYTES, "%s", obstacles[facts->obstacle].next_step);
        break;
    case CONDITION_STARTING:
    case CONDITION_ENDED:
        break;
    }
}

void explain_duration(uint64_t duration_ns, char text[EXPLAIN_BYTES])
{
    uint64_t seconds = duration_ns / NS_PER_S;
    if (seconds < 60)
        snprintf(text, EXPLAIN_BYTES, "for %" PRIu64 " s", seconds);
    else if (seconds < 3600)
        snprintf(text, EXPLAIN_BYTES, "for %" PRIu64 " min", seconds / 60);
    else
        snprintf(text, EXPLAIN_BYTES, "for %" PRIu64 " h %02" PRIu64 " min", seconds / 3600,
                 seconds / 60 % 60);
}
