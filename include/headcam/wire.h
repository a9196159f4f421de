/* SPDX-License-Identifier: MIT */
/*
 * wire.h: what a producer and headcam say to each other. It is the one header that other programs
 * compile against; it needs nothing but the C99 standard library. docs/api.md tells the same in
 * prose, capture_agent/headcam/wire.py mirrors it, tests/vectors/wire.json holds the two together.
 *
 * A producer connects a ZeroMQ XPUB (or PUB) socket to the server's XSUB socket and sends
 *
 *   announcement   "@NAME/"  | JSON object                     at least once a second
 *   frame          "NAME/"   | struct headcam_frame_header     while subscribed to "NAME/"
 *                            | pixels (inline only)
 *
 * Upstream, beside ZeroMQ's own subscriptions, the server sends one-part messages whose first byte
 * is an enum headcam_upstream. A receiver ignores the first bytes it does not know.
 *
 * All integers are little-endian and unaligned: read and write them byte by byte.
 */
#ifndef HEADCAM_WIRE_H
#define HEADCAM_WIRE_H

#include <stdint.h>

#define HEADCAM_WIRE_VERSION 1

/* The first four bytes of a frame header: "HCAM". */
#define HEADCAM_WIRE_MAGIC "HCAM"

/*
 * Bytes of a frame header with all fields below. Headers have grown and may grow again; what is there stays
 * as it is. A field that a header is too short for counts as 0. A header ends where some version of it ended:
 * it has HEADCAM_HEADER_BYTES_LEAST bytes, or HEADCAM_HEADER_BYTES or more.
 */
#define HEADCAM_HEADER_BYTES       88
#define HEADCAM_HEADER_BYTES_LEAST 80

/* A stream's name: 1 to 64 characters of [A-Za-z0-9._-]. */
#define HEADCAM_NAME_MAX 64

/* An announcement's JSON, in bytes, at most. */
#define HEADCAM_ANNOUNCEMENT_MAX 4096

/* sim_time_ns of a frame that has no simulation time. */
#define HEADCAM_NO_SIM_TIME INT64_MIN

/* update of a frame that has no update number. */
#define HEADCAM_NO_UPDATE 0

/* The most headcams that an announcement may have come through. */
#define HEADCAM_VIA_MAX 8

enum headcam_pixel_format {
    HEADCAM_RGBA = 1,  /* 4 bytes a pixel, alpha ignored */
    HEADCAM_BGRA = 2,  /* 4 bytes a pixel, alpha ignored */
    HEADCAM_RGB = 3,   /* 3 bytes a pixel */
    HEADCAM_BGR = 4,   /* 3 bytes a pixel */
    HEADCAM_GRAY8 = 5, /* 1 byte a pixel */
    HEADCAM_JPEG = 16, /* a whole baseline or progressive JPEG, passed through unchanged */
};

enum headcam_location {
    HEADCAM_INLINE = 0, /* the pixels are the message's third part */
    HEADCAM_RING = 1,   /* the pixels are in a slot of the announced ring; there is no third part */
};

/*
 * The frame header's fields, by offset in bytes. Rows are top to bottom; row r starts at byte
 * r * stride. An inline payload holds at least stride * (height - 1) + width * bytes-per-pixel
 * bytes and at most stride * height.
 */
