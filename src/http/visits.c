/* SPDX-License-Identifier: MIT */
#include "http/visits.h"

#include "base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* A page opens a dozen streams at once, and all of them are told; a flood is not. */
enum { LINES_PER_SECOND = 20 };

void visits_init(struct visits *visits, uint64_t stuck_after_ns)
{
    visits->stuck_after_ns = stuck_after_ns;
    visits->came_log.lines = visits->left_log.lines = LINES_PER_SECOND;
}

void visits_viewer_came(struct visits *visits, const struct viewer *viewer)
{
    char line[VISITS_LINE_BYTES];
    atomic_fetch_add_explicit(&visits->viewers_came, 1, memory_order_relaxed);
    visits_came_line(viewer, line);
    log_limited(&visits->came_log, LOG_INFO, "%s", line);
}

void visits_viewer_left(struct visits *visits, const struct viewer *viewer)
{
    char line[VISITS_LINE_BYTES];
    atomic_fetch_add_explicit(&visits->viewers_left[viewer->end], 1, memory_order_relaxed);
    visits_left_line(viewer, visits->stuck_after_ns, line);
    log_limited(&visits->left_log, LOG_INFO, "%s", line);
}

void visits_snapshot(struct visits *visits, enum snapshot_end end, size_t bytes)
{
    atomic_fetch_add_explicit(&visits->snapshots[end], 1, memory_order_relaxed);
    if (end == SNAPSHOT_SENT)
        atomic_fetch_add_explicit(&visits->snapshot_bytes, bytes, memory_order_relaxed);
}

const char *viewer_end_name(enum viewer_end end)
{
    static const char *const names[VIEWER_ENDS] = {
        [VIEWER_LEFT] = "closed",          [VIEWER_STUCK] = "stuck",     [VIEWER_SILENT] = "silent",
        [VIEWER_REFUSED] = "refused",      [VIEWER_REVOKED] = "revoked", [VIEWER_FAILED] = "failed",
        [VIEWER_SERVER_ENDS] = "shutdown",
    };
    return names[end];
}

const char *snapshot_end_name(enum snapshot_end end)
{
    static const char *const names[SNAPSHOT_ENDS] = {
        [SNAPSHOT_SENT] = "sent",
        [SNAPSHOT_NO_FRAME] = "no-frame",
        [SNAPSHOT_LEFT] = "closed",
    };
    return names[end];
}

/* ---- the lines ---- */

/* "viewer 192.0.2.7:51234 of /stream/front?fps=5". Returns its length. */
static size_t put_viewer(const struct viewer *viewer, char line[VISITS_LINE_BYTES])
{
    char query[96] = "";
    size_t used = 0;
    if (viewer->rate != 0)
        used += (size_t)snprintf(query, sizeof(query), "&fps=%g", viewer->rate / 1000.0);
    if (viewer->settings.width != 0)
        used +=
            (size_t)snprintf(query + used, sizeof(query) - used, "&width=%" PRIu32, viewer->settings.width);
    if (viewer->settings.quality != 0)
        used += (size_t)snprintf(query + used, sizeof(query) - used, "&quality=%" PRIu32,
                                 viewer->settings.quality);
    if (viewer->advance_headers)
        snprintf(query + used, sizeof(query) - used, "&advance_headers=1");
    if (query[0])
        query[0] = '?';
    return (size_t)snprintf(line, VISITS_LINE_BYTES, "viewer %s of /%s%s%s%s", viewer->peer,
                            viewer->ws ? "ws" : "stream", viewer->name[0] ? "/" : "", viewer->name, query);
}

static void put_reason(const struct viewer *viewer, uint64_t stuck_after_ns, char reason[128])
{
    switch (viewer->end) {
    case VIEWER_STUCK:
        snprintf(reason, 128, "it read nothing for %g s (--stuck-after)",
                 (double)stuck_after_ns / (double)NS_PER_S);
        break;
    case VIEWER_SILENT:
        snprintf(reason, 128, "it answered no ping for %g s (--stuck-after)",
                 (double)stuck_after_ns / (double)NS_PER_S);
        break;
    case VIEWER_REFUSED:
        snprintf(reason, 128, "it does not speak the WebSocket's protocol");
        break;
    case VIEWER_REVOKED:
        snprintf(reason, 128, "its login is in --auth-file no more");
        break;
    case VIEWER_FAILED:
        snprintf(reason, 128, "%s", strerror(viewer->end_errno));
        break;
    case VIEWER_SERVER_ENDS:
        snprintf(reason, 128, "the server ends");
        break;
    case VIEWER_LEFT:
    case VIEWER_ENDS:
        snprintf(reason, 128, "its client closed");
        break;
    }
}

void visits_came_line(const struct viewer *viewer, char line[VISITS_LINE_BYTES])
{
    size_t used = put_viewer(viewer, line);
    snprintf(line + used, VISITS_LINE_BYTES - used, " came");
}

void visits_left_line(const struct viewer *viewer, uint64_t stuck_after_ns, char line[VISITS_LINE_BYTES])
{
    char reason[128], age[48] = "";
    put_reason(viewer, stuck_after_ns, reason);
    if (viewer->frames != 0)
        snprintf(age, sizeof(age), ", mean age %.1f ms",
                 (double)viewer->frames_age_ns / (double)viewer->frames / (double)NS_PER_MS);
    size_t used = put_viewer(viewer, line);
    snprintf(line + used, VISITS_LINE_BYTES - used,
             " left after %.1f s: %s; %" PRIu64 " frames%s, %" PRIu64 " skipped, %" PRIu64 " bytes",
             (double)(viewer->ended_ns - viewer->begun_ns) / (double)NS_PER_S, reason, viewer->frames, age,
             viewer->skipped, viewer->written_bytes);
}
