/* SPDX-License-Identifier: MIT */
/* Wires the parts together; see docs/architecture.md for the way of a frame through them. */
#include "base/log.h"
#include "base/version.h"
#include "encode/encoder.h"
#include "http/listen.h"
#include "http/reply.h"
#include "http/server.h"
#include "ingest/ingest.h"
#include "options.h"
#include "stream/hub.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum exit_code { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

static int fail(const char *error)
{
    fprintf(stderr, "headcam: %s\n", error);
    return EXIT_USAGE;
}

static void end_signals(sigset_t *signals)
{
    sigemptyset(signals);
    sigaddset(signals, SIGINT);
    sigaddset(signals, SIGTERM);
}

static void wait_for_end(void)
{
    sigset_t signals;
    int number = 0;
    end_signals(&signals);
    sigwait(&signals, &number);
    log_info("%s: ending", strsignal(number));
}

/* Starts the parts in the order of the way of a frame, backwards, and ends them the other way round. */
static int run(const struct options *options)
{
    char url[LISTEN_URL_BYTES], listen_error[LISTEN_ERROR_BYTES], ingest_error[ENDPOINT_ERROR_BYTES];
    int listen_fd = listen_open(options->listen_host, options->listen_port, url, listen_error);
    if (listen_fd < 0)
        return fail(listen_error);
    reply_allow_origins(&options->allow_origins);
    const struct hub_options streams = {
        .default_name = options->default_name,
        .endpoint = options->ingest,
        .max_streams = options->max_streams,
        .no_signal_after_ns = options->no_signal_after_ns,
        .forget_after_ns = options->forget_after_ns,
    };
    const struct encoder_options encoding = {.jpeg = options->jpeg, .threads = options->encode_threads};
    const struct ingest_options taking = {
        .endpoint = options->ingest,
        .socket_mode = options->socket_mode,
        .max_frame_bytes = options->max_frame_bytes,
    };
    const struct server_options serving = {
        .listen_fd = listen_fd,
        .endpoint = options->ingest,
        .max_viewers = options->max_viewers,
        .max_snapshots = options->max_snapshots,
        .stuck_after_ns = options->stuck_after_ns,
    };
    struct hub *hub = hub_create(&streams);
    struct encoder *encoder = encoder_create(hub, &encoding);
    struct ingest *ingest = encoder ? ingest_create(hub, &taking, ingest_error) : NULL;
    struct server *server = ingest ? server_create(hub, &serving) : NULL;
    int code = EXIT_FAILED;
    if (server) {
        log_info("headcam " HEADCAM_VERSION " serves %s and takes frames at %s", url, options->ingest);
        wait_for_end();
        server_destroy(server);
        code = EXIT_OK;
    } else {
        close(listen_fd);
        if (encoder && !ingest)
            code = fail(ingest_error);
    }
    if (ingest)
        ingest_destroy(ingest);
    if (encoder)
        encoder_destroy(encoder);
    hub_destroy(hub);
    return code;
}

int main(int argc, char *argv[])
{
    struct options options;
    char error[OPTIONS_ERROR_BYTES];
    switch (options_read(argc, argv, &options, error)) {
    case OPTIONS_HELP:
        options_print_help();
        return EXIT_OK;
    case OPTIONS_VERSION:
        printf("headcam " HEADCAM_VERSION "\n");
        return EXIT_OK;
    case OPTIONS_ERROR:
        return fail(error);
    case OPTIONS_RUN:
        break;
    }
    log_set_level(options.log_level);
    signal(SIGPIPE, SIG_IGN);
    /* Blocked before any thread starts, so that only sigwait() sees them. */
    sigset_t signals;
    end_signals(&signals);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    return run(&options);
}
