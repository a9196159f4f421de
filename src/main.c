/* SPDX-License-Identifier: MIT */
/* Wires the parts together; see docs/architecture.md for the way of a frame through them. */
#include "access/access.h"
#include "access/passwd.h"
#include "base/log.h"
#include "base/version.h"
#include "curve/keygen.h"
#include "encode/encoder.h"
#include "forward/forward.h"
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

#include <limits.h>
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

/* What comes from files. NULL: there is no such file. */
struct files {
    struct access *access;
    struct tls *tls;
    struct gate *gate;     /* of --curve-allow */
    struct key_pair *keys; /* of --curve-key */
    struct key_list edge_keys;
};

/* Whatever can change while headcam runs is read again. */
static void reload(const struct files *files, struct server *server)
{
    if (files->access) {
        access_reload(files->access);
        server_recheck_logins(server);
    }
    if (files->tls)
        tls_reload(files->tls);
    if (files->gate)
        gate_reload(files->gate);
    if (!files->access && !files->tls && !files->gate)
        log_info("%s: there is no --auth-file, no --tls-cert and no --curve-allow to read again; a restart "
                 "reads flags and environment",
                 strsignal(SIGHUP));
}

static void wait_for_end(struct server *server, struct pulses *pulses, const struct files *files)
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
        reload(files, server);
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
    for (size_t i = 1; i < listeners->count; i++)
        log_info("headcam serves %s", listeners->item[i].url);
    /* Scripts wait for this line, and find the others before it. */
    log_info("headcam " HEADCAM_VERSION " serves %s and takes frames at %s", listeners->item[0].url,
             endpoint);
}

/* Where agents of this machine connect; other machines only, where there is none. */
static const char *main_endpoint(const struct options *options)
{
    for (size_t i = 0; i < options->ingest_count; i++)
        if (!options->ingest[i].is_tcp)
            return options->ingest[i].text;
    return options->ingest[0].text;
}

/* Starts the parts in the order of the way of a frame, backwards, and ends them the other way round. */
static int run_parts(const struct options *options, const struct listeners *listeners,
                     const struct files *files)
{
    char ingest_error[ENDPOINT_ERROR_BYTES];
    const char *endpoint = main_endpoint(options);
    struct pulses pulses;
    pulses_init(&pulses);
    const struct hub_options streams = {
        .default_name = options->default_name,
        .endpoint = endpoint,
        .max_streams = options->max_streams,
        .max_variants = options->max_variants,
        .has_edges = options->forward_count > 0,
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
        .endpoints = options->ingest,
        .endpoint_count = options->ingest_count,
        .keys = files->keys,
        .gate = files->gate,
        .socket_mode = options->socket_mode,
        .max_frame_bytes = options->max_frame_bytes,
        .pulses = &pulses,
    };
    const struct forward_options forwarding = {
        .targets = options->forward,
        .target_count = options->forward_count,
        .max_edges = options->max_edges,
        .keys = files->keys,
        .edge_keys = &files->edge_keys,
        .pulses = &pulses,
    };
    const struct server_options serving = {
        .listeners = listeners,
        .tls = files->tls,
        .pulses = &pulses,
        .endpoint = endpoint,
        .max_edges = options->max_edges,
        .max_streams = options->max_streams,
        .max_viewers = options->max_viewers,
        .max_snapshots = options->max_snapshots,
        .trusted_proxies = &options->trusted_proxies,
        .max_variants = options->max_variants,
        .stuck_after_ns = options->stuck_after_ns,
        .idle_after_ns = options->idle_after_ns,
        .access = files->access,
    };
    struct hub *hub = hub_create(&streams);
    struct encoder *encoder = encoder_create(hub, &encoding);
    struct ingest *ingest = encoder ? ingest_create(hub, &taking, ingest_error) : NULL;
    bool is_forwarding = ingest && options->forward_count > 0;
    struct forward *forward = is_forwarding ? forward_create(hub, &forwarding) : NULL;
    bool is_ready = ingest && (forward || !is_forwarding);
    struct server *server = is_ready ? server_create(hub, &serving) : NULL;
    int code = EXIT_FAILED;
    if (server) {
        log_start(listeners, endpoint);
        wait_for_end(server, &pulses, files);
        server_destroy(server);
        code = EXIT_OK;
    } else if (encoder && !ingest) {
        code = fail(ingest_error);
    }
    if (forward)
        forward_destroy(forward);
    if (ingest)
        ingest_destroy(ingest);
    if (encoder)
        encoder_destroy(encoder);
    hub_destroy(hub);
    return code;
}

static int run_listening(const struct options *options, struct files *files)
{
    struct listeners listeners = {.has_tls = files->tls != NULL};
    char listen_error[LISTEN_ERROR_BYTES], access_error[AUTH_ERROR_BYTES];
    int code;
    if (!listen_everywhere(options, &listeners, listen_error))
        code = fail(listen_error);
    else if (!open_access(options, &listeners, &files->access, access_error))
        code = fail(access_error);
    else
        code = run_parts(options, &listeners, files);
    if (files->access)
        access_destroy(files->access);
    listen_close(&listeners);
    return code;
}

static int run_with_tls(const struct options *options, struct files *files)
{
    char error[CERTIFICATE_ERROR_BYTES];
    if (!options->tls_cert)
        return run_listening(options, files);
    if (!tls_connection_is_possible())
        return fail("--tls-cert needs a libmicrohttpd that was built with TLS");
    files->tls = tls_create(options->tls_cert, options->tls_key, error);
    if (!files->tls)
        return fail(error);
    int code = run_listening(options, files);
    tls_destroy(files->tls);
    return code;
}

/* Each file of --curve-edge has one key. */
static bool load_edge_keys(const struct options *options, struct key_list *keys, char error[KEYS_ERROR_BYTES])
{
    for (size_t i = 0; i < options->curve_edge.count; i++) {
        const struct text_item *item = &options->curve_edge.items[i];
        char path[PATH_MAX];
        struct key_list list = {0};
        snprintf(path, sizeof(path), "%.*s", (int)item->length, item->text);
        if (!keys_load_list("--curve-edge", path, &list, error))
            return false;
        bool is_one = list.count == 1;
        keys_append(keys, &list);
        keys_fini(&list);
        if (!is_one) {
            snprintf(error, KEYS_ERROR_BYTES,
                     "--curve-edge %.200s has more than one key; which is the edge's?", path);
            return false;
        }
    }
    return true;
}

static bool load_keys(const struct options *options, struct files *files, struct key_pair *pair,
                      char error[KEYS_ERROR_BYTES])
{
    if (!options_have_key(options))
        return true;
    if (!keys_load_pair("--curve-key", options->curve_key, pair, error))
        return false;
    files->keys = pair;
    if (options->curve_allow) {
        files->gate = gate_create(options->curve_allow, error);
        if (!files->gate)
            return false;
    }
    return load_edge_keys(options, &files->edge_keys, error);
}

static int run(const struct options *options)
{
    char error[KEYS_ERROR_BYTES];
    struct files files = {0};
    struct key_pair pair;
    reply_allow_origins(&options->allow_origins);
    int code = load_keys(options, &files, &pair, error) ? run_with_tls(options, &files) : fail(error);
    if (files.gate)
        gate_destroy(files.gate);
    keys_fini(&files.edge_keys);
    explicit_bzero(&pair, sizeof(pair));
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
    if (argc > 1 && strcmp(argv[1], "keygen") == 0)
        return keygen_main(argc - 2, argv + 2);
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