enum headcam_header_offset {
    HEADCAM_AT_MAGIC = 0,          /* 4 bytes, HEADCAM_WIRE_MAGIC */
    HEADCAM_AT_VERSION = 4,        /* u16, HEADCAM_WIRE_VERSION */
    HEADCAM_AT_HEADER_BYTES = 6,   /* u16, the size of this header */
    HEADCAM_AT_INSTANCE = 8,       /* u64, not 0: drawn at random by each producer at its start */
    HEADCAM_AT_SEQUENCE = 16,      /* u64, rises with each frame of an instance */
    HEADCAM_AT_CAPTURE_NS = 24,    /* u64, CLOCK_REALTIME at capture, in ns */
    HEADCAM_AT_SIM_TIME_NS = 32,   /* i64, simulation time in ns, or HEADCAM_NO_SIM_TIME */
    HEADCAM_AT_WIDTH = 40,         /* u32, pixels, 1 to 65500 */
    HEADCAM_AT_HEIGHT = 44,        /* u32, pixels, 1 to 65500 */
    HEADCAM_AT_STRIDE = 48,        /* u32, bytes from one row to the next; 0 for HEADCAM_JPEG */
    HEADCAM_AT_PIXEL_FORMAT = 52,  /* u8, enum headcam_pixel_format */
    HEADCAM_AT_LOCATION = 53,      /* u8, enum headcam_location */
    HEADCAM_AT_FLAGS = 54,         /* u16, of enum headcam_flag; all others are 0 */
    HEADCAM_AT_SLOT = 56,          /* u32, ring slot, from 0; 0 when inline */
    HEADCAM_AT_RING = 60,          /* u32, the announced ring's number; 0 when inline */
    HEADCAM_AT_SLOT_SEQUENCE = 64, /* u64, even: the slot's sequence once written; 0 when inline */
    HEADCAM_AT_PAYLOAD_BYTES = 72, /* u64, bytes of pixels or JPEG */
    HEADCAM_AT_UPDATE = 80,        /* u64, the simulator's update (its app frame) in which the picture was
                                      taken, the same in all streams; or HEADCAM_NO_UPDATE */
};

enum headcam_flag {
    HEADCAM_FLAG_ACKNOWLEDGE = 1, /* the receiver answers with HEADCAM_UPSTREAM_TAKEN */
};

/* The first byte of a message from the server to its producers. 0 and 1 are ZeroMQ's own. */
enum headcam_upstream {
    /* u8 name length | name | u32 frame rate wanted, in thousandths of frames per second;
       0 means as many as there are. Sent on a change and to every new producer. */
    HEADCAM_UPSTREAM_RATE = 2,
    /* u8 name length | name | u64 instance | u32 ring number | u8 1 (the server reads that ring) or 0
       (it does not) | UTF-8 reason, at most 255 bytes. The answer to an announced ring. */
    HEADCAM_UPSTREAM_RING = 3,
    /* u8 name length | name | u64 instance | u64 sequence. A frame with HEADCAM_FLAG_ACKNOWLEDGE has come
       whole, whatever became of it. */
    HEADCAM_UPSTREAM_TAKEN = 4,
    /* u8 name length | name | u64 instance | u8 1 (taken) or 0 (refused) | UTF-8 reason, at most 255 bytes.
       The answer to a producer's first announcement that is taken, to each that is refused, and to each
       with "via". */
    HEADCAM_UPSTREAM_VERDICT = 5,
};

/*
 * A ring is a file on a tmpfs by which a producer on the same machine hands over pixels without sending
 * them: it writes a frame into a slot, and sends the header alone. The producer creates it as
 * headcam-INSTANCE-NUMBER.ring (16 hexadecimal digits, decimal) in the directory of the server's ipc://
 * socket or in /dev/shm, holds an exclusive flock() on it as long as it lives, and announces it. A ring
 * never changes its size; for larger frames there is a new one with the next number.
 *
 * The file begins with one page: the fields below, then from HEADCAM_RING_AT_SEQUENCES on each slot's
 * sequence, a u64 every 64 bytes. A slot's sequence is odd while it is written and rises by two with each
 * frame. A reader takes the pixels, then looks whether the sequence still is the frame header's.
 */
#define HEADCAM_RING_MAGIC     "HCRING01"
#define HEADCAM_RING_PAGE      4096
#define HEADCAM_RING_SLOTS_MAX 32

enum headcam_ring_offset {
    HEADCAM_RING_AT_MAGIC = 0,       /* 8 bytes, HEADCAM_RING_MAGIC */
    HEADCAM_RING_AT_INSTANCE = 8,    /* u64, the producer's */
    HEADCAM_RING_AT_NUMBER = 16,     /* u32, the ring's, from 1 */
    HEADCAM_RING_AT_SLOTS = 20,      /* u32, 1 to HEADCAM_RING_SLOTS_MAX */
    HEADCAM_RING_AT_SLOT_BYTES = 24, /* u64, from one slot to the next, a multiple of HEADCAM_RING_PAGE;
                                        slot 0 begins at HEADCAM_RING_PAGE */
    HEADCAM_RING_AT_SEQUENCES = 64,  /* u64 every HEADCAM_RING_SEQUENCE_STRIDE bytes */
};
#define HEADCAM_RING_SEQUENCE_STRIDE 64

#endif
