/* SPDX-License-Identifier: MIT */
/*
 * hub: the streams, and what passes between the threads that serve them. Ingest brings announcements
 * and raw frames, the encoder takes work and publishes frames, the sender watches. At each step only
 * the newest frame survives. All functions may be called from any thread; the hub's one lock is held
 * for pointer changes only, never across I/O, encoding or a callback.
 */
#ifndef HEADCAM_STREAM_HUB_H
#define HEADCAM_STREAM_HUB_H

#include "base/histogram.h"
#include "base/wake.h"
#include "stream/condition.h"
#include "stream/explain.h"
#include "stream/frame.h"
#include "stream/intake.h"
#include "stream/name.h"
#include "stream/pace.h"
#include "stream/raw.h"
#include "stream/tally.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hub;
struct stream;

struct hub_options {
    const char *default_name; /* NULL: the first announced */
    const char *endpoint;     /* for explanations */
    size_t max_streams;       /* announced ones */
    uint64_t no_signal_after_ns;
    uint64_t forget_after_ns;
};

/* The strings in options live as long as the hub. */
struct hub *hub_create(const struct hub_options *options);

/* All other users have ended. */
void hub_destroy(struct hub *hub);

/* ---- ingest ---- */

enum { HUB_TEXT_BYTES = 256 };

/* A ring that a producer offers; see headcam/wire.h. */
struct ring_offer {
    uint32_t number; /* 0: none */
    enum { RING_BY_SOCKET, RING_IN_SHM } place;
    bool is_confirmed; /* the producer knows that it is read */
};

/* An announcement, checked. Unknown: 0, or an empty string. */
struct announcement {
    uint64_t instance;
    enum condition state;
    uint32_t width, height;
    double fps;
    enum headcam_pixel_format format;
    char reason[HUB_TEXT_BYTES];
    char agent[HUB_TEXT_BYTES];
    char version[HUB_TEXT_BYTES];
    char transport_reason[HUB_TEXT_BYTES]; /* why its frames come inline */
    struct ring_offer ring;
};

enum hub_verdict {
    HUB_TAKEN,
    HUB_CONFLICT, /* another producer has the name */
    HUB_LIMIT,    /* one stream too many: --max-streams */
};

enum hub_verdict hub_announce(struct hub *hub, const char *name, const struct announcement *announcement);

/* Notes why frames of a stream come inline, where that is not the producer's own word. */
void hub_set_transport_reason(struct hub *hub, const char *name, const char *reason);

/* Whether this producer is the stream's, and has not said goodbye. */
bool hub_has_producer(struct hub *hub, const char *name, uint64_t instance);

/* Brings a raw frame; it belongs to the hub from here on, whatever the verdict. */
enum hub_verdict hub_submit(struct hub *hub, const char *name, struct raw_frame *raw);

/* Brings a ready JPEG of a producer: its info, and the frame, which belongs to the hub from here on. */
enum hub_verdict hub_submit_ready(struct hub *hub, const char *name, const struct raw_info *info,
                                  struct frame *frame);

struct upstream {
    enum { UPSTREAM_SUBSCRIBE, UPSTREAM_UNSUBSCRIBE, UPSTREAM_RATE } kind;
    char name[NAME_BYTES];
    millifps rate;
};

/* The next thing to tell the producers, each once. False: nothing. */
bool hub_next_upstream(struct hub *hub, struct upstream *upstream);

/* When hub_next_upstream() or hub_tick() will have something to do of itself, or CLOCK_NEVER. */
uint64_t hub_upstream_deadline(struct hub *hub);

/* Forgets streams that have long gone and logs changes of condition. Once a second or so. */
void hub_tick(struct hub *hub);

/* Signalled when there may be something upstream. */
const struct wake *hub_upstream_wake(const struct hub *hub);

/* ---- encode ---- */

/* What a no-signal picture says. */
struct notice {
    uint32_t width, height;
    char title[HUB_TEXT_BYTES];
    char reason[HUB_TEXT_BYTES];
    char since[HUB_TEXT_BYTES];
    char next_step[HUB_TEXT_BYTES];
};

struct hub_job {
    struct stream *stream;
    struct raw_frame *raw; /* NULL: a notice is to be drawn */
    uint64_t taken_ns;     /* monotonic */
    struct notice notice;
    void *codec; /* the encoder's own, kept from job to job of a stream; NULL in the first */
};

/* What the hub calls of the encoder. */
struct hub_encoder {
    void (*on_job)(void *arg);       /* there is a job; called without the hub's lock */
    void (*free_codec)(void *codec); /* its stream is gone; not called for NULL */
    void *arg;
};

/* Before the first thread starts. */
void hub_set_encoder(struct hub *hub, const struct hub_encoder *encoder);

