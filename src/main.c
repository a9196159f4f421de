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
#include "http/tls_connection.h"
#include "ingest/ingest.h"
#include "options.h"
#include "service/activation.h"
#include "service/healthcheck.h"
#include "service/service.h"
#include "stream/hub.h"
#include "tls/tls.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

enum exit_code { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

static int fail(const char *error)
{
    fprintf(stderr, "headcam: %s\n", error);
    return EXIT_USAGE;
}

static void main_signals(sigset_t *signals)
{
    sigemptyset(signals);
    sigaddset(signals, SIGINT);
    sigaddset(signals, SIGTERM);
    sigaddset(signals, SIGHUP);
}

/* The sockets that were handed over stand in for the default of --listen, not for what was asked for. */
static bool listen_everywhere(const struct options *options, struct listeners *listeners,
                              char error[LISTEN_ERROR_BYTES])
{
    int given = activation_take();
    for (int i = 0; i < given; i++)
        if (!listen_adopt(listeners, ACTIVATION_FIRST_FD + i, error))
            return false;
    if (given > 0 && options->listen_source == OPTIONS_DEFAULT)
        return true;
    for (size_t i = 0; i < options->listen_count; i++)
        if (!listen_open(listeners, &options->listen[i], options->listen_mode, error))
            return false;
    return true;
}

/* *access is NULL where nobody is asked who they are; beyond this machine that may not be what is meant. */
static bool open_access(const struct options *options, const struct listeners *listeners,
                        struct access **access, char error[AUTH_ERROR_BYTES])
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
    for (size_t i = 0; !options->auth_file && i < listeners->count; i++)
        if (!listen_is_local(listeners->item[i].fd))
            log_warn("everybody who reaches %s sees every stream; --auth-file FILE asks for passwords or "
                     "tokens, --auth-file none says that this is meant",
                     listeners->item[i].url);
    return true;
}

_Static_assert((int)SERVER_SUMMARY_BYTES <= (int)SERVICE_STATUS_BYTES, "a summary is a status");

static void write_status(void *server, char text[SERVICE_STATUS_BYTES])
{
    server_summarize(server, text);
}

/* SIGHUP from a process asks for a reload; from the kernel it says that the terminal is gone. */
static bool is_reload(const siginfo_t *signal)
{
    return signal->si_signo == SIGHUP && signal->si_code != SI_KERNEL;
}

/* Whatever came from files is read again. */
static void reload(struct access *access, struct tls *tls)
{
    if (access)
        access_reload(access);
    if (tls)
        tls_reload(tls);
    if (!access && !tls)
        log_info("%s: there is no --auth-file and no --tls-cert to read again; a restart reads flags and "
                 "environment",
                 strsignal(SIGHUP));
}

static void wait_for_end(struct server *server, struct pulses *pulses, struct access *access, struct tls *tls)
{
    sigset_t signals;
    siginfo_t signal;
    struct service service;
    main_signals(&signals);
    service_begin(&service, pulses, write_status, server);
    for (;;) {
        service_wait(&service, &signals, &signal);
        if (!is_reload(&signal))
            break;
        service_begin_reload(&service);
        reload(access, tls);
        service_end_reload(&service);
    }
    service_end(&service);
    log_info("%s: ending", strsignal(signal.si_signo));
}

static void warn_if_tls_is_idle(const struct listeners *listeners)
{
    for (size_t i = 0; i < listeners->count; i++)
        if (listeners->item[i].is_tls)
            return;
    log_warn("--tls-cert is of no use: headcam listens on unix sockets only, which stay plain");
}

static void log_start(const struct listeners *listeners, const char *endpoint)
{
    if (listeners->has_tls)
        warn_if_tls_is_idle(listeners);
    log_info("headcam " HEADCAM_VERSION " serves %s and takes frames at %s", listeners->item[0].url,
             endpoint);
    for (size_t i = 1; i < listeners->count; i++)
        log_info("headcam serves %s, too", listeners->item[i].url);
}

