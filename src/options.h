/* SPDX-License-Identifier: MIT */
/*
 * options: the flags, and HEADCAM_* in the environment. Each option is one line of the table in
 * options.c; the help text and the manual page's list are made from it.
 */
#ifndef HEADCAM_OPTIONS_H
#define HEADCAM_OPTIONS_H

#include "base/log.h"
#include "base/text_list.h"
#include "encode/jpeg.h"
#include "forward/target.h"
#include "http/listen_address.h"
#include "ingest/endpoint.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    OPTIONS_ERROR_BYTES = 512,
    OPTIONS_LISTEN_MOST = 16,
    OPTIONS_INGEST_MOST = 16,
    OPTIONS_FORWARD_MOST = 16,
};

/* Where a value came from; of an option that may be repeated, only those from the last of these count. */
enum options_source { OPTIONS_DEFAULT, OPTIONS_ENVIRONMENT, OPTIONS_ARGUMENT };

struct options {
    struct listen_address listen[OPTIONS_LISTEN_MOST];
    size_t listen_count;
    enum options_source listen_source;
    mode_t listen_mode;
    const char *tls_cert; /* NULL: plain HTTP */
    const char *tls_key;  /* NULL: in the same file */
    struct endpoint ingest[OPTIONS_INGEST_MOST];
    size_t ingest_count;
    enum options_source ingest_source;
    struct target forward[OPTIONS_FORWARD_MOST];
    size_t forward_count;
    enum options_source forward_source;
    size_t max_edges;
    const char *curve_key;   /* NULL: none was given; OPTIONS_NO_KEY: none is wanted */
    const char *curve_allow; /* NULL: none */
    struct text_list curve_edge;
    enum options_source curve_edge_source;
    mode_t socket_mode;
    const char *default_name; /* NULL: none */
    struct jpeg_settings jpeg;
    int encode_threads;
    size_t max_streams, max_variants, max_viewers, max_snapshots, max_frame_bytes, max_exact_bytes;
    uint64_t no_signal_after_ns, stuck_after_ns, idle_after_ns, forget_after_ns;
    const char *auth_file; /* NULL: none was given; OPTIONS_NOBODY_IS_ASKED: none is wanted */
    struct text_list allow_origins;
    enum options_source allow_origins_source;
    struct text_list trusted_proxies;
    enum options_source trusted_proxies_source;
    size_t login_failures, login_addresses, max_logins;
    uint64_t login_recovery_ns;
    enum log_level log_level;

    enum options_source source; /* that is being read */
};

/* The value of --auth-file that says that a server without one is meant. */
#define OPTIONS_NOBODY_IS_ASKED "none"

/* The value of --curve-key that says that tcp:// in the clear is meant. */
#define OPTIONS_NO_KEY "none"

/* Whether tcp:// is to be encrypted. */
bool options_have_key(const struct options *options);

enum options_result {
    OPTIONS_RUN,
    OPTIONS_HELP,    /* --help: text is to be printed */
    OPTIONS_MAN,     /* --help=man, which the build asks for: likewise */
    OPTIONS_VERSION, /* --version */
    OPTIONS_ERROR,   /* error has one line */
};

/*
 * Reads the arguments and the environment, the arguments winning. Strings in options point into argv and
 * the environment.
 */
enum options_result options_read(int argc, char *const argv[], struct options *options,
                                 char error[OPTIONS_ERROR_BYTES]);

void options_print_help(void);

/* The options as a section of the manual page, docs/headcam.1.in, in roff's man macros. */
void options_print_man(void);

#endif
