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
#include "stream/edges.h"
#include "stream/explain.h"
#include "stream/frame.h"
#include "stream/intake.h"
#include "stream/name.h"
#include "stream/pace.h"
#include "stream/raw.h"
#include "stream/tally.h"
#include "stream/variant_settings.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hub;
struct stream;
struct variant;
struct watch;

/* The most that --max-variants may allow. */
enum { HUB_VARIANTS_MAX = 32 };

/* Of a stream: those, the pictures as they are, and the exact ones as raw pixels and as PNG. */
enum { HUB_OUTPUTS_MAX = HUB_VARIANTS_MAX + 3 };
/* For who asks for one too many; with what --max-variants is. */
#define HUB_VARIANTS_ERROR                                                                                   \
    "%zu variants of this stream are watched, as many as --max-variants allows; ask for the width and "      \
    "quality of one of them, which /status lists"

struct hub_options {
    const char *default_name; /* NULL: the first announced */
    const char *endpoint;     /* for explanations */
    size_t max_streams;       /* announced ones */
    size_t max_variants;      /* of a stream, that are watched; at most HUB_VARIANTS_MAX */
    uint32_t quality;         /* what viewers get who do not ask for one */
    uint64_t no_signal_after_ns;
    uint64_t forget_after_ns;
    bool has_edges; /* frames are forwarded */
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
    bool is_forwarded;             /* by another headcam, which waits for an answer */
    uint64_t via[HEADCAM_VIA_MAX]; /* the headcams that it came through, the first one first */
    size_t via_count;
};

enum hub_verdict {
    HUB_TAKEN,
    HUB_CONFLICT, /* another producer has the name */
    HUB_LIMIT,    /* one stream too many: --max-streams */
    HUB_LOOP,     /* it came through here already */
};

enum hub_verdict hub_announce(struct hub *hub, const char *name, const struct announcement *announcement);

/* Notes why frames of a stream come inline, where that is not the producer's own word. */
void hub_set_transport_reason(struct hub *hub, const char *name, const char *reason);

/* Whether this producer is the stream's, and has not said goodbye. */
bool hub_has_producer(struct hub *hub, const char *name, uint64_t instance);

/* Brings a raw frame; it belongs to the hub from here on, whatever the verdict. */
enum hub_verdict hub_submit(struct hub *hub, const char *name, struct raw_frame *raw);

/*
 * Brings a ready JPEG of a producer: as a frame for those who take it as it is, and as a raw frame, from
 * which other variants are made. Both belong to the hub from here on.
 */