/* Takes a job, at most one of a stream at a time; each ends with hub_finish_job(). False: none waits. */
bool hub_take_job(struct hub *hub, struct hub_job *job);

enum hub_outcome {
    HUB_ENCODED,   /* a new picture */
    HUB_UNCHANGED, /* the last picture again, with the stamps of the new frame */
    HUB_TORN,      /* nothing: the producer overwrote it */
    HUB_FAILED,    /* nothing */
};

/*
 * The job is done; frame is its result, which belongs to the hub now, or NULL where it came to nothing.
 * job->codec is kept; job->raw is still the caller's.
 */
void hub_finish_job(struct hub *hub, const struct hub_job *job, enum hub_outcome outcome,
                    struct frame *frame);

/* ---- sender ---- */

/*
 * Begins to watch a stream by its valid name, or the default stream for NULL. Before any stream is
 * announced that is the lobby, which never has a frame; hub_is_lobby() tells. The stream is wanted, and
 * stays valid, until hub_unwatch(). There is one watcher, the sender: it watches a stream once for all
 * its viewers, and watching again what it watches already changes nothing.
 */
struct stream *hub_watch(struct hub *hub, const char *name);
void hub_unwatch(struct hub *hub, struct stream *stream);
bool hub_is_lobby(const struct hub *hub, const struct stream *stream);

/* True once there is a default stream, so that those in the lobby should move. */
bool hub_has_default(struct hub *hub);

/* How many viewers a watched stream has, for /status, and the rate that satisfies all of them. */
void hub_set_audience(struct hub *hub, struct stream *stream, size_t viewers, millifps rate);

/* Where the watcher counts what became of a watched stream's frames. */
struct tally *hub_tally(struct stream *stream);

/* What a watcher sees. Counters tell what is new; frames are references of the caller's. */
struct hub_view {
    struct frame *frame; /* NULL: none yet, or not newer than asked for */
    uint64_t frame_count;
    uint64_t picture_count; /* of those, the ones that did not look like the one before */
    uint64_t published_ns;
    struct frame *notice; /* NULL: none, or not newer than asked for */
    uint64_t notice_count;
    uint64_t interval_ns;        /* from frame to frame, as to be expected; 0: unknown */
    uint64_t no_signal_after_ns; /* for this stream at its present rate */
    bool expect_soon;
};

/* Frames newer than the counts in the view are added to it; the others are left NULL. */
void hub_look(struct hub *hub, struct stream *stream, struct hub_view *view);

/* Asks for a new no-signal picture if what it says differs from the last one. True if one will come. */
bool hub_request_notice(struct hub *hub, struct stream *stream);

/* Signalled when a watched stream has something new. */
const struct wake *hub_sender_wake(const struct hub *hub);

/* Why a stream has no picture, with the next step, as one line. */
void hub_explain(struct hub *hub, struct stream *stream, char text[2 * EXPLAIN_BYTES]);

/* ---- status ---- */

struct stream_report {
    char name[NAME_BYTES];
    enum condition condition;
    char reason[EXPLAIN_BYTES];
    uint64_t since_real_ns;
    uint32_t width, height;
    enum headcam_pixel_format format; /* 0: unknown */
    enum headcam_location location;
    double nominal_fps; /* 0: unknown */
    double fps;
    bool has_frame;
    uint64_t age_ns; /* of the newest frame's capture */
    size_t viewers;
    bool wanted;
    millifps wanted_rate;
    char agent[HUB_TEXT_BYTES];
    char version[HUB_TEXT_BYTES];
    uint64_t instance;
    struct tally_view tally;
    uint64_t encode_mean_ns; /* of the last 16 frames or so; 0: none was encoded */
    uint64_t conflicts;
    char transport_reason[HUB_TEXT_BYTES];
    size_t jpeg_bytes;
};

/* Reports on all announced streams, in the order of their first announcement. The caller frees it. */
struct stream_report *hub_report(struct hub *hub, size_t *count);

/* What became of the frames of all streams that ever were. */
void hub_totals(struct hub *hub, struct tally_view *totals);

/* What came in and was dropped, over all streams. */
struct intake *hub_intake(struct hub *hub);

/* How long frames took, over all streams. Each thread that knows observes. */
struct hub_timings {
    struct histogram capture_to_encode; /* until the encoding began, of frames encoded anew */
    struct histogram encode;            /* of the same */
    struct histogram capture_to_sent;   /* until a viewer's socket had the whole of a new frame */
};

struct hub_timings *hub_timings(struct hub *hub);

/* The default stream's name, or false if there is none. */
bool hub_default_name(struct hub *hub, char name[NAME_BYTES]);

#endif