/* Starts the parts in the order of the way of a frame, backwards, and ends them the other way round. */
static int run_parts(const struct options *options, const struct listeners *listeners, struct access *access,
                     struct tls *tls)
{
    char ingest_error[ENDPOINT_ERROR_BYTES];
    struct pulses pulses;
    pulses_init(&pulses);
    const struct hub_options streams = {
        .default_name = options->default_name,
        .endpoint = options->ingest,
        .max_streams = options->max_streams,
        .max_variants = options->max_variants,
        .quality = (uint32_t)options->jpeg.quality,
        .no_signal_after_ns = options->no_signal_after_ns,
        .forget_after_ns = options->forget_after_ns,
    };
    const struct encoder_options encoding = {
        .jpeg = options->jpeg,
        .threads = options->encode_threads,
        .pulses = &pulses,
        .max_frame_bytes = options->max_frame_bytes,
        .max_exact_bytes = options->max_exact_bytes,
    };
    const struct ingest_options taking = {
        .endpoint = options->ingest,
        .socket_mode = options->socket_mode,
        .max_frame_bytes = options->max_frame_bytes,
        .pulses = &pulses,
    };
    const struct server_options serving = {
        .listeners = listeners,
        .tls = tls,
        .pulses = &pulses,
        .endpoint = options->ingest,
        .max_streams = options->max_streams,
        .max_viewers = options->max_viewers,
        .max_snapshots = options->max_snapshots,
        .max_variants = options->max_variants,
        .stuck_after_ns = options->stuck_after_ns,
        .access = access,
    };
    struct hub *hub = hub_create(&streams);
    struct encoder *encoder = encoder_create(hub, &encoding);
    struct ingest *ingest = encoder ? ingest_create(hub, &taking, ingest_error) : NULL;
    struct server *server = ingest ? server_create(hub, &serving) : NULL;
    int code = EXIT_FAILED;
    if (server) {
        log_start(listeners, options->ingest);
        wait_for_end(server, &pulses, access, tls);
        server_destroy(server);
        code = EXIT_OK;
    } else if (encoder && !ingest) {
        code = fail(ingest_error);
    }
    if (ingest)
        ingest_destroy(ingest);
    if (encoder)
        encoder_destroy(encoder);
    hub_destroy(hub);
    return code;
}

static int run_listening(const struct options *options, struct tls *tls)
{
    struct listeners listeners = {.has_tls = tls != NULL};
    struct access *access = NULL;
    char listen_error[LISTEN_ERROR_BYTES], access_error[AUTH_ERROR_BYTES];
    int code;
    if (!listen_everywhere(options, &listeners, listen_error))
        code = fail(listen_error);
    else if (!open_access(options, &listeners, &access, access_error))
        code = fail(access_error);
    else
        code = run_parts(options, &listeners, access, tls);
    if (access)
        access_destroy(access);
    listen_close(&listeners);
    return code;
}

static int run(const struct options *options)
{
    char error[CERTIFICATE_ERROR_BYTES];
    reply_allow_origins(&options->allow_origins);
    if (!options->tls_cert)
        return run_listening(options, NULL);
    if (!tls_connection_is_possible())
        return fail("--tls-cert needs a libmicrohttpd that was built with TLS");
    struct tls *tls = tls_create(options->tls_cert, options->tls_key, error);
    if (!tls)
        return fail(error);
    int code = run_listening(options, tls);
    tls_destroy(tls);
    return code;
}

/* Asks a server that was given the same options. */
static int ask_for_health(const struct options *options)
{
    char error[HEALTHCHECK_ERROR_BYTES];
    if (healthcheck(options->listen, options->listen_count, options->tls_cert != NULL, error))
        return EXIT_OK;
    fprintf(stderr, "headcam: %s\n", error);
    return EXIT_FAILED;
}

int main(int argc, char *argv[])
{
    struct options options;
    char error[OPTIONS_ERROR_BYTES];
    if (argc > 1 && strcmp(argv[1], "passwd") == 0)
        return passwd_main(argc - 2, argv + 2);
    bool is_check = argc > 1 && strcmp(argv[1], "healthcheck") == 0;
    if (is_check) {
        argc--;
        argv++;
    }
    switch (options_read(argc, argv, &options, error)) {
    case OPTIONS_HELP:
        options_print_help();
        return EXIT_OK;
    case OPTIONS_MAN:
        options_print_man();
        return EXIT_OK;
    case OPTIONS_VERSION:
        printf("headcam " HEADCAM_VERSION "\n");
        return EXIT_OK;
    case OPTIONS_ERROR:
        return fail(error);
    case OPTIONS_RUN:
        break;
    }
    if (is_check)
        return ask_for_health(&options);
    log_set_level(options.log_level);
    signal(SIGPIPE, SIG_IGN);
    /* Blocked before any thread starts, so that only service_wait() sees them. */
    sigset_t signals;
    main_signals(&signals);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    return run(&options);
}