enum hub_verdict hub_submit_ready(struct hub *hub, const char *name, struct raw_frame *raw,
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

enum hub_outcome {
    HUB_ENCODED,     /* a new picture */
    HUB_UNCHANGED,   /* the last picture again, with the stamps of the new frame */
    HUB_SUPERSEDED,  /* nothing, as there is something newer: the hub's own */
    HUB_TORN,        /* nothing: the producer overwrote it */
    HUB_NO_ROOM,     /* nothing: exact pictures have as much memory as they may */
    HUB_NOT_DECODED, /* nothing: the producer's JPEG is none, or too much work */
    HUB_FAILED,      /* nothing */
};

/* A picture that a job is to make. */
struct hub_output {
    struct variant *variant; /* the hub's own */
    struct variant_settings settings;
    void *codec; /* the encoder's own, kept from job to job of a variant; NULL in the first */
};

/* A frame, of which all variants are made at once that somebody wants a picture of; or one notice. */
struct hub_job {
    struct stream *stream;
    struct raw_frame *raw; /* NULL: a notice is to be drawn */
    uint64_t taken_ns;     /* monotonic: when the work on it began */
    bool is_followed;      /* there were others to take */
    struct notice notice;
    enum hub_outcome outcome; /* the best so far: the hub's own */
    size_t count;
    struct hub_output outputs[HUB_OUTPUTS_MAX];
};

/* An output that is to come after its job. */
struct hub_late {
    struct stream *stream;
    struct variant *variant;
    uint64_t arrival_ns;
};

/* What the hub calls of the encoder. */
struct hub_encoder {
    void (*on_job)(void *arg);       /* there is a job; called without the hub's lock */
    void (*free_codec)(void *codec); /* its variant is gone; likewise, and not called for NULL */
    void *arg;
};

/* Before the first thread starts. */
void hub_set_encoder(struct hub *hub, const struct hub_encoder *encoder);

/* Takes a job, at most one of a stream at a time; each ends with hub_finish_job(). False: none waits. */
bool hub_take_job(struct hub *hub, struct hub_job *job);

/*
 * One output is done; frame is its result, which belongs to the hub now, or NULL where it came to nothing.
 * Once for each output, in any order, from any thread but one at a time.
 */
void hub_publish(struct hub *hub, struct hub_job *job, size_t output, enum hub_outcome outcome,
                 struct frame *frame);

/*
 * One output takes longer than the job should: instead of hub_publish(), hub_publish_late() follows, before
 * or after the job's end. Until then its variant is in no other job.
 */
struct hub_late hub_postpone(struct hub *hub, struct hub_job *job, size_t output);
void hub_publish_late(struct hub *hub, const struct hub_late *late, enum hub_outcome outcome,
                      struct frame *frame);

/* The job is done. Its outputs' codecs are kept; job->raw is still the caller's. */
void hub_finish_job(struct hub *hub, const struct hub_job *job);

/* ---- sender ---- */

/*
 * A stream by its valid name, or the default stream for NULL, in pictures with these settings, as all see
 * it who ask for the same: watches are shared and count their references. Until a first stream is
 * announced the default stream is a lobby that never has a frame; the watches in it go over to the first
 * stream. A watch is no demand: nothing is captured for one without an audience.
 *
 * NULL: the stream has as many variants as --max-variants allows.
 */
struct watch *hub_watch(struct hub *hub, const char *name, const struct variant_settings *settings);
struct watch *hub_watch_again(struct hub *hub, struct watch *watch);

/* A stream in its pictures as they are, for one who tells an audience of its own. */
struct watch *hub_watch_apart(struct hub *hub, const char *name);
void hub_unwatch(struct hub *hub, struct watch *watch);

/* The stream of a watch with other settings; NULL as above. */
struct watch *hub_watch_other(struct hub *hub, struct watch *watch, const struct variant_settings *settings);

/* Who looks, and what would satisfy all of them. */
struct audience {
    size_t viewers;
    size_t edges;     /* other headcams that take the frames for their viewers */
    size_t arrivals;  /* viewers, still counted where they are, that come when there is a picture */
    millifps rate;    /* of the fastest of all three */
    size_t snapshots; /* requests that wait for a frame */
    uint64_t snapshots_not_before_ns; /* monotonic, not 0: the oldest capture that one of them takes */
};

/* There is one who tells: the sender, once for each watch, or the owner of a watch apart. */
void hub_set_audience(struct hub *hub, struct watch *watch, const struct audience *audience);

/* What a watcher sees. Serials rise and tell what is new; frames are references of the caller's. */
struct hub_view {
    struct frame *frame; /* NULL: none yet, or not newer than asked for */
    uint64_t frame_serial;
    uint64_t picture_serial; /* of the last frame that did not look like the one before */
    uint64_t picture_count;  /* of such frames since the watch began, in whichever variant */
    uint64_t published_ns;
    struct frame *notice; /* NULL: none, or not newer than asked for */
    uint64_t notice_serial;
    uint64_t interval_ns;        /* from frame to frame, as to be expected; 0: unknown */
    uint64_t no_signal_after_ns; /* at the present rate */
    bool expect_soon;
    struct tally *tally; /* the stream's, where the watcher counts what became of the frames */
    bool has_no_pixels;  /* its producer sends ready JPEGs: nothing exact can come of them */
};

/* Frames newer than the serials in the view are added to it; the others are left NULL. */
void hub_look(struct hub *hub, struct watch *watch, struct hub_view *view);

/* Asks for a new no-signal picture if what it says differs from the last one. True if one will come. */
bool hub_request_notice(struct hub *hub, struct watch *watch);

/* Signalled when a watched stream has something new; the second one where there are edges. */
const struct wake *hub_sender_wake(const struct hub *hub);
const struct wake *hub_forward_wake(const struct hub *hub);

/* This process's number, random and not 0, by which it knows what it forwarded itself. */
uint64_t hub_id(const struct hub *hub);

/* Why a stream has no picture, with the next step, as one line. */
void hub_explain(struct hub *hub, struct watch *watch, char text[2 * EXPLAIN_BYTES]);

/* What a watch shows, for machines. */
struct hub_description {
    char name[NAME_BYTES]; /* empty in the lobby */
    enum condition condition;
    char reason[EXPLAIN_BYTES];
    uint32_t width, height; /* of its pictures; 0: unknown */
    double nominal_fps;     /* 0: unknown */
};

void hub_describe(struct hub *hub, struct watch *watch, struct hub_description *description);

/* ---- status ---- */

struct variant_report {
    uint32_t width, height; /* 0: unknown */
    uint32_t quality;       /* 0: the producer's own */
    size_t viewers;
    double fps; /* new pictures */
    uint64_t encoded, unchanged;
    bool has_frame;
    size_t jpeg_bytes;
};

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
    size_t viewers, edges;
    bool wanted;
    millifps wanted_rate;
    uint64_t via[HEADCAM_VIA_MAX];
    size_t via_count;
    char agent[HUB_TEXT_BYTES];
    char version[HUB_TEXT_BYTES];
    uint64_t instance;
    struct tally_view tally;
    uint64_t encode_mean_ns; /* of the last 16 frames or so; 0: none was encoded */
    uint64_t conflicts;
    char transport_reason[HUB_TEXT_BYTES];
    size_t jpeg_bytes; /* of the newest JPEG, 0: there is none */
    size_t variant_count;
    struct variant_report variants[HUB_VARIANTS_MAX + 1]; /* the stream as it is, and what else there is */
};

/* Reports on all announced streams, in the order of their first announcement. The caller frees it. */
struct stream_report *hub_report(struct hub *hub, size_t *count);

/* What became of the frames of all streams that ever were. */
void hub_totals(struct hub *hub, struct tally_view *totals);

/* Where frames are forwarded. */
struct edges *hub_edges(struct hub *hub);

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
