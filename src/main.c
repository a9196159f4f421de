/* SPDX-License-Identifier: MIT */
/* Wires the parts together; see docs/architecture.md for the way of a frame through them. */
#include "access/access.h"
#include "access/passwd.h"
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

static void awaited_signals(sigset_t *signals)
{
    sigemptyset(signals);
    sigaddset(signals, SIGINT);
    sigaddset(signals, SIGTERM);
    sigaddset(signals, SIGHUP);
}

/* SIGHUP from a process asks for a reload; from the kernel it says that the terminal is gone. */
static bool is_reload(const siginfo_t *signal)
{
    return signal->si_signo == SIGHUP && signal->si_code != SI_KERNEL;
}

static void wait_for_end(struct access *access)
{
    sigset_t signals;
    siginfo_t signal = {0};
    awaited_signals(&signals);
    for (;;) {
        if (sigwaitinfo(&signals, &signal) < 0)
            continue; /* EINTR: a debugger */
        if (!is_reload(&signal))
            break;
        if (access)
            access_reload(access);
        else
            log_info("%s: there is no --auth-file to read again", strsignal(SIGHUP));
    }
    log_info("%s: ending", strsignal(signal.si_signo));
}

/* *access is NULL where nobody is asked who they are; beyond this machine that may not be what is meant. */
static bool open_access(const struct options *options, int listen_fd, const char *url, struct access **access,
                        char error[AUTH_ERROR_BYTES])
{
    const struct access_options settings = {
        .path = options->auth_file,
        .login_failures = options->login_failures,
        .login_recovery_ns = options->login_recovery_ns,
        .login_addresses = options->login_addresses,
        .max_logins = options->max_logins,
    };
    *access = NULL;
    if (options->auth_file && strcmp(options->auth_file, OPTIONS_NOBODY_IS_ASKED) != 0) {
        *access = access_create(&settings, error);
        return *access != NULL;
    }
    if (!options->auth_file && !listen_is_local(listen_fd))
        log_warn("everybody who reaches %s sees every stream; --auth-file FILE asks for passwords or "
                 "tokens, --auth-file none says that this is meant",
                 url);
    return true;
}

/* Starts the parts in the order of the way of a frame, backwards, and ends them the other way round. */
static int serve(const struct options *options, int listen_fd, const char *url, struct access *access)
{
    char ingest_error[ENDPOINT_ERROR_BYTES];
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
        .access = access,
    };
    struct hub *hub = hub_create(&streams);
    struct encoder *encoder = encoder_create(hub, &encoding);
    struct ingest *ingest = encoder ? ingest_create(hub, &taking, ingest_error) : NULL;
    struct server *server = ingest ? server_create(hub, &serving) : NULL;
    int code = EXIT_FAILED;
    if (server) {
        log_info("headcam " HEADCAM_VERSION " serves %s and takes frames at %s", url, options->ingest);
        wait_for_end(access);
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

static int run(const struct options *options)
{
    char url[LISTEN_URL_BYTES], listen_error[LISTEN_ERROR_BYTES], access_error[AUTH_ERROR_BYTES];
    int listen_fd = listen_open(options->listen_host, options->listen_port, url, listen_error);
    if (listen_fd < 0)
        return fail(listen_error);
    struct access *access;
    if (!open_access(options, listen_fd, url, &access, access_error)) {
        close(listen_fd);
        return fail(access_error);
    }
    reply_allow_origins(&options->allow_origins);
    int code = serve(options, listen_fd, url, access);
    if (access)
        access_destroy(access);
    return code;
}

int main(int argc, char *argv[])
{
    struct options options;
    char error[OPTIONS_ERROR_BYTES];
    if (argc > 1 && strcmp(argv[1], "passwd") == 0)
        return passwd_main(argc - 2, argv + 2);
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
    /* Blocked before any thread starts, so that only sigwaitinfo() sees them. */
    sigset_t signals;
    awaited_signals(&signals);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    return run(&options);
}
