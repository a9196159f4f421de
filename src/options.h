/* SPDX-License-Identifier: MIT */
/*
 * options: the flags, and HEADCAM_* in the environment. Each option is one line of the table in
 * options.c; the help text is made from it.
 */
#ifndef HEADCAM_OPTIONS_H
#define HEADCAM_OPTIONS_H

#include "base/log.h"
#include "base/text_list.h"
#include "encode/jpeg.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { OPTIONS_ERROR_BYTES = 512, OPTIONS_HOST_BYTES = 256, OPTIONS_PORT_BYTES = 8 };

struct options {
    char listen_host[OPTIONS_HOST_BYTES];
    char listen_port[OPTIONS_PORT_BYTES];
    const char *ingest;
    mode_t socket_mode;
    const char *default_name; /* NULL: none */
    struct jpeg_settings jpeg;
    int encode_threads;
    size_t max_streams, max_viewers, max_snapshots, max_frame_bytes;
    uint64_t no_signal_after_ns, stuck_after_ns, forget_after_ns;
    const char *auth_file; /* NULL: none was given; OPTIONS_NOBODY_IS_ASKED: none is wanted */
    struct text_list allow_origins;
    size_t login_failures, login_addresses, max_logins;
    uint64_t login_recovery_ns;
    enum log_level log_level;
};

/* The value of --auth-file that says that a server without one is meant. */
#define OPTIONS_NOBODY_IS_ASKED "none"

enum options_result {
    OPTIONS_RUN,
    OPTIONS_HELP,    /* --help: text is to be printed */
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

#endif
